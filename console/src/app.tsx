// The frame of every view: navigation, time range, refresh, theme; and which view the address names.
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { shownTheme, refresh, refreshChoices, theme, zone, type Refresh, type Theme } from "./state/prefs";
import { focusSearch, helpOpen, useKeys } from "./state/keys";
import { refreshNow } from "./state/refresh";
import { href, place } from "./state/route";
import { askSession, logout, unreachable, user } from "./state/session";
import { viewOf, type View } from "./state/url";
import { Help } from "./ui/help";
import { Icon, Mark, type IconName } from "./ui/icons";
import { Popover } from "./ui/popover";
import { Empty, ErrorNote } from "./ui/states";
import { TimePicker } from "./ui/time_picker";
import { Login } from "./views/login";
import { FirewallView } from "./views/firewall/index";
import { LogsView } from "./views/logs/index";
import { MapView } from "./views/map";
import { OverviewView } from "./views/overview";
import { ServiceView } from "./views/service";
import { ServicesView } from "./views/services";
import { TraceView } from "./views/trace/index";
import { TracesView } from "./views/traces";

const nav: { view: View["name"][]; path: string; label: string; icon: IconName; keys: string }[] = [
  { view: ["overview"], path: "/", label: "Overview", icon: "overview", keys: "g o" },
  { view: ["logs"], path: "/logs", label: "Logs", icon: "logs", keys: "g l" },
  { view: ["traces", "trace"], path: "/traces", label: "Traces", icon: "traces", keys: "g t" },
  { view: ["services", "service"], path: "/services", label: "Services", icon: "services", keys: "g s" },
  { view: ["map"], path: "/map", label: "Map", icon: "map", keys: "g m" },
  { view: ["firewall"], path: "/firewall", label: "Firewall", icon: "edge", keys: "g f" },
];

function Navigation({ current }: { current: View["name"] }) {
  return (
    <nav class="nav" aria-label="views">
      <a class="brand" href="/" aria-label="Ringwall, overview"><Mark /><span>Ringwall</span></a>
      <ul>
        {nav.map((item) => (
          <li key={item.path}>
            <a href={href(item.path)} class={item.view.includes(current) ? "nav-item nav-here" : "nav-item"} aria-current={item.view.includes(current) ? "page" : undefined} title={`${item.label} (${item.keys})`} data-testid={`nav-${item.label.toLowerCase()}`}>
              <Icon name={item.icon} />
              <span>{item.label}</span>
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function RefreshControl() {
  const words: Record<Refresh, string> = { off: "Off", "5s": "Every 5 seconds", "10s": "Every 10 seconds", "30s": "Every 30 seconds", "1m": "Every minute", "5m": "Every 5 minutes" };
  return (
    <div class="group">
      <button type="button" class="button button-icon" title="refresh now (r)" aria-label="refresh now" onClick={refreshNow}><Icon name="refresh" /></button>
      <Popover title="automatic refresh" label={<span class="num">{refresh.value}</span>} testid="refresh">
        {(close) => (
          <ul class="menu">
            {refreshChoices.map((choice) => (
              <li key={choice}>
                <button type="button" class={choice === refresh.value ? "menu-item chosen" : "menu-item"} data-autofocus={choice === refresh.value ? true : undefined} onClick={() => { refresh.value = choice; close(); }}>
                  {words[choice]}
                </button>
              </li>
            ))}
          </ul>
        )}
      </Popover>
    </div>
  );
}

function Settings() {
  const themes: [Theme, string, IconName][] = [["system", "Like the system", "system"], ["light", "Light", "sun"], ["dark", "Dark", "moon"]];
  return (
    <Popover title="theme, time zone, session" class="button-icon" testid="settings" label={<Icon name={shownTheme.value === "dark" ? "moon" : "sun"} />}>
      {(close) => (
        <div class="settings">
          <h3>Theme</h3>
          <ul class="menu">
            {themes.map(([value, label, icon]) => (
              <li key={value}>
                <button type="button" class={theme.value === value ? "menu-item chosen" : "menu-item"} data-testid={`theme-${value}`} aria-pressed={theme.value === value} onClick={() => (theme.value = value)}><Icon name={icon} />{label}</button>
              </li>
            ))}
          </ul>
          <h3>Times</h3>
          <ul class="menu">
            <li><button type="button" class={zone.value === "local" ? "menu-item chosen" : "menu-item"} data-testid="zone-local" aria-pressed={zone.value === "local"} onClick={() => (zone.value = "local")}>Local ({Intl.DateTimeFormat().resolvedOptions().timeZone})</button></li>
            <li><button type="button" class={zone.value === "utc" ? "menu-item chosen" : "menu-item"} data-testid="zone-utc" aria-pressed={zone.value === "utc"} onClick={() => (zone.value = "utc")}>UTC</button></li>
          </ul>
          <h3>{user.value}</h3>
          <ul class="menu">
            <li><button type="button" class="menu-item" onClick={() => { close(); helpOpen.value = true; }}><Icon name="help" />Keyboard (?)</button></li>
            <li><button type="button" class="menu-item" data-testid="logout" onClick={() => void logout().catch(() => (user.value = null))}><Icon name="out" />Log out</button></li>
          </ul>
        </div>
      )}
    </Popover>
  );
}

function content(view: View): ComponentChildren {
  switch (view.name) {
    case "overview": return <OverviewView />;
    case "logs": return <LogsView />;
    case "traces": return <TracesView />;
    case "trace": return <TraceView key={view.id} id={view.id} />;
    case "services": return <ServicesView />;
    case "service": return <ServiceView key={view.service} name={view.service} />;
    case "map": return <MapView />;
    case "firewall": return <FirewallView />;
    case "missing":
      return <Empty title="There is no such page">The address names none of the console's views. <a href="/">To the overview</a></Empty>;
  }
}

function titleOf(view: View): string {
  if (view.name === "trace") return `Trace ${view.id.slice(0, 8)}`;
  if (view.name === "service") return view.service;
  return nav.find((item) => item.view.includes(view.name))?.label ?? "Not found";
}

function Frame() {
  const view = viewOf(place.value.path);
  const title = titleOf(view);
  useEffect(() => {
    document.title = `${title} · Ringwall`;
  }, [title]);
  useKeys({ "/": focusSearch, r: refreshNow });
  return (
    <div class="frame">
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById("main")?.focus(); }}>To the content</a>
      <Navigation current={view.name} />
      <div class="page">
        <header class="top">
          <h1 data-testid="title">
            {view.name === "trace" && <a class="crumb" href={href("/traces")}>Traces</a>}
            {view.name === "service" && <a class="crumb" href={href("/services")}>Services</a>}
            {title}
          </h1>
          <div class="top-tools">
            {view.name !== "trace" && <TimePicker />}
            {view.name !== "trace" && <RefreshControl />}
            <button type="button" class="button button-icon hide-narrow" title="keyboard (?)" aria-label="keyboard help" onClick={() => (helpOpen.value = true)}><Icon name="help" /></button>
            <Settings />
          </div>
        </header>
        <main id="main" tabIndex={-1} class={`main main-${view.name}`} data-testid={`view-${view.name}`}>{content(view)}</main>
      </div>
      <Help />
    </div>
  );
}

export function App() {
  useEffect(() => void askSession(), []);
  if (user.value) return <Frame />;
  if (user.value === null) return <Login />;
  return <div class="splash">{unreachable.value ? <ErrorNote error={unreachable.value} /> : <Mark size={40} />}</div>;
}

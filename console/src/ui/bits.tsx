// Small parts that several views share.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { serviceColor } from "../lib/colors";
import { formatSort, type Sort } from "../state/url";
import { setParams } from "../state/route";
import { Icon } from "./icons";

export function ServiceName({ name, color }: { name: string; color?: string }) {
  return (
    <span class="service">
      <span class="dot" style={{ background: color ?? serviceColor(name) }} />
      {name}
    </span>
  );
}

const stateWords: Record<string, string> = {
  up: "good", healthy: "good", starting: "wait", draining: "wait", unhealthy: "bad", down: "bad",
};

export function StateBadge({ state }: { state: string }) {
  return <span class={`badge badge-${stateWords[state] ?? "quiet"}`}>{state}</span>;
}

export function LevelBadge({ level }: { level: string }) {
  return <span class={`level level-${level || "none"}`}>{level || "–"}</span>;
}

export function StatusCode({ status }: { status: number | undefined }) {
  if (status === undefined) return null;
  const kind = status >= 500 ? "bad" : status >= 400 ? "warn" : status >= 300 ? "quiet" : "good";
  return <span class={`code code-${kind}`}>{status}</span>;
}

export function Copy({ text, label }: { text: string; label: string }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone(true);
      setTimeout(() => setDone(false), 1200);
    } catch {
      // Refused by the browser; the text can still be selected.
    }
  };
  return (
    <button type="button" class="button button-icon button-bare" title={done ? "copied" : label} aria-label={label} onClick={copy}>
      <Icon name={done ? "check" : "copy"} size={14} />
    </button>
  );
}

export function Panel({ title, aside, children, class: extra = "", testid }: { title: ComponentChildren; aside?: ComponentChildren; children: ComponentChildren; class?: string; testid?: string }) {
  return (
    <section class={`panel ${extra}`} data-testid={testid}>
      <header class="panel-head">
        <h2>{title}</h2>
        {aside && <div class="panel-aside">{aside}</div>}
      </header>
      {children}
    </section>
  );
}

export function Stat({ label, value, note, tone }: { label: string; value: string; note?: string; tone?: "bad" | "good" }) {
  return (
    <div class={`stat${tone ? ` stat-${tone}` : ""}`}>
      <div class="stat-label">{label}</div>
      <div class="stat-value">{value}</div>
      {note && <div class="stat-note">{note}</div>}
    </div>
  );
}

// A column head that sorts; the state is in the address.
export function SortHead({ column, label, sort, fallback, number }: { column: string; label: string; sort: Sort; fallback: string; number?: boolean }) {
  const active = sort.column === column;
  return (
    <th class={number ? "num" : ""} aria-sort={active ? (sort.down ? "descending" : "ascending") : "none"} scope="col">
      <button
        type="button"
        class="sort"
        onClick={() => setParams({ sort: formatSort({ column, down: active ? !sort.down : number === true }, fallback) }, "replace")}
      >
        {label}
        <span class={`sort-mark${active ? "" : " sort-none"}`}><Icon name={active && !sort.down ? "up" : "down"} size={12} /></span>
      </button>
    </th>
  );
}

export interface Tab {
  id: string;
  label: ComponentChildren;
}

export function Tabs({ tabs, chosen, onChoose, label }: { tabs: Tab[]; chosen: string; onChoose: (id: string) => void; label: string }) {
  const move = (event: KeyboardEvent) => {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (by === 0) return;
    event.preventDefault();
    const at = tabs.findIndex((tab) => tab.id === chosen);
    const next = tabs[(at + by + tabs.length) % tabs.length]!;
    onChoose(next.id);
    (event.currentTarget as HTMLElement).querySelector<HTMLElement>(`[data-tab="${next.id}"]`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={label} onKeyDown={move}>
      {tabs.map((tab) => (
        <button
          key={tab.id}
          type="button"
          role="tab"
          data-tab={tab.id}
          data-testid={`tab-${tab.id}`}
          aria-selected={tab.id === chosen}
          tabIndex={tab.id === chosen ? 0 : -1}
          class={tab.id === chosen ? "tab tab-chosen" : "tab"}
          onClick={() => onChoose(tab.id)}
        >
          {tab.label}
        </button>
      ))}
    </div>
  );
}

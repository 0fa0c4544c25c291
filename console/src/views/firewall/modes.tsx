// What the firewall does where.
import type { Firewall, WafMode } from "../../api/types";
import { Skeleton } from "../../ui/states";
import type { Wanted } from "./index";

const words: Record<WafMode | "inherit", string> = { inherit: "Inherit", block: "Block", log: "Log only", off: "Off" };

export function ModeBadge({ mode }: { mode: WafMode }) {
  return <span class={`badge badge-${mode === "block" ? "good" : mode === "log" ? "wait" : "quiet"}`}>{words[mode].toLowerCase()}</span>;
}

function Switch({ name, mode, top, onChoose }: { name: string; mode: WafMode | "inherit"; top?: boolean; onChoose: (mode: WafMode | "inherit") => void }) {
  const choices: (WafMode | "inherit")[] = top ? ["block", "log", "off"] : ["inherit", "block", "log", "off"];
  return (
    <div class="group" role="group" aria-label={`mode of ${name}`}>
      {choices.map((choice) => (
        <button key={choice} type="button" class={`button${choice === mode ? " button-on" : ""}`} aria-pressed={choice === mode} data-testid={`mode-${choice}`} onClick={() => choice !== mode && onChoose(choice)}>{words[choice]}</button>
      ))}
    </div>
  );
}

export function ModesTab({ firewall, onChange }: { firewall: Firewall | undefined; onChange: (wanted: Wanted) => void }) {
  if (!firewall) return <Skeleton />;
  const row = (key: string, name: string, kind: string, mode: WafMode | "inherit", inForce: WafMode, where: { host?: string; route?: string }) => (
    <tr key={key} data-testid="mode-row" data-place={key}>
      <th scope="row" class={`waf-${kind}`}>{name}</th>
      <td><ModeBadge mode={inForce} /></td>
      <td><Switch name={name} mode={mode} top={kind === "all"} onChoose={(next) => onChange({ title: `${name}: ${words[next].toLowerCase()}`, edit: { ...where, mode: next } })} /></td>
    </tr>
  );
  return (
    <div class="panel scroll-x waf-scroll">
      <table class="table" data-testid="modes-table">
        <thead><tr><th scope="col">Place</th><th scope="col">In force</th><th scope="col">Mode</th></tr></thead>
        <tbody>
          {row("all", "All places", "all", firewall.mode, firewall.mode, {})}
          {firewall.hosts.flatMap((host) => {
            const name = host.names[0] ?? "";
            return [
              row(name, host.names.join(", "), "host", host.mode, host.in_force, { host: name }),
              ...host.routes.map((route) => row(`${name} ${route.path}`, route.path, "route", route.mode, route.in_force, { host: name, route: route.path })),
            ];
          })}
        </tbody>
      </table>
      <p class="panel-note quiet">Block refuses what the rules find, log only writes it down. A change is shown as a plan first; workers take it up without a reload.</p>
    </div>
  );
}

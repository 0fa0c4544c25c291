// What the firewall judged, what it does where, and changing that.
import { useState } from "preact/hooks";
import { api } from "../../api/client";
import type { WafEdit } from "../../api/types";
import { useResource } from "../../state/resource";
import { refreshNow } from "../../state/refresh";
import { place, setParams } from "../../state/route";
import { Tabs } from "../../ui/bits";
import { ErrorNote } from "../../ui/states";
import { ChangeDialog } from "./change";
import { EventsTab } from "./events";
import { ExclusionsTab } from "./exclusions";
import { ModesTab } from "./modes";

// What the dialog is to change: known, or still to be chosen from an event.
export interface Wanted {
  title: string;
  edit: WafEdit;
}

const tabs = [
  { id: "events", label: "Events" },
  { id: "modes", label: "Modes" },
  { id: "exclusions", label: "Exclusions" },
];

export function FirewallView() {
  const asked = place.value.params["tab"] ?? "events";
  const tab = tabs.some((t) => t.id === asked) ? asked : "events";
  const firewall = useResource("firewall", (signal) => api.firewall(signal));
  const [wanted, setWanted] = useState<Wanted | undefined>();
  const close = (applied: boolean) => {
    setWanted(undefined);
    if (applied) refreshNow();
  };
  return (
    <div class="logs">
      <Tabs tabs={tabs} chosen={tab} label="firewall" onChoose={(id) => setParams({ tab: id === "events" ? undefined : id, sel: undefined, selt: undefined })} />
      {firewall.error && <ErrorNote error={firewall.error} />}
      {firewall.data?.mode === "off" && (
        <div class="note note-compact" role="status" data-testid="waf-off"><span>The firewall is off: nothing is looked at.</span><button type="button" class="linklike accent" onClick={() => setParams({ tab: "modes" })}>Switch it on</button></div>
      )}
      {tab === "events" && <EventsTab firewall={firewall.data} onChange={setWanted} />}
      {tab === "modes" && <ModesTab firewall={firewall.data} onChange={setWanted} />}
      {tab === "exclusions" && <ExclusionsTab firewall={firewall.data} />}
      {wanted && <ChangeDialog wanted={wanted} onClose={close} />}
    </div>
  );
}

// Exclusions in force, each with its proof: the stored events it is about.
import { api } from "../../api/client";
import type { Firewall, WafExclusion } from "../../api/types";
import { exact } from "../../lib/format";
import { concerns, eventOf, searchFor } from "../../lib/firewall";
import { formatDateTime, msOf, rangeLabel } from "../../lib/time";
import { zone } from "../../state/prefs";
import { range } from "../../state/range";
import { useResource } from "../../state/resource";
import { href } from "../../state/route";
import { ErrorNote, Empty, Skeleton } from "../../ui/states";

const looksAtMax = 1000; // events of one exclusion; a page of the server

interface Row {
  key: string;
  where: string;
  places: string[];
  exclusion: WafExclusion;
}

function rowsOf(firewall: Firewall): Row[] {
  const rows = (where: string, places: string[], list: WafExclusion[]) => list.map((exclusion, i) => ({ key: `${where} ${i} ${JSON.stringify(exclusion)}`, where, places, exclusion }));
  return [
    ...rows("all places", [], firewall.exclusions),
    ...firewall.hosts.flatMap((host) => [
      ...rows(host.names.join(", "), host.routes.map((route) => route.place), host.exclusions),
      ...host.routes.flatMap((route) => rows(route.place, [route.place], route.exclusions)),
    ]),
  ];
}

function Proof({ row }: { row: Row }) {
  const r = range.value;
  const q = searchFor(row.exclusion, row.places);
  const proof = useResource(`proof ${q} ${row.key} ${r.from} ${r.to}`, async (signal) => {
    const page = await api.logs(q, range.value, looksAtMax, undefined, undefined, signal);
    const found = page.rows.filter((log) => concerns(row.exclusion, eventOf(log)));
    return { count: found.length, latest: found[0], looked: page.rows.length, more: page.next !== null };
  });
  if (proof.error) return <ErrorNote error={proof.error} compact />;
  if (!proof.data) return <span class="quiet">looking…</span>;
  const { count, latest, looked, more } = proof.data;
  return (
    <span data-testid="proof" data-count={count}>
      <b class="num">{more ? "at least " : ""}{exact(count)}</b> {count === 1 ? "event" : "events"}
      {latest && <>, latest <a href={href("/firewall", { q, sel: latest.id, selt: latest.ts })}>{formatDateTime(msOf(latest.ts), zone.value)}</a></>}
      {more && <span class="quiet"> among the newest {exact(looked)}</span>}
    </span>
  );
}

export function ExclusionsTab({ firewall }: { firewall: Firewall | undefined }) {
  if (!firewall) return <Skeleton />;
  const rows = rowsOf(firewall);
  if (rows.length === 0) return <Empty title="Nothing is excluded">Open an event that should have passed: “Exclude” there proposes the narrowest exclusion.</Empty>;
  return (
    <div class="panel scroll-x waf-scroll">
      <table class="table" data-testid="exclusions-table">
        <thead><tr><th scope="col">Rules</th><th scope="col">Not looking at</th><th scope="col">Path</th><th scope="col">Where</th><th scope="col">Reason</th><th scope="col">Events it is about</th></tr></thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.key} data-testid="exclusion-row">
              <td><code>{row.exclusion.rules}</code></td>
              <td>{row.exclusion.targets.length > 0 ? <code>{row.exclusion.targets.join(", ")}</code> : <span class="quiet">the rules do not run</span>}</td>
              <td>{row.exclusion.path ? <code>{row.exclusion.path}</code> : <span class="quiet">every path</span>}</td>
              <td>{row.where}</td>
              <td>{row.exclusion.reason || <span class="quiet">none given</span>}</td>
              <td><Proof row={row} /></td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="panel-note quiet">Events of “{rangeLabel(range.value.from, range.value.to, zone.value).toLowerCase()}” in which one of the rules found something there. An exclusion in force makes no new ones: widen the range to before it. One that never was about anything can go.</p>
    </div>
  );
}

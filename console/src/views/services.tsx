// All services side by side.
import { useState } from "preact/hooks";
import { api } from "../api/client";
import type { ServiceTotals } from "../api/types";
import { count, duration, percent, rate } from "../lib/format";
import { rangeLabel } from "../lib/time";
import { useKeys } from "../state/keys";
import { zone } from "../state/prefs";
import { range } from "../state/range";
import { useResource } from "../state/resource";
import { href, navigate, place, setParams } from "../state/route";
import { parseSort } from "../state/url";
import { ServiceName, SortHead } from "../ui/bits";
import { Busy, Empty, ErrorNote, Skeleton } from "../ui/states";

const defaultSort = "-requests";
const columns: [keyof ServiceTotals, string][] = [
  ["requests", "Requests"], ["rate", "Rate"], ["error_rate", "Failed"], ["p50_ms", "p50"], ["p90_ms", "p90"], ["p95_ms", "p95"], ["p99_ms", "p99"], ["max_ms", "Max"],
];

function cell(service: ServiceTotals, column: keyof ServiceTotals): string {
  const value = service[column];
  if (column === "requests") return count(value as number);
  if (column === "rate") return rate(value as number);
  if (column === "error_rate") return percent(value as number);
  return duration(value as number | null);
}

export function sorted<T>(rows: readonly T[], column: string, down: boolean): T[] {
  const sign = down ? -1 : 1;
  const of = (row: T) => (row as Record<string, unknown>)[column];
  return [...rows].sort((a, b) => {
    const x = of(a), y = of(b);
    if (typeof x === "string" && typeof y === "string") return sign * x.localeCompare(y);
    // What has no value is last either way.
    if (typeof x !== "number") return typeof y === "number" ? 1 : 0;
    if (typeof y !== "number") return -1;
    return sign * (x - y);
  });
}

export function ServicesView() {
  const r = range.value;
  const services = useResource(`services ${r.from} ${r.to}`, (signal) => api.services(range.value, signal));
  const sort = parseSort(place.value.params["sort"], defaultSort);
  const wanted = place.value.params["q"] ?? "";
  const [text, setText] = useState(wanted);
  const all = services.data ?? [];
  const rows = sorted(all.filter((s) => s.service.toLowerCase().includes(wanted.toLowerCase())), sort.column, sort.down);
  const chosen = rows.findIndex((row) => row.service === place.value.params["sel"]);
  const choose = (index: number) => {
    const row = rows[Math.min(rows.length - 1, Math.max(0, index))];
    if (row) setParams({ sel: row.service }, "replace");
  };
  useKeys({
    j: () => choose(chosen + 1),
    k: () => choose(chosen < 0 ? rows.length - 1 : chosen - 1),
    Enter: () => rows[chosen] && navigate(href(`/services/${encodeURIComponent(rows[chosen]!.service)}`)),
    Escape: () => setParams({ sel: undefined }, "replace"),
  });
  const topRequests = Math.max(1, ...all.map((s) => s.requests));
  return (
    <div class="stack">
      <Busy on={services.loading && services.stale} />
      <div class="toolbar">
        <input class="input" data-search data-testid="service-filter" placeholder="Filter by name" aria-label="filter by name" value={text} onInput={(event) => { setText(event.currentTarget.value); setParams({ q: event.currentTarget.value }, "replace"); }} onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()} />
        <span class="quiet">{services.data ? `${rows.length} of ${all.length}` : ""}</span>
        <a class="button" href={href("/map")}>Show as a map</a>
      </div>
      {services.error && <ErrorNote error={services.error} />}
      {!services.data && !services.error && <Skeleton />}
      {services.data && rows.length === 0 && (
        <Empty title={wanted ? `No service is called like “${wanted}”` : `No requests in: ${rangeLabel(r.from, r.to, zone.value).toLowerCase()}`}>
          Services appear by themselves: the edge's own spans, and the spans that your programs send to the OTLP address.
        </Empty>
      )}
      {rows.length > 0 && (
        <div class={`panel scroll-x${services.stale ? " stale" : ""}`}>
          <table class="table table-rows" data-testid="services-table">
            <thead>
              <tr>
                <SortHead column="service" label="Service" sort={sort} fallback={defaultSort} />
                {columns.map(([column, label]) => <SortHead key={column} column={column} label={label} sort={sort} fallback={defaultSort} number />)}
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={row.service} class={row.service === place.value.params["sel"] ? "row-selected" : ""} data-testid="service-row">
                  <td><a href={href(`/services/${encodeURIComponent(row.service)}`)}><ServiceName name={row.service} /></a></td>
                  {columns.map(([column]) => (
                    <td key={column} class={`num${column === "error_rate" && row.errors > 0 ? " bad" : ""}`}>
                      {column === "requests" && <span class="cell-bar" style={{ width: `${(row.requests / topRequests) * 100}%` }} />}
                      <span class="cell-text">{cell(row, column)}</span>
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}

// One service: how much, how well, how fast; what it does, for whom, and with whose help.
import { api } from "../api/client";
import type { MapEdge, Operation, ServicePage } from "../api/types";
import { LineChart } from "../charts/line_chart";
import { count, duration, exact, percent, rate } from "../lib/format";
import { addFilter } from "../lib/query";
import { msOf } from "../lib/time";
import { range, setRangeMs } from "../state/range";
import { useResource } from "../state/resource";
import { href, place } from "../state/route";
import { parseSort, type Sort } from "../state/url";
import { Panel, ServiceName, SortHead, Stat } from "../ui/bits";
import { Busy, Empty, ErrorNote, Skeleton } from "../ui/states";
import { sorted } from "./services";

const buckets = 60;
const defaultSort = "-requests";

function Charts({ data }: { data: ServicePage }) {
  const times = data.series.map((p) => msOf(p.ts));
  const seconds = data.interval_ms / 1000;
  const common = { timesMs: times, intervalMs: data.interval_ms, onZoom: setRangeMs, sync: "service" };
  return (
    <div class="charts charts-3">
      <LineChart {...common} title="Requests" format={rate} testid="chart-requests" lines={[{ label: "requests", color: "--series-1", fill: true, values: data.series.map((p) => p.requests / seconds) }]} />
      <LineChart {...common} title="Failed" format={(v) => percent(v)} testid="chart-errors" lines={[{ label: "share of requests", color: "--bad", fill: true, values: data.series.map((p) => (p.requests === 0 ? null : p.errors / p.requests)) }]} />
      <LineChart {...common} title="Latency" format={(v) => duration(v)} testid="chart-latency" lines={[
        { label: "p50", color: "--series-3", values: data.series.map((p) => p.p50_ms) },
        { label: "p90", color: "--series-2", values: data.series.map((p) => p.p90_ms) },
        { label: "p95", color: "--series-1", values: data.series.map((p) => p.p95_ms) },
        { label: "p99", color: "--series-5", values: data.series.map((p) => p.p99_ms) },
      ]} />
    </div>
  );
}

function OperationRow({ service, row }: { service: string; row: Operation }) {
  const search = addFilter(addFilter("", "service", service), "name", row.name);
  return (
    <tr>
      <td><a href={href("/traces", { q: search })} title="traces with this operation">{row.name}</a></td>
      <td class="num">{count(row.requests)}</td>
      <td class={row.errors > 0 ? "num bad" : "num"}>{percent(row.requests === 0 ? 0 : row.errors / row.requests)}</td>
      <td class="num">{duration(row.p50_ms)}</td>
      <td class="num">{duration(row.p95_ms)}</td>
      <td class="num">{duration(row.p99_ms)}</td>
    </tr>
  );
}

function Operations({ data, sort }: { data: ServicePage; sort: Sort }) {
  return (
    <Panel title="Operations" testid="operations">
      <div class="scroll-x">
        <table class="table">
          <thead>
            <tr>
              <SortHead column="name" label="Operation" sort={sort} fallback={defaultSort} />
              <SortHead column="requests" label="Requests" sort={sort} fallback={defaultSort} number />
              <SortHead column="errors" label="Failed" sort={sort} fallback={defaultSort} number />
              <SortHead column="p50_ms" label="p50" sort={sort} fallback={defaultSort} number />
              <SortHead column="p95_ms" label="p95" sort={sort} fallback={defaultSort} number />
              <SortHead column="p99_ms" label="p99" sort={sort} fallback={defaultSort} number />
            </tr>
          </thead>
          <tbody>{sorted(data.operations, sort.column, sort.down).map((row) => <OperationRow key={row.name} service={data.service} row={row} />)}</tbody>
        </table>
      </div>
    </Panel>
  );
}

function Neighbours({ title, edges, end, empty }: { title: string; edges: MapEdge[]; end: "from" | "to"; empty: string }) {
  return (
    <Panel title={title}>
      {edges.length === 0 ? <p class="quiet panel-note">{empty}</p> : (
        <table class="table table-small">
          <tbody>
            {edges.map((e) => (
              <tr key={e[end]}>
                <td><a href={href(`/services/${encodeURIComponent(e[end])}`)}><ServiceName name={e[end]} /></a></td>
                <td class="num">{count(e.requests)}</td>
                <td class={e.errors > 0 ? "num bad" : "num"}>{percent(e.requests === 0 ? 0 : e.errors / e.requests)}</td>
                <td class="num">{duration(e.p95_ms)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}

export function ServiceView({ name }: { name: string }) {
  const r = range.value;
  const key = `${name} ${r.from} ${r.to}`;
  const page = useResource(`service ${key}`, (signal) => api.service(name, range.value, buckets, signal));
  const map = useResource(`map ${r.from} ${r.to}`, (signal) => api.map(range.value, signal));
  const sort = parseSort(place.value.params["sort"], defaultSort);
  const search = addFilter("", "service", name);
  const t = page.data?.totals;
  return (
    <div class="stack">
      <Busy on={page.loading && page.stale} />
      <div class="toolbar">
        <ServiceName name={name} />
        <a class="button" href={href("/logs", { q: search })} data-testid="service-logs">Logs</a>
        <a class="button" href={href("/traces", { q: search })} data-testid="service-traces">Traces</a>
        <a class="button" href={href("/traces", { q: `${search} error:true` })}>Failed traces</a>
        <a class="button" href={href("/map", { sel: name })}>On the map</a>
      </div>
      {page.error && <ErrorNote error={page.error} />}
      {!page.data && !page.error && <Skeleton lines={8} />}
      {page.data && t && (
        <div class={page.stale ? "stack stale" : "stack"}>
          <div class="stats">
            <Stat label="Requests" value={count(t.requests)} note={rate(t.rate)} />
            <Stat label="Failed" value={percent(t.error_rate)} note={`${exact(t.errors)} of ${exact(t.requests)}`} tone={t.errors > 0 ? "bad" : undefined} />
            <Stat label="p50" value={duration(t.p50_ms)} />
            <Stat label="p95" value={duration(t.p95_ms)} />
            <Stat label="p99" value={duration(t.p99_ms)} />
            <Stat label="Slowest" value={duration(t.max_ms)} />
          </div>
          {t.requests === 0 && <Empty title={`${name} answered no request in this range`}>Choose a longer range, or look at its <a href={href("/logs", { q: search })}>logs</a>.</Empty>}
          <Charts data={page.data} />
          <div class="columns">
            <Operations data={page.data} sort={sort} />
            <div class="stack">
              <Neighbours title="Called by" end="from" edges={(map.data?.edges ?? []).filter((e) => e.to === name)} empty="Nobody in this range." />
              <Neighbours title="Calls" end="to" edges={(map.data?.edges ?? []).filter((e) => e.from === name)} empty="Nobody in this range." />
              {page.data.versions.length > 0 && (
                <Panel title="Versions">
                  <table class="table table-small">
                    <tbody>
                      {page.data.versions.map((v) => (
                        <tr key={v.version}>
                          <td><a href={href("/traces", { q: addFilter(search, "version", v.version) })}>{v.version || "none"}</a></td>
                          <td class="num">{count(v.requests)}</td>
                          <td class={v.errors > 0 ? "num bad" : "num"}>{percent(v.requests === 0 ? 0 : v.errors / v.requests)}</td>
                          <td class="num">{duration(v.p95_ms)}</td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </Panel>
              )}
            </div>
          </div>
        </div>
      )}
    </div>
  );
}

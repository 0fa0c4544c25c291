// Is everything up, and is nothing lost?
import { api } from "../api/client";
import type { Overview, Status } from "../api/types";
import { LineChart } from "../charts/line_chart";
import { bytes, count, duration, exact, percent, plural, rate } from "../lib/format";
import { ago, msOf } from "../lib/time";
import { range, setRangeMs } from "../state/range";
import { useResource } from "../state/resource";
import { href } from "../state/route";
import { Panel, ServiceName, Stat, StateBadge } from "../ui/bits";
import { Icon } from "../ui/icons";
import { Busy, Empty, ErrorNote, Skeleton } from "../ui/states";

const buckets = 60;

// The worst state of the parts, in words.
function judge(status: Status): { good: boolean; text: string; troubles: string[] } {
  const troubles: string[] = [];
  if (status.edge.state !== "up") troubles.push(`the edge is ${status.edge.state}`);
  for (const service of status.services) {
    const bad = service.instances.filter((i) => i.state === "down" || i.state === "unhealthy");
    if (service.instances.length === 0) continue;
    if (bad.length === service.instances.length) troubles.push(`${service.name} has no healthy instance`);
    else if (bad.length > 0) troubles.push(`${service.name}: ${bad.length} of ${service.instances.length} instances are not healthy`);
  }
  return { good: troubles.length === 0, text: troubles.length === 0 ? "Everything is up" : troubles.length === 1 ? "One thing needs attention" : `${troubles.length} things need attention`, troubles };
}

function Banner({ status }: { status: Status }) {
  const { good, text, troubles } = judge(status);
  return (
    <div class={`banner ${good ? "banner-good" : "banner-bad"}`} data-testid="banner" role="status">
      <span class="banner-mark"><Icon name={good ? "check" : "warn"} size={20} /></span>
      <div class="banner-text">
        <strong>{text}</strong>
        <span>{troubles.length > 0 ? troubles.join(" · ") : [status.application, status.environment, status.region].filter(Boolean).join(" · ")}</span>
      </div>
      <div class="banner-aside">
        <span>Ringwall {status.version}</span>
        <span>up for {ago(msOf(status.started_at), Date.now())}</span>
        {status.urls.edge.map((url) => <a key={url} href={url} target="_blank" rel="noreferrer">{url.replace(/^https?:\/\//, "")}</a>)}
      </div>
    </div>
  );
}

function Traffic({ data }: { data: Overview }) {
  const times = data.series.map((p) => msOf(p.ts));
  const seconds = data.interval_ms / 1000;
  const common = { timesMs: times, intervalMs: data.interval_ms, onZoom: setRangeMs, sync: "overview" };
  return (
    <div class="charts">
      <LineChart {...common} title="Requests" testid="chart-requests" format={rate} lines={[{ label: "requests", color: "--series-1", fill: true, values: data.series.map((p) => p.requests / seconds) }]} />
      <LineChart {...common} title="Errors" testid="chart-errors" format={rate} lines={[{ label: "failed requests", color: "--bad", fill: true, values: data.series.map((p) => p.errors / seconds) }]} />
      <LineChart {...common} title="Latency" testid="chart-latency" format={(v) => duration(v)} lines={[
        { label: "p50", color: "--series-3", values: data.series.map((p) => p.p50_ms) },
        { label: "p95", color: "--series-1", values: data.series.map((p) => p.p95_ms) },
        { label: "p99", color: "--series-5", values: data.series.map((p) => p.p99_ms) },
      ]} />
      <LineChart {...common} title="Telemetry" testid="chart-telemetry" format={rate} lines={[
        { label: "logs", color: "--series-2", values: data.series.map((p) => p.logs / seconds) },
        { label: "spans", color: "--series-4", values: data.series.map((p) => p.spans / seconds) },
      ]} />
    </div>
  );
}

function Pipeline({ status }: { status: Status }) {
  const p = status.pipeline;
  const dropped = p.dropped.reduce((sum, d) => sum + d.records, 0);
  const holds = p.received === p.stored + p.pending + dropped;
  return (
    <Panel title="Records" testid="pipeline" aside={holds ? <span class="ok"><Icon name="check" /> it adds up</span> : <span class="not-ok"><Icon name="warn" /> {exact(Math.abs(p.received - p.stored - p.pending - dropped))} unaccounted for</span>}>
      <div class={`equation ${holds ? "equation-good" : "equation-bad"}`} data-testid="equation" data-holds={holds}>
        <span><b>{exact(p.received)}</b><i>received</i></span>
        <span class="op">=</span>
        <span><b>{exact(p.stored)}</b><i>stored</i></span>
        <span class="op">+</span>
        <span><b>{exact(p.pending)}</b><i>pending</i></span>
        <span class="op">+</span>
        <span class={dropped > 0 ? "equation-dropped" : ""}><b>{exact(dropped)}</b><i>dropped</i></span>
      </div>
      {p.dropped.length > 0 && (
        <table class="table table-small">
          <thead><tr><th>Dropped at</th><th>Reason</th><th class="num">Records</th></tr></thead>
          <tbody>{p.dropped.map((d) => <tr key={`${d.source} ${d.reason}`}><td>{d.source}</td><td>{d.reason}</td><td class="num">{exact(d.records)}</td></tr>)}</tbody>
        </table>
      )}
      {p.sources.length > 0 && (
        <div class="scroll-x table-apart">
          <table class="table table-small" data-testid="sources">
            <thead><tr><th>Source</th><th>Signal</th><th class="num">Received</th><th class="num">Dropped</th></tr></thead>
            <tbody>
              {p.sources.map((s) => (
                <tr key={`${s.source} ${s.signal}`}>
                  <td>{s.source}</td><td>{s.signal}</td><td class="num">{exact(s.received)}</td>
                  <td class={s.dropped > 0 ? "num bad" : "num"}>{exact(s.dropped)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}

function Storage({ status }: { status: Status }) {
  const { spool, store } = status;
  return (
    <Panel title="Storage" testid="storage">
      <table class="table table-small">
        <thead><tr><th>Where</th><th class="num">Records</th><th class="num">Files</th><th class="num">Size</th></tr></thead>
        <tbody>
          <tr><td>Spool <span class="quiet">on disk, not yet in the store</span></td><td class="num">{exact(status.pipeline.pending)}</td><td class="num">{exact(spool.segments)}</td><td class="num">{bytes(spool.bytes)}</td></tr>
          {Object.entries(store.by_signal).map(([signal, v]) => (
            <tr key={signal}><td>Store, {signal}</td><td class="num">{exact(v.rows)}</td><td class="num">{exact(v.files)}</td><td class="num">{bytes(v.bytes)}</td></tr>
          ))}
        </tbody>
        <tfoot><tr><td>Store</td><td class="num">{exact(store.rows)}</td><td class="num">{exact(store.files)}</td><td class="num">{bytes(store.bytes)}</td></tr></tfoot>
      </table>
      {store.rows > 0 && <p class="quiet panel-note">{(store.bytes / store.rows).toFixed(1)} bytes a record</p>}
    </Panel>
  );
}

function Parts({ status }: { status: Status }) {
  const { edge } = status;
  return (
    <Panel title="Edge and services" testid="parts">
      <div class="scroll-x">
        <table class="table">
          <thead><tr><th>Part</th><th>State</th><th>Address</th><th class="num">Restarts</th><th class="num">Since</th></tr></thead>
          <tbody>
            <tr data-testid="edge-state">
              <td><a href={href("/services/edge")}><ServiceName name="edge" /></a></td>
              <td><StateBadge state={edge.state} /></td>
              <td class="quiet">{plural(edge.requests_total, "request")}{edge.ring_dropped > 0 && <span class="bad"> · {exact(edge.ring_dropped)} records did not fit the ring</span>}</td>
              <td class="num">{edge.restarts}</td>
              <td class="num" />
            </tr>
            {status.services.map((service) =>
              service.instances.length === 0 ? (
                <tr key={service.name}><td><a href={href(`/services/${encodeURIComponent(service.name)}`)}><ServiceName name={service.name} /></a></td><td colSpan={4} class="quiet">no instances</td></tr>
              ) : (
                service.instances.map((instance, i) => (
                  <tr key={`${service.name} ${instance.address}`}>
                    <td>{i === 0 && <a href={href(`/services/${encodeURIComponent(service.name)}`)}><ServiceName name={service.name} /></a>}</td>
                    <td><StateBadge state={instance.state} /></td>
                    <td><code>{instance.address}</code>{instance.last_error && instance.state !== "healthy" && <div class="bad small">{instance.last_error}</div>}</td>
                    <td class="num">{instance.restarts}</td>
                    <td class="num">{instance.since ? ago(msOf(instance.since), Date.now()) : ""}</td>
                  </tr>
                ))
              ),
            )}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

export function OverviewView() {
  const r = range.value;
  const status = useResource("status", (signal) => api.status(signal));
  const overview = useResource(`overview ${r.from} ${r.to}`, (signal) => api.overview(range.value, buckets, signal));
  const s = status.data;
  const o = overview.data;
  const seconds = o ? (o.interval_ms / 1000) * o.series.length : 1;
  return (
    <div class="stack">
      <Busy on={overview.loading && overview.stale} />
      {status.error && <ErrorNote error={status.error} />}
      {s ? <Banner status={s} /> : !status.error && <Skeleton lines={1} />}
      {overview.error && <ErrorNote error={overview.error} />}
      {o && (
        <div class={overview.stale ? "stack stale" : "stack"}>
          <div class="stats">
            <Stat label="Requests" value={count(o.totals.requests)} note={rate(o.totals.requests / Math.max(1, seconds))} />
            <Stat label="Failed" value={percent(o.totals.requests === 0 ? 0 : o.totals.errors / o.totals.requests)} note={`${exact(o.totals.errors)} of ${exact(o.totals.requests)}`} tone={o.totals.errors > 0 ? "bad" : undefined} />
            <Stat label="p95" value={duration(o.totals.p95_ms)} note="of all requests" />
            <Stat label="p99" value={duration(o.totals.p99_ms)} note="of all requests" />
            <Stat label="Logs" value={count(o.series.reduce((n, p) => n + p.logs, 0))} note="in this range" />
            <Stat label="Spans" value={count(o.series.reduce((n, p) => n + p.spans, 0))} note="in this range" />
          </div>
          {o.totals.requests === 0 && <Empty title="No request came through the edge in this range">Open {s?.urls.edge[0] ? <a href={s.urls.edge[0]} target="_blank" rel="noreferrer">{s.urls.edge[0]}</a> : "the application"} once, or choose a longer range; what happens is here within two seconds.</Empty>}
          <Traffic data={o} />
        </div>
      )}
      {!o && !overview.error && <Skeleton lines={8} />}
      {s && (
        <div class="columns">
          <Parts status={s} />
          <div class="stack">
            <Pipeline status={s} />
            <Storage status={s} />
          </div>
        </div>
      )}
    </div>
  );
}

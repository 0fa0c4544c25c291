// One request, from the edge to the last statement.
import { useMemo } from "preact/hooks";
import { api } from "../../api/client";
import type { LogRecord, Trace } from "../../api/types";
import { distinctIndexes } from "../../lib/colors";
import { duration, exact, plural } from "../../lib/format";
import { formatTimestamp } from "../../lib/time";
import { buildWaterfall, visibleNodes, type SpanNode } from "../../lib/waterfall";
import { useKeys } from "../../state/keys";
import { zone } from "../../state/prefs";
import { useResource } from "../../state/resource";
import { place, setParams } from "../../state/route";
import { Copy, ServiceName, StatusCode, Tabs } from "../../ui/bits";
import { Empty, ErrorNote, Skeleton } from "../../ui/states";
import { RecordDetail } from "../logs/record";
import { EdgeRecord } from "./edge_record";
import { Minimap } from "./minimap";
import { SpanDetail } from "./span_detail";
import { TraceLogs } from "./trace_logs";
import { Waterfall } from "./waterfall";
import { fullWindow, parseZoom, formatZoom, type Window } from "./window";

// Large traces are asked for once: they are over, and asking every few seconds would cost more than it shows.
const refreshSpansMax = 2000;
const foldsInAddressMax = 60;

export function isEdgeRecord(log: LogRecord): boolean {
  return log.source === "edge" || log.service === "edge";
}

export function TraceView({ id }: { id: string }) {
  const first = useResource(`trace ${id}`, (signal) => api.trace(id, signal), { live: false });
  const small = first.data !== undefined && first.data.spans.length <= refreshSpansMax;
  const again = useResource(small || first.error ? `trace ${id} again` : null, (signal) => api.trace(id, signal));
  const data = again.data ?? first.data;
  const error = data ? undefined : again.error ?? first.error;
  if (error?.status === 404) {
    return (
      <Empty title="No such trace">
        <p><code>{id}</code></p>
        Nothing is stored under this id: it may not have arrived yet (this page asks again by itself), the id may be cut short (32 digits), or its time of keeping is over.
      </Empty>
    );
  }
  if (error) return <ErrorNote error={error} />;
  if (!data) return <Skeleton lines={12} />;
  return <Loaded trace={data} />;
}

function Loaded({ trace }: { trace: Trace }) {
  const params = place.value.params;
  const waterfall = useMemo(() => buildWaterfall(trace.spans), [trace]);
  const colors = useMemo(() => distinctIndexes(waterfall.services), [waterfall]);
  const colorOf = (service: string) => `var(--series-${colors.get(service) ?? 1})`;
  const folded = useMemo(() => new Set((params["fold"] ?? "").split(",").filter(Boolean)), [params["fold"]]);
  const rows = useMemo(() => visibleNodes(waterfall, folded), [waterfall, folded]);
  const edgeLog = trace.logs.find(isEdgeRecord);
  const chosen = waterfall.nodes.find((n) => n.span.span_id === params["span"]) ?? waterfall.nodes[0];
  const chosenRow = params["span"] ? rows.findIndex((n) => n.span.span_id === params["span"]) : -1;
  const chosenLog = trace.logs.find((log) => log.id === params["log"]);
  const tab = params["tab"] ?? (waterfall.nodes.length > 0 ? "span" : "logs");
  const window: Window = parseZoom(params["zoom"], waterfall.durationMs) ?? fullWindow(waterfall.durationMs);
  const setZoom = (w: Window | null) => setParams({ zoom: w === null ? undefined : formatZoom(w) }, "replace");
  const errors = waterfall.nodes.filter((n) => n.span.status === "error").length;
  const root = waterfall.roots[0];

  const choose = (node: SpanNode | undefined) => node && setParams({ span: node.span.span_id, tab: tab === "span" ? params["tab"] : undefined, log: undefined }, "replace");
  const move = (by: number) => choose(rows[Math.min(rows.length - 1, Math.max(0, chosenRow < 0 ? (by > 0 ? 0 : rows.length - 1) : chosenRow + by))]);
  const fold = (node: SpanNode | undefined, on?: boolean) => {
    if (!node || node.children.length === 0) return;
    const next = new Set(folded);
    if (on ?? !next.has(node.span.span_id)) next.add(node.span.span_id);
    else next.delete(node.span.span_id);
    setParams({ fold: [...next].slice(-foldsInAddressMax).join(",") || undefined }, "replace");
  };
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    h: () => fold(rows[chosenRow], true),
    l: () => fold(rows[chosenRow], false),
    Enter: () => choose(rows[chosenRow]),
    Escape: () => setParams(params["log"] ? { log: undefined } : params["zoom"] ? { zoom: undefined } : { span: undefined, tab: undefined }, "replace"),
  });

  return (
    <div class="trace-page">
      <div class="trace-summary" data-testid="trace-summary">
        <div class="trace-title">
          {root && <ServiceName name={root.span.service} color={colorOf(root.span.service)} />}
          <strong>{root?.span.name ?? "logs without spans"}</strong>
          <StatusCode status={root?.span.http_status} />
          {errors > 0 && <span class="badge badge-bad">{plural(errors, "error")}</span>}
          {trace.truncated && <span class="badge badge-wait" title="the trace has more spans or log lines than one page holds">cut</span>}
        </div>
        <dl class="facts">
          <div><dt>Duration</dt><dd>{duration(waterfall.durationMs)}</dd></div>
          <div><dt>Spans</dt><dd>{exact(trace.spans.length)}</dd></div>
          <div><dt>Log lines</dt><dd>{exact(trace.logs.length)}</dd></div>
          {waterfall.baseTs && <div><dt>Began</dt><dd>{formatTimestamp(waterfall.baseTs, zone.value)}</dd></div>}
          <div><dt>Trace</dt><dd><code data-testid="trace-id">{trace.trace_id}</code><Copy text={trace.trace_id} label="copy the trace id" /></dd></div>
        </dl>
        <div class="legend">
          {waterfall.services.map((service) => <ServiceName key={service} name={service} color={colorOf(service)} />)}
        </div>
      </div>
      <div class="trace-body">
        <div class="panel trace-main">
          {waterfall.nodes.length === 0 ? (
            <Empty title="No spans under this id">Only log lines carry it; they are beside.</Empty>
          ) : (
            <>
              <Minimap waterfall={waterfall} colors={colors} logs={trace.logs} window={window} onWindow={setZoom} />
              <Waterfall
                waterfall={waterfall} rows={rows} logs={trace.logs} window={window} folded={folded} selected={chosenRow}
                colorOf={colorOf} onChoose={choose} onFold={fold}
                onLog={(log) => setParams(isEdgeRecord(log) ? { tab: "edge", log: undefined } : { tab: "logs", log: log.id }, "replace")}
              />
            </>
          )}
        </div>
        <section class="panel detail trace-side" aria-label="details" tabIndex={-1}>
          <Tabs
            label="details"
            chosen={tab}
            onChoose={(next) => setParams({ tab: next === "span" ? undefined : next, log: undefined }, "replace")}
            tabs={[
              ...(waterfall.nodes.length > 0 ? [{ id: "span", label: "Span" }] : []),
              { id: "logs", label: <>Logs <span class="tab-count">{exact(trace.logs.length)}</span></> },
              { id: "edge", label: <>Edge record <span class="tab-count">{edgeLog ? 1 : 0}</span></> },
            ]}
          />
          <div class="detail-body" role="tabpanel">
            {tab === "span" && chosen && <SpanDetail node={chosen} color={colorOf(chosen.span.service)} logs={trace.logs.filter((log) => log.span_id === chosen.span.span_id)} />}
            {tab === "logs" && !chosenLog && <TraceLogs trace={trace} baseTs={waterfall.baseTs} colorOf={colorOf} onOpen={(log) => setParams({ log: log.id }, "replace")} />}
            {tab === "logs" && chosenLog && (
              <>
                <button type="button" class="button" onClick={() => setParams({ log: undefined }, "replace")}>All log lines</button>
                <RecordDetail log={chosenLog} inTrace />
              </>
            )}
            {tab === "edge" && (edgeLog ? <EdgeRecord log={edgeLog} /> : <Empty title="No edge record">This trace did not come in through the edge, or its record has not arrived yet.</Empty>)}
          </div>
        </section>
      </div>
    </div>
  );
}

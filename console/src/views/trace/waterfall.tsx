// Spans over time, one row each; only the rows in sight exist, so ten thousand cost no more than fifty.
import { useMemo } from "preact/hooks";
import type { LogRecord } from "../../api/types";
import { duration } from "../../lib/format";
import { msBetween } from "../../lib/time";
import { statementOf, summaryOf, type SpanNode, type Waterfall as Tree } from "../../lib/waterfall";
import { Icon } from "../../ui/icons";
import { VirtualList } from "../../ui/virtual_list";
import { rulerTicks, share, type Window } from "./window";

const rowHeight = 30;
const indentPixels = 14;
const indentMax = 18; // deeper rows say their depth instead of leaving the page
const rounding = 1e-6; // of the lane
const labelRoom = 0.14; // of the lane, for the duration beside a bar

interface Props {
  waterfall: Tree;
  rows: SpanNode[];
  logs: LogRecord[];
  window: Window;
  folded: ReadonlySet<string>;
  selected: number;
  colorOf: (service: string) => string;
  onChoose: (node: SpanNode) => void;
  onFold: (node: SpanNode) => void;
  onLog: (log: LogRecord) => void;
}

interface Tick {
  log: LogRecord;
  ms: number;
}

function Ticks({ ticks, window, onLog }: { ticks: Tick[]; window: Window; onLog: (log: LogRecord) => void }) {
  return (
    <>
      {ticks.map(({ log, ms }) => {
        const at = share(window, ms);
        if (at < -rounding || at > 1 + rounding) return null;
        const edge = log.source === "edge";
        return (
          <button
            key={log.id}
            type="button"
            tabIndex={-1}
            class={`tick tick-${log.level || "none"}${edge ? " tick-edge" : ""}`}
            style={{ left: `clamp(4px, ${at * 100}%, 100% - 4px)` }}
            title={`${edge ? "edge record" : log.level || "log"} at ${duration(ms)}: ${log.message}`}
            aria-label={`${edge ? "edge record" : "log line"}: ${log.message}`}
            data-testid={edge ? "edge-tick" : "log-tick"}
            onClick={(event) => {
              event.stopPropagation();
              onLog(log);
            }}
          />
        );
      })}
    </>
  );
}

function Name({ node, color, folded, onFold }: { node: SpanNode; color: string; folded: boolean; onFold: (node: SpanNode) => void }) {
  const { span } = node;
  const summary = summaryOf(span);
  const deep = node.depth > indentMax;
  return (
    <span role="gridcell" class="span-name" style={{ paddingLeft: `${6 + Math.min(node.depth, indentMax) * indentPixels}px` }}>
      {node.children.length > 0 ? (
        <button type="button" tabIndex={-1} class={`fold${folded ? "" : " fold-open"}`} aria-label={folded ? "expand" : "collapse"} data-testid="fold" onClick={(event) => { event.stopPropagation(); onFold(node); }}>
          <Icon name="chevron" size={12} />
        </button>
      ) : (
        <span class="fold" />
      )}
      <span class="dot" style={{ background: color }} />
      {deep && <span class="quiet small">{node.depth}</span>}
      <span class="span-service">{span.service}</span>
      <span class="span-op">{span.name}</span>
      {folded && <span class="tab-count">+{node.descendants}</span>}
      {span.status === "error" && <span class="span-mark bad" title={span.status_message || "failed"}><Icon name="warn" size={13} /></span>}
      {folded && node.errorBelow && span.status !== "error" && <span class="span-mark bad" title="a span below failed"><Icon name="warn" size={13} /></span>}
      {node.orphan && <span class="span-mark quiet" title="its parent is not in the trace (not sent, or not arrived yet)"><Icon name="link" size={13} /></span>}
      {summary && !statementOf(span) && <span class="span-summary">{summary}</span>}
    </span>
  );
}

function Lane({ node, color, window, ticks, onLog }: { node: SpanNode; color: string; window: Window; ticks: Tick[]; onLog: (log: LogRecord) => void }) {
  const from = Math.max(0, share(window, node.startMs));
  const to = Math.min(1, share(window, node.endMs));
  const inSight = share(window, node.endMs) >= 0 && share(window, node.startMs) <= 1;
  const statement = statementOf(node.span) ? summaryOf(node.span) : "";
  // A statement goes where there is most room, a duration to the right while it fits.
  const right = statement ? 1 - to >= Math.max(from, to - from) : to + labelRoom <= 1;
  const left = !right && (statement ? from > to - from : from > labelRoom);
  const place = right ? { left: `${to * 100}%`, maxWidth: `${(1 - to) * 100}%` } : left ? { right: `${(1 - from) * 100}%`, maxWidth: `${from * 100}%` } : { right: `${(1 - to) * 100}%`, maxWidth: `${(to - from) * 100}%` };
  const label = (
    <span class={`bar-text${right ? " bar-right" : left ? " bar-left" : " bar-inside"}`} style={place}>
      {duration(node.span.duration_ms)}
      {statement && <span class="span-sql" data-testid="sql">{statement}</span>}
    </span>
  );
  return (
    <span role="gridcell" class="span-lane">
      {inSight && <span class={`bar${node.span.status === "error" ? " bar-bad" : ""}`} style={{ left: `${from * 100}%`, width: `${Math.max(0, to - from) * 100}%`, background: color }} />}
      {inSight && label}
      <Ticks ticks={ticks} window={window} onLog={onLog} />
    </span>
  );
}

const none: Tick[] = [];

export function Waterfall(p: Props) {
  const ticks = useMemo(() => {
    const bySpan = new Map<string, Tick[]>();
    const known = new Set(p.waterfall.nodes.map((n) => n.span.span_id));
    for (const log of p.logs) {
      const key = log.span_id && known.has(log.span_id) ? log.span_id : "";
      // A line written just before or after the spans is shown at the end it is nearest to.
      const tick = { log, ms: Math.min(p.waterfall.durationMs, Math.max(0, msBetween(p.waterfall.baseTs, log.ts))) };
      const list = bySpan.get(key);
      if (list) list.push(tick);
      else bySpan.set(key, [tick]);
    }
    return bySpan;
  }, [p.waterfall, p.logs]);
  const marks = rulerTicks(p.window);
  return (
    <VirtualList<SpanNode>
      rows={p.rows}
      rowHeight={rowHeight}
      label="spans"
      testid="waterfall"
      rowTestid="span-row"
      selected={p.selected}
      onSelect={(index) => p.onChoose(p.rows[index]!)}
      onOpen={(index) => p.onChoose(p.rows[index]!)}
      rowKey={(node) => String(node.index)}
      level={(node) => node.depth}
      expanded={(node) => (node.children.length === 0 ? undefined : !p.folded.has(node.span.span_id))}
      rowClass={(node) => `span${node.span.status === "error" ? " span-bad" : ""}`}
      header={
        <>
          <span role="columnheader" class="span-name">Span</span>
          <span role="columnheader" class="span-lane ruler">
            {marks.map((ms) => <span key={ms} class={share(p.window, ms) > 0.9 ? "ruler-mark ruler-last" : "ruler-mark"} style={{ left: `${share(p.window, ms) * 100}%` }}>{duration(ms)}</span>)}
            <Ticks ticks={ticks.get("") ?? none} window={p.window} onLog={p.onLog} />
          </span>
        </>
      }
      render={(node) => (
        <>
          <Name node={node} color={p.colorOf(node.span.service)} folded={p.folded.has(node.span.span_id)} onFold={p.onFold} />
          <Lane node={node} color={p.colorOf(node.span.service)} window={p.window} ticks={ticks.get(node.span.span_id) ?? none} onLog={p.onLog} />
        </>
      )}
    />
  );
}

// Records per interval, stacked by level, the gravest at the bottom so that errors share a base line.
import { useState } from "preact/hooks";
import { levels, type Histogram, type HistogramBucket, type Level } from "../api/types";
import { count, exact } from "../lib/format";
import { formatClock, formatDateTime, formatTick, msOf } from "../lib/time";
import { zone } from "../state/prefs";
import { useBrush } from "./brush";

const stackOrder: Level[] = ["fatal", "error", "warn", "info", "debug", "trace"];
const chartHeight = 100;
const ticks = 6;

function Bar({ bucket, x, top }: { bucket: HistogramBucket; x: number; top: number }) {
  let y = chartHeight;
  const parts = stackOrder.map((level) => {
    const n = bucket.counts[level] ?? 0;
    if (n === 0) return null;
    // What is there is seen, however little it is beside the rest.
    const height = Math.max(1.5, (n / top) * chartHeight);
    y -= height;
    return <rect key={level} class={`fill-${level}`} x={x + 0.08} y={y} width={0.84} height={height} />;
  });
  const known = levels.reduce((sum, level) => sum + (bucket.counts[level] ?? 0), 0);
  const rest = bucket.total - known;
  if (rest > 0) {
    const height = Math.max(1.5, (rest / top) * chartHeight);
    parts.push(<rect key="none" class="fill-none" x={x + 0.08} y={y - height} width={0.84} height={height} />);
  }
  return <>{parts}</>;
}

export function LevelHistogram({ data, onZoom }: { data: Histogram; onZoom: (fromMs: number, toMs: number) => void }) {
  const [hover, setHover] = useState(-1);
  const { buckets, interval_ms: interval } = data;
  const first = buckets.length > 0 ? msOf(buckets[0]!.ts) : 0;
  const length = interval * buckets.length;
  const { brush, handlers } = useBrush((from, to) => onZoom(first + from * length, first + to * length));
  const top = Math.max(1, ...buckets.map((b) => b.total));
  const total = buckets.reduce((sum, b) => sum + b.total, 0);
  const z = zone.value;
  const shown = hover >= 0 ? buckets[hover] : undefined;
  const step = Math.max(1, Math.ceil(buckets.length / ticks));
  return (
    <div class="histogram" data-testid="histogram">
      <div class="histogram-top">
        <span class="quiet">{count(top)}</span>
        {shown ? (
          <span class="histogram-now">
            <b>{formatDateTime(msOf(shown.ts), z)}</b> to {formatClock(msOf(shown.ts) + interval, z)} · {exact(shown.total)}
            {stackOrder.filter((l) => (shown.counts[l] ?? 0) > 0).map((l) => (
              <span key={l} class={`level level-${l}`}>{l} {exact(shown.counts[l])}</span>
            ))}
          </span>
        ) : (
          <span class="quiet"><b data-testid="log-total">{exact(total)}</b> records · drag to zoom</span>
        )}
      </div>
      <div
        class="histogram-plot"
        role="img"
        aria-label={`${total} records in ${buckets.length} intervals, at most ${top} in one`}
        {...handlers}
        onPointerMove={(event) => {
          handlers.onPointerMove(event);
          const box = event.currentTarget.getBoundingClientRect();
          setHover(Math.min(buckets.length - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * buckets.length))));
        }}
        onPointerLeave={() => setHover(-1)}
      >
        <svg viewBox={`0 0 ${Math.max(1, buckets.length)} ${chartHeight}`} preserveAspectRatio="none" aria-hidden="true">
          {hover >= 0 && <rect class="histogram-hover" x={hover} y={0} width={1} height={chartHeight} />}
          {buckets.map((bucket, x) => (bucket.total > 0 ? <Bar key={bucket.ts} bucket={bucket} x={x} top={top} /> : null))}
        </svg>
        {brush && <div class="brush" style={{ left: `${Math.min(brush.from, brush.to) * 100}%`, width: `${Math.abs(brush.to - brush.from) * 100}%` }} />}
      </div>
      <div class="histogram-axis" aria-hidden="true">
        {buckets.map((bucket, i) =>
          i % step === 0 ? <span key={bucket.ts} style={{ left: `${(i / buckets.length) * 100}%` }}>{formatTick(msOf(bucket.ts), interval * step, z)}</span> : null,
        )}
      </div>
    </div>
  );
}

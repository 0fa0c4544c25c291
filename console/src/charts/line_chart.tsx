// Lines over time with uPlot: our colours, our words, a legend that follows the cursor, and zoom by dragging.
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { formatDateTime, formatTick } from "../lib/time";
import { shownTheme, zone } from "../state/prefs";

export interface Line {
  label: string;
  color: string; // a custom property: "--good"
  values: (number | null)[];
  fill?: boolean;
  dashed?: boolean;
}

interface Props {
  title: string;
  timesMs: number[];
  intervalMs: number;
  lines: Line[];
  format: (value: number) => string;
  onZoom?: (fromMs: number, toMs: number) => void;
  height?: number;
  sync?: string;
  testid?: string;
}

const axisFont = '11px system-ui, -apple-system, "Segoe UI", sans-serif';

function css(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function LineChart(p: Props) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const latest = useRef(p);
  latest.current = p;
  const theme = shownTheme.value;
  const z = zone.value;
  const shape = p.lines.map((l) => `${l.label}${l.color}`).join("|");

  useEffect(() => {
    const element = host.current!;
    const grid = { stroke: css("--line-soft"), width: 1 };
    const options: uPlot.Options = {
      width: Math.max(100, element.clientWidth),
      height: p.height ?? 150,
      legend: { show: false },
      padding: [8, 20, 0, 0],
      cursor: {
        y: false,
        points: { size: 6 },
        drag: { x: latest.current.onZoom !== undefined, y: false, setScale: false },
        ...(p.sync ? { sync: { key: p.sync } } : {}),
      },
      scales: {
        x: { time: true, range: () => {
          const t = latest.current.timesMs;
          return t.length === 0 ? [0, 1] : [t[0]! / 1000, (t[t.length - 1]! + (t.length === 1 ? latest.current.intervalMs : 0)) / 1000];
        } },
        // From zero, and never a flat line on the floor of an empty chart.
        y: { range: (_u, _min, max) => [0, max > 0 ? max * 1.12 : 1] },
      },
      axes: [
        { stroke: css("--text-quiet"), grid: { show: false }, ticks: { show: false }, font: axisFont, size: 28, gap: 7, space: 70,
          values: (_u, splits, _axis, _space, step) => splits.map((s) => formatTick(s * 1000, step * 1000, z)) },
        { stroke: css("--text-quiet"), grid, ticks: { show: false }, font: axisFont, size: 56, gap: 4, space: 34,
          values: (_u, splits) => splits.map((v) => latest.current.format(v)) },
      ],
      series: [
        {},
        ...p.lines.map((line) => ({
          label: line.label,
          stroke: css(line.color),
          width: 1.5,
          spanGaps: false,
          // A value between two gaps is no line; it is a point.
          points: { show: true, size: 5, filter: (u: uPlot, s: number) => alone(u.data[s]!) },
          ...(line.dashed ? { dash: [4, 3] } : {}),
          ...(line.fill ? { fill: `${css(line.color)}22` } : {}),
        })),
      ],
      hooks: {
        setCursor: [(u) => setAt(u.cursor.idx ?? null)],
        setSelect: [(u) => {
          if (u.select.width < 4) return;
          latest.current.onZoom?.(u.posToVal(u.select.left, "x") * 1000, u.posToVal(u.select.left + u.select.width, "x") * 1000);
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        }],
      },
    };
    const created = new uPlot(options, dataOf(latest.current), element);
    plot.current = created;
    const observer = new ResizeObserver(() => created.setSize({ width: Math.max(100, element.clientWidth), height: p.height ?? 150 }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      created.destroy();
      plot.current = null;
    };
  }, [theme, z, shape, p.height]);

  useEffect(() => plot.current?.setData(dataOf(p)), [p.timesMs, p.lines]);

  const shown = at !== null && at < p.timesMs.length ? at : null;
  return (
    <figure class="chart" data-testid={p.testid} aria-label={describe(p)}>
      <figcaption>
        <span class="chart-title">{p.title}</span>
        <span class="chart-legend">
          {p.lines.map((line) => {
            const value = shown === null ? undefined : line.values[shown];
            return (
              <span key={line.label} class="chart-key">
                <span class="dot" style={{ background: `var(${line.color})` }} />
                {line.label}
                {shown !== null && <b>{value === null || value === undefined ? "–" : p.format(value)}</b>}
              </span>
            );
          })}
          {shown !== null && <span class="quiet chart-when">{formatDateTime(p.timesMs[shown]!, z)}</span>}
        </span>
      </figcaption>
      <div class="chart-plot" ref={host} />
    </figure>
  );
}

function alone(values: ArrayLike<number | null | undefined>): number[] {
  const there = (i: number) => values[i] !== null && values[i] !== undefined;
  return Array.from({ length: values.length }, (_, i) => i).filter((i) => there(i) && !there(i - 1) && !there(i + 1));
}

function dataOf(p: Props): uPlot.AlignedData {
  return [p.timesMs.map((t) => t / 1000), ...p.lines.map((l) => l.values)];
}

// What a reader who cannot see the lines is told.
function describe(p: Props): string {
  const parts = p.lines.map((line) => {
    const values = line.values.filter((v): v is number => v !== null);
    return values.length === 0 ? `${line.label}: nothing` : `${line.label}: last ${p.format(values[values.length - 1]!)}, highest ${p.format(Math.max(...values))}`;
  });
  return `${p.title}. ${parts.join("; ")}`;
}

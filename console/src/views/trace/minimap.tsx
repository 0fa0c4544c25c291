// The whole trace on a strip, one thin line a span; dragging over it chooses what the waterfall shows.
import { useEffect, useRef } from "preact/hooks";
import type { LogRecord } from "../../api/types";
import { useBrush } from "../../charts/brush";
import { msBetween } from "../../lib/time";
import type { Waterfall } from "../../lib/waterfall";
import { shownTheme } from "../../state/prefs";
import { Icon } from "../../ui/icons";
import { share, fullWindow, type Window } from "./window";

const height = 44;

interface Props {
  waterfall: Waterfall;
  colors: Map<string, number>;
  logs: LogRecord[];
  window: Window;
  onWindow: (w: Window | null) => void;
}

export function Minimap({ waterfall, colors, logs, window: shown, onWindow }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const whole = fullWindow(waterfall.durationMs);
  const { brush, handlers } = useBrush((from, to) => onWindow({ from: from * whole.to, to: to * whole.to }));
  const theme = shownTheme.value;

  useEffect(() => {
    const element = canvas.current!;
    const draw = () => {
      const ratio = window.devicePixelRatio || 1;
      const width = element.clientWidth;
      element.width = Math.round(width * ratio);
      element.height = Math.round(height * ratio);
      const paint = element.getContext("2d")!;
      paint.scale(ratio, ratio);
      const style = getComputedStyle(document.documentElement);
      const line = Math.min(4, (height - 8) / Math.max(1, waterfall.nodes.length));
      const bad = style.getPropertyValue("--bad").trim();
      waterfall.nodes.forEach((node, i) => {
        paint.fillStyle = node.span.status === "error" ? bad : style.getPropertyValue(`--series-${colors.get(node.span.service) ?? 1}`).trim();
        const left = share(whole, node.startMs) * width;
        paint.fillRect(left, 2 + i * line, Math.max(1, share(whole, node.endMs) * width - left), Math.max(0.6, line - 0.5));
      });
      paint.fillStyle = style.getPropertyValue("--text-quiet").trim();
      for (const log of logs) paint.fillRect(share(whole, msBetween(waterfall.baseTs, log.ts)) * width, height - 5, 1, 5);
    };
    draw();
    const observer = new ResizeObserver(draw);
    observer.observe(element);
    return () => observer.disconnect();
  }, [waterfall, logs, theme]);

  const zoomed = shown.from > 0 || shown.to < whole.to;
  return (
    <div class="minimap" {...handlers} role="img" aria-label="the whole trace; drag to zoom">
      <canvas ref={canvas} />
      {zoomed && (
        <>
          <div class="minimap-shade" style={{ left: "0", width: `${share(whole, shown.from) * 100}%` }} />
          <div class="minimap-shade" style={{ left: `${share(whole, shown.to) * 100}%`, right: "0" }} />
          <button type="button" class="button button-icon minimap-reset" title="the whole trace (Esc)" aria-label="the whole trace" onPointerDown={(event) => event.stopPropagation()} onClick={() => onWindow(null)}><Icon name="close" size={12} /></button>
        </>
      )}
      {brush && <div class="brush" style={{ left: `${Math.min(brush.from, brush.to) * 100}%`, width: `${Math.abs(brush.to - brush.from) * 100}%` }} />}
    </div>
  );
}

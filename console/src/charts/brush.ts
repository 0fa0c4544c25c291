// Dragging over a time axis chooses a part of it: fractions of the width, 0 to 1.
import { useState } from "preact/hooks";

const dragPixels = 5;

export interface Brush {
  from: number;
  to: number;
}

export function useBrush(onChoose: (from: number, to: number) => void) {
  const [brush, setBrush] = useState<Brush | null>(null);
  const at = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / Math.max(1, box.width)));
  };
  const handlers = {
    onPointerDown: (event: PointerEvent) => {
      if (event.button !== 0) return;
      (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
      setBrush({ from: at(event), to: at(event) });
    },
    onPointerMove: (event: PointerEvent) => setBrush((b) => (b ? { from: b.from, to: at(event) } : b)),
    onPointerUp: (event: PointerEvent) => {
      const width = (event.currentTarget as HTMLElement).clientWidth;
      if (brush && Math.abs(brush.to - brush.from) * width >= dragPixels) onChoose(Math.min(brush.from, brush.to), Math.max(brush.from, brush.to));
      setBrush(null);
    },
    onPointerCancel: () => setBrush(null),
  };
  return { brush, handlers };
}

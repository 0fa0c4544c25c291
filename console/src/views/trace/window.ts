// The stretch of the trace in sight, in milliseconds from its begin; in the address as `12.5-80`.
export interface Window {
  from: number;
  to: number;
}

export function fullWindow(durationMs: number): Window {
  return { from: 0, to: Math.max(durationMs, 0.001) };
}

export function parseZoom(text: string | undefined, durationMs: number): Window | null {
  const match = /^(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)$/.exec(text ?? "");
  if (!match) return null;
  const from = Math.min(Number(match[1]), durationMs);
  const to = Math.min(Number(match[2]), durationMs);
  return to > from ? { from, to } : null;
}

export function formatZoom(window: Window): string {
  const round = (ms: number) => String(Math.round(ms * 1e4) / 1e4);
  return `${round(window.from)}-${round(window.to)}`;
}

// A place in the window as a share of its width; outside of it below 0 or above 1.
export function share(window: Window, ms: number): number {
  return (ms - window.from) / (window.to - window.from);
}

// Round numbers for the ruler: 1, 2 or 5 times a power of ten.
export function rulerTicks(window: Window, wanted = 6): number[] {
  const raw = (window.to - window.from) / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= raw)!;
  const out: number[] = [];
  // The sum with 0 turns -0, which would be shown, into 0.
  for (let i = Math.ceil(window.from / step - 1e-9) + 0; i * step <= window.to * (1 + 1e-12); ++i) out.push(i * step);
  return out;
}

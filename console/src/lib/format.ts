// Numbers for people: three significant digits, thin units, the same width for the same magnitude.

export function count(value: number): string {
  const abs = Math.abs(value);
  if (abs < 10_000) return Number.isInteger(value) ? String(value) : trim(value);
  for (const [limit, unit] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]] as const) {
    // 999 950 is a million, not "1000k".
    if (abs >= limit * 0.99995) return `${trim(value / limit)}${unit}`;
  }
  return trim(value);
}

// With separators, for equations that a reader adds up.
export function exact(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
}

function trim(value: number): string {
  const abs = Math.abs(value);
  const text = abs >= 100 ? value.toFixed(0) : abs >= 10 ? value.toFixed(1) : value.toFixed(2);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let unit = 0;
  let rest = value;
  while (rest >= 1023.5 && unit < units.length - 1) {
    rest /= 1024;
    ++unit;
  }
  return `${unit === 0 ? String(Math.round(rest)) : trim(rest)} ${units[unit]}`;
}

export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return "–";
  const abs = Math.abs(ms);
  if (abs === 0) return "0 ms";
  if (abs < 0.001) return `${Math.round(ms * 1e6)} ns`;
  if (abs < 1) return `${trim(ms * 1000)} µs`;
  if (abs < 1000) return `${trim(ms)} ms`;
  if (abs < 60_000) return `${trim(ms / 1000)} s`;
  if (abs < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
  return `${trim(ms / 3_600_000)} h`;
}

// A share, 0 to 1.  What is not nothing never reads as 0 %.
export function percent(share: number): string {
  const value = share * 100;
  if (value === 0) return "0 %";
  if (value < 0.01) return "< 0.01 %";
  if (value > 99.99 && value < 100) return "> 99.99 %";
  return `${trim(value)} %`;
}

export function rate(perSecond: number): string {
  if (perSecond > 0 && perSecond < 0.1) return `${trim(perSecond * 60)}/min`;
  return `${count(Math.round(perSecond * 100) / 100)}/s`;
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${exact(value)} ${value === 1 ? one : many}`;
}

// Times as the API and the URL write them: `now`, `now-15m`, or RFC 3339.  Milliseconds since 1970 inside; the
// nanoseconds of a record are kept as the text the server sent.

export type Zone = "local" | "utc";

const unitMs: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

// The age in `now-15m` in milliseconds; 0 for `now`; null for anything else.
export function relativeAgeMs(text: string): number | null {
  const match = /^now(?:-(\d{1,9})([smhd]))?$/.exec(text.trim());
  if (!match) return null;
  return match[1] === undefined ? 0 : Number(match[1]) * unitMs[match[2]!]!;
}

export function isRelative(text: string): boolean {
  return relativeAgeMs(text) !== null;
}

// Unix milliseconds of any accepted form, or null.  `2026-11-23 06:10` without a zone is read in `zone`.
export function parseTime(text: string, nowMs: number, zone: Zone): number | null {
  const value = text.trim();
  const age = relativeAgeMs(value);
  if (age !== null) return nowMs - age;
  if (/^\d{12,14}$/.test(value)) return Number(value);
  const match = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?\s*(Z|[+-]\d\d:\d\d)?$/i.exec(value);
  if (!match) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0)) as [number, number, number, number, number, number];
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59) return null;
  // Day 31 of a month with 30 would silently become the next month's first.
  if (day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return null;
  const ms = match[7] ? Math.floor(Number(`0.${match[7]}`) * 1000) : 0;
  const offset = match[8]?.toUpperCase();
  if (offset === undefined && zone === "local") return new Date(year, month - 1, day, hour, minute, second, ms).getTime();
  let utc = Date.UTC(year, month - 1, day, hour, minute, second, ms);
  if (offset !== undefined && offset !== "Z") {
    const sign = offset[0] === "-" ? -1 : 1;
    utc -= sign * (Number(offset.slice(1, 3)) * 60 + Number(offset.slice(4, 6))) * 60_000;
  }
  return utc;
}

// What the URL and the API get for a typed time: relative text as typed, everything else as RFC 3339 in UTC.
export function canonicalTime(text: string, nowMs: number, zone: Zone): string | null {
  if (isRelative(text)) return text.trim();
  const ms = parseTime(text, nowMs, zone);
  return ms === null ? null : new Date(ms).toISOString();
}

export interface Preset {
  from: string;
  label: string;
}

export const presets: readonly Preset[] = [
  { from: "now-5m", label: "Last 5 minutes" },
  { from: "now-15m", label: "Last 15 minutes" },
  { from: "now-30m", label: "Last 30 minutes" },
  { from: "now-1h", label: "Last hour" },
  { from: "now-4h", label: "Last 4 hours" },
  { from: "now-12h", label: "Last 12 hours" },
  { from: "now-1d", label: "Last day" },
  { from: "now-2d", label: "Last 2 days" },
  { from: "now-7d", label: "Last 7 days" },
  { from: "now-30d", label: "Last 30 days" },
];

const unitNames: Record<string, string> = { s: "second", m: "minute", h: "hour", d: "day" };

// "Last 15 minutes", or both ends of an absolute range.
export function rangeLabel(from: string, to: string, zone: Zone): string {
  const preset = presets.find((p) => p.from === from && to === "now");
  if (preset) return preset.label;
  const match = /^now-(\d+)([smhd])$/.exec(from);
  if (match && to === "now") {
    const count = Number(match[1]);
    return `Last ${count} ${unitNames[match[2]!]}${count === 1 ? "" : "s"}`;
  }
  const now = Date.now();
  const begin = isRelative(from) ? null : parseTime(from, now, zone);
  const end = isRelative(to) ? null : parseTime(to, now, zone);
  const first = begin === null ? from : formatDateTime(begin, zone);
  if (end === null) return `${first} to ${to}`;
  const sameDay = begin !== null && dateOf(begin, zone) === dateOf(end, zone);
  return `${first} to ${sameDay ? formatClock(end, zone) : formatDateTime(end, zone)}`;
}

// A range of twice the length around the same middle (its end not after now).
export function zoomOut(fromMs: number, toMs: number, nowMs: number): { from: number; to: number } {
  const length = Math.max(toMs - fromMs, 1000);
  const to = Math.min(toMs + length / 2, nowMs);
  return { from: Math.round(to - 2 * length), to: Math.round(to) };
}

const pad = (value: number, digits = 2) => String(value).padStart(digits, "0");

interface Parts {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  ms: number;
}

function partsOf(ms: number, zone: Zone): Parts {
  const d = new Date(ms);
  return zone === "utc"
    ? { year: d.getUTCFullYear(), month: d.getUTCMonth() + 1, day: d.getUTCDate(), hour: d.getUTCHours(), minute: d.getUTCMinutes(), second: d.getUTCSeconds(), ms: d.getUTCMilliseconds() }
    : { year: d.getFullYear(), month: d.getMonth() + 1, day: d.getDate(), hour: d.getHours(), minute: d.getMinutes(), second: d.getSeconds(), ms: d.getMilliseconds() };
}

export function dateOf(ms: number, zone: Zone): string {
  const p = partsOf(ms, zone);
  return `${p.year}-${pad(p.month)}-${pad(p.day)}`;
}

export function formatClock(ms: number, zone: Zone, withMs = false): string {
  const p = partsOf(ms, zone);
  return `${pad(p.hour)}:${pad(p.minute)}:${pad(p.second)}${withMs ? `.${pad(p.ms, 3)}` : ""}`;
}

export function formatDateTime(ms: number, zone: Zone): string {
  return `${dateOf(ms, zone)} ${formatClock(ms, zone)}`;
}

// One tick of an axis whose neighbours are `stepMs` away.
export function formatTick(ms: number, stepMs: number, zone: Zone): string {
  const p = partsOf(ms, zone);
  if (stepMs >= 86_400_000) return `${pad(p.month)}-${pad(p.day)}`;
  if (stepMs < 60_000) return `${pad(p.hour)}:${pad(p.minute)}:${pad(p.second)}`;
  return `${pad(p.hour)}:${pad(p.minute)}`;
}

// Milliseconds of a record's time; the nanoseconds below are in nanosecondsOf().
export function msOf(ts: string): number {
  return Date.parse(ts.replace(/(\.\d{3})\d+/, "$1"));
}

// Nanoseconds within the millisecond, 0 to 999999.
export function nanosecondsOf(ts: string): number {
  const match = /\.(\d{1,9})/.exec(ts);
  return match ? Number(match[1]!.padEnd(9, "0").slice(3)) : 0;
}

// Milliseconds from `base` to `ts` with the nanoseconds kept as a fraction: both are near each other, so a double holds it.
export function msBetween(base: string, ts: string): number {
  return msOf(ts) - msOf(base) + (nanosecondsOf(ts) - nanosecondsOf(base)) / 1e6;
}

export function formatTimestamp(ts: string, zone: Zone): string {
  const ms = msOf(ts);
  return `${dateOf(ms, zone)} ${formatClock(ms, zone, true)}${pad(nanosecondsOf(ts), 6)}`.replace(/0{1,6}$/, "");
}

export function ago(ms: number, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - ms) / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

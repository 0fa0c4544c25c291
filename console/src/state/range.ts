// The time range in the address: relative (`now-15m`) or RFC 3339.  Absent parameters mean the last 15 minutes.
import { computed } from "@preact/signals";
import type { Range } from "../api/client";
import { parseTime } from "../lib/time";
import { place, setParams } from "./route";

export const defaultFrom = "now-15m";

export const range = computed<Range>(() => ({ from: place.value.params["from"] || defaultFrom, to: place.value.params["to"] || "now" }));

export function setRange(from: string, to: string): void {
  setParams({ from: from === defaultFrom && to === "now" ? undefined : from, to: to === "now" ? undefined : to, sel: undefined, selt: undefined, rows: undefined });
}

export function setRangeMs(fromMs: number, toMs: number): void {
  setRange(new Date(Math.floor(fromMs)).toISOString(), new Date(Math.ceil(toMs)).toISOString());
}

export function rangeMs(nowMs = Date.now()): { from: number; to: number } {
  const { from, to } = range.value;
  return { from: parseTime(from, nowMs, "utc") ?? nowMs - 900_000, to: parseTime(to, nowMs, "utc") ?? nowMs };
}

import { describe, expect, it } from "vitest";
import { ago, canonicalTime, formatTick, formatTimestamp, msBetween, msOf, parseTime, rangeLabel, relativeAgeMs, zoomOut } from "./time";

const now = Date.UTC(2026, 10, 23, 6, 10, 10);

describe("relative times", () => {
  it.each([
    ["now", 0],
    ["now-15m", 900_000],
    ["now-2h", 7_200_000],
    ["now-30s", 30_000],
    ["now-7d", 604_800_000],
    [" now-1m ", 60_000],
    ["now-1w", null],
    ["now+5m", null],
    ["now-", null],
    ["15m", null],
    ["now-1.5h", null],
  ])("%s", (text, want) => expect(relativeAgeMs(text)).toBe(want));
});

describe("typed times", () => {
  it.each([
    ["now-10s", now - 10_000],
    ["2026-11-23T06:10:10Z", now],
    ["2026-11-23T06:10:10.123456789Z", now + 123],
    ["2026-11-23T07:10:10+01:00", now],
    ["2026-11-23T00:40:10-05:30", now],
    ["2026-11-23 06:10", now - 10_000],
    ["2026-11-23", Date.UTC(2026, 10, 23)],
    ["1795327810000", 1795327810000],
    ["2026-02-29", null],
    ["2024-02-29", Date.UTC(2024, 1, 29)],
    ["2026-13-01", null],
    ["2026-11-23 24:00", null],
    ["2026-11-23 06:61", null],
    ["yesterday", null],
    ["", null],
  ])("%s", (text, want) => expect(parseTime(text, now, "utc")).toBe(want));

  it("reads a time without a zone as the browser's when it shows local times", () => {
    expect(parseTime("2026-11-23 06:10", now, "local")).toBe(new Date(2026, 10, 23, 6, 10).getTime());
  });

  it("keeps relative text and writes everything else as RFC 3339", () => {
    expect(canonicalTime("now-15m", now, "utc")).toBe("now-15m");
    expect(canonicalTime("2026-11-23 06:10", now, "utc")).toBe("2026-11-23T06:10:00.000Z");
    expect(canonicalTime("soon", now, "utc")).toBeNull();
  });
});

describe("nanoseconds", () => {
  const a = "2026-11-23T06:10:10.123456789Z";
  it("survive where milliseconds would lose them", () => {
    expect(msOf(a)).toBe(now + 123);
    expect(msBetween(a, "2026-11-23T06:10:10.123457789Z")).toBeCloseTo(0.001, 9);
    expect(msBetween(a, "2026-11-23T06:10:10.122456789Z")).toBeCloseTo(-1, 9);
    expect(formatTimestamp(a, "utc")).toBe("2026-11-23 06:10:10.123456789");
  });
  it.each([
    ["2026-11-23T06:10:10.100000000Z", "2026-11-23 06:10:10.100"],
    ["2026-11-23T06:10:10.100200000Z", "2026-11-23 06:10:10.1002"],
    ["2026-11-23T06:10:10Z", "2026-11-23 06:10:10.000"],
  ])("%s is shown as %s", (ts, want) => expect(formatTimestamp(ts, "utc")).toBe(want));
});

describe("labels", () => {
  it.each([
    ["now-15m", "now", "Last 15 minutes"],
    ["now-90s", "now", "Last 90 seconds"],
    ["now-1d", "now", "Last day"],
    ["2026-11-23T06:00:00Z", "2026-11-23T06:10:00Z", "2026-11-23 06:00:00 to 06:10:00"],
    ["2026-11-22T06:00:00Z", "2026-11-23T06:10:00Z", "2026-11-22 06:00:00 to 2026-11-23 06:10:00"],
    ["2026-11-22T06:00:00Z", "now", "2026-11-22 06:00:00 to now"],
  ])("%s … %s", (from, to, want) => expect(rangeLabel(from, to, "utc")).toBe(want));

  it.each([
    [1000, "06:10:10"],
    [60_000, "06:10"],
    [86_400_000, "11-23"],
  ])("a tick every %d ms", (step, want) => expect(formatTick(now, step, "utc")).toBe(want));

  it.each([
    [5000, "5 s"],
    [61_000, "1 min"],
    [3_660_000, "1 h 1 min"],
    [90_000_000, "1 d 1 h"],
    [-5, "0 s"],
  ])("%d ms ago", (ms, want) => expect(ago(now - ms, now)).toBe(want));
});

it("zooms out to twice the length and never into the future", () => {
  expect(zoomOut(1000_000, 1100_000, 2_000_000)).toEqual({ from: 950_000, to: 1_150_000 });
  expect(zoomOut(1000_000, 1100_000, 1_100_000)).toEqual({ from: 900_000, to: 1_100_000 });
});

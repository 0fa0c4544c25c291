import { expect, it } from "vitest";
import { bytes, count, duration, exact, percent, plural, rate } from "./format";

it.each([[0, "0"], [999, "999"], [9999, "9999"], [12_345, "12.3k"], [999_960, "1M"], [1_500_000, "1.5M"], [2_000_000_000, "2G"], [0.5, "0.5"]])("count %d", (n, want) => expect(count(n)).toBe(want));
it.each([[0, "0"], [1234, "1\u202f234"], [1_234_567, "1\u202f234\u202f567"]])("exact %d", (n, want) => expect(exact(n)).toBe(want));
it.each([[0, "0 B"], [1023, "1023 B"], [1024, "1 KiB"], [1536, "1.5 KiB"], [1024 ** 3 * 2.25, "2.25 GiB"]])("bytes %d", (n, want) => expect(bytes(n)).toBe(want));
it.each([[null, "–"], [NaN, "–"], [0, "0 ms"], [0.0004, "400 ns"], [0.25, "250 µs"], [1.234, "1.23 ms"], [45.67, "45.7 ms"], [999.4, "999 ms"], [1500, "1.5 s"], [90_000, "1 min 30 s"], [7_200_000, "2 h"]])("duration %d", (n, want) => expect(duration(n)).toBe(want));
it.each([[0, "0 %"], [0.00001, "< 0.01 %"], [0.005, "0.5 %"], [0.99999, "> 99.99 %"], [1, "100 %"]])("percent %d", (n, want) => expect(percent(n)).toBe(want));
it.each([[0, "0/s"], [0.05, "3/min"], [1.5, "1.5/s"], [25_000, "25k/s"]])("rate %d", (n, want) => expect(rate(n)).toBe(want));
it.each([[1, "1 span"], [2, "2 spans"], [0, "0 spans"]])("plural %d", (n, want) => expect(plural(n, "span")).toBe(want));

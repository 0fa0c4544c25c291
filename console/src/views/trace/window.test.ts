import { expect, it } from "vitest";
import { formatZoom, parseZoom, rulerTicks, share } from "./window";

it.each([["0-10", { from: 0, to: 10 }], ["12.5-80", { from: 12.5, to: 80 }], ["50-900", { from: 50, to: 100 }], ["10-10", null], ["80-20", null], ["200-300", null], ["x", null], [undefined, null]])("zoom %s", (text, want) => expect(parseZoom(text, 100)).toEqual(want));

it("comes back from the address", () => expect(parseZoom(formatZoom({ from: 1.23456, to: 7 }), 100)).toEqual({ from: 1.2346, to: 7 }));

it("places", () => expect([share({ from: 10, to: 20 }, 15), share({ from: 10, to: 20 }, 5)]).toEqual([0.5, -0.5]));

it.each([
  [{ from: 0, to: 100 }, [0, 20, 40, 60, 80, 100]],
  [{ from: 3, to: 9 }, [3, 4, 5, 6, 7, 8, 9]],
])("ruler of %j", (window, want) => expect(rulerTicks(window)).toEqual(want));

it("has few marks for any length", () => {
  for (const to of [1e-6, 0.37, 1, 17, 1234, 8e7]) {
    const n = rulerTicks({ from: 0, to }).length;
    expect(n).toBeGreaterThan(2);
    expect(n).toBeLessThanOrEqual(8);
  }
});

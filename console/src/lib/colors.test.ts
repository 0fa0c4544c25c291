import { expect, it } from "vitest";
import { distinctIndexes, seriesCount, seriesIndex } from "./colors";

it("is stable, within the palette, and keeps the first colour for the edge", () => {
  expect(seriesIndex("edge")).toBe(1);
  for (const name of ["catalog", "storefront", "", "ünïcode", "a".repeat(500)]) {
    expect(seriesIndex(name)).toBe(seriesIndex(name));
    expect(seriesIndex(name)).toBeGreaterThanOrEqual(2);
    expect(seriesIndex(name)).toBeLessThanOrEqual(seriesCount);
  }
});

it("gives different colours while there are enough", () => {
  const names = Array.from({ length: seriesCount }, (_, i) => `service-${i}`);
  expect(new Set(distinctIndexes(names).values()).size).toBe(seriesCount);
  expect(distinctIndexes([...names, "one more"]).size).toBe(seriesCount + 1);
});

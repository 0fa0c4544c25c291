import { expect, it } from "vitest";
import { apiUrl, located } from "./client";

it.each([
  [{ code: "bad_query", message: "'(' without ')'", hint: "close it", offset: 13 }, "'(' without ')'", 13],
  [{ code: "invalid", message: "byte 13: '(' without ')'" }, "'(' without ')'", 13],
  [{ code: "invalid", message: "byte 13: open", offset: 12 }, "open", 12],
  [{ code: "invalid", message: "a byte 13: open" }, "a byte 13: open", undefined],
])("%j", (error, message, offset) => {
  const known = located(400, error);
  expect([known.message, known.offset]).toEqual([message, offset]);
});

it("leaves out parameters that say nothing", () => {
  expect(apiUrl("logs", { q: "", from: "now-1h", limit: 0, cursor: undefined })).toBe("/api/v1/logs?from=now-1h&limit=0");
  expect(apiUrl("logs", { q: "a b&c=+" })).toBe("/api/v1/logs?q=a+b%26c%3D%2B");
  expect(apiUrl("status")).toBe("/api/v1/status");
});

import { expect, it } from "vitest";
import type { LogRecord } from "../api/types";
import { csvCell, logsToCsv } from "./export";

it.each([
  ["plain", "plain"],
  ["a,b", '"a,b"'],
  ['say "hi"', '"say ""hi"""'],
  ["two\nlines", '"two\nlines"'],
  ["=1+1", "'=1+1"],
  [-5, "-5"],
  [undefined, ""],
  [{ a: 1 }, '"{""a"":1}"'],
])("cell %j", (value, want) => expect(csvCell(value)).toBe(want));

it("writes a head and one line a record", () => {
  const row: LogRecord = { id: "1", ts: "2026-11-23T06:10:10.000000001Z", level: "info", severity: 9, service: "web", env: "", version: "", host: "h", region: "", source: "otlp", message: "hello, world", attributes: { k: "v" }, resource: {} };
  expect(logsToCsv([row]).split("\r\n")).toEqual([
    "ts,level,service,host,source,status,duration_ms,trace_id,span_id,message,attributes,resource",
    '2026-11-23T06:10:10.000000001Z,info,web,h,otlp,,,,,"hello, world","{""k"":""v""}",{}',
    "",
  ]);
});

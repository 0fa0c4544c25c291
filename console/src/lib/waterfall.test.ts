import { expect, it } from "vitest";
import type { Span } from "../api/types";
import { buildWaterfall, statementOf, summaryOf, visibleNodes } from "./waterfall";

function span(id: string, parent: string | undefined, startMs: number, durationMs: number, more: Partial<Span> = {}): Span {
  const at = new Date(Date.UTC(2026, 10, 23) + Math.floor(startMs)).toISOString().slice(0, -1);
  const nanos = String(Math.round((startMs % 1) * 1e6)).padStart(6, "0");
  return {
    ts: `${at}${nanos}Z`, duration_ms: durationMs, service: "web", env: "", version: "", host: "", name: id, kind: "server", status: "unset", trace_id: "t", span_id: id,
    ...(parent === undefined ? {} : { parent_span_id: parent }), attributes: {}, resource: {}, events: [], links: [], ...more,
  };
}

const shape = (spans: Span[]) => buildWaterfall(spans).nodes.map((n) => `${"  ".repeat(n.depth)}${n.span.span_id}${n.orphan ? "?" : ""}`);

it("is a tree in order of time, whatever the order of arrival", () => {
  expect(shape([span("c", "a", 5, 1), span("a", undefined, 0, 10), span("d", "b", 2, 1), span("b", "a", 1, 3)])).toEqual(["a", "  b", "    d", "  c"]);
});

it("puts the longer of two that begin together first", () => {
  expect(shape([span("a", undefined, 0, 9), span("x", "a", 1, 1), span("y", "a", 1, 5)])).toEqual(["a", "  y", "  x"]);
});

it("keeps spans in sight whose parent never arrived", () => {
  expect(shape([span("a", undefined, 0, 10), span("o", "gone", 3, 2), span("p", "o", 4, 1)])).toEqual(["a", "o?", "  p"]);
});

it("survives spans that are their own or each other's parent", () => {
  const rows = shape([span("s", "s", 0, 1), span("x", "y", 1, 1), span("y", "x", 2, 1), span("z", "y", 3, 1)]);
  expect(rows).toHaveLength(4);
  expect(rows[0]).toBe("s?");
  expect(rows.filter((row) => row.endsWith("?"))).toHaveLength(2);
});

it("shows a doubled span id twice", () => {
  expect(shape([span("a", undefined, 0, 10), span("b", "a", 1, 1), span("b", "a", 2, 1), span("c", "b", 3, 1)])).toEqual(["a", "  b", "    c", "  b"]);
});

it("measures from the first start to the last end, with nanoseconds", () => {
  const w = buildWaterfall([span("late", undefined, 5.25, 1), span("early", undefined, 5, 0.5)]);
  expect(w.durationMs).toBeCloseTo(1.25, 6);
  expect(w.nodes[1]!.startMs).toBeCloseTo(0.25, 6);
});

it("hides what is below a collapsed span and counts it", () => {
  const w = buildWaterfall([span("a", undefined, 0, 10), span("b", "a", 1, 3), span("c", "b", 2, 1, { status: "error" }), span("d", "a", 5, 1)]);
  expect(visibleNodes(w, new Set(["b"])).map((n) => n.span.span_id)).toEqual(["a", "b", "d"]);
  expect(visibleNodes(w, new Set(["a", "b"])).map((n) => n.span.span_id)).toEqual(["a"]);
  expect(w.nodes[0]!.descendants).toBe(3);
  expect(w.nodes[1]!.errorBelow).toBe(true);
  expect(w.nodes[3]!.errorBelow).toBe(false);
});

it("takes a chain of 20 000 spans", () => {
  const spans = Array.from({ length: 20_000 }, (_, i) => span(`s${i}`, i === 0 ? undefined : `s${i - 1}`, i / 100, 1));
  const w = buildWaterfall(spans);
  expect(w.nodes).toHaveLength(20_000);
  expect(w.nodes[19_999]!.depth).toBe(19_999);
});

it("is empty of nothing", () => expect(buildWaterfall([]).nodes).toEqual([]));

it("finds the statement by both names of the convention", () => {
  expect(statementOf(span("a", undefined, 0, 1, { attributes: { "db.statement": "SELECT 1" } }))).toBe("SELECT 1");
  expect(statementOf(span("a", undefined, 0, 1, { attributes: { "db.query.text": "SELECT 2" } }))).toBe("SELECT 2");
  expect(summaryOf(span("a", undefined, 0, 1, { attributes: { "db.statement": "SELECT\n  1" } }))).toBe("SELECT 1");
  expect(summaryOf(span("a", undefined, 0, 1, { attributes: { "url.path": "/cart" } }))).toBe("/cart");
});

import { expect, it } from "vitest";
import type { LogRecord } from "../api/types";
import { emptyTail, push, resume, tailRowsMax, type TailRow } from "./tail";

const row = (id: string): TailRow => ({ kind: "log", id, log: {} as LogRecord });
const ids = (rows: readonly TailRow[]) => rows.map((r) => r.id);

it("shows the newest first", () => {
  expect(ids(push(push(emptyTail, [row("a"), row("b")], false), [row("c")], false).rows)).toEqual(["c", "b", "a"]);
});

it("lets records wait while paused and shows them afterwards", () => {
  const paused = push(push(emptyTail, [row("a")], false), [row("b"), row("c")], true);
  expect(ids(paused.rows)).toEqual(["a"]);
  expect(ids(resume(paused).rows)).toEqual(["c", "b", "a"]);
  expect(resume(paused).waiting).toEqual([]);
});

it("shows a record once that was sent again", () => {
  expect(ids(push(push(emptyTail, [row("a"), row("b")], false), [row("b"), row("c")], false).rows)).toEqual(["c", "b", "a"]);
});

it("is bounded, and says what it forgot while paused", () => {
  const many = Array.from({ length: tailRowsMax + 7 }, (_, i) => row(`r${i}`));
  expect(push(emptyTail, many, false).rows).toHaveLength(tailRowsMax);
  const paused = push(push(emptyTail, [row("old")], false), many, true);
  expect(paused.forgotten).toBe(7);
  expect(push({ ...emptyTail, waiting: [], forgotten: 3 }, [row("x")], true).forgotten).toBe(3);
});

it("marks the forgotten as a gap after resuming", () => {
  const rows = resume({ rows: [row("a")], waiting: [row("z")], forgotten: 5 }).rows;
  expect(rows.map((r) => (r.kind === "gap" ? `gap ${r.skipped}` : r.id))).toEqual(["z", "gap 5", "a"]);
});

// What live tail shows, apart from the connection: newest first, a bounded number of rows, gaps where the server says
// that it skipped, and a waiting room while paused.
import type { LogRecord } from "../api/types";

export const tailRowsMax = 2000;

export type TailRow = { kind: "log"; id: string; log: LogRecord } | { kind: "gap"; id: string; skipped: number };

export interface Tail {
  rows: TailRow[];
  waiting: TailRow[]; // newest first, not shown yet
  forgotten: number; // that fell out of the waiting room
}

export const emptyTail: Tail = { rows: [], waiting: [], forgotten: 0 };

// `arrived` is in order of arrival, oldest first.
export function push(tail: Tail, arrived: readonly TailRow[], paused: boolean): Tail {
  const newest = [...arrived].reverse();
  if (!paused) return { ...tail, rows: unique([...newest, ...tail.rows]).slice(0, tailRowsMax) };
  const waiting = unique([...newest, ...tail.waiting]);
  return { rows: tail.rows, waiting: waiting.slice(0, tailRowsMax), forgotten: tail.forgotten + Math.max(0, waiting.length - tailRowsMax) };
}

// What waited comes in sight; what fell out is a gap between it and the rest.
export function resume(tail: Tail): Tail {
  const lost: TailRow[] = tail.forgotten > 0 ? [{ kind: "gap", id: `paused-${tail.waiting[0]?.id ?? ""}`, skipped: tail.forgotten }] : [];
  return { rows: unique([...tail.waiting, ...lost, ...tail.rows]).slice(0, tailRowsMax), waiting: [], forgotten: 0 };
}

// After a reconnection the server may send a record again.
function unique(rows: TailRow[]): TailRow[] {
  const seen = new Set<string>();
  return rows.filter((row) => !seen.has(row.id) && seen.add(row.id));
}

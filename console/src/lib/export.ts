// The loaded rows as a file for other programs.
import type { LogRecord } from "../api/types";

const columns = ["ts", "level", "service", "host", "source", "status", "duration_ms", "trace_id", "span_id", "message"] as const;

// RFC 4180.  A cell that a spreadsheet would take for a formula gets an apostrophe: log lines are other people's words.
export function csvCell(value: unknown): string {
  if (value === undefined || value === null) return "";
  let text = typeof value === "object" ? JSON.stringify(value) : String(value);
  if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

export function logsToCsv(rows: readonly LogRecord[]): string {
  const head = [...columns, "attributes", "resource"].join(",");
  return `${[head, ...rows.map((row) => [...columns.map((c) => csvCell(row[c])), csvCell(row.attributes), csvCell(row.resource)].join(","))].join("\r\n")}\r\n`;
}

export function download(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

// A trace's spans as rows of a waterfall: a tree in order of time, with what has no known parent kept in sight.
import type { Span } from "../api/types";
import { msBetween } from "./time";

export interface SpanNode {
  span: Span;
  index: number; // of the span in the trace's list
  startMs: number; // since the trace's first start
  endMs: number;
  depth: number;
  children: SpanNode[];
  descendants: number;
  errorBelow: boolean; // a descendant failed
  orphan: boolean; // names a parent that is not in the trace
}

export interface Waterfall {
  roots: SpanNode[];
  nodes: SpanNode[]; // depth first
  baseTs: string; // the first start; startMs counts from it
  durationMs: number;
  services: string[]; // in order of appearance
}

const byStart = (a: SpanNode, b: SpanNode) => a.startMs - b.startMs || b.endMs - a.endMs || a.index - b.index;

export function buildWaterfall(spans: readonly Span[]): Waterfall {
  const first = spans[0];
  if (!first) return { roots: [], nodes: [], baseTs: "", durationMs: 0, services: [] };
  let baseTs = first.ts;
  for (const span of spans) if (msBetween(baseTs, span.ts) < 0) baseTs = span.ts;

  const all: SpanNode[] = spans.map((span, index) => {
    const startMs = msBetween(baseTs, span.ts);
    return { span, index, startMs, endMs: startMs + Math.max(0, span.duration_ms), depth: 0, children: [], descendants: 0, errorBelow: false, orphan: false };
  });
  // A doubled span id (a sender that retried with other bytes) leaves the first one as the parent; both are shown.
  const byId = new Map<string, SpanNode>();
  for (const node of all) if (!byId.has(node.span.span_id)) byId.set(node.span.span_id, node);

  const parentOf = new Map<SpanNode, SpanNode>();
  for (const node of all) {
    const id = node.span.parent_span_id;
    if (!id) continue;
    const parent = byId.get(id);
    if (!parent || parent === node) node.orphan = true;
    else parentOf.set(node, parent);
  }
  cutCycles(all, parentOf);
  const roots: SpanNode[] = [];
  for (const node of all) {
    const parent = parentOf.get(node);
    if (parent) parent.children.push(node);
    else roots.push(node);
  }

  // Depth first without recursion: a chain of 10 000 spans must not exhaust the stack.
  roots.sort(byStart);
  const nodes: SpanNode[] = [];
  const stack = [...roots].reverse();
  while (stack.length > 0) {
    const node = stack.pop()!;
    nodes.push(node);
    node.children.sort(byStart);
    for (let i = node.children.length - 1; i >= 0; --i) {
      node.children[i]!.depth = node.depth + 1;
      stack.push(node.children[i]!);
    }
  }
  for (let i = nodes.length - 1; i >= 0; --i) {
    const node = nodes[i]!;
    for (const child of node.children) {
      node.descendants += 1 + child.descendants;
      if (child.errorBelow || child.span.status === "error") node.errorBelow = true;
    }
  }
  const durationMs = all.reduce((end, node) => Math.max(end, node.endMs), 0);
  return { roots, nodes, baseTs, durationMs, services: [...new Set(nodes.map((node) => node.span.service))] };
}

// Ids that name each other as parents would be under no root at all: the first node met on a cycle becomes a root.
function cutCycles(all: readonly SpanNode[], parentOf: Map<SpanNode, SpanNode>): void {
  const done = new Set<SpanNode>();
  for (const start of all) {
    const path = new Set<SpanNode>();
    let node: SpanNode | undefined = start;
    while (node && !done.has(node)) {
      if (path.has(node)) {
        parentOf.delete(node);
        node.orphan = true;
        break;
      }
      path.add(node);
      node = parentOf.get(node);
    }
    for (const seen of path) done.add(seen);
  }
}

// The rows in sight when the spans of `collapsed` hide what is below them.
export function visibleNodes(waterfall: Waterfall, collapsed: ReadonlySet<string>): SpanNode[] {
  if (collapsed.size === 0) return waterfall.nodes;
  const out: SpanNode[] = [];
  for (let i = 0; i < waterfall.nodes.length; ) {
    const node = waterfall.nodes[i]!;
    out.push(node);
    i += collapsed.has(node.span.span_id) ? 1 + node.descendants : 1;
  }
  return out;
}

const textOf = (value: unknown) => (typeof value === "string" ? value : "");

// The SQL a span ran, by the old and the new name of the convention.
export function statementOf(span: Span): string {
  return textOf(span.attributes["db.query.text"]) || textOf(span.attributes["db.statement"]);
}

export function isDatabase(span: Span): boolean {
  return "db.system" in span.attributes || "db.system.name" in span.attributes || statementOf(span) !== "";
}

// What a row says after the span's name.
export function summaryOf(span: Span): string {
  const statement = statementOf(span);
  if (statement) return statement.replace(/\s+/g, " ").trim();
  const a = span.attributes;
  return textOf(a["url.path"]) || textOf(a["http.target"]) || textOf(a["url.full"]) || textOf(a["http.url"]) || textOf(a["rpc.method"]) || "";
}

// The service map in layers from left to right: callers before the called.  The same map gives the same picture,
// whatever the order of the answer.
import type { MapEdge, MapNode } from "../api/types";

export interface PlacedNode extends MapNode {
  layer: number;
  x: number; // middle
  y: number;
}

export interface PlacedEdge extends MapEdge {
  path: string; // of SVG
  labelX: number;
  labelY: number;
  back: boolean; // against the direction of the layers
}

export interface MapLayout {
  nodes: PlacedNode[];
  edges: PlacedEdge[];
  width: number;
  height: number;
}

export const nodeWidth = 184;
export const nodeHeight = 56;
const layerGap = 124;
const rowGap = 44;
const margin = 24;
const sweeps = 4;

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

export function layoutMap(nodesIn: readonly MapNode[], edgesIn: readonly MapEdge[]): MapLayout {
  const nodes = [...nodesIn].sort((a, b) => Number(b.kind === "edge") - Number(a.kind === "edge") || compare(a.name, b.name));
  const known = new Map(nodes.map((node) => [node.name, node]));
  const edges = edgesIn.filter((e) => known.has(e.from) && known.has(e.to)).sort((a, b) => compare(a.from, b.from) || compare(a.to, b.to));

  const forward = acyclic(nodes.map((n) => n.name), edges);
  const layers = layersOf(nodes.map((n) => n.name), forward);
  const rows = orderRows(nodes, forward, layers);

  const tallest = Math.max(1, ...rows.map((row) => row.length));
  const height = tallest * (nodeHeight + rowGap) - rowGap + 2 * margin;
  const placed = new Map<string, PlacedNode>();
  rows.forEach((row, layer) => {
    const top = (height - (row.length * (nodeHeight + rowGap) - rowGap)) / 2;
    row.forEach((name, i) => {
      placed.set(name, { ...known.get(name)!, layer, x: margin + nodeWidth / 2 + layer * (nodeWidth + layerGap), y: top + i * (nodeHeight + rowGap) + nodeHeight / 2 });
    });
  });
  const width = Math.max(1, rows.length) * (nodeWidth + layerGap) - layerGap + 2 * margin;
  const forwardSet = new Set(forward);
  return { nodes: nodes.map((n) => placed.get(n.name)!), edges: edges.map((e) => drawEdge(e, placed, !forwardSet.has(e))), width, height };
}

// The edges without those that close a cycle in a walk from the callers that nobody calls.
function acyclic(names: string[], edges: readonly MapEdge[]): MapEdge[] {
  const out = new Map<string, MapEdge[]>();
  const called = new Set<string>();
  for (const edge of edges) {
    if (edge.from === edge.to) continue;
    out.set(edge.from, [...(out.get(edge.from) ?? []), edge]);
    called.add(edge.to);
  }
  const state = new Map<string, "open" | "done">();
  const kept: MapEdge[] = [];
  const visit = (name: string) => {
    state.set(name, "open");
    for (const edge of out.get(name) ?? []) {
      if (state.get(edge.to) === "open") continue;
      kept.push(edge);
      if (!state.has(edge.to)) visit(edge.to);
    }
    state.set(name, "done");
  };
  for (const name of names) if (!called.has(name) && !state.has(name)) visit(name);
  for (const name of names) if (!state.has(name)) visit(name);
  return kept;
}

// The longest way from a caller decides the layer.
function layersOf(names: string[], edges: readonly MapEdge[]): Map<string, number> {
  const layers = new Map(names.map((name) => [name, 0]));
  for (let round = 0; round < names.length; ++round) {
    let moved = false;
    for (const edge of edges) {
      const want = layers.get(edge.from)! + 1;
      if (layers.get(edge.to)! < want) {
        layers.set(edge.to, want);
        moved = true;
      }
    }
    if (!moved) break;
  }
  return layers;
}

// Rows of each layer, each node near the middle of its neighbours: fewer crossings than the alphabet gives.
function orderRows(nodes: readonly MapNode[], edges: readonly MapEdge[], layers: Map<string, number>): string[][] {
  const rows: string[][] = [];
  for (const node of nodes) (rows[layers.get(node.name)!] ??= []).push(node.name);
  for (let i = 0; i < rows.length; ++i) rows[i] ??= [];
  for (let sweep = 0; sweep < sweeps; ++sweep) {
    const down = sweep % 2 === 0;
    const order = down ? rows.keys() : [...rows.keys()].reverse();
    for (const layer of order) {
      const place = new Map<string, number>();
      rows.forEach((row) => row.forEach((name, i) => place.set(name, (i + 0.5) / row.length)));
      const wish = (name: string) => {
        const near = edges.filter((e) => (down ? e.to === name : e.from === name)).map((e) => place.get(down ? e.from : e.to)!);
        return near.length === 0 ? place.get(name)! : near.reduce((sum, at) => sum + at, 0) / near.length;
      };
      rows[layer] = rows[layer]!
        .map((name) => ({ name, at: wish(name) }))
        .sort((a, b) => a.at - b.at || compare(a.name, b.name))
        .map((entry) => entry.name);
    }
  }
  return rows;
}

function drawEdge(edge: MapEdge, placed: Map<string, PlacedNode>, back: boolean): PlacedEdge {
  const a = placed.get(edge.from)!;
  const b = placed.get(edge.to)!;
  if (edge.from === edge.to) {
    const top = a.y - nodeHeight / 2;
    return { ...edge, back, path: `M ${a.x - 24} ${top} C ${a.x - 40} ${top - 44}, ${a.x + 40} ${top - 44}, ${a.x + 24} ${top}`, labelX: a.x, labelY: top - 24 };
  }
  if (back || a.layer >= b.layer) {
    // Against the stream: out below and around.
    const low = Math.max(a.y, b.y) + nodeHeight / 2 + 28;
    const path = `M ${a.x} ${a.y + nodeHeight / 2} C ${a.x} ${low + 20}, ${b.x} ${low + 20}, ${b.x} ${b.y + nodeHeight / 2}`;
    return { ...edge, back: true, path, labelX: (a.x + b.x) / 2, labelY: low };
  }
  const x1 = a.x + nodeWidth / 2;
  const x2 = b.x - nodeWidth / 2;
  const bend = Math.min(90, (x2 - x1) / 2);
  return { ...edge, back, path: `M ${x1} ${a.y} C ${x1 + bend} ${a.y}, ${x2 - bend} ${b.y}, ${x2} ${b.y}`, labelX: (x1 + x2) / 2, labelY: (a.y + b.y) / 2 };
}

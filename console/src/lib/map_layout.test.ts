import { expect, it } from "vitest";
import type { MapEdge, MapNode } from "../api/types";
import { layoutMap } from "./map_layout";

const node = (name: string, kind: MapNode["kind"] = "service"): MapNode => ({ name, kind });
const edge = (from: string, to: string): MapEdge => ({ from, to, requests: 1, errors: 0, p50_ms: 1, p95_ms: 2 });
const layers = (nodes: MapNode[], edges: MapEdge[]) => Object.fromEntries(layoutMap(nodes, edges).nodes.map((n) => [n.name, n.layer]));

it("puts callers before the called, by the longest way", () => {
  const nodes = [node("db", "database"), node("web"), node("edge", "edge"), node("api")];
  expect(layers(nodes, [edge("edge", "web"), edge("web", "api"), edge("web", "db"), edge("api", "db")])).toEqual({ edge: 0, web: 1, api: 2, db: 3 });
});

it("draws a call back against the stream and still ends", () => {
  const map = layoutMap([node("edge", "edge"), node("a"), node("b")], [edge("edge", "a"), edge("a", "b"), edge("b", "a"), edge("b", "b")]);
  expect(Object.fromEntries(map.nodes.map((n) => [n.name, n.layer]))).toEqual({ edge: 0, a: 1, b: 2 });
  expect(map.edges.find((e) => e.from === "b" && e.to === "a")!.back).toBe(true);
  expect(map.edges.find((e) => e.from === "a")!.back).toBe(false);
  expect(map.edges).toHaveLength(4);
});

it("is the same for every order of the answer", () => {
  const nodes = ["edge", "a", "b", "c", "d", "e"].map((n) => node(n, n === "edge" ? "edge" : "service"));
  const edges = [edge("edge", "a"), edge("edge", "b"), edge("a", "c"), edge("b", "d"), edge("a", "e"), edge("d", "a")];
  const want = JSON.stringify(layoutMap(nodes, edges));
  expect(JSON.stringify(layoutMap([...nodes].reverse(), [...edges].reverse()))).toBe(want);
});

it("keeps nodes apart and inside", () => {
  const nodes = Array.from({ length: 12 }, (_, i) => node(`n${i}`));
  const map = layoutMap(nodes, nodes.slice(1).map((n, i) => edge(`n${Math.floor(i / 3)}`, n.name)));
  const places = new Set(map.nodes.map((n) => `${n.x} ${n.y}`));
  expect(places.size).toBe(12);
  for (const n of map.nodes) {
    expect(n.x).toBeGreaterThan(0);
    expect(n.x).toBeLessThan(map.width);
    expect(n.y).toBeGreaterThan(0);
    expect(n.y).toBeLessThan(map.height);
  }
});

it("crosses lines only where it must", () => {
  const map = layoutMap(["a", "b", "x", "y"].map((n) => node(n)), [edge("a", "y"), edge("b", "x")]);
  const y = (name: string) => map.nodes.find((n) => n.name === name)!.y;
  expect(y("a") < y("b")).toBe(y("y") < y("x"));
});

it("ignores an edge to a node that is not there, and draws nothing of nothing", () => {
  expect(layoutMap([node("a")], [edge("a", "gone")]).edges).toEqual([]);
  expect(layoutMap([], []).nodes).toEqual([]);
});

// Who calls whom, how often, and how well.
import { api } from "../api/client";
import type { ServiceMap } from "../api/types";
import { duration, exact, percent, rate } from "../lib/format";
import { layoutMap, nodeHeight, nodeWidth, type PlacedEdge, type PlacedNode } from "../lib/map_layout";
import { rangeLabel } from "../lib/time";
import { useKeys } from "../state/keys";
import { zone } from "../state/prefs";
import { range, rangeMs } from "../state/range";
import { useResource } from "../state/resource";
import { href, navigate, place, setParams } from "../state/route";
import { addFilter } from "../lib/query";
import { Panel, ServiceName } from "../ui/bits";
import { Icon } from "../ui/icons";
import { Busy, Empty, ErrorNote, Skeleton } from "../ui/states";

const nameMax = 17; // letters that fit a node
const kindWords = { edge: "edge", service: "service", database: "database", external: "outside" } as const;

// From one pixel and a half to five, by magnitude: a thousand times the traffic is three steps.
function edgeWidth(requests: number): number {
  return Math.min(5, 1.2 + Math.log10(1 + requests) * 0.8);
}

function Edge({ edge, seconds, dim }: { edge: PlacedEdge; seconds: number; dim: boolean }) {
  const failed = edge.errors > 0;
  return (
    <g class={`map-edge${failed ? " map-edge-bad" : ""}${dim ? " map-dim" : ""}`} data-testid="map-edge">
      <path d={edge.path} fill="none" stroke-width={edgeWidth(edge.requests)} marker-end={failed ? "url(#arrow-bad)" : "url(#arrow)"} />
      <text x={edge.labelX} y={edge.labelY - 7} text-anchor="middle">{rate(edge.requests / seconds)}</text>
      <text class="map-edge-note" x={edge.labelX} y={edge.labelY + 13} text-anchor="middle">{failed ? `${percent(edge.errors / edge.requests)} failed` : duration(edge.p95_ms)}</text>
    </g>
  );
}

function Node({ node, chosen, dim, failed }: { node: PlacedNode; chosen: boolean; dim: boolean; failed: boolean }) {
  const choose = () => setParams({ sel: chosen ? undefined : node.name }, "replace");
  return (
    <g
      class={`map-node map-kind-${node.kind}${chosen ? " map-chosen" : ""}${dim ? " map-dim" : ""}${failed ? " map-failed" : ""}`}
      transform={`translate(${node.x - nodeWidth / 2} ${node.y - nodeHeight / 2})`}
      role="button"
      tabIndex={0}
      aria-pressed={chosen}
      aria-label={`${node.name}, ${kindWords[node.kind] ?? node.kind}`}
      data-testid="map-node"
      onClick={choose}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        choose();
      }}
    >
      <title>{node.name}</title>
      <rect width={nodeWidth} height={nodeHeight} rx={8} />
      <g transform="translate(14 19)"><Icon name={node.kind in kindWords ? node.kind : "service"} size={18} /></g>
      <text x={42} y={25} class="map-name">{node.name.length > nameMax ? `${node.name.slice(0, nameMax - 1)}…` : node.name}</text>
      <text x={42} y={42} class="map-kind">{kindWords[node.kind] ?? node.kind}</text>
    </g>
  );
}

function Details({ map, name, seconds }: { map: ServiceMap; name: string; seconds: number }) {
  const node = map.nodes.find((n) => n.name === name);
  if (!node) return null;
  const search = addFilter("", "service", name);
  const lists = [["Called by", map.edges.filter((e) => e.to === name), "from"], ["Calls", map.edges.filter((e) => e.from === name), "to"]] as const;
  return (
    <Panel title={<ServiceName name={name} />} class="map-details" testid="map-details" aside={<button type="button" class="button button-icon button-bare" aria-label="close" onClick={() => setParams({ sel: undefined }, "replace")}><Icon name="close" /></button>}>
      {(node.kind === "service" || node.kind === "edge") && (
        <div class="toolbar panel-note">
          <a class="button" href={href(`/services/${encodeURIComponent(name)}`)}>Service</a>
          <a class="button" href={href("/logs", { q: search })}>Logs</a>
          <a class="button" href={href("/traces", { q: search })}>Traces</a>
        </div>
      )}
      {lists.map(([title, edges, end]) => edges.length > 0 && (
        <table class="table table-small" key={title}>
          <thead><tr><th>{title}</th><th class="num">Rate</th><th class="num">Failed</th><th class="num">p95</th></tr></thead>
          <tbody>
            {edges.map((e) => (
              <tr key={e[end]}>
                <td><button type="button" class="linklike" onClick={() => setParams({ sel: e[end] }, "replace")}><ServiceName name={e[end]} /></button></td>
                <td class="num" title={exact(e.requests)}>{rate(e.requests / seconds)}</td>
                <td class={e.errors > 0 ? "num bad" : "num"}>{percent(e.requests === 0 ? 0 : e.errors / e.requests)}</td>
                <td class="num">{duration(e.p95_ms)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ))}
    </Panel>
  );
}

export function MapView() {
  const r = range.value;
  const map = useResource(`map ${r.from} ${r.to}`, (signal) => api.map(range.value, signal));
  const chosen = place.value.params["sel"] ?? "";
  const ms = rangeMs();
  const seconds = Math.max(1, (ms.to - ms.from) / 1000);
  const layout = map.data ? layoutMap(map.data.nodes, map.data.edges) : undefined;
  const near = new Set([chosen, ...(map.data?.edges ?? []).flatMap((e) => (e.from === chosen ? [e.to] : e.to === chosen ? [e.from] : []))]);
  const focus = chosen !== "" && layout?.nodes.some((n) => n.name === chosen);
  const step = (by: number) => {
    const names = layout?.nodes.map((n) => n.name) ?? [];
    if (names.length > 0) setParams({ sel: names[(names.indexOf(chosen) + by + names.length) % names.length] }, "replace");
  };
  useKeys({
    j: () => step(1),
    k: () => step(chosen ? -1 : 0),
    Enter: () => chosen && navigate(href(`/services/${encodeURIComponent(chosen)}`)),
    Escape: () => setParams({ sel: undefined }, "replace"),
  });
  return (
    <div class="stack map-stack">
      <Busy on={map.loading && map.stale} />
      {map.error && <ErrorNote error={map.error} />}
      {!map.data && !map.error && <Skeleton />}
      {map.data && map.data.nodes.length === 0 && (
        <Empty title={`No calls between services in: ${rangeLabel(r.from, r.to, zone.value).toLowerCase()}`}>The map is drawn from spans: a request through the edge is enough to begin it.</Empty>
      )}
      {layout && layout.nodes.length > 0 && (
        <div class={focus ? "map-box map-box-open" : "map-box"}>
          <div class={`panel map-canvas${map.stale ? " stale" : ""}`} data-testid="map">
            <svg viewBox={`0 0 ${layout.width} ${layout.height}`} width={layout.width} height={layout.height} role="group" aria-label="service map">
              <defs>
                <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path class="map-arrow" d="M0 0.5 8 4 0 7.5z" /></marker>
                <marker id="arrow-bad" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path class="map-arrow-bad" d="M0 0.5 8 4 0 7.5z" /></marker>
              </defs>
              {layout.edges.map((edge) => <Edge key={`${edge.from} ${edge.to}`} edge={edge} seconds={seconds} dim={Boolean(focus) && edge.from !== chosen && edge.to !== chosen} />)}
              {layout.nodes.map((node) => <Node key={node.name} node={node} chosen={node.name === chosen} dim={Boolean(focus) && !near.has(node.name)} failed={layout.edges.some((e) => e.to === node.name && e.errors > 0)} />)}
            </svg>
          </div>
          {focus && map.data && <Details map={map.data} name={chosen} seconds={seconds} />}
        </div>
      )}
    </div>
  );
}

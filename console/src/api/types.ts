// The answers of the HTTP API v1 (docs/api.md), field for field.  Times are RFC 3339 in UTC with nanoseconds; durations
// say their unit.  A percentile of nothing is null.

export type Level = "trace" | "debug" | "info" | "warn" | "error" | "fatal";
export const levels: readonly Level[] = ["trace", "debug", "info", "warn", "error", "fatal"];

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type Attributes = Record<string, Json>;

export interface ApiErrorBody {
  error: { code: string; message: string; hint?: string; offset?: number };
}

export interface LogRecord {
  id: string;
  ts: string;
  level: Level | "";
  severity: number;
  service: string;
  env: string;
  version: string;
  host: string;
  region: string;
  source: string;
  trace_id?: string;
  span_id?: string;
  status?: number;
  duration_ms?: number;
  message: string;
  attributes: Attributes;
  resource: Attributes;
}

export interface SpanEvent {
  ts: string;
  name: string;
  attributes?: Attributes;
}

export interface SpanLink {
  trace_id: string;
  span_id: string;
  attributes?: Attributes;
}

export interface Span {
  ts: string;
  duration_ms: number;
  service: string;
  env: string;
  version: string;
  host: string;
  region?: string;
  source?: string;
  name: string;
  kind: string;
  status: "ok" | "error" | "unset";
  status_message?: string;
  trace_id: string;
  span_id: string;
  parent_span_id?: string;
  http_status?: number;
  attributes: Attributes;
  resource: Attributes;
  events: SpanEvent[];
  links: SpanLink[];
}

export interface Session {
  user: string;
}

export type InstanceState = "healthy" | "unhealthy" | "starting" | "draining" | "down";

export interface Instance {
  address: string;
  state: InstanceState;
  pid?: number | null;
  restarts: number;
  since: string;
  last_error?: string | null;
}

export interface Dropped {
  source: string;
  reason: string;
  records: number;
}

export interface Pipeline {
  received: number;
  stored: number;
  pending: number;
  dropped: Dropped[];
  sources: { source: string; signal: string; received: number; dropped: number }[];
}

export interface Volume {
  files: number;
  bytes: number;
  rows: number;
}

export interface Status {
  application: string;
  environment: string;
  region: string;
  version: string;
  started_at: string;
  urls: { edge: string[]; console?: string };
  edge: { state: "up" | "down" | "starting"; pid: number; restarts: number; requests_total: number; ring_dropped: number };
  services: { name: string; instances: Instance[] }[];
  pipeline: Pipeline;
  spool: { bytes: number; segments: number };
  store: Volume & { by_signal: Record<string, Volume> };
}

export interface LogsPage {
  rows: LogRecord[];
  next: string | null;
  took_ms: number;
}

export interface HistogramBucket {
  ts: string;
  total: number;
  counts: Record<Level, number>;
}

export interface Histogram {
  interval_ms: number;
  buckets: HistogramBucket[];
}

export interface Facet {
  field: string;
  values: { value: string; count: number }[];
}

export interface TraceSummary {
  trace_id: string;
  ts: string;
  root_service: string;
  root_name: string;
  duration_ms: number;
  spans: number;
  errors: number;
  services: string[];
  status: string;
  http_status?: number;
}

export interface TraceList {
  traces: TraceSummary[];
  took_ms: number;
}

export interface Trace {
  trace_id: string;
  spans: Span[];
  logs: LogRecord[];
  truncated?: boolean;
}

export interface Percentiles {
  p50_ms: number | null;
  p90_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
}

export interface Totals extends Percentiles {
  requests: number;
  rate: number;
  errors: number;
  error_rate: number;
  max_ms: number | null;
}

export interface ServiceTotals extends Totals {
  service: string;
}

export interface SeriesPoint extends Percentiles {
  ts: string;
  requests: number;
  errors: number;
}

export interface Operation {
  name: string;
  requests: number;
  errors: number;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
}

export interface ServicePage {
  service: string;
  totals: Totals;
  interval_ms: number;
  series: SeriesPoint[];
  operations: Operation[];
  versions: (Omit<Operation, "name"> & { version: string })[];
}

export type NodeKind = "edge" | "service" | "database" | "external";

export interface MapNode {
  name: string;
  kind: NodeKind;
}

export interface MapEdge {
  from: string;
  to: string;
  requests: number;
  errors: number;
  p50_ms: number | null;
  p95_ms: number | null;
}

export interface ServiceMap {
  nodes: MapNode[];
  edges: MapEdge[];
}

export interface OverviewPoint {
  ts: string;
  requests: number;
  errors: number;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
  logs: number;
  spans: number;
}

export interface Overview {
  interval_ms: number;
  series: OverviewPoint[];
  totals: { requests: number; errors: number; p95_ms: number | null; p99_ms: number | null };
}

export type WafMode = "off" | "log" | "block";

export interface WafExclusion {
  rules: string;
  targets: string[];
  path: string;
  reason: string;
}

export interface WafRoute {
  path: string;
  service: string;
  place: string; // as events name it: "shop.example.com /api/"
  mode: WafMode | "inherit";
  in_force: WafMode;
  exclusions: WafExclusion[];
}

export interface WafHost {
  names: string[];
  mode: WafMode | "inherit";
  in_force: WafMode;
  exclusions: WafExclusion[];
  routes: WafRoute[];
}

export interface Firewall {
  hash: string;
  mode: WafMode;
  paranoia: number;
  inbound_threshold: number;
  exclusions: WafExclusion[];
  hosts: WafHost[];
}

export interface WafEdit {
  host?: string;
  route?: string;
  mode?: WafMode | "inherit";
  exclusions?: WafExclusion[];
}

export interface EditedDeclaration {
  path: string;
  base: string;
  text: string;
}

export interface Change {
  action: "add" | "remove" | "change";
  path: string;
  from: string;
  to: string;
  effect: string;
}

export interface Plan {
  changes: Change[];
  applied: boolean;
  file?: "written" | "differs";
}

export interface ShownDeclaration {
  path: string;
  hash: string;
  text: string;
  complete: boolean;
  file: "same" | "differs" | "missing";
}

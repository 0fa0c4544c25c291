// Development only: an invented shop whose past and present the fixture server answers from.
const resource = (service) => ({ "service.name": service, "telemetry.sdk.language": "nodejs", "process.runtime.version": "20.20.2" });
let seed = 20261123;
const random = () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 4294967296;
};
const pick = (list) => list[Math.floor(random() * list.length)];
const hex = (digits) => Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join("");
// A few requests are very slow, most are quick.
const ms = (typical) => typical * (0.5 + random() + (random() < 0.02 ? 8 * random() : 0));
const stamp = (at) => `${new Date(Math.floor(at)).toISOString().slice(0, -1)}${String(Math.floor((at % 1) * 1e6)).padStart(6, "0")}Z`;

export const logs = []; // oldest first
export const traces = []; // { id, ts, spans, logs }
const routes = [
  ["GET", "/", 30], ["GET", "/products", 40], ["GET", "/products/:id", 60], ["POST", "/cart", 25], ["GET", "/cart", 20], ["POST", "/checkout", 8], ["GET", "/static/*", 35],
];
const weighted = routes.flatMap((r) => Array(r[2]).fill(r));
const agents = ["Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", "Mozilla/5.0 (Macintosh) Safari/619.1", "curl/8.5.0"];
let logCount = 0;

function log(list, at, level, service, message, extra = {}) {
  const record = {
    id: `l${(++logCount).toString(36)}`, ts: stamp(at), level, severity: { trace: 1, debug: 5, info: 9, warn: 13, error: 17, fatal: 21 }[level], service, env: "demo", version: service === "edge" ? "0.1.0" : "1.4.0",
    host: "shop-1", region: "local", source: service === "edge" ? "edge" : service === "database" ? "file" : "otlp", message, attributes: {}, resource: service === "edge" ? {} : resource(service), ...extra,
  };
  list.push(record);
  return record;
}

export function makeTrace(at, forcedPath) {
  const id = hex(32);
  const spans = [];
  const own = [];
  const [method, route] = forcedPath ? ["GET", "/products"] : pick(weighted);
  const path = route.replace(":id", String(1 + Math.floor(random() * 80))).replace("*", "app.css");
  const failed = route === "/checkout" ? random() < 0.14 : random() < 0.008;
  const span = (parent, service, name, kind, start, took, attributes = {}, more = {}) => {
    const s = { ts: stamp(start), duration_ms: took, service, env: "demo", version: service === "edge" ? "0.1.0" : "1.4.0", host: "shop-1", region: "local", source: service === "edge" ? "edge" : "otlp", name, kind, status: "unset", trace_id: id, span_id: hex(16), attributes, resource: service === "edge" ? {} : resource(service), events: [], links: [], ...more };
    if (parent) s.parent_span_id = parent.span_id;
    spans.push(s);
    return s;
  };
  const took = ms(route === "/checkout" ? 90 : route.startsWith("/static") ? 2 : 22);
  const status = failed ? (random() < 0.7 ? 500 : 502) : random() < 0.03 ? 404 : method === "POST" ? 303 : 200;
  const port = 4800 + Math.floor(random() * 2);
  const edgeAttributes = {
    "http.request.method": method, "url.scheme": "https", "url.path": path, "http.route": route, "http.response.status_code": String(status), "http.response.size": String(Math.floor(800 + random() * 30000)), "client.address": `203.0.113.${Math.floor(random() * 200)}`,
    "user_agent.original": pick(agents), "network.protocol.version": "2", "tls.protocol.version": "1.3", "tls.cipher": "TLS_AES_256_GCM_SHA384", "ringwall.service": "storefront", "ringwall.upstream.address": `127.0.0.1:${port}`, "ringwall.upstream.tries": "1",
    "ringwall.phase.header_ms": "0.08", "ringwall.phase.upstream_connect_ms": "0.21", "ringwall.phase.upstream_header_ms": String((took * 0.9).toFixed(3)), "ringwall.phase.upstream_ms": String((took * 0.96).toFixed(3)), "ringwall.connection": String(Math.floor(random() * 9999)),
  };
  const edge = span(null, "edge", `${method} ${route}`, "server", at, took, edgeAttributes, { http_status: status, status: status >= 500 ? "error" : "unset", events: [{ ts: stamp(at + 0.3), name: "upstream.connected", attributes: {} }, { ts: stamp(at + took * 0.9), name: "upstream.first_byte", attributes: {} }] });
  const ids = { trace_id: id };
  const front = span(edge, "storefront", `${method} ${route}`, "server", at + 0.4, took * 0.95, { "http.request.method": method, "http.route": route, "url.path": path }, { http_status: status, ...(failed ? { status: "error", status_message: "upstream answered 500" } : {}) });
  log(own, at + 0.6, "debug", "storefront", `session loaded for ${method} ${path}`, { ...ids, span_id: front.span_id, attributes: { "session.id": hex(8) } });
  if (!route.startsWith("/static")) {
    const call = span(front, "storefront", `GET catalog`, "client", at + 1.1, took * 0.75, { "http.request.method": "GET", "url.full": `http://127.0.0.1:4810${path}`, "server.address": "127.0.0.1" }, failed ? { status: "error" } : {});
    const catalog = span(call, "catalog", `GET ${route}`, "server", at + 1.5, took * 0.7, { "http.request.method": "GET", "http.route": route, "url.path": path }, { http_status: failed ? 500 : 200, ...(failed ? { status: "error", status_message: "query failed" } : {}) });
    log(own, at + 1.8, "info", "catalog", `listing products page=1 filter=none`, { ...ids, span_id: catalog.span_id, attributes: { "http.route": route, page: 1, "user.id": `u${Math.floor(random() * 400)}` } });
    const statements = route === "/checkout"
      ? ["BEGIN", "SELECT id, stock FROM products WHERE id = ANY($1) FOR UPDATE", "INSERT INTO orders (customer, total_cents) VALUES ($1, $2) RETURNING id", "UPDATE products SET stock = stock - $1 WHERE id = $2", "COMMIT"]
      : ["SELECT id, name, price_cents, stock FROM products WHERE visible ORDER BY name LIMIT $1 OFFSET $2", "SELECT count(*) FROM products WHERE visible"];
    let begin = at + 2.2;
    const room = (took * 0.6) / statements.length;
    for (const statement of statements) {
      const bad = failed && statement.startsWith("UPDATE");
      span(catalog, "catalog", `pg.query:${statement.split(" ")[0]} shop`, "client", begin, room * (0.4 + 0.5 * random()), { "db.system": "postgresql", "db.name": "shop", "db.statement": statement }, bad ? { status: "error", status_message: "deadlock detected", events: [{ ts: stamp(begin + room * 0.3), name: "exception", attributes: { "exception.type": "DatabaseError", "exception.message": "deadlock detected", "exception.stacktrace": "DatabaseError: deadlock detected\n    at Parser.parseErrorMessage (pg-protocol/parser.js:285:98)\n    at Socket.<anonymous> (pg-protocol/index.js:11:42)" } }] } : {});
      begin += room;
    }
    if (took > 60) log(own, at + took * 0.7, "warn", "catalog", `slow query: ${Math.round(took * 0.6)} ms for ${statements[0]}`, { ...ids, span_id: catalog.span_id, attributes: { "http.route": route, took_ms: Math.round(took * 0.6) } });
  }
  if (failed) log(own, at + took * 0.8, "error", "storefront", `request failed: catalog answered 500 for ${path}`, { ...ids, span_id: front.span_id, attributes: { "http.route": route, "error.type": "UpstreamError" } });
  log(own, at + took, status >= 500 ? "error" : status >= 400 ? "warn" : "info", "edge", `${method} ${path} ${status}`, { ...ids, span_id: edge.span_id, status, duration_ms: took, attributes: edgeAttributes });
  const trace = { id, ts: edge.ts, ms: at, spans, logs: own };
  traces.push(trace);
  logs.push(...own);
  return trace;
}

export function makeNoise(at) {
  log(logs, at, random() < 0.9 ? "info" : "warn", "database", pick(["checkpoint complete: wrote 41 buffers (0.3%)", "checkpoint starting: time", "automatic vacuum of table \"shop.public.orders\""]), { attributes: { pid: 4411 } });
}

// The past: `minutes` of it, thicker in the middle so that charts have a shape.
export function makePast(minutes, now) {
  for (let m = minutes; m > 0; --m) {
    const n = 14 + Math.round(10 * Math.sin(m / 9) + 6 * random());
    for (let i = 0; i < n; ++i) makeTrace(now - m * 60_000 + (i / n) * 60_000 + random() * 500);
    makeNoise(now - m * 60_000);
  }
  logs.sort((a, b) => (a.ts < b.ts ? -1 : 1));
}

// Ten thousand spans in one trace, some of whose parents never arrived.
export function makeLargeTrace(at) {
  const trace = makeTrace(at);
  const parents = [...trace.spans];
  for (let i = 0; i < 10_000 - 10; ++i) {
    const parent = pick(parents);
    const s = { ...parent, ts: stamp(at + random() * 400), duration_ms: random() * 6, name: `batch item ${i}`, kind: "internal", span_id: hex(16), parent_span_id: random() < 0.002 ? hex(16) : parent.span_id, attributes: { item: i }, events: [], status: random() < 0.001 ? "error" : "unset" };
    trace.spans.push(s);
    if (parents.length < 400) parents.push(s);
  }
  trace.spans.sort((a, b) => (a.ts < b.ts ? -1 : 1));
  return trace;
}

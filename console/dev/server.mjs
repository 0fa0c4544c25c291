// Development only: answers the API of docs/api.md with invented data, and serves dist/ under the program's policy.
//   node dev/server.mjs [--port 5181] [--minutes 90]      the token is rw_dev; /shop/… plays the shop
import { createServer } from "node:http";
import { readFileSync, existsSync } from "node:fs";
import { compile, logField, spanField, BadQuery } from "./search.mjs";
import { logs, traces, makeLargeTrace, makeNoise, makePast, makeTrace } from "./data.mjs";

const option = (name, fallback) => {
  const i = process.argv.indexOf(`--${name}`);
  return i < 0 ? fallback : process.argv[i + 1];
};
const port = Number(option("port", "5181"));
const dist = new URL("../dist/", import.meta.url);
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const types = { html: "text/html; charset=utf-8", js: "text/javascript", css: "text/css", svg: "image/svg+xml" };
const started = Date.now();
makePast(Number(option("minutes", "90")), started);
const large = makeLargeTrace(started - 30_000);
console.log(`trace of ${large.spans.length} spans: /traces/${large.id}`);

const tails = new Set();
let sequence = 0;
function happen(make) {
  const before = logs.length;
  const made = make();
  for (const record of logs.slice(before)) {
    ++sequence;
    for (const tail of tails) if (tail.match(record)) tail.response.write(`id: ${sequence}\nevent: log\ndata: ${JSON.stringify(record)}\n\n`);
  }
  return made;
}
setInterval(() => happen(() => (makeTrace(Date.now()), Math.random() < 0.1 && makeNoise(Date.now()))), 700);
setInterval(() => tails.forEach((t) => t.response.write('event: gap\ndata: {"skipped":128}\n\n')), 9000);

const timeOf = (text) => {
  const rel = /^now(?:-(\d+)([smhd]))?$/.exec(text);
  if (rel) return Date.now() - (rel[1] ? Number(rel[1]) * { s: 1e3, m: 6e4, h: 36e5, d: 864e5 }[rel[2]] : 0);
  return /^\d+$/.test(text) ? Number(text) : Date.parse(text);
};
const msOf = (ts) => Date.parse(ts.slice(0, 23) + "Z");
const quantile = (values, p) => {
  if (values.length === 0) return null;
  const v = [...values].sort((a, b) => a - b);
  const at = p * (v.length - 1);
  return v[Math.floor(at)] + (v[Math.ceil(at)] - v[Math.floor(at)]) * (at % 1);
};
const totals = (spans, seconds) => {
  const d = spans.map((s) => s.duration_ms);
  const errors = spans.filter((s) => s.status === "error").length;
  return { requests: spans.length, rate: spans.length / seconds, errors, error_rate: spans.length ? errors / spans.length : 0, p50_ms: quantile(d, 0.5), p90_ms: quantile(d, 0.9), p95_ms: quantile(d, 0.95), p99_ms: quantile(d, 0.99), max_ms: d.length ? Math.max(...d) : null };
};

function answer(path, p, range) {
  const seconds = (range.to - range.from) / 1000;
  const inRange = (ts) => msOf(ts) >= range.from && msOf(ts) < range.to;
  const recent = traces.filter((t) => t.ms >= range.from && t.ms < range.to && t !== large);
  const spans = () => recent.flatMap((t) => t.spans);
  const served = () => spans().filter((s) => s.kind === "server");
  const buckets = Math.max(1, Math.min(300, Number(p.get("buckets") ?? 60)));
  const interval = Math.max(1, Math.ceil((range.to - range.from) / buckets));
  const slot = (ts) => Math.min(buckets - 1, Math.floor((msOf(ts) - range.from) / interval));
  const iso = (i) => new Date(range.from + i * interval).toISOString().replace("Z", "000000Z");
  const matching = () => {
    const match = compile(p.get("q") ?? "", logField);
    return logs.filter((l) => inRange(l.ts) && match(l));
  };
  if (path === "status") {
    const received = logs.length + traces.reduce((n, t) => n + t.spans.length, 0);
    return {
      application: "shop", environment: "demo", region: "local", version: "0.1.0", started_at: new Date(started - 5.3e6).toISOString(), urls: { edge: ["https://localhost:9443/"], console: `http://localhost:${port}/` },
      edge: { state: "up", pid: 4210, restarts: 0, requests_total: traces.length, ring_dropped: 0 },
      services: [
        { name: "database", instances: [{ address: "127.0.0.1:4832", state: "healthy", pid: 4301, restarts: 0, since: new Date(started - 5.3e6).toISOString(), last_error: null }] },
        { name: "catalog", instances: [{ address: "127.0.0.1:4810", state: "healthy", pid: 4302, restarts: 0, since: new Date(started - 5.2e6).toISOString(), last_error: null }] },
        { name: "storefront", instances: [{ address: "127.0.0.1:4800", state: "healthy", pid: 4303, restarts: 0, since: new Date(started - 5.2e6).toISOString(), last_error: null }, { address: "127.0.0.1:4801", state: option("trouble", "1") === "1" ? "unhealthy" : "healthy", pid: 4304, restarts: 2, since: new Date(started - 4e4).toISOString(), last_error: "GET /healthz: no answer within 1 s" }] },
      ],
      pipeline: { received, stored: received - 412 - 37, pending: 412, dropped: [{ source: "otlp", reason: "too old", records: 31 }, { source: "file", reason: "line longer than 1 MiB", records: 6 }], sources: [{ source: "edge", signal: "logs", received: traces.length, dropped: 0 }, { source: "edge", signal: "spans", received: traces.length, dropped: 0 }, { source: "otlp", signal: "logs", received: 48120, dropped: 31 }, { source: "otlp", signal: "spans", received: 91822, dropped: 0 }, { source: "file", signal: "logs", received: 2210, dropped: 6 }] },
      spool: { bytes: 48_211_002, segments: 3 }, store: { files: 41, bytes: 8_412_114, rows: received - 449, by_signal: { logs: { files: 18, bytes: 2_912_110, rows: Math.floor(received * 0.4) }, spans: { files: 19, bytes: 5_100_020, rows: received - 449 - Math.floor(received * 0.4) - 9000 }, metrics: { files: 4, bytes: 399_984, rows: 9000 } } },
    };
  }
  if (path === "firewall") {
    const routes = [{ path: "/", service: "storefront", place: "localhost /", mode: "inherit", in_force: "block", exclusions: [{ rules: "942100,942190", targets: ["ARGS:q"], path: "= /search", reason: "people search for SQL" }] }];
    return { hash: "0", mode: "block", paranoia: 1, inbound_threshold: 5, exclusions: [], hosts: [{ names: ["localhost", "shop.localhost"], mode: "inherit", in_force: "block", exclusions: [], routes }] };
  }
  if (path === "logs") {
    const rows = matching();
    if (p.get("order") !== "asc") rows.reverse();
    const skip = Number(p.get("cursor") ?? 0);
    const limit = Number(p.get("limit") ?? 100);
    return { rows: rows.slice(skip, skip + limit), next: rows.length > skip + limit ? String(skip + limit) : null, took_ms: 7 + Math.random() * 20 };
  }
  if (path === "logs/histogram") {
    const out = Array.from({ length: buckets }, (_, i) => ({ ts: iso(i), total: 0, counts: { trace: 0, debug: 0, info: 0, warn: 0, error: 0, fatal: 0 } }));
    for (const l of matching()) { const b = out[slot(l.ts)]; ++b.total; ++b.counts[l.level]; }
    return { interval_ms: interval, buckets: out };
  }
  if (path === "logs/facets") {
    const rows = matching();
    return { facets: (p.get("fields") ?? "service,level").split(",").filter(Boolean).map((field) => {
      const counts = new Map();
      for (const l of rows) { const v = logField(l, field); if (v !== undefined && v !== null) counts.set(String(v), (counts.get(String(v)) ?? 0) + 1); }
      return { field, values: [...counts].map(([value, count]) => ({ value, count })).sort((a, b) => b.count - a.count).slice(0, Number(p.get("limit") ?? 10)) };
    }) };
  }
  if (path === "traces") {
    const match = compile(p.get("q") ?? "", spanField);
    const min = Number(p.get("min_duration_ms") ?? 0);
    const found = traces.filter((t) => t.ms >= range.from && t.ms < range.to && t.spans[0].duration_ms >= min && t.spans.some(match)).reverse();
    return { traces: found.slice(0, Number(p.get("limit") ?? 50)).map((t) => ({ trace_id: t.id, ts: t.ts, root_service: "edge", root_name: t.spans[0].name, duration_ms: t.spans[0].duration_ms, spans: t.spans.length, errors: t.spans.filter((s) => s.status === "error").length, services: [...new Set(t.spans.map((s) => s.service))].sort(), status: t.spans.some((s) => s.status === "error") ? "error" : "ok", http_status: t.spans[0].http_status })), took_ms: 12 };
  }
  if (path.startsWith("traces/")) {
    const t = traces.find((x) => x.id === path.slice(7));
    return t ? { trace_id: t.id, spans: t.spans, logs: t.logs } : null;
  }
  if (path === "services") return { services: [...new Set(served().map((s) => s.service))].sort().map((service) => ({ service, ...totals(served().filter((s) => s.service === service), seconds) })) };
  if (path.startsWith("services/")) {
    const service = decodeURIComponent(path.slice(9));
    const mine = served().filter((s) => s.service === service);
    const by = (key) => [...new Set(mine.map((s) => s[key]))].map((name) => ({ name, ...totals(mine.filter((s) => s[key] === name), seconds) }));
    return { service, totals: totals(mine, seconds), interval_ms: interval, series: Array.from({ length: buckets }, (_, i) => ({ ts: iso(i), ...totals(mine.filter((s) => slot(s.ts) === i), interval / 1000) })), operations: by("name"), versions: by("version").map(({ name, ...rest }) => ({ version: name, ...rest })) };
  }
  if (path === "map") {
    const edge = (from, to, list) => ({ from, to, ...totals(list, seconds) });
    const all = spans();
    const db = all.filter((s) => "db.system" in s.attributes);
    return { nodes: [{ name: "catalog", kind: "service" }, { name: "edge", kind: "edge" }, { name: "mail.example.com", kind: "external" }, { name: "postgresql shop", kind: "database" }, { name: "storefront", kind: "service" }].filter(() => all.length > 0), edges: [edge("edge", "storefront", all.filter((s) => s.service === "storefront" && s.kind === "server")), edge("storefront", "catalog", all.filter((s) => s.service === "catalog" && s.kind === "server")), edge("catalog", "postgresql shop", db), edge("storefront", "mail.example.com", all.filter((s) => s.name.includes("checkout") && s.service === "edge"))] };
  }
  if (path === "overview") {
    const edge = served().filter((s) => s.service === "edge");
    const series = Array.from({ length: buckets }, (_, i) => ({ ts: iso(i), logs: 0, spans: 0, list: [] }));
    for (const s of spans()) { const b = series[slot(s.ts)]; if (b) ++b.spans; }
    for (const s of edge) series[slot(s.ts)].list.push(s);
    for (const l of logs) if (inRange(l.ts)) ++series[slot(l.ts)].logs;
    return { interval_ms: interval, series: series.map(({ list, ...b }) => ({ ...b, ...totals(list, interval / 1000) })), totals: totals(edge, seconds) };
  }
  return undefined;
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, `http://localhost:${port}`);
  const json = (status, body) => { response.writeHead(status, { "Content-Type": "application/json", "Content-Security-Policy": policy }); response.end(JSON.stringify(body)); };
  const error = (status, code, message, more = {}) => json(status, { error: { code, message, ...more } });
  if (url.pathname.startsWith("/shop")) {
    const trace = happen(() => makeTrace(Date.now(), "/products"));
    response.writeHead(200, { "Content-Type": "text/html", "x-request-id": trace.id });
    return response.end("<!doctype html><title>shop</title><h1>Products</h1>");
  }
  if (!url.pathname.startsWith("/api/")) {
    const name = url.pathname.slice(1);
    const file = name && !name.includes("..") && existsSync(new URL(name, dist)) ? name : "index.html";
    if (name.startsWith("assets/") && file === "index.html") { response.writeHead(404); return response.end("not found"); }
    response.writeHead(200, { "Content-Type": types[file.split(".").pop()] ?? "application/octet-stream", "Content-Security-Policy": policy });
    return response.end(readFileSync(new URL(file, dist)));
  }
  const path = url.pathname.slice("/api/v1/".length);
  const loggedIn = (request.headers.cookie ?? "").includes("__Host-ringwall=dev");
  if (path === "session" && request.method === "POST") {
    let body = "";
    for await (const chunk of request) body += chunk;
    if (JSON.parse(body || "{}").token !== "rw_dev") return error(401, "unauthorized", "this token is not known");
    response.writeHead(204, { "Set-Cookie": "__Host-ringwall=dev; Path=/; Secure; HttpOnly; SameSite=Strict" });
    return response.end();
  }
  if (!loggedIn) return error(401, "unauthorized", "log in first");
  if (path === "session" && request.method === "DELETE") {
    if (request.headers["x-ringwall"] !== "1") return error(403, "forbidden", "the header X-Ringwall: 1 is missing");
    response.writeHead(204, { "Set-Cookie": "__Host-ringwall=; Path=/; Secure; Max-Age=0" });
    return response.end();
  }
  if (path === "session") return json(200, { user: "admin" });
  try {
    if (path === "logs/tail") {
      const tail = { match: compile(url.searchParams.get("q") ?? "", logField), response };
      response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
      response.write(": hello\n\n");
      tails.add(tail);
      request.on("close", () => tails.delete(tail));
      return;
    }
    const range = { from: timeOf(url.searchParams.get("from") ?? "now-15m"), to: timeOf(url.searchParams.get("to") ?? "now") };
    if (!(range.from < range.to)) return error(400, "bad_range", "the range ends before it begins", { hint: "from must be before to" });
    const body = answer(path, url.searchParams, range);
    if (body === null) return error(404, "not_found", "no such trace");
    if (body === undefined) return error(404, "not_found", `no such path: ${url.pathname}`);
    json(200, body);
  } catch (problem) {
    if (problem instanceof BadQuery) return error(400, "bad_query", problem.message, { offset: problem.offset, hint: problem.hint });
    console.error(problem);
    error(500, "internal", String(problem));
  }
});
server.listen(port, "127.0.0.1", () => console.log(`http://localhost:${server.address().port}/  token rw_dev`));

// Show 5: the unmodified OpenTelemetry SDK of Node sends logs, metrics and traces in protobuf and in JSON, and all of it is
// found; bodies that are cut, too large, bombs or nonsense get a 4xx and hurt nothing.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { Report, Ringwall, freePorts, root, until } from './harness.mjs'

const run = promisify(execFile)
const [otlpPort, apiPort] = await freePorts(2)
const ringwall = new Ringwall('otel', `
application: otel
environment: test
telemetry:
  otlp: { listen: "127.0.0.1:${otlpPort}", body_bytes_max: 4MiB }
  host_metrics: { enabled: false }
api:
  listen: 127.0.0.1:${apiPort}
`)
await ringwall.start()
const report = new Report()
const endpoint = `http://127.0.0.1:${otlpPort}`
const total = async (table, marker) =>
  Number((await ringwall.sql(`select count(*) as n from ${table} where attributes['${marker.key}'] = '${marker.value}' or resource['${marker.key}'] = '${marker.value}'`))[0].n)

for (const encoding of ['protobuf', 'json']) {
  const { stdout } = await run('node', [`${root}/tests/e2e/otel/otel_client.mjs`, '--endpoint', endpoint, '--encoding', encoding], { timeout: 60_000 })
  const sent = JSON.parse(stdout.trim().split('\n').at(-1))
  const marker = typeof sent.marker === 'string' ? { key: 'run.marker', value: sent.marker } : sent.marker
  for (const [table, expected] of [['logs', sent.logs], ['spans', sent.spans], ['metrics', sent.points]]) {
    let found = -1
    await until(`${table} of ${encoding}`, async () => (found = await total(table, marker)) >= expected, { deadlineMs: 10_000 }).catch(() => {})
    report.check(expected > 0 && found === expected, `SDK, ${encoding}: ${expected} ${table} sent and found`, `found ${found}`)
  }
  const trace = await ringwall.json('trace', sent.trace_ids[0])
  report.check(trace.spans.length > 0, `SDK, ${encoding}: a trace is found by its id`)
}

const post = async (path, body, headers) => (await fetch(endpoint + path, { method: 'POST', body, headers })).status
const good = JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: [{ timeUnixNano: '1', body: { stringValue: 'x' } }] }] }] })
const protobuf = { 'content-type': 'application/x-protobuf' }
const json = { 'content-type': 'application/json' }
const gzip = { 'content-encoding': 'gzip' }
const hostile = [
  ['truncated protobuf', Buffer.from([0x0a, 0xff, 0x01, 0x12]), protobuf],
  ['nonsense protobuf', Buffer.from('this is not protobuf at all'), protobuf],
  ['truncated JSON', good.slice(0, -4), json],
  ['nonsense JSON', '{"resourceLogs": 7}', json],
  ['deeply nested JSON', '['.repeat(100_000), json],
  ['truncated gzip', gzipSync(good).subarray(0, 20), { ...json, ...gzip }],
  ['not gzip', good, { ...json, ...gzip }],
  ['a gzip bomb', gzipSync(Buffer.alloc(256 << 20)), { ...json, ...gzip }],
  ['an oversized body', Buffer.alloc(5 << 20, 0x20), json],
  ['an unknown type', good, { 'content-type': 'text/plain' }],
  ['an unknown encoding', good, { ...json, 'content-encoding': 'br' }],
]
for (const [what, body, headers] of hostile) {
  const status = await post('/v1/logs', body, headers).catch((error) => `no answer: ${error.cause?.code}`)
  report.check(status >= 400 && status < 500, `${what} gets a 4xx: ${status}`, String(status))
}
report.check((await post('/v1/logs', good, json)) === 200, 'and a good body is still accepted')
report.check((await fetch(`${endpoint}/v1/logs`)).status === 405, 'GET is not a way to send')
report.check((await post('/v1/nothing', good, json)) === 404, 'an unknown signal is not found')
const pipeline = (await ringwall.status()).pipeline
const dropped = pipeline.dropped.reduce((sum, drop) => sum + drop.records, 0)
report.check(pipeline.received === pipeline.stored + pipeline.pending + dropped, `received ${pipeline.received} = stored ${pipeline.stored} + pending ${pipeline.pending} + dropped ${dropped}`)
await ringwall.stop()
report.end()

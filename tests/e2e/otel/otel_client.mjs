#!/usr/bin/env node
// The unmodified OpenTelemetry SDK of Node as a sender: known numbers of logs, spans and metric points, gzipped, in protobuf
// or in JSON.
//
//   node otel_client.mjs --endpoint http://127.0.0.1:4318 [--encoding protobuf|json|both] [--logs N] [--traces N] [--rounds N]
//
// Every record carries the attribute run.marker.  Prints one line of JSON with what the receiver acknowledged:
//   {"encoding", "marker", "service", "logs", "spans", "points", "trace_ids": [...], "exports", "failed"}
// `both` prints one line for each encoding.  Exit status 1 when an export failed or something was not exported.
import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, diag, trace } from '@opentelemetry/api'
import { SeverityNumber } from '@opentelemetry/api-logs'
import { ExportResultCode } from '@opentelemetry/core'
import { OTLPLogExporter as JsonLogs } from '@opentelemetry/exporter-logs-otlp-http'
import { OTLPLogExporter as ProtobufLogs } from '@opentelemetry/exporter-logs-otlp-proto'
import { OTLPMetricExporter as JsonMetrics } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPMetricExporter as ProtobufMetrics } from '@opentelemetry/exporter-metrics-otlp-proto'
import { OTLPTraceExporter as JsonTraces } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtobufTraces } from '@opentelemetry/exporter-trace-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'

const kExporters = {
  protobuf: { logs: ProtobufLogs, spans: ProtobufTraces, points: ProtobufMetrics },
  json: { logs: JsonLogs, spans: JsonTraces, points: JsonMetrics },
}
const kSpansPerTrace = 4
const kBatch = 64 // several requests per signal
const kNeverMs = 3_600_000 // metrics leave when they are flushed, not by the clock

function readOptions() {
  const text = (value) => ({ type: 'string', default: value })
  const { values } = parseArgs({ options: { endpoint: text('http://127.0.0.1:4318'), encoding: text('protobuf'), logs: text('200'), traces: text('25'), rounds: text('3') } })
  const whole = (name) => {
    const value = Number(values[name])
    if (!Number.isInteger(value) || value < 1 || value > 100_000) throw new Error(`--${name} must be a whole number from 1 to 100000`)
    return value
  }
  const encodings = values.encoding === 'both' ? Object.keys(kExporters) : [values.encoding]
  if (!encodings.every((encoding) => Object.hasOwn(kExporters, encoding))) throw new Error('--encoding must be protobuf, json or both')
  return { endpoint: values.endpoint.replace(/\/+$/, ''), encodings, logs: whole('logs'), traces: whole('traces'), rounds: whole('rounds') }
}

const pointsOf = (metrics) => metrics.scopeMetrics.flatMap((scope) => scope.metrics).reduce((sum, metric) => sum + metric.dataPoints.length, 0)

// Stands between the SDK and its exporter and counts what was acknowledged; the exporter itself is as it comes.
function counted(exporter, sent, signal) {
  const itemsOf = signal === 'points' ? pointsOf : (items) => items.length
  const { export: send } = exporter
  exporter.export = (items, done) => {
    sent.exports += 1
    send.call(exporter, items, (result) => {
      if (result.code === ExportResultCode.SUCCESS) sent[signal] += itemsOf(items)
      else {
        sent.failed += 1
        process.stderr.write(`${sent.encoding} ${signal}: ${result.error?.message ?? 'export failed'}\n`)
      }
      done(result)
    })
  }
  return exporter
}

function sendLogs(provider, sent, options, marker) {
  const logger = provider.getLogger('otel-client', '1.0.0')
  const severities = [SeverityNumber.DEBUG, SeverityNumber.INFO, SeverityNumber.WARN, SeverityNumber.ERROR]
  for (let n = 0; n < options.logs; n += 1) {
    const spanContext = { traceId: sent.trace_ids[n % sent.trace_ids.length], spanId: randomUUID().replaceAll('-', '').slice(0, 16), traceFlags: 1 }
    logger.emit({
      severityNumber: severities[n % severities.length],
      severityText: ['DEBUG', 'INFO', 'WARN', 'ERROR'][n % severities.length],
      body: n % 10 === 9 ? { event: 'structured', n, list: [1, 'zwei', true] } : `log record ${n} of the run, äöü €`,
      attributes: { 'run.marker': marker, n, ratio: n / 7, flag: n % 2 === 0, tags: ['a', 'b'] },
      context: trace.setSpanContext(ROOT_CONTEXT, spanContext),
    })
  }
}

function sendTraces(provider, sent, options, marker) {
  const tracer = provider.getTracer('otel-client', '1.0.0')
  for (let n = 0; n < options.traces; n += 1) {
    const root = tracer.startSpan('GET /checkout', { kind: SpanKind.SERVER, attributes: { 'run.marker': marker, n, 'http.request.method': 'GET', 'http.response.status_code': n % 5 === 0 ? 500 : 200 } }, ROOT_CONTEXT)
    sent.trace_ids.push(root.spanContext().traceId)
    const inside = trace.setSpan(ROOT_CONTEXT, root)
    for (let child = 1; child < kSpansPerTrace; child += 1) {
      const span = tracer.startSpan(`step ${child}`, { kind: SpanKind.INTERNAL, attributes: { 'run.marker': marker, child }, links: child === 2 ? [{ context: root.spanContext() }] : [] }, inside)
      span.addEvent('reached', { child })
      if (child === 3 && n % 5 === 0) {
        span.recordException(new Error('an expected failure'))
        span.setStatus({ code: SpanStatusCode.ERROR, message: 'an expected failure' })
      }
      span.end()
    }
    if (n % 5 === 0) root.setStatus({ code: SpanStatusCode.ERROR })
    root.end()
  }
}

// Every kind of instrument that has points; one export after each round.
async function sendMetrics(provider, options, marker) {
  const meter = provider.getMeter('otel-client', '1.0.0')
  const requests = meter.createCounter('client.requests', { unit: '{request}' })
  const queue = meter.createUpDownCounter('client.queue')
  const latency = meter.createHistogram('client.latency', { unit: 'ms' })
  const load = meter.createGauge('client.load')
  meter.createObservableGauge('client.memory', { unit: 'By' }).addCallback((result) => result.observe(process.memoryUsage().rss, { 'run.marker': marker }))
  for (let round = 0; round < options.rounds; round += 1) {
    for (const route of ['/', '/cart', '/checkout']) {
      const attributes = { 'run.marker': marker, route }
      requests.add(1 + round, attributes)
      queue.add(round % 2 === 0 ? 1 : -1, attributes)
      latency.record(5 * (round + 1), attributes)
      load.record(0.25 * round, attributes)
    }
    await provider.forceFlush()
  }
}

async function run(encoding, options) {
  const marker = `${encoding}-${randomUUID()}`
  const service = `otel-client-${encoding}`
  const sent = { encoding, marker, service, logs: 0, spans: 0, points: 0, trace_ids: [], exports: 0, failed: 0 }
  const exporter = (signal, path) =>
    counted(new kExporters[encoding][signal]({ url: `${options.endpoint}/v1/${path}`, compression: 'gzip', timeoutMillis: 10_000 }), sent, signal)
  const resource = resourceFromAttributes({ 'service.name': service, 'service.version': '1.2.3', 'deployment.environment': 'test' })
  const batch = { maxExportBatchSize: kBatch, maxQueueSize: 200_000 }

  const tracers = new BasicTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(exporter('spans', 'traces'), batch)] })
  const loggers = new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor({ exporter: exporter('logs', 'logs'), ...batch })] })
  const reader = new PeriodicExportingMetricReader({ exporter: exporter('points', 'metrics'), exportIntervalMillis: kNeverMs, exportTimeoutMillis: 10_000 })
  const meters = new MeterProvider({ resource, readers: [reader] })

  sendTraces(tracers, sent, options, marker)
  sendLogs(loggers, sent, options, marker)
  // A failed flush has been counted and told by its exporter.
  const quietly = (promise) => promise.catch(() => {})
  await quietly(sendMetrics(meters, options, marker))
  for (const provider of [tracers, loggers, meters]) {
    await quietly(provider.forceFlush())
    await quietly(provider.shutdown())
  }
  process.stdout.write(`${JSON.stringify(sent)}\n`)
  const complete = sent.logs === options.logs && sent.spans === options.traces * kSpansPerTrace && sent.points > 0
  return sent.failed === 0 && complete
}

let options
try {
  options = readOptions()
} catch (error) {
  process.stderr.write(`otel_client: error: ${error.message}\n`)
  process.exit(2)
}
diag.disable()
let good = true
for (const encoding of options.encodings) good = (await run(encoding, options)) && good
process.exit(good ? 0 : 1)

'use strict'
// Starts the OpenTelemetry SDK.  Loaded before everything else (`node --import ./telemetry.js …`), because an instrumentation
// can only wrap a module that nobody has loaded yet; the services are CommonJS for the same reason.
//
// Configured by the standard environment variables: OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES,
// OTEL_EXPORTER_OTLP_ENDPOINT (http://127.0.0.1:4318 when unset), OTEL_SDK_DISABLED.
//
// Logs do not go this way: a service writes JSON lines to its standard output, and the instrumentation of pino puts
// trace_id and span_id into them.  Sending them by OTLP as well would store each line twice.
const { NodeSDK } = require('@opentelemetry/sdk-node')
const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-proto')
const { OTLPMetricExporter } = require('@opentelemetry/exporter-metrics-otlp-proto')
const { HttpInstrumentation } = require('@opentelemetry/instrumentation-http')
const { PgInstrumentation } = require('@opentelemetry/instrumentation-pg')
const { PinoInstrumentation } = require('@opentelemetry/instrumentation-pino')
const { BatchSpanProcessor } = require('@opentelemetry/sdk-trace-base')
const { PeriodicExportingMetricReader } = require('@opentelemetry/sdk-metrics')
const { envDetector, hostDetector, resourceFromAttributes } = require('@opentelemetry/resources')

// A span should be searchable within a second or two of its end, so batches leave more often than the default 5 s.
const kSpanDelayMs = 500
const kMetricIntervalMs = 5_000
// A collector that is away must not keep a stopping service from stopping.
const kFlushMsMax = 3_000

const number = (name, otherwise) => Number(process.env[name]) || otherwise
const metricIntervalMs = number('OTEL_METRIC_EXPORT_INTERVAL', kMetricIntervalMs)

const sdk = new NodeSDK({
  // What the environment says wins over these.
  resource: resourceFromAttributes({
    'service.namespace': 'shop',
    'service.version': require('./package.json').version,
    'deployment.environment': 'development',
  }),
  resourceDetectors: [envDetector, hostDetector],
  spanProcessors: [
    new BatchSpanProcessor(new OTLPTraceExporter(), { scheduledDelayMillis: number('OTEL_BSP_SCHEDULE_DELAY', kSpanDelayMs) }),
  ],
  metricReaders: [
    new PeriodicExportingMetricReader({
      exporter: new OTLPMetricExporter(),
      exportIntervalMillis: metricIntervalMs,
      exportTimeoutMillis: Math.min(kFlushMsMax, metricIntervalMs),
    }),
  ],
  logRecordProcessors: [],
  instrumentations: [
    new HttpInstrumentation({
      // Health checks come several times a second and say nothing.
      ignoreIncomingRequestHook: (request) => request.url === '/healthz',
    }),
    new PgInstrumentation({ enhancedDatabaseReporting: true, requireParentSpan: true, ignoreConnectSpans: true }),
    new PinoInstrumentation({ disableLogSending: true }),
  ],
})
sdk.start()

// Sends what is still in memory; never fails and never takes longer than kFlushMsMax.
async function flush() {
  const late = new Promise((resolve) => setTimeout(resolve, kFlushMsMax).unref())
  await Promise.race([sdk.shutdown().catch(() => {}), late])
}

module.exports = { flush }

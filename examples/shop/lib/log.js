'use strict'
// One JSON line per event on standard output, in the field names that log tools know.  The SDK's instrumentation adds
// trace_id and span_id when the line is written inside a span.
const pino = require('pino')

const log = pino({
  level: process.env.LOG_LEVEL || 'info',
  messageKey: 'message',
  errorKey: 'error',
  timestamp: pino.stdTimeFunctions.isoTime,
  formatters: { level: (label) => ({ level: label }) },
  base: { service: process.env.OTEL_SERVICE_NAME || 'shop', pid: process.pid },
})

module.exports = { log }

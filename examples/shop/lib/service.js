'use strict'
// What both services share: an HTTP server with routes, an access log, health, and an orderly end.
//
// A handler takes {method, path, params, query, headers, cookies, body} and answers {status, headers, body}, or throws
// HttpError.  `body` of an answer is a string, a Buffer, or anything else, which is sent as JSON.
const http = require('node:http')
const { context, trace, SpanStatusCode } = require('@opentelemetry/api')
const { getRPCMetadata } = require('@opentelemetry/core')
const { HttpError } = require('./errors')
const { log } = require('./log')
const { makeRouter } = require('./router')
const { parseBody, parseCookies } = require('./parse')
const { flush } = require('../telemetry')

// nginx keeps an idle connection to us for at most 60 s.  We must keep it longer, or we would close one just as nginx
// sends on it.
const kKeepAliveMs = 75_000
const kRequestMsMax = 30_000
// How long a stopping service goes on taking requests while the health checks notice, and how long it then waits for those
// under way.
const kDrainMs = 300
const kInFlightMsMax = 12_000

// options: {name, port, routes, renderError?(error, request) → answer, onUpgrade?(request, socket, head), onStop?()}
function startService(options) {
  const router = makeRouter(options.routes)
  let stopping = false

  async function answer(request, url) {
    const found = router.find(request.method, url.pathname)
    if (!found) throw new HttpError(404, 'there is no such page')
    if (found.allowed) throw new HttpError(405, `use ${found.allowed.join(' or ')}`)
    // The route, not the path, names the span and the metric: /product/7 and /product/8 are one operation.
    request.route = found.pattern
    const rpc = getRPCMetadata(context.active())
    if (rpc) rpc.route = found.pattern
    trace.getActiveSpan()?.updateName(`${request.method} ${found.pattern}`)
    return found.handler({
      method: request.method,
      path: url.pathname,
      params: found.params,
      query: url.searchParams,
      headers: request.headers,
      cookies: parseCookies(request.headers.cookie),
      body: request.method === 'POST' ? await parseBody(request) : {},
    })
  }

  function answerError(error, request) {
    const status = error instanceof HttpError ? error.status : 500
    if (status >= 500) {
      const span = trace.getActiveSpan()
      span?.recordException(error)
      span?.setStatus({ code: SpanStatusCode.ERROR, message: error.message })
      log.error({ error, status, route: request.route }, `${request.method} ${request.route ?? request.url}: ${error.message}`)
    }
    const body = { error: { message: status === 500 ? 'something went wrong on our side' : error.message, ...error.details } }
    return options.renderError?.({ status, message: body.error.message, request }) ?? { status, body }
  }

  async function serve(request, response) {
    const started = process.hrtime.bigint()
    let url
    try {
      url = new URL(request.url, 'http://shop.internal')
    } catch {
      response.writeHead(400).end()
      return
    }
    if (url.pathname === '/healthz') {
      const ready = !stopping && (options.isReady?.() ?? true)
      response.writeHead(ready ? 200 : 503, { 'content-type': 'text/plain' }).end(ready ? 'ok\n' : 'not ready\n')
      return
    }
    response.once('close', () => {
      const fields = {
        method: request.method,
        path: url.pathname,
        route: request.route,
        status: response.statusCode,
        duration_ms: Math.round(Number(process.hrtime.bigint() - started) / 1e4) / 100,
        user_agent: request.headers['user-agent'],
      }
      if (!response.writableFinished) fields.aborted = true
      // A span's own context is the one that was current when the request began.
      const level = fields.status >= 500 ? 'error' : fields.status >= 400 ? 'warn' : 'info'
      context.with(requestContext, () => log[level](fields, `${request.method} ${url.pathname} ${response.statusCode}`))
    })
    const requestContext = context.active()
    let result
    try {
      result = await answer(request, url)
    } catch (error) {
      try {
        result = answerError(error, request)
      } catch (second) {
        log.error({ error: second }, 'the error page failed')
        result = { status: 500, body: { error: { message: 'something went wrong on our side' } } }
      }
    }
    send(request, response, result)
  }

  function send(request, response, { status = 200, headers = {}, body = '' }) {
    const plain = typeof body === 'string' || Buffer.isBuffer(body)
    const bytes = plain ? body : JSON.stringify(body)
    response.writeHead(status, {
      'content-type': plain ? 'text/html; charset=utf-8' : 'application/json',
      'content-length': Buffer.byteLength(bytes),
      'x-content-type-options': 'nosniff',
      ...(stopping ? { connection: 'close' } : {}),
      ...headers,
    })
    response.end(request.method === 'HEAD' ? undefined : bytes)
  }

  const server = http.createServer((request, response) => {
    serve(request, response).catch((error) => {
      log.error({ error }, 'a request ended in the wrong place')
      response.destroy()
    })
  })
  server.keepAliveTimeout = kKeepAliveMs
  server.headersTimeout = kKeepAliveMs + 1_000
  server.requestTimeout = kRequestMsMax
  if (options.onUpgrade) server.on('upgrade', options.onUpgrade)
  server.on('error', (error) => {
    log.fatal({ error }, `${options.name} cannot listen on port ${options.port}: ${error.message}`)
    process.exit(1)
  })
  server.listen(options.port, '127.0.0.1', () => {
    log.info({ port: server.address().port }, `${options.name} listens on 127.0.0.1:${server.address().port}`)
  })

  // The order matters: first tell the health checks, then refuse connections, then wait, then send the last telemetry.
  async function stop(signal) {
    if (stopping) return
    stopping = true
    log.info({ signal }, `${options.name} is stopping`)
    await new Promise((resolve) => setTimeout(resolve, kDrainMs))
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeIdleConnections()
    const late = setTimeout(() => server.closeAllConnections(), kInFlightMsMax)
    await options.onStop?.()
    await closed
    clearTimeout(late)
    await options.onStopped?.()
    log.info(`${options.name} has stopped`)
    await flush()
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  return server
}

// The port: --port N, or PORT, or the service's usual one.
function portOption(usual) {
  const at = process.argv.indexOf('--port')
  const text = at > 0 ? process.argv[at + 1] : process.env.PORT ?? String(usual)
  if (!/^\d{1,5}$/.test(text ?? '') || Number(text) > 65535) {
    process.stderr.write(`'${text}' is not a port\n`)
    process.exit(2)
  }
  return Number(text)
}

module.exports = { startService, portOption }

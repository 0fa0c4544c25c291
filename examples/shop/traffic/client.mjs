// One visitor's HTTP/1.1 connections: kept between requests, with a cookie jar, and with every way to fail told apart.
import http from 'node:http'
import https from 'node:https'
import { lookup } from 'node:dns'

const kBodyBytesMax = 4 * 1024 * 1024

const kClosed = new Set(['ECONNRESET', 'EPIPE'])

// RFC 9112 section 9.3.1: a client may send an idempotent request again, once, when a connection that was already in use is
// closed before the answer began.  Browsers do.  Anything else is a failure that the visitor would see.
export function mayResend({ method, reused, answerBegan, code, attempt }) {
  return attempt === 1 && reused && !answerBegan && kClosed.has(code) && (method === 'GET' || method === 'HEAD')
}

// A name for what went wrong, the same for all causes of one kind.
export function reasonOf(error) {
  if (error.failure) return error.failure
  if (error.code === 'ECONNREFUSED') return 'refused'
  if (kClosed.has(error.code)) return 'reset'
  if (error.code === 'ETIMEDOUT') return 'timeout'
  if (/^HPE_/.test(error.code ?? '')) return 'bad_answer'
  if (/CERT|TLS|SSL|ALTNAME/.test(error.code ?? '')) return 'tls'
  return String(error.code ?? error.message).toLowerCase()
}

// Names under .localhost are this machine (RFC 6761 section 6.3); not every resolver knows.
function resolve(host, options, done) {
  if (host !== 'localhost' && !host.endsWith('.localhost')) return lookup(host, options, done)
  return options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)
}

export class Visitor {
  // options: {url, ca?, timeoutMs, userAgent, onReconnect()}
  constructor(options) {
    this.options = options
    this.base = new URL(options.url)
    this.module = this.base.protocol === 'https:' ? https : http
    this.agent = new this.module.Agent({ keepAlive: true, maxSockets: 6, ca: options.ca })
    this.cookies = new Map()
  }

  close() {
    this.agent.destroy()
  }

  // Answers {status, headers, body, ms}, or throws an error for reasonOf().
  async ask({ method, path, form }) {
    const started = performance.now()
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answer = await this.#once(method, path, form, attempt > 1)
        return { ...answer, ms: performance.now() - started }
      } catch (error) {
        if (!mayResend({ method, reused: error.reused, answerBegan: error.answerBegan, code: error.code, attempt })) throw error
        this.options.onReconnect?.()
      }
    }
  }

  #once(method, path, form, fresh) {
    return new Promise((resolvePromise, reject) => {
      const body = form ? new URLSearchParams(form).toString() : undefined
      let answerBegan = false
      let bytesBefore = 0
      const request = this.module.request(new URL(path, this.base), {
        method,
        lookup: resolve,
        ca: this.options.ca,
        agent: fresh ? false : this.agent,
        headers: {
          'user-agent': this.options.userAgent,
          accept: 'text/html,*/*;q=0.8',
          ...(this.cookies.size > 0 ? { cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ') } : {}),
          ...(body ? { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) } : {}),
        },
      })
      const fail = (error) => {
        clearTimeout(timer)
        // Bytes that did not yet make a whole head count as the beginning of an answer too.
        const begun = answerBegan || (request.socket?.bytesRead ?? 0) > bytesBefore
        reject(Object.assign(error, { reused: request.reusedSocket, answerBegan: begun }))
      }
      // For the whole exchange, so that an answer that trickles for ever is a failure too.
      const timer = setTimeout(() => request.destroy(Object.assign(new Error('timeout'), { failure: 'timeout' })), this.options.timeoutMs)
      request.on('socket', (socket) => { bytesBefore = socket.bytesRead })
      request.on('error', fail)
      request.on('response', (response) => {
        answerBegan = true
        const pieces = []
        let bytes = 0
        response.on('data', (piece) => {
          bytes += piece.length
          if (bytes > kBodyBytesMax) request.destroy(Object.assign(new Error('too large'), { failure: 'too_large' }))
          else pieces.push(piece)
        })
        response.on('error', (error) => fail(Object.assign(error, { failure: error.failure ?? 'incomplete' })))
        response.on('end', () => {
          if (!response.complete) return fail(Object.assign(new Error('incomplete'), { failure: 'incomplete' }))
          clearTimeout(timer)
          this.#keepCookies(response.headers['set-cookie'] ?? [])
          resolvePromise({ status: response.statusCode, headers: response.headers, body: Buffer.concat(pieces).toString('utf8') })
        })
      })
      request.end(body)
    })
  }

  #keepCookies(lines) {
    for (const line of lines) {
      const [pair, ...attributes] = line.split(';')
      const at = pair.indexOf('=')
      const name = pair.slice(0, at).trim()
      if (attributes.some((attribute) => /^\s*max-age=0\s*$/i.test(attribute))) this.cookies.delete(name)
      else this.cookies.set(name, pair.slice(at + 1).trim())
    }
  }
}

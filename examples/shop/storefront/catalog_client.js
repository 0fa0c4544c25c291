'use strict'
// The storefront's way to the catalog: JSON over HTTP on connections that are kept.
const http = require('node:http')
const { HttpError } = require('../lib/errors')

const kAnswerBytesMax = 1024 * 1024
const kTimeoutMs = 15_000

const agent = new http.Agent({ keepAlive: true, maxSockets: 32, maxFreeSockets: 8 })
const base = new URL(process.env.CATALOG_URL || 'http://127.0.0.1:4810')

function once(method, path, body) {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const request = http.request(base, {
      method,
      path,
      agent,
      timeout: kTimeoutMs,
      headers: text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
    })
    request.on('response', (response) => {
      const pieces = []
      let bytes = 0
      response.on('data', (piece) => {
        bytes += piece.length
        if (bytes > kAnswerBytesMax) response.destroy(new Error(`the catalog's answer is larger than ${kAnswerBytesMax} bytes`))
        else pieces.push(piece)
      })
      response.on('error', reject)
      response.on('end', () => {
        try {
          resolve({ status: response.statusCode, body: JSON.parse(Buffer.concat(pieces).toString('utf8')) })
        } catch (error) {
          reject(error)
        }
      })
    })
    request.on('timeout', () => request.destroy(new Error(`no answer from the catalog within ${kTimeoutMs} ms`)))
    request.on('error', (error) => reject(Object.assign(error, { reused: request.reusedSocket })))
    request.end(text)
  })
}

// Answers the catalog's body, or throws HttpError: its own status below 500, and 502 when the catalog failed or is away.
async function ask(method, path, body) {
  let answer
  try {
    answer = await once(method, path, body).catch((error) => {
      // A kept connection that the catalog closed (it was restarted) is no reason to fail.  Sending again is safe: reading
      // always is, and an order carries a key that makes it once.
      if (error.reused && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) return once(method, path, body)
      throw error
    })
  } catch (error) {
    throw new HttpError(502, `the catalog does not answer: ${error.message}`)
  }
  if (answer.status < 400) return answer.body
  const { message = 'the catalog refused', ...details } = answer.body.error ?? {}
  throw new HttpError(answer.status < 500 ? answer.status : 502, message, details)
}

module.exports = {
  front: () => ask('GET', '/front'),
  inCategory: (category) => ask('GET', `/products?category=${encodeURIComponent(category)}`),
  search: (text) => ask('GET', `/products?q=${encodeURIComponent(text)}`),
  all: () => ask('GET', '/products'),
  byIds: (ids) => (ids.length === 0 ? { products: [] } : ask('GET', `/products?ids=${ids.join(',')}`)),
  product: (id) => ask('GET', `/products/${encodeURIComponent(id)}`),
  placeOrder: (order) => ask('POST', '/orders', order),
  order: (key) => ask('GET', `/orders/${encodeURIComponent(key)}`),
  slow: (ms) => ask('GET', `/slow?ms=${ms}`),
  fail: (status) => ask('GET', `/fail?status=${status}`),
  close: () => agent.destroy(),
}

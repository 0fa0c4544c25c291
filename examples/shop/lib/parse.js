'use strict'
// Reading what a client sent: cookies, a body, whole numbers.
const { HttpError } = require('./errors')

const kBodyBytesMax = 16 * 1024

function parseCookies(header = '') {
  const cookies = {}
  for (const pair of header.split(';')) {
    const at = pair.indexOf('=')
    if (at > 0) cookies[pair.slice(0, at).trim()] = pair.slice(at + 1).trim()
  }
  return cookies
}

// The body of a request as an object, from JSON or from a form.
async function parseBody(request) {
  const pieces = []
  let bytes = 0
  for await (const piece of request) {
    bytes += piece.length
    if (bytes > kBodyBytesMax) throw new HttpError(413, `the body is larger than ${kBodyBytesMax} bytes`)
    pieces.push(piece)
  }
  const text = Buffer.concat(pieces).toString('utf8')
  const type = (request.headers['content-type'] ?? '').split(';')[0].trim().toLowerCase()
  if (type === 'application/x-www-form-urlencoded') return Object.fromEntries(new URLSearchParams(text))
  if (text === '') return {}
  if (type !== 'application/json') throw new HttpError(415, 'send a form or JSON')
  let value
  try {
    value = JSON.parse(text)
  } catch {
    throw new HttpError(400, 'the body is not JSON')
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new HttpError(400, 'the body is not a JSON object')
  return value
}

// A whole number within limits, or an HttpError with `status` that names it.
function parseWhole(text, name, { min, max, otherwise, status = 400 }) {
  if ((text === undefined || text === null || text === '') && otherwise !== undefined) return otherwise
  const value = Number(text)
  if (!/^\d{1,9}$/.test(String(text)) || value < min || value > max) {
    throw new HttpError(status, `${name} must be a whole number from ${min} to ${max}`)
  }
  return value
}

module.exports = { kBodyBytesMax, parseBody, parseCookies, parseWhole }

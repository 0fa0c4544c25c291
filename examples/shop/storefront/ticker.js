'use strict'
// The WebSocket at /ws.  A client says {"watch": [ids]} and gets {"type": "stock", "id", "stock"} at once and at every change;
// anything else it says comes back as {"type": "echo", "text"}.
const { WebSocketServer } = require('ws')
const { context } = require('@opentelemetry/api')
const { suppressTracing } = require('@opentelemetry/core')
const { log } = require('../lib/log')

const kClientsMax = 500
const kMessageBytesMax = 4 * 1024
const kWatchMax = 20
const kPollMs = 2_000
const kPingMs = 20_000

// loadStock(ids) → [{id, stock}]
function makeTicker(loadStock) {
  const server = new WebSocketServer({ noServer: true, maxPayload: kMessageBytesMax, perMessageDeflate: false })
  const known = new Map() // id → the stock last heard of
  let polling = false

  const tell = (client, id) => client.send(JSON.stringify({ type: 'stock', id, stock: known.get(id) }))

  function onMessage(client, data, isBinary) {
    if (isBinary) return client.send(data, { binary: true })
    const text = data.toString('utf8')
    let watch
    try {
      watch = JSON.parse(text)?.watch
    } catch {
      // Not JSON: an echo.
    }
    if (!Array.isArray(watch)) return client.send(JSON.stringify({ type: 'echo', text }))
    client.watched = new Set(watch.filter((id) => Number.isInteger(id) && id > 0 && id < 1_000_000).slice(0, kWatchMax))
    for (const id of client.watched) if (known.has(id)) tell(client, id)
    poll()
  }

  // One question to the catalog serves all clients.  It is nobody's request, so it makes no trace.
  async function poll() {
    const ids = new Set([...server.clients].flatMap((client) => [...(client.watched ?? [])]))
    for (const id of known.keys()) if (!ids.has(id)) known.delete(id)
    if (ids.size === 0 || polling) return
    polling = true
    try {
      const all = [...ids]
      for (let i = 0; i < all.length; i += kWatchMax) {
        const found = await context.with(suppressTracing(context.active()), () => loadStock(all.slice(i, i + kWatchMax)))
        for (const { id, stock } of found) {
          if (known.get(id) === stock) continue
          known.set(id, stock)
          for (const client of server.clients) if (client.watched?.has(id)) tell(client, id)
        }
      }
    } catch (error) {
      log.debug({ error }, 'the stock could not be read')
    } finally {
      polling = false
    }
  }

  server.on('connection', (client) => {
    client.alive = true
    client.on('pong', () => { client.alive = true })
    client.on('message', (data, isBinary) => onMessage(client, data, isBinary))
    client.on('error', () => client.terminate())
  })
  const polls = setInterval(poll, kPollMs)
  const pings = setInterval(() => {
    for (const client of server.clients) {
      if (!client.alive) client.terminate()
      else {
        client.alive = false
        client.ping()
      }
    }
  }, kPingMs)

  return {
    onUpgrade(request, socket, head) {
      socket.on('error', () => socket.destroy())
      const refuse = (line) => socket.end(`HTTP/1.1 ${line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
      if (request.url.split('?')[0] !== '/ws') return refuse('404 Not Found')
      if (server.clients.size >= kClientsMax) return refuse('503 Service Unavailable')
      server.handleUpgrade(request, socket, head, (client) => {
        server.emit('connection', client, request)
        log.info({ path: '/ws', clients: server.clients.size }, 'a page is watching the stock')
      })
    },
    stop() {
      clearInterval(polls)
      clearInterval(pings)
      // 1001: going away; the page connects again, to another instance.
      for (const client of server.clients) client.close(1001)
      setTimeout(() => { for (const client of server.clients) client.terminate() }, 500).unref()
    },
  }
}

module.exports = { makeTicker, kMessageBytesMax, kWatchMax }

// The whole shop on free ports: database, catalog, two storefronts, and a collector that counts what they send.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import http from 'node:http'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'node:test'

const require = createRequire(import.meta.url)
const WebSocket = require('ws')
const pg = require('pg')
const shop = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')

function missing() {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql') : []
  if (!versions.some((version) => existsSync(`/usr/lib/postgresql/${version}/bin/postgres`))) {
    try {
      if (!existsSync(`${execFileSync('pg_config', ['--bindir'], { encoding: 'utf8' }).trim()}/postgres`)) return 'PostgreSQL is not installed'
    } catch {
      return 'PostgreSQL is not installed'
    }
  }
  return null
}

async function freePort() {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function until(what, look, deadlineMs = 90_000) {
  const end = Date.now() + deadlineMs
  for (let last; ;) {
    try {
      const value = await look()
      if (value) return value
    } catch (error) {
      last = error
    }
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what} ${last?.message ?? ''}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function ask(port, path, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece) => { text += piece }).on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }))
    })
    request.on('error', reject)
    request.end(body)
  })
}

// Takes whatever the SDK posts; a trace id travels as 16 plain bytes in protobuf, so the bodies can be searched for it.
async function startCollector() {
  const bodies = { '/v1/traces': [], '/v1/metrics': [], '/v1/logs': [] }
  const server = http.createServer((request, response) => {
    const pieces = []
    request.on('data', (piece) => pieces.push(piece)).on('end', () => {
      bodies[request.url].push(Buffer.concat(pieces))
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
    })
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, bodies, port: server.address().port, has: (path, ...needles) => bodies[path].some((body) => needles.every((needle) => body.includes(needle))) }
}

const reason = missing()
if (reason) console.log(`skipped: shop: ${reason}`)

test('the shop sells, is traced, and stops in good order', { skip: reason ?? false, timeout: 240_000 }, async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'shop-test-'))
  const collector = await startCollector()
  const processes = []
  const start = (name, command, env = {}) => {
    const child = spawn(command[0], command.slice(1), {
      cwd: shop,
      env: {
        ...process.env, OTEL_SERVICE_NAME: name, OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`,
        OTEL_RESOURCE_ATTRIBUTES: 'service.version=9.9.9,deployment.environment=test', OTEL_METRIC_EXPORT_INTERVAL: '1000', ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const started = { name, child, output: '', ended: null }
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => { started.output += text })
    started.exit = new Promise((resolve) => child.on('exit', (code, signal) => { started.ended = { code, signal }; resolve(started.ended) }))
    processes.push(started)
    return started
  }
  t.after(async () => {
    for (const { child, ended } of processes) if (!ended) child.kill('SIGKILL')
    await Promise.all(processes.map(({ exit }) => exit))
    collector.server.close()
    collector.server.closeAllConnections()
    // The database's last helpers end by themselves when their server is gone.
    await until('the folder is removed', () => { rmSync(folder, { recursive: true, force: true }); return true }, 10_000)
  })

  const [databasePort, catalogPort, frontPort, secondPort] = [await freePort(), await freePort(), await freePort(), await freePort()]
  const node = ['node', '--import', './telemetry.js']
  const database = start('database', ['./database.sh', folder, '--port', String(databasePort)])
  const catalog = start('catalog', [...node, 'catalog/main.js', '--port', String(catalogPort)], { SHOP_DATABASE: folder })
  const fronts = [frontPort, secondPort].map((port) =>
    start('storefront', [...node, 'storefront/main.js'], { PORT: String(port), CATALOG_URL: `http://127.0.0.1:${catalogPort}` }))
  const lines = (service) => service.output.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line))
  await until('the shop is open', async () => {
    for (const started of processes) if (started.ended) throw new Error(`${started.name} ended: ${started.output}`)
    return (await Promise.all([catalogPort, frontPort, secondPort].map((port) => ask(port, '/healthz')))).every(({ status }) => status === 200)
  }).catch((error) => { throw new Error(`${error.message}\n${processes.map((each) => `${each.name}: ${each.output.slice(-2000)}`).join('\n')}`) })

  await t.test('a page view is one trace through both services and the database', async () => {
    const trace = '0af7651916cd43dd8448eb211c80319c'
    const answer = await ask(frontPort, '/product/7', { headers: { traceparent: `00-${trace}-b7ad6b7169203331-01` } })
    assert.equal(answer.status, 200)
    assert.match(answer.text, /Magpie Paperweight[\s\S]*<\/html>\s*$/)
    assert.ok(answer.text.includes(trace))
    const id = Buffer.from(trace, 'hex')
    await until('its spans', () => collector.has('/v1/traces', id, 'GET /product/:id', 'storefront', '9.9.9') &&
      collector.has('/v1/traces', id, 'GET /products/:id', 'catalog') && collector.has('/v1/traces', id, 'from products where id = $1'))
    for (const service of [fronts[0], catalog]) {
      const line = await until('its log line', () => lines(service).find((each) => each.trace_id === trace))
      assert.deepEqual([line.level, line.status, typeof line.duration_ms, typeof line.span_id], ['info', 200, 'number', 'string'])
    }
  })

  await t.test('metrics arrive, logs do not go by OTLP, health checks make neither spans nor lines', async () => {
    await until('metrics', () => collector.has('/v1/metrics', 'http.server.request.duration', 'storefront') && collector.has('/v1/metrics', 'db.client.operation.duration'))
    assert.equal(collector.bodies['/v1/logs'].length, 0)
    assert.equal(collector.has('/v1/traces', '/healthz'), false)
    assert.equal(lines(fronts[0]).some((line) => line.path === '/healthz'), false)
  })

  await t.test('a visitor orders, on either instance, and pressing twice orders once', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const added = await ask(frontPort, '/cart', { method: 'POST', headers: form, body: 'id=7&quantity=2' })
    assert.equal(added.status, 303)
    const cookie = added.headers['set-cookie'][0].split(';')[0]
    const cart = await ask(secondPort, '/cart', { headers: { cookie } })
    const key = /name="key" value="([0-9a-f-]{36})"/.exec(cart.text)[1]
    const stock = async () => JSON.parse((await ask(frontPort, '/api/products/7')).text).product.stock
    const before = await stock()
    const orders = await Promise.all([frontPort, secondPort].map((port) => ask(port, '/checkout', { method: 'POST', headers: { ...form, cookie }, body: `key=${key}` })))
    for (const order of orders) assert.deepEqual([order.status, order.headers.location], [303, `/order/${key}`])
    assert.equal(await stock(), before - 2)
    assert.match((await ask(secondPort, `/order/${key}`)).text, /Thank you[\s\S]*€ 36\.00/)
  })

  await t.test('statuses of what goes wrong', async () => {
    for (const [request, status] of [
      ['/nothing', 404], ['/product/9999', 404], ['/product/x', 404], ['/?category=cars', 404], ['/search?q=glass', 200], ['/search?q=%27%3B--%25', 200],
      ['/slow?ms=10', 200], ['/slow?ms=99999', 400], ['/fail?status=503', 503], ['/fail?status=418', 418], ['/art/desk/38.svg', 200], ['/art/desk/999.svg', 404],
      ['/api/products/9999', 404], ['/order/0b2f7b0a-1111-4222-8333-444455556666', 404],
    ]) assert.equal((await ask(frontPort, request)).status, status, request)
    assert.equal((await ask(frontPort, '/checkout', { method: 'POST' })).status, 303)
    assert.match((await ask(frontPort, '/search?q=%3Cscript%3E')).text, /“&lt;script&gt;”/)
  })

  await t.test('the WebSocket echoes and tells the stock', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${frontPort}/ws`)
    const messages = []
    socket.on('message', (data) => messages.push(JSON.parse(data)))
    await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject))
    socket.send('hello')
    socket.send(JSON.stringify({ watch: [7] }))
    await until('both answers', () => messages.some((m) => m.type === 'echo' && m.text === 'hello') && messages.some((m) => m.type === 'stock' && m.id === 7))
    socket.close()
  })

  await t.test('traffic finds no fault', async () => {
    const child = spawn('node', ['traffic.mjs', '--url', `http://127.0.0.1:${secondPort}`, '--users', '4', '--think', '0', '--duration', '2', '--seed', '11', '--strict', '--json'],
      { cwd: shop, stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (piece) => { text += piece })
    const code = await new Promise((resolve) => child.on('close', resolve))
    assert.equal(code, 0, text)
    assert.ok(JSON.parse(text).requests > 50, text)
  })

  await t.test('SIGTERM lets a request under way finish, sends the last spans, and ends with 0', async () => {
    const trace = 'aaaaaaaaaaaaaaaa1111111111111111'
    const slow = ask(frontPort, '/slow?ms=3000', { headers: { traceparent: `00-${trace}-b7ad6b7169203331-01` } })
    const file = JSON.parse(readFileSync(path.join(folder, 'connection.json'), 'utf8'))
    const client = new pg.Client({ ...file, ssl: { ca: file.certificate, servername: 'localhost' } })
    await client.connect()
    await until('the request has reached the database', async () =>
      (await client.query("select from pg_stat_activity where state = 'active' and query like 'select pg_sleep%'")).rowCount > 0)
    await client.end()
    fronts[0].child.kill('SIGTERM')
    assert.equal((await slow).status, 200)
    assert.deepEqual(await fronts[0].exit, { code: 0, signal: null })
    assert.ok(collector.has('/v1/traces', Buffer.from(trace, 'hex'), 'GET /slow'))
    for (const service of [fronts[1], catalog, database]) {
      service.child.kill('SIGTERM')
      assert.deepEqual(await service.exit, { code: 0, signal: null }, service.name)
    }
  })
})

// The traffic generator: its model of a visitor, its arithmetic, and its judgement of failures against real sockets.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import http from 'node:http'
import net from 'node:net'
import { fileURLToPath } from 'node:url'
import test from 'node:test'
import { Visitor, mayResend, reasonOf } from '../traffic/client.mjs'
import { Latencies, percentile } from '../traffic/percentile.mjs'
import { makeRandom } from '../traffic/random.mjs'
import { kProducts, makeSession, nextStep } from '../traffic/session.mjs'

test('percentile: nearest rank', () => {
  const ten = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
  for (const [values, p, want] of [
    [ten, 0.5, 50], [ten, 0.95, 100], [ten, 0.9, 90], [ten, 0.1, 10], [ten, 0, 10], [ten, 1, 100], [[7], 0.99, 7], [[], 0.5, null],
  ]) assert.equal(percentile(values, p), want, `p ${p} of ${values.length}`)
})

test('latencies: a sample of bounded size stands for all', () => {
  const latencies = new Latencies(1_000, makeRandom(1).next)
  for (let i = 1; i <= 100_000; i += 1) latencies.add(i)
  const { p50, p99, max } = latencies.summary()
  assert.equal(latencies.count, 100_000)
  assert.equal(max, 100_000)
  assert.ok(Math.abs(p50 - 50_000) < 6_000, `p50 ${p50}`)
  assert.ok(Math.abs(p99 - 99_000) < 1_000, `p99 ${p99}`)
  assert.deepEqual(new Latencies().summary(), { p50: null, p95: null, p99: null, max: null })
})

test('random: a seed repeats, weights hold', () => {
  const draw = (seed) => { const random = makeRandom(seed); return Array.from({ length: 5 }, () => random.below(1000)) }
  assert.deepEqual(draw(7), draw(7))
  assert.notDeepEqual(draw(7), draw(8))
  const random = makeRandom(3)
  const seen = { a: 0, b: 0, never: 0 }
  for (let i = 0; i < 10_000; i += 1) seen[random.weighted({ a: 3, b: 1, never: 0 })] += 1
  assert.equal(seen.never, 0)
  assert.ok(seen.a > 7_200 && seen.a < 7_800, `a ${seen.a}`)
})

test('sessions: they end, and every step makes sense where it stands', () => {
  const random = makeRandom(42)
  const kinds = {}
  for (let n = 0; n < 3_000; n += 1) {
    const session = makeSession(random)
    let before = null
    let seenProduct = false
    let status
    for (let steps = 0; ; steps += 1) {
      assert.ok(steps <= 25)
      const step = nextStep(session, random, status)
      if (!step) break
      kinds[step.kind] = (kinds[step.kind] ?? 0) + 1
      assert.match(step.path, /^\/[\x21-\x7e]*$/)
      if (step.kind === 'product') {
        seenProduct = true
        assert.ok(session.lastProduct >= 1 && session.lastProduct <= kProducts)
      }
      if (step.kind === 'add') assert.ok(seenProduct && step.form.id === session.lastProduct)
      if (step.kind === 'checkout') assert.equal(before, 'cart')
      if (step.kind === 'order') assert.ok(before === 'checkout' && status === 303 && step.path === `/order/${session.key}`)
      // Every third order is refused as sold out.
      status = step.kind === 'checkout' && n % 3 === 0 ? 409 : step.expect[0]
      if (before === 'checkout' && step.kind !== 'order') assert.equal(step.kind, 'cart')
      before = step.kind
    }
  }
  for (const kind of ['home', 'category', 'search', 'product', 'add', 'cart', 'checkout', 'order', 'missing', 'slow', 'fail']) assert.ok(kinds[kind] > 0, kind)
  assert.ok(kinds.fail < kinds.home / 50, 'failures are rare')
})

test('mayResend: only what RFC 9112 section 9.3.1 allows', () => {
  const good = { method: 'GET', reused: true, answerBegan: false, code: 'ECONNRESET', attempt: 1 }
  for (const [change, want] of [
    [{}, true], [{ method: 'HEAD' }, true], [{ code: 'EPIPE' }, true],
    [{ method: 'POST' }, false], [{ reused: false }, false], [{ answerBegan: true }, false],
    [{ code: 'ECONNREFUSED' }, false], [{ code: undefined }, false], [{ attempt: 2 }, false],
  ]) assert.equal(mayResend({ ...good, ...change }), want, JSON.stringify(change))
})

// A server that answers the n-th request it sees as `behave(n, socket)` says.
async function withServer(behave, work, timeoutMs = 10_000) {
  let n = 0
  const sockets = new Set()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', () => behave((n += 1), socket))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  let reconnects = 0
  const visitor = new Visitor({ url: `http://127.0.0.1:${server.address().port}`, timeoutMs, userAgent: 'test', onReconnect: () => { reconnects += 1 } })
  try {
    await work(visitor, () => ({ reconnects, seen: n }))
  } finally {
    visitor.close()
    for (const socket of sockets) socket.destroy()
    server.close()
  }
}
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const get = { method: 'GET', path: '/' }

test('client: failures are told apart', async (t) => {
  const cases = [
    ['reset', (n, socket) => socket.destroy()],
    ['incomplete', (n, socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok')],
    ['timeout', () => {}],
    ['timeout', (n, socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok')],
    ['bad_answer', (n, socket) => socket.end('SSH-2.0-hello\r\n')],
  ]
  for (const [want, behave] of cases) {
    await t.test(want, () => withServer(behave, (visitor) => assert.rejects(visitor.ask(get), (error) => {
      assert.equal(reasonOf(error), want)
      return true
    }), want === 'timeout' ? 300 : undefined))
  }
  await t.test('refused', async () => {
    const server = net.createServer()
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address()
    await new Promise((resolve) => server.close(resolve))
    const visitor = new Visitor({ url: `http://127.0.0.1:${port}`, timeoutMs: 1000, userAgent: 'test' })
    await assert.rejects(visitor.ask(get), (error) => reasonOf(error) === 'refused')
  })
})

test('client: a kept connection that closes without an answer is replaced once, for GET', () =>
  withServer((n, socket) => (n === 2 ? socket.destroy() : socket.write(ok)), async (visitor, counts) => {
    assert.equal((await visitor.ask(get)).status, 200)
    assert.equal((await visitor.ask(get)).status, 200)
    assert.deepEqual(counts(), { reconnects: 1, seen: 3 })
  }))

test('client: a second close, a POST, and a begun answer are failures', async (t) => {
  const behaviours = [
    ['the fresh connection closes too', get, 3, (n, socket) => (n === 1 ? socket.write(ok) : socket.destroy())],
    ['a POST', { method: 'POST', path: '/', form: { a: 1 } }, 2, (n, socket) => (n === 1 ? socket.write(ok) : socket.destroy())],
    ['half a head', get, 2, (n, socket) => (n === 1 ? socket.write(ok) : socket.end('HTTP/1.1 200'))],
  ]
  for (const [name, second, seen, behave] of behaviours) {
    await t.test(name, () => withServer(behave, async (visitor, counts) => {
      await visitor.ask(get)
      await assert.rejects(visitor.ask(second), (error) => reasonOf(error) === 'reset')
      assert.equal(counts().seen, seen)
    }))
  }
})

test('client: cookies are kept and forgotten', async () => {
  const seen = []
  const server = http.createServer((request, response) => {
    seen.push(request.headers.cookie ?? '')
    if (request.url === '/set') response.setHeader('set-cookie', ['cart=7:2; Path=/; HttpOnly', 'other=1'])
    if (request.url === '/clear') response.setHeader('set-cookie', 'cart=; Path=/; Max-Age=0')
    response.end()
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const visitor = new Visitor({ url: `http://shop.localhost:${server.address().port}`, timeoutMs: 5000, userAgent: 'test' })
  for (const path of ['/set', '/', '/clear', '/']) await visitor.ask({ method: 'GET', path })
  visitor.close()
  server.close()
  assert.deepEqual(seen, ['', 'cart=7:2; other=1', 'cart=7:2; other=1', 'other=1'])
})

test('traffic.mjs --strict: exit status says whether something failed', async () => {
  const program = fileURLToPath(new URL('../traffic.mjs', import.meta.url))
  const run = (...args) => new Promise((resolve) => {
    execFile(process.execPath, [program, '--users', '2', '--duration', '2', '--think', '0', '--seed', '5', '--json', ...args],
      (error, stdout) => resolve({ code: error ? error.code : 0, summary: stdout ? JSON.parse(stdout) : null }))
  })
  // Sends what each step of the model wants, with the failures that are asked for, and, when broken, breaks every third answer.
  const serve = async (broken) => {
    let n = 0
    const server = http.createServer((request, response) => {
      n += 1
      const url = new URL(request.url, 'http://x')
      if (broken && n % 3 === 0) response.writeHead(502).end('bad gateway')
      else if (url.pathname === '/fail') response.writeHead(Number(url.searchParams.get('status'))).end()
      else if (url.pathname.startsWith('/sale/')) response.writeHead(404).end()
      else if (request.method === 'POST') response.writeHead(303, { location: '/' }).end()
      else response.end('<html></html>\n')
    })
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    return server
  }
  for (const [broken, code] of [[false, 0], [true, 1]]) {
    const server = await serve(broken)
    const { code: got, summary } = await run('--strict', '--url', `http://127.0.0.1:${server.address().port}`)
    server.close()
    server.closeAllConnections()
    assert.equal(got, code)
    assert.ok(summary.requests > 3)
    assert.equal(summary.requests, summary.succeeded + summary.failed + summary.deliberate)
    if (broken) assert.deepEqual(Object.keys(summary.failures), ['status_502'])
    else assert.equal(summary.failed, 0)
  }
  assert.equal((await run('--url', 'ftp://x')).code, 2)
})

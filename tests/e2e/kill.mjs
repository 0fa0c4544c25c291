// Show 3: nginx or ringwall killed with -9 at random points, 100 rounds; what was acknowledged is there exactly once.
//
// While a sender posts OTLP logs and another asks the edge for pages, each round kills one of: the core, the
// supervisor and core together, the nginx master, an nginx worker.  At the end every acknowledged record and every answered
// request must be in the store once, and none may be there twice.  A request whose connection broke was not answered, so
// it may be there once or not at all.
//
//   node tests/e2e/kill.mjs [--rounds 100] [--seed N]
import http from 'node:http'
import { readFileSync, readdirSync } from 'node:fs'
import { Report, Ringwall, freePorts, root, until } from './harness.mjs'

const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`)
  return at > 0 ? Number(process.argv[at + 1]) : otherwise
}
const rounds = option('rounds', 100)
const seed = option('seed', Date.now() % 1_000_000)
console.log(`kill test: ${rounds} rounds, seed ${seed}`)

let state = seed
const random = () => {
  state = (state * 1664525 + 1013904223) % 4294967296
  return state / 4294967296
}

const [edgePort, otlpPort, apiPort, backendPort] = await freePorts(4)
const backend = http.createServer((request, response) => response.end('hello')).listen(backendPort, '127.0.0.1')
backend.keepAliveTimeout = 120_000

const ringwall = new Ringwall('kill', `
application: kill-test
environment: test
edge:
  listeners:
    - address: 127.0.0.1:${edgePort}
      tls: false
  hosts:
    - names: [localhost]
      routes:
        - path: /
          service: web
services:
  - name: web
    addresses: ["127.0.0.1:${backendPort}"]
telemetry:
  otlp:
    listen: 127.0.0.1:${otlpPort}
  host_metrics:
    enabled: false
  store:
    flush_age: 2s
api:
  listen: 127.0.0.1:${apiPort}
`)
await ringwall.start()

// --- the sender: each record has a name of its own; a request that was not acknowledged is sent again unchanged.
let running = true
const acknowledged = []
let resent = 0
function post(path, body) {
  return new Promise((resolve) => {
    const request = http.request({ host: '127.0.0.1', port: otlpPort, path, method: 'POST', agent: false, timeout: 20_000,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode))
      response.on('error', () => resolve(0))
    })
    request.on('error', () => resolve(0))
    request.on('timeout', () => request.destroy())
    request.end(body)
  })
}
async function sender(name) {
  for (let n = 0; running; n += 1) {
    const marks = Array.from({ length: 1 + Math.floor(random() * 20) }, (_, i) => `${name}-${n}-${i}`)
    const body = JSON.stringify({ resourceLogs: [{ resource: { attributes: [{ key: 'service.name', value: { stringValue: 'sender' } }] },
      scopeLogs: [{ logRecords: marks.map((mark) => ({ timeUnixNano: String(BigInt(Date.now()) * 1000000n), severityNumber: 9,
        body: { stringValue: `mark ${mark}` }, attributes: [{ key: 'mark', value: { stringValue: mark } }] })) }] }] })
    for (let first = true; ; first = false) {
      if (!first) resent += 1
      if ((await post('/v1/logs', body)) === 200) break
      if (!running && !first) return
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    acknowledged.push(...marks)
  }
}

// --- the visitor: every answer carries the trace id under which the edge must have recorded it.
const answered = []
let broken = 0
async function visitor() {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  while (running) {
    await new Promise((resolve) => {
      const request = http.get({ host: '127.0.0.1', port: edgePort, path: '/page', agent, timeout: 20_000, headers: { host: 'localhost' } }, (response) => {
        response.resume()
        response.on('end', () => {
          if (response.statusCode === 200 && response.complete) answered.push(response.headers['x-request-id'])
          else broken += 1
          resolve()
        })
        response.on('error', () => { broken += 1; resolve() })
      })
      request.on('error', () => { broken += 1; resolve() })
      request.on('timeout', () => request.destroy())
    })
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
const loads = [sender('a'), sender('b'), visitor(), visitor()]

// --- the killer.
const children = (pid) => readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((child) => {
  try { return Number(readFileSync(`/proc/${child}/stat`, 'utf8').replace(/^.*\) /, '').split(' ')[1]) === pid } catch { return false }
})
const kills = { core: 0, ringwall: 0, master: 0, worker: 0 }
const kill = (pid) => { try { process.kill(pid, 'SIGKILL'); return true } catch { return false } }
const corePid = () => ringwall.pid('core.pid')
const masterPid = () => ringwall.pid('nginx.pid')
const alive = (pid) => { try { process.kill(pid, 0); return pid > 0 } catch { return false } }
for (let round = 0; round < rounds; round += 1) {
  await new Promise((resolve) => setTimeout(resolve, random() * 700))
  const draw = random()
  if (draw < 0.5) { if (kill(corePid())) kills.core += 1 }
  else if (draw < 0.6) {
    const supervisor = ringwall.pid('up.lock')
    kill(corePid())
    if (kill(supervisor)) kills.ringwall += 1
    await until('the supervisor is gone', () => !alive(supervisor))
    await ringwall.start()
  } else if (draw < 0.8) { if (kill(masterPid())) kills.master += 1 }
  else {
    const workers = children(masterPid())
    if (workers.length > 0 && kill(workers[Math.floor(random() * workers.length)])) kills.worker += 1
  }
  // Half the time the next blow falls while the last one is still being recovered from.
  if (random() < 0.5) {
    await until('core and nginx run again', async () => alive(corePid()) && alive(masterPid()) && (await ringwall.status()).edge.state === 'up', { deadlineMs: 60_000 })
  }
}
await until('core and nginx run again', async () => alive(corePid()) && alive(masterPid()) && (await ringwall.status()).edge.state === 'up', { deadlineMs: 60_000 })
running = false
await Promise.all(loads)

// --- the reckoning.
const report = new Report()
console.log(`killed: ${JSON.stringify(kills)}; records acknowledged ${acknowledged.length}, requests sent again ${resent}; ` +
  `pages answered ${answered.length}, connections broken ${broken}`)
// How often each name is there; an answer has at most 100,000 rows.
async function count(name, from) {
  const found = new Map()
  for (let offset = 0; ; offset += 50_000) {
    const rows = await ringwall.sql(`select ${name} as name, count(*) as n from ${from} group by all order by name limit 50000 offset ${offset}`)
    for (const row of rows) found.set(row.name, Number(row.n))
    if (rows.length < 50_000) return found
  }
}
const stored = () => count("attributes['mark']", "logs where service = 'sender'")
const marks = await until('every acknowledged record is found', async () => {
  const found = await stored()
  return acknowledged.every((mark) => found.has(mark)) && found
}, { deadlineMs: 20_000, everyMs: 500 }).catch(stored)
const missing = acknowledged.filter((mark) => !marks.has(mark))
const doubled = [...marks].filter(([, n]) => n !== 1)
report.check(acknowledged.length > rounds, `the sender worked: ${acknowledged.length} records acknowledged`)
report.check(missing.length === 0, 'no acknowledged record is missing', `${missing.length}: ${missing.slice(0, 5)}`)
report.check(doubled.length === 0, 'no record is stored twice', `${doubled.length}: ${doubled.slice(0, 5)}`)

for (const [table, what] of [['spans', 'span'], ['logs', 'edge record']]) {
  const found = await count('trace_id', `${table} where service = 'edge'`)
  const lost = answered.filter((id) => !found.has(id))
  const twice = [...found].filter(([, n]) => n !== 1)
  report.check(lost.length === 0, `every answered request has its ${what}`, `${lost.length} of ${answered.length} missing: ${lost.slice(0, 3)}`)
  report.check(twice.length === 0, `no request has two of its ${what}`, `${twice.length}: ${twice.slice(0, 3)}`)
}
report.check(answered.length > rounds, `the edge worked: ${answered.length} pages answered`)
await ringwall.stop()
const left = await until('everything has ended', () => ringwall.processes().length === 0, { deadlineMs: 10_000 }).then(() => [], () => ringwall.processes())
report.check(left.length === 0, 'nothing of it runs after `ringwall down`', left.join('; '))
backend.close()
backend.closeAllConnections()
report.end()

// Show 3, the part without kill -9 of Ringwall itself: while requests run, an instance dies, and a changed declaration is
// applied, and no request fails.  A request on a kept-alive connection that the server closed before answering is sent again
// once on a new connection, as RFC 9112 section 9.3.1 lets every client do; how often is printed.
import http from 'node:http'
import { writeFileSync, readFileSync } from 'node:fs'
import { Report, Ringwall, freePorts, until } from './harness.mjs'

const [edgePort, otlpPort, apiPort] = await freePorts(3)
const backendProgram = `
const http = require('node:http')
const server = http.createServer((request, response) => {
  setTimeout(() => response.end(process.env.NAME + ' ' + request.url), Math.random() * 10)
})
server.keepAliveTimeout = 120000
server.listen(Number(process.env.PORT), '127.0.0.1')
process.on('SIGTERM', () => server.close(() => process.exit(0)))
`
const declaration = (path) => `
application: failover
environment: test
edge:
  listeners:
    - address: 127.0.0.1:${edgePort}
      tls: false
  hosts:
    - names: [localhost]
      routes:
        - path: ${path}
          service: other
        - path: /
          service: web
services:
  - name: web
    command: [node, backend.js]
    count: 2
    port: 0
    env: { PORT: "{port}", NAME: web }
    health: { path: /healthz, interval: 500ms, timeout: 400ms }
  - name: other
    command: [node, backend.js]
    count: 1
    port: 0
    env: { PORT: "{port}", NAME: other }
    health: { path: /healthz, interval: 500ms, timeout: 400ms }
telemetry:
  otlp: { listen: "127.0.0.1:${otlpPort}" }
  host_metrics: { enabled: false }
api:
  listen: 127.0.0.1:${apiPort}
`
const ringwall = new Ringwall('failover', declaration('/other'))
writeFileSync(`${ringwall.folder}/backend.js`, backendProgram)
const report = new Report()
await ringwall.start()

let running = true
const counts = { answered: 0, resent: 0 }
const failures = []
let sawApplied = 0
function ask(agent, path) {
  return new Promise((resolve) => {
    const request = http.get({ host: '127.0.0.1', port: edgePort, path, agent, timeout: 20_000, headers: { host: 'localhost' } }, (response) => {
      let body = ''
      response.on('data', (piece) => { body += piece })
      response.on('end', () => resolve({ status: response.statusCode, complete: response.complete, body }))
      response.on('error', (error) => resolve({ error: error.code }))
    })
    request.on('error', (error) => resolve({ error: error.code, reused: request.reusedSocket }))
    request.on('timeout', () => request.destroy())
  })
}
async function visitor() {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  while (running) {
    for (const path of ['/', '/moved/x']) {
      let answer = await ask(agent, path)
      if (answer.error && answer.reused) {
        counts.resent += 1
        answer = await ask(agent, path)
      }
      if (answer.status === 200 && answer.complete) {
        counts.answered += 1
        if (path === '/moved/x' && answer.body.startsWith('other')) sawApplied += 1
      } else failures.push(`${path}: ${JSON.stringify(answer)}`)
    }
  }
}
const visitors = Array.from({ length: 8 }, visitor)
const answeredMore = (n) => { const goal = counts.answered + n; return until(`${n} more answers`, () => counts.answered >= goal) }
const web = async () => (await ringwall.status()).services.find((service) => service.name === 'web').instances
await answeredMore(500)

// --- an instance dies; it is taken out, started again and taken in.
const victim = (await web())[0]
process.kill(victim.pid, 'SIGKILL')
await answeredMore(500)
await until('the killed instance is back and healthy', async () => (await web()).every((instance) => instance.state === 'healthy') &&
  (await web()).some((instance) => instance.restarts > 0))
await answeredMore(500)
report.check(failures.length === 0, `an instance killed under load: ${counts.answered} answers, none failed`, failures.slice(0, 3).join('; '))

// --- a route is changed while the load goes on.
const before = failures.length
writeFileSync(ringwall.file, declaration('/moved'))
const plan = await ringwall.json('plan', ringwall.file)
report.check(plan.changes.length > 0, `plan names ${plan.changes.length} changes`)
await ringwall.json('apply', ringwall.file)
await until('the changed route is in force', () => sawApplied > 0)
await answeredMore(1000)
report.check(failures.length === before, `a changed route applied under load: ${counts.answered} answers, none failed`, failures.slice(before, before + 3).join('; '))

// --- a wrong declaration changes nothing.
writeFileSync(ringwall.file, declaration('/moved').replace('service: other', 'service: othr'))
const refused = await ringwall.cli('apply', ringwall.file).then(() => '', (error) => error.stderr)
report.check(/othr/.test(refused) && /other/.test(refused), 'a wrong declaration is refused with the nearest name', refused)
await answeredMore(200)
report.check(failures.length === before, 'and what ran goes on running')

running = false
await Promise.all(visitors)
console.log(`requests answered ${counts.answered}, sent again on a fresh connection ${counts.resent}`)
await ringwall.stop()
report.check(!readFileSync(`${ringwall.state}/logs/ringwall.log`, 'utf8').includes('assertion failed'), 'no assertion failed')
report.end()

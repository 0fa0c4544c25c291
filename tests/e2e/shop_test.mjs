// Shows 1 and 2 on the example: the shop runs inside the ring with its real PostgreSQL; one page view gives one trace with
// the spans of the edge, both services and the SQL statements, its log lines and its edge record, in `ringwall trace` and in the
// console, looked at by a real Chromium.  The screenshots stay in build/test/screenshots.
import { execFile, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import https from 'node:https'
import path from 'node:path'
import { promisify } from 'node:util'
import { Report, Ringwall, freePorts, root, until } from './harness.mjs'

const run = promisify(execFile)
const report = new Report()
if (spawnSync('sh', ['-c', 'ls /usr/lib/postgresql/*/bin/initdb']).status !== 0) {
  console.log('skipped: shop: PostgreSQL could not be installed')
  report.end()
}

// The example's own declaration with free ports, so that a shop that is already running is left alone.
const shop = path.join(root, 'examples/shop')
const declared = [9443, 9080, 4318, 8443, 4832, 4810]
const ports = await freePorts(declared.length + 1)
let declaration = readFileSync(path.join(shop, 'ringwall.yaml'), 'utf8')
declared.forEach((port, i) => { declaration = declaration.replaceAll(new RegExp(`\\b${port}\\b`, 'g'), String(ports[i])) })
// Two storefronts take a port and the one after it; below the range that free ports are picked from.
declaration = declaration.replace(/\b4800\b/, String(14_000 + 2 * (ports.at(-1) % 4_000)))
const ringwall = new Ringwall('shop', declaration)
symlinkSync(path.join(shop, 'node_modules'), path.join(ringwall.folder, 'node_modules'))
for (const name of ['storefront', 'catalog', 'lib', 'database.sh', 'telemetry.js', 'package.json']) {
  cpSync(path.join(shop, name), path.join(ringwall.folder, name), { recursive: true })
}
process.stdout.write(await ringwall.start())
const status = await ringwall.status()
const url = status.urls.edge.find((candidate) => candidate.startsWith('https:'))
const ca = readFileSync(path.join(ringwall.state, 'pki/ca.crt'))
report.check(Boolean(url), `the shop is at ${url}`)
report.check(Boolean(status.token), '`ringwall status --json` gives a token to programs')

const get = (target) => new Promise((resolve, reject) => {
  https.get(target, { ca, agent: false }, (response) => {
    let body = ''
    response.on('data', (piece) => { body += piece })
    response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }))
  }).on('error', reject)
})
const page = await get(new URL('/product/1', url))
report.check(page.status === 200, 'a product page is answered over TLS with the local CA trusted', String(page.status))
const id = page.headers['x-request-id']
report.check(/^[0-9a-f]{32}$/.test(id ?? ''), `its trace id is in the answer: ${id}`)

// The Core Rule Set is in force: an attack is refused and its audit record found by the trace id of the answer.
const attack = await get(new URL('/search?q=' + encodeURIComponent("1' UNION SELECT card_number FROM orders-- -"), url))
report.check(attack.status === 403, 'an attack is refused', String(attack.status))
const audit = await until('the audit record is found', async () => {
  const found = await ringwall.json('trace', attack.headers['x-request-id'])
  return found.logs.find((log) => log.attributes['ringwall.event'] === 'waf')
}, { deadlineMs: 20_000, everyMs: 200 }).catch(() => undefined)
report.check(audit?.message.startsWith('firewall deny: ') && JSON.parse(audit.attributes['ringwall.waf.audit']).transaction.response.http_code === 403,
  `its audit record is under its trace id: ${audit?.message}`)

const complete = (trace) => {
  const services = new Set(trace.spans.map((span) => span.service))
  const sql = trace.spans.filter((span) => Object.keys(span.attributes).some((key) => key.startsWith('db.')))
  return services.has('edge') && services.has('storefront') && services.has('catalog') && sql.length > 0 &&
    trace.logs.some((log) => log.service === 'edge') && trace.logs.some((log) => log.service === 'storefront') && trace.logs.some((log) => log.service === 'catalog')
}
let trace
await until('the whole trace is found', async () => complete(trace = await ringwall.json('trace', id)), { deadlineMs: 20_000, everyMs: 200 }).catch(() => {})
const seen = trace ? `spans ${trace.spans.map((span) => `${span.service}:${span.name}`).join(', ')}; logs ${trace.logs.map((log) => log.service).join(', ')}` : 'no trace'
report.check(trace && complete(trace), 'one page view is one trace: edge, storefront, catalog, SQL, log lines, edge record', seen)
report.check(trace && new Set(trace.spans.map((span) => span.trace_id)).size === 1, 'under one trace id')
const roots = trace ? trace.spans.filter((span) => !trace.spans.some((other) => other.span_id === span.parent_span_id)) : []
report.check(roots.length === 1 && roots[0].service === 'edge', 'the edge span is the root and every other span hangs below it', roots.map((span) => span.name).join(', '))

const traffic = await run('node', [path.join(shop, 'traffic.mjs'), '--url', url, '--ca', path.join(ringwall.state, 'pki/ca.crt'), '--duration', '8', '--json'], { timeout: 90_000 })
  .catch((error) => error)
console.log(traffic.stdout?.trim().split('\n').at(-1))
const services = await until('services are listed', async () => {
  const names = (await ringwall.json('services')).services.map((service) => service.service)
  return ['edge', 'storefront', 'catalog'].every((name) => names.includes(name)) && names
}).catch(() => [])
report.check(services.length >= 3, `services with traffic: ${services.join(', ')}`)

const after = await ringwall.status()
const dropped = after.pipeline.dropped.reduce((sum, drop) => sum + drop.records, 0)
report.check(after.pipeline.received === after.pipeline.stored + after.pipeline.pending + dropped,
  `received ${after.pipeline.received} = stored ${after.pipeline.stored} + pending ${after.pipeline.pending} + dropped ${dropped}`)

if (existsSync('/usr/bin/chromium')) {
  const screenshots = path.join(root, 'build/test/screenshots')
  rmSync(screenshots, { recursive: true, force: true })
  mkdirSync(screenshots, { recursive: true })
  for (const [file, what] of [['trace', 'the console shows the same in Chromium'], ['firewall', 'the console explains an attack, switches modes and excludes at the running edge']]) {
    const browser = await run('node', [path.join(root, `console/e2e/${file}.e2e.mjs`), '--shop', url, '--console', after.urls.console, '--token', after.token, '--screenshots', screenshots],
      { timeout: 240_000, cwd: path.join(root, 'console') }).catch((error) => error)
    console.log((browser.stdout ?? '').trim().split('\n').map((line) => `  ${line.replace(/^(\d+ passed, \d+ failed)$/, 'browser: $1')}`).join('\n'))
    report.check(!browser.code && !browser.killed, what, browser.stderr ?? '')
  }
} else {
  console.log('skipped: console in Chromium: chromium could not be installed')
}
report.check((await ringwall.stop()) === 0, 'it drains and stops')
report.end()

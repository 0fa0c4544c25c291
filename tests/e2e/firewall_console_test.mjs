// The console's firewall page against the running edge, without the shop's database: an attack is explained, a mode is switched, an
// exclusion lets a request pass.  The shop's own test runs the same browser script on the shop.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { promisify } from 'node:util'
import { Report, Ringwall, freePorts, root } from './harness.mjs'

const run = promisify(execFile)
const report = new Report()
for (const [needed, what] of [['/usr/bin/chromium', 'chromium'], ['/usr/share/modsecurity-crs', 'the Core Rule Set']]) {
  if (existsSync(needed)) continue
  console.log(`skipped: firewall console: ${what} could not be installed`)
  report.end()
}

const backend = http.createServer((request, response) => response.end('<!doctype html><title>shop</title><h1>Products</h1>'))
await new Promise((resolve) => backend.listen(0, '127.0.0.1', resolve))
const [edge, otlp, api] = await freePorts(3)
const declaration = `application: shop
edge:
  listeners:
    - address: 127.0.0.1:${edge}
  hosts:
    - names: [localhost]
      # Everything is the storefront's.
      routes:
        - path: /
          service: storefront
services:
  - name: storefront
    addresses: ["127.0.0.1:${backend.address().port}"]
waf:
  mode: block   # since the first day
telemetry:
  otlp: { listen: "127.0.0.1:${otlp}" }
api:
  listen: 127.0.0.1:${api}
`
const ringwall = new Ringwall('firewall-console', declaration)
process.stdout.write(await ringwall.start())
const status = await ringwall.status()
const screenshots = path.join(root, 'build/test/firewall-screenshots')
mkdirSync(screenshots, { recursive: true })
const browser = await run('node', [path.join(root, 'console/e2e/firewall.e2e.mjs'), '--shop', `https://localhost:${edge}/`, '--console', status.urls.console, '--token', status.token, '--screenshots', screenshots],
  { timeout: 240_000, cwd: path.join(root, 'console') }).catch((error) => error)
console.log((browser.stdout ?? '').trim().split('\n').map((line) => `  ${line.replace(/^(\d+ passed, \d+ failed)$/, 'browser: $1')}`).join('\n'))
report.check(!browser.code && !browser.killed, 'the console explains an attack, switches modes and excludes at the running edge', browser.stderr ?? '')
const file = readFileSync(ringwall.file, 'utf8')
report.check(file.includes('# since the first day') && file.includes('# Everything is the storefront'), 'comments of the declaration stay', file)
report.check(file.includes('= /search') && file.includes('e2e: people search for SQL'), 'the exclusion is in the file', file)
report.check((await ringwall.stop()) === 0, 'it drains and stops')
backend.close()
report.end()

// Bots and logins at a running edge: a real Chromium that loads a page with all it can ask for has no signal, programs have theirs,
// and stuffed credentials end in 429.  What the records say is looked up as an operator would.
import { execFile } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import path from 'node:path'
import { promisify } from 'node:util'
import { Report, Ringwall, freePorts, root, until } from './harness.mjs'

const run = promisify(execFile)
const report = new Report()
for (const [needed, what] of [['/usr/bin/chromium', 'chromium'], ['/usr/share/modsecurity-crs', 'the Core Rule Set']]) {
  if (existsSync(needed)) continue
  console.log(`skipped: abuse: ${what} could not be installed`)
  report.end()
}
const { launch } = await import(path.join(root, 'console/dev/chromium.mjs'))

const page = `<!doctype html><title>shop</title><link rel="stylesheet" href="/style.css"><link rel="icon" href="/icon.png"><img src="/a.png">
<form method="post" action="/contact"><input name="text" value="hello"><button>Send</button></form><video src="/film.mp4" muted></video>
<script>
const worker = new Worker('/worker.js')
const socket = new WebSocket('wss://' + location.host + '/socket')
addEventListener('load', async () => {
  await fetch('/api/get'); await fetch('/api/put', { method: 'PUT', headers: { accept: 'application/json', 'content-type': 'application/json' }, body: '{}' })
  await new Promise((done) => { const asked = new XMLHttpRequest(); asked.open('GET', '/api/xhr'); asked.setRequestHeader('X-Requested-With', 'x'); asked.onloadend = done; asked.send() })
  navigator.sendBeacon('/beacon', 'x')
  const events = new EventSource('/events'); await new Promise((done) => { events.onerror = done }); events.close()
  const service = await navigator.serviceWorker?.register('/service.js').catch(() => {})
  await new Promise((done) => { socket.readyState > 1 ? done() : socket.addEventListener('close', done) })
  document.title = 'done'
})
</script>`
const backend = http.createServer((request, response) => {
  let body = ''
  request.on('data', (piece) => { body += piece })
  request.on('end', () => {
    if (request.url === '/login') response.writeHead(body.includes('password=right') ? 200 : 401)
    else if (request.url.endsWith('.js')) response.setHeader('content-type', 'text/javascript')
    else if (request.url === '/' || request.url === '/contact') response.setHeader('content-type', 'text/html')
    response.end(request.url === '/' ? page : request.url.endsWith('.js') ? 'fetch("/api/worker")' : 'ok')
  })
})
await new Promise((resolve) => backend.listen(0, '127.0.0.1', resolve))
const [edge, otlp, api] = await freePorts(3)
const ringwall = new Ringwall('abuse', `application: shop
edge:
  listeners:
    - address: 127.0.0.1:${edge}
  hosts:
    - names: [localhost]
      routes:
        - path: /
          service: storefront
services:
  - name: storefront
    addresses: ["127.0.0.1:${backend.address().port}"]
waf:
  mode: block
  core_rule_set: ''
  rules: [mine.conf]
  bots: { deny_score: 10 }
  logins:
    - { path: "= /login", account: "argument:username" }
telemetry:
  otlp: { listen: "127.0.0.1:${otlp}" }
api:
  listen: 127.0.0.1:${api}
`)
writeFileSync(path.join(ringwall.folder, 'mine.conf'), 'SecRule TX:ringwall_bot_score "@ge 100" "id:1,phase:1,deny"\n')
process.stdout.write(await ringwall.start())
const base = `https://localhost:${edge}`

const browser = await launch()
const context = await browser.newContext({ ignoreHTTPSErrors: true })
const tab = await context.newPage()
await tab.goto(`${base}/`)
await tab.waitForFunction(() => document.title === 'done')
await tab.click('button')
await tab.waitForURL(`${base}/contact`)
await browser.close()

// A program's request; resolves to its status.
const ask = (method, url, headers, body = '') => new Promise((resolve, reject) => {
  const request = https.request(`${base}${url}`, { method, rejectUnauthorized: false, agent: false, headers: { ...headers, 'content-length': Buffer.byteLength(body) } }, (response) => {
    response.resume()
    response.on('end', () => resolve(response.statusCode))
  })
  request.on('error', reject)
  request.end(body)
})
const curl = async (...options) => (await run('curl', ['--silent', '--insecure', '--output', '/dev/null', '--write-out', '%{http_code}', ...options])).stdout
const chrome = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36'
report.check((await curl(`${base}/curl`)) === '200', 'curl is let through')
report.check((await curl('--user-agent', 'sqlmap/1.7.2#stable (https://sqlmap.org)', `${base}/sqlmap`)) === '403', 'sqlmap is refused')
report.check((await curl('--user-agent', chrome, `${base}/disguised`)) === '403', 'curl that says it is Chrome is refused')

const login = (username, password) => ask('POST', '/login', { 'content-type': 'application/x-www-form-urlencoded', 'user-agent': 'Lynx/2.9' }, `username=${username}&password=${password}`)
const mistyped = [await login('ann', 'a'), await login('ann', 'b'), await login('ann', 'c'), await login('ann', 'right')]
report.check(mistyped.join() === '401,401,401,200', 'three mistakes and the right password', mistyped.join())
const stuffed = []
for (let i = 0; i < 50; ++i) stuffed.push(await login(`user${i}`, 'x'))
report.check(stuffed.slice(0, 9).every((status) => status === 401) && stuffed.slice(9).every((status) => status === 429), 'ann and nine more, then no further account', stuffed.join())

const records = (where) => ringwall.sql(`select attributes['url.path'] as path, attributes['ringwall.waf.action'] as action, attributes['ringwall.bot.signals'] as signals, attributes['ringwall.bot.score'] as score from logs where service = 'edge' and (${where})`)
await until('all is stored', async () => (await records(`attributes['url.path'] = '/login'`)).length === 54)
const limited = await records(`attributes['ringwall.waf.limit'] = 'login.accounts'`)
report.check(limited.length === 41 && limited.every((one) => one.action === 'limit'), 'the records name the limit', JSON.stringify(limited.slice(0, 3)))
const browsed = await records(`attributes['user_agent.original'] like '%HeadlessChrome%' or attributes['url.path'] in ('/', '/contact')`)
for (const wanted of ['/', '/style.css', '/a.png', '/api/get', '/api/put', '/api/xhr', '/beacon', '/events', '/socket', '/worker.js', '/contact', '/film.mp4', '/api/worker']) {
  report.check(browsed.some((one) => one.path === wanted), `Chromium asked for ${wanted}`)
}
const signalled = browsed.filter((one) => (one.signals && one.signals !== 'headless') || Number(one.score ?? 0) !== 0)
report.check(signalled.length === 0, 'and has no score', JSON.stringify(signalled))
const told = Object.fromEntries((await records(`attributes['url.path'] in ('/curl', '/sqlmap', '/disguised')`)).map((one) => [one.path, `${one.action} ${one.signals} ${one.score}`]))
report.check(told['/curl'] === 'pass library 3', 'curl has its signal', told['/curl'])
report.check(told['/sqlmap'] === 'deny scanner 10', 'sqlmap has its signal', told['/sqlmap'])
report.check(told['/disguised'] === 'deny no_accept_language,no_accept_encoding,no_sec_fetch,no_client_hints 13', 'and the disguise too', told['/disguised'])
report.check((await ringwall.cli('logs', '@ringwall.waf.limit:login.accounts', '--limit', '3')).includes('/login'), 'a search finds them')
report.check((await ringwall.stop()) === 0, 'it drains and stops')
backend.close()
report.end()

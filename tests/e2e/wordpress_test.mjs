// A real application behind the firewall at paranoia 1: Debian's WordPress, used by a browser through the edge, is never refused; sqlmap
// and the attacks of the Core Rule Set's own tests are.  First with Debian's Core Rule Set and its exclusions for WordPress, then with
// version 4, where there is one, and the exclusions that `ringwall waf tune` proposes for what it saw.
//
// docs/firewall.md, "Real applications", says what came out.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import path from 'node:path'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Report, Ringwall, freePorts, program, root, until } from './harness.mjs'
import { Site, missing } from './wordpress/site.mjs'

const run = promisify(execFile)
const report = new Report()
const absent = [...missing(), ...[['/usr/bin/chromium', 'chromium'], ['/usr/share/modsecurity-crs', 'modsecurity-crs']].filter(([file]) => !existsSync(file)).map(([, name]) => name)]
if (absent.length > 0) {
  console.log(`skipped: wordpress: not installed: ${absent.join(', ')}`)
  report.end()
}
const { Author, odd, plain } = await import('./wordpress/author.mjs')
const { scores, sendAll, sqlmap } = await import('./wordpress/attacks.mjs')

const [edge, otlp, api] = await freePorts(3)
const url = `https://localhost:${edge}`
const site = new Site(path.join(root, 'build/e2e/wordpress-site'), url)
process.once('exit', () => site.kill())
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
const began = Date.now()
await site.start()

const declaration = (waf) => `application: blog
edge:
  listeners:
    - address: 127.0.0.1:${edge}
  hosts:
    - names: [localhost]
      routes:
        - path: /
          service: wordpress
services:
  - name: wordpress
    addresses: ["127.0.0.1:${site.port}"]
    request_timeout: 60s
telemetry:
  otlp: { listen: "127.0.0.1:${otlp}" }
api:
  listen: 127.0.0.1:${api}
waf:
${waf}`
const ringwall = new Ringwall('wordpress', declaration('  mode: block\n  paranoia: 1\n  applications: [wordpress]\n'))
const screenshots = path.join(root, 'build/test/wordpress-screenshots')
rmSync(screenshots, { recursive: true, force: true })
mkdirSync(screenshots, { recursive: true })
process.stdout.write(await ringwall.start())
const ca = readFileSync(path.join(ringwall.state, 'pki/ca.crt'))
console.log(`  site and edge after ${Math.round((Date.now() - began) / 1000)} s`)

const lines = async (...question) => (await ringwall.cli('--json', 'logs', ...question, '--from', 'now-1h', '--limit', '100000')).split('\n').filter(Boolean).map((line) => JSON.parse(line))
const ofAgent = (agent, more = '') => lines(`service:edge @user_agent.original:*${agent} ${more}`)
const sleepless = { deadlineMs: 30_000, everyMs: 250 }
async function apply(waf) {
  writeFileSync(ringwall.file, declaration(waf))
  await ringwall.cli('apply', ringwall.file)
}

// A day of the blog; what was refused on it, in the browser's eyes and in the store's.
async function day(name, texts, options = {}) {
  const step = async (what, work) => {
    const start = Date.now()
    const failed = await work().then(() => undefined, (error) => error)
    if (failed) await author.see(`failed-${what.replaceAll(' ', '-')}`).catch(() => {})
    report.check(!failed, `${name}: ${what} (${Math.round((Date.now() - start) / 1000)} s)`, String(failed?.message ?? '').split('\n').slice(0, 5).join(' | '))
  }
  const author = new Author({ url, agent: `${name}/1`, texts, step, screenshots })
  await author.day(`${name}-mark`, options)
  // The last request is the newest record; when it is found, all are.
  const last = `/?s=${name}-is-over`
  await ask('GET', last, `${name}/1`)
  const records = await until('the records of the day', async () => {
    const all = await ofAgent(`${name}/1`)
    return all.some((one) => one.attributes['url.query']?.includes(`${name}-is-over`)) && all
  }, sleepless)
  return { author, records, denied: records.filter((one) => ['deny', 'drop', 'redirect', 'limit'].includes(one.attributes['ringwall.waf.action'])) }
}

const ask = (method, target, agent, body) => new Promise((resolve, reject) => {
  https.request(new URL(target, url), { method, ca, agent: false, headers: { 'User-Agent': agent, Accept: '*/*', ...(body ? { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) } : {}) } }, (response) => {
    response.resume().on('end', () => resolve(response.statusCode))
  }).on('error', reject).end(body)
})

function told(one) {
  const { attributes } = one
  return `${attributes['http.request.method']} ${attributes['url.path']} ${attributes['http.response.status_code']} by ${attributes['ringwall.waf.rule'] ?? '?'} (${one.trace_id})`
}

function checkDay(name, { author, records, denied }) {
  report.check(denied.length === 0, `${name}: none of ${records.length} requests was refused by the firewall`, denied.map(told).join('; '))
  report.check(author.refused.length === 0, `${name}: the browser got no error`, author.refused.join('; '))
  console.log(`  ${records.filter((one) => one.attributes['ringwall.waf.action'] === 'match').length} requests had a finding below the threshold`)
}

// Its payloads at paranoia 1, where they are refused or at least come to nothing, and what came through once more at paranoia 2, by `stricter`.
async function attackWithSqlmap(name, agent, article, count, stricter) {
  if (!existsSync('/usr/bin/sqlmap')) return console.log('skipped: sqlmap: sqlmap could not be installed')
  const through = new Set()
  const form = new URLSearchParams({ comment: 'Thanks', author: 'Eve', email: 'eve@example.org', url: '', submit: 'Post Comment', comment_post_ID: String(article), comment_parent: '0' })
  const targets = [
    { what: 'search', target: `${url}/?s=index`, parameter: 's' },
    { what: 'comment form', target: `${url}/wp-comments-post.php`, data: String(form), parameter: 'comment' },
    { what: 'comment form', target: `${url}/wp-comments-post.php`, data: String(form), parameter: 'comment_post_ID' },
  ]
  for (const [i, one] of targets.slice(0, count).entries()) {
    const result = await sqlmap(path.join(root, `build/e2e/wordpress-sqlmap/${name}-${i}`), { ...one, agent: `${agent} guest-${name}-${i}/1` })
    const where = `${name}: sqlmap on ${one.parameter} of the ${one.what}`
    report.check(result.ran && !result.injectable, `${where}: nothing injectable (${result.whole ? 'it came to its end' : 'it was stopped by the time limit'})`, result.said.split('\n').slice(-12).join(' | '))
    report.check(result.sent > 20 && result.refused >= result.sent * 0.7, `${where}: ${result.refused} of ${result.sent} requests refused`)
    for (const each of result.passed) through.add(each.value)
  }
  await apply(stricter)
  // The workers have the new rules when they refuse what is only refused there.
  await until('paranoia 2 is in force', async () => (await ask('GET', `/?${new URLSearchParams({ s: 'index AND 6821=6821' })}`, `${name}/2`)) === 403, sleepless).catch(() => {})
  // What is left has no SQL in it: the values sqlmap begins with, and texts with signs that only a badly built statement would stumble over.
  const harmless = (text) => !/\b(and|or|select|union|rlike|case|sleep|order by|like|waitfor|concat|procedure)\b/i.test(text)
  let left = 0
  for (const text of through) {
    const status = await ask('GET', `/?${new URLSearchParams({ s: text })}`, `${name}/2`)
    if (status !== 403 && !harmless(text)) ++left
    console.log(`    passed at paranoia 1, at 2 ${status}: ${JSON.stringify(text)}`)
  }
  report.check(left === 0, `${name}: ${through.size} different values passed; those with SQL in them are refused at paranoia 2`, `${left} are not`)
}

// Why a request of the Core Rule Set's tests may pass here, if it may.
function excuse({ rule, bytes, status }) {
  const text = bytes.toString('latin1')
  if ([920360, 920370, 920380, 920390].includes(rule)) return 'the rule is about a limit (arg_length, …) that nobody has set here'
  if (/^x[_.]filename:/im.test(text)) return 'nginx drops the header, so that the application does not see it either'
  if (status === 0 && !/^[^\r\n]* HTTP\/\d/.test(text)) return 'it is HTTP/0.9, refused by an answer that has no status'
  return undefined
}

// With Debian's Core Rule Set, 3.3.
const first = await day('crs3', plain, { install: true })
checkDay('crs3', first)
const draft = JSON.stringify({ title: 'x', content: "SELECT name FROM users WHERE id = 1 OR 1=1 UNION SELECT password FROM wp_users -- <script>alert(1)</script>" })
report.check((await ask('POST', '/wp-json/wp/v2/posts', 'crs3/2', draft)) === 401, 'an article about SQL comes to WordPress, which wants a login for it')
report.check((await ask('POST', '/wp-json/wp/v2/other', 'crs3/2', draft)) === 403, 'the same in another place does not')
await attackWithSqlmap('crs3', first.author.userAgent, first.author.articleId, 3, '  mode: block\n  paranoia: 2\n  applications: [wordpress]\n')
await apply('  mode: block\n')
report.check((await until('the exclusions are gone', async () => (await ask('POST', '/wp-json/wp/v2/posts', 'crs3/3', draft)) === 403 && 403, sleepless).catch(() => 0)) === 403,
  'without waf.applications the article is refused: it is the exclusions that let it pass')

// With version 4, first only logged; what it found is tuned away, and then it refuses.
const crs4 = path.resolve(root, '../shared/crs')
if (existsSync(path.join(crs4, 'rules'))) {
  // WordPress's editor changes articles by POST with X-HTTP-Method-Override, which version 4 forbids unless it is told.
  const headers = ['content-encoding', 'proxy', 'lock-token', 'content-range', 'if', 'x-http-method', 'x-method-override', 'x-middleware-subrequest', 'expect'].map((name) => `/${name}/`).join(' ')
  const rules = (mode, more = '') => `  core_rule_set: ${crs4}\n  mode: ${mode}\n  settings: { restricted_headers_basic: "${headers}" }\n${more}`
  // What CRS publishes for the text of articles, as the plugin for WordPress has it; the rest is tuned.
  const articles = '  exclusions:\n    - { rules: "tag:OWASP_CRS", targets: ["ARGS:json.content"], path: /wp-json/wp/v2/posts/ }\n'
  await apply(rules('log', articles))
  const since = String(Date.now())
  const second = await day('crs4-log', odd)
  const matched = second.records.filter((one) => one.attributes['ringwall.waf.action'] === 'match')
  console.log(`  ${matched.length} of ${second.records.length} requests had a finding`)
  const tuned = await run(program, ['--state', ringwall.state, 'waf', 'tune', '--trusted', '127.0.0.1', '--from', since], { maxBuffer: 64 << 20 })
    .catch((error) => error)
  const exclusions = (tuned.stdout ?? '').split('\n').map((line) => `    ${line}`).join('\n')
  console.log(`${exclusions}\n  ${(tuned.stderr ?? '').trim().split('\n').join('\n  ')}`)
  const proposed = exclusions.match(/^ +- rules:/gm)?.length ?? 0
  report.check(!tuned.code && proposed > 0, `\`ringwall waf tune\` proposes ${proposed} exclusions`)
  await apply(rules('block', `${articles}${exclusions}\n`))
  const third = await day('crs4', odd)
  checkDay('crs4', third)

  const score = scores(path.join(crs4, 'rules'))
  const printed = await ringwall.cli('waf', 'test', '--print', path.join(crs4, 'tests/regression/tests'))
  const stages = printed.split('\n').filter(Boolean).map((line) => JSON.parse(line)).map((one) => {
    const expected = one.expect_ids.map((id) => score.get(id)).filter((rule) => rule?.level === 1)
    const bytes = Buffer.from(one.request_hex, 'hex')
    if (one.rule === 920450 && /^x-http-method-override:/im.test(bytes.toString('latin1'))) expected.length = 0
    return { name: `${one.rule}-${one.test}`, rule: one.rule, bytes, score: expected.reduce((sum, rule) => sum + rule.score, 0) }
  })
  const attacks = await sendAll({ port: edge, ca }, stages.filter((one) => one.score >= 5))
  // By a rule or, for what breaks HTTP or asks for a host that is not declared (421), by nginx.
  const passed = attacks.filter((one) => ![400, 403, 421, 505].includes(one.status))
  const unexplained = passed.filter((one) => !excuse(one))
  for (const one of passed) console.log(`    not refused: ${one.name} ${one.status}: ${excuse(one) ?? '?'}`)
  report.check(attacks.length > 500 && unexplained.length === 0, `the Core Rule Set's tests: ${attacks.length - passed.length} of ${attacks.length} attacks of paranoia 1 are refused`, unexplained.map((one) => one.name).join(' '))
  await attackWithSqlmap('crs4', third.author.userAgent, third.author.articleId, 1, rules('block', '  paranoia: 2\n'))
} else {
  console.log('skipped: wordpress with the Core Rule Set 4: it is not in ../shared/crs')
}

report.check((await ringwall.stop()) === 0, 'it drains and stops')
await site.stop()
console.log(`  ${Math.round((Date.now() - began) / 1000)} s in all`)
report.end()

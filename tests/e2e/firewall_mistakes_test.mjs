// Rules that cannot be used, at the running edge: each mistake is told with its place and a way on, by `ringwall check` and by
// `ringwall apply`, and the rules in force stay in force, for attacks and for everybody else.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { Report, Ringwall, freePorts, until } from './harness.mjs'

const report = new Report()
const coreRules = '/usr/share/modsecurity-crs'
const hasCoreRules = existsSync(coreRules)
if (!hasCoreRules) console.log('skipped: mistakes beside the Core Rule Set: modsecurity-crs is not installed')

const backend = http.createServer((request, response) => response.end('fine'))
await new Promise((resolve) => backend.listen(0, '127.0.0.1', resolve))
const [edge, otlp, api] = await freePorts(3)
const declaration = (waf = '') => `application: shop
edge:
  workers: 2
  listeners:
    - address: 127.0.0.1:${edge}
      tls: false
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
  core_rule_set: '${hasCoreRules ? coreRules : ''}'
  rules: [own.conf]
${waf}telemetry:
  otlp: { listen: "127.0.0.1:${otlp}" }
api:
  listen: 127.0.0.1:${api}
`
const good = 'SecRule ARGS:a "@streq evil" "id:1000,phase:2,deny,status:403"\nSecRule ARGS:b "@rx ^(?=a)(a+)+\\1[xz]$" "id:1001,phase:2,deny,status:406"\n'
const ringwall = new Ringwall('firewall-mistakes', declaration())
const own = path.join(ringwall.folder, 'own.conf')
writeFileSync(own, good)
process.stdout.write(await ringwall.start())

const agent = new http.Agent({ keepAlive: true, maxSockets: 4 })
const statusOf = (target) => new Promise((resolve) => {
  http.get({ host: '127.0.0.1', port: edge, path: target, agent, headers: { host: 'localhost' } }, (response) => { response.resume(); response.on('end', () => resolve(response.statusCode)) })
    .on('error', (error) => resolve(error.message))
})
await until('the edge answers', async () => (await statusOf('/?a=fine')) === 200)

// Customers, all the time.
const seen = new Map()
let open = true
const customers = Array.from({ length: 3 }, async (_, i) => {
  while (open) {
    const status = i === 0 ? `attack ${await statusOf('/?a=evil')}` : `customer ${await statusOf('/?a=fine')}`
    seen.set(status, (seen.get(status) ?? 0) + 1)
  }
})

const failure = (promise) => promise.then((out) => ({ code: 0, text: out }), (error) => ({ code: error.code, text: `${error.stdout}${error.stderr}` }))

// name, rules, what the message says behind "own.conf:", the hint's words ('' for none).  A fifth is what to add to the declaration.
const cases = [
  ['a quote that is never closed', 'SecRule ARGS "@rx a" "id:1,pass\n', /^1: .*never closed/, ''],
  ['an unknown directive', '# one\nSecRul ARGS "@rx a" "id:1,pass"\n', /^2: column 1: 'SecRul' is not a directive/, 'SecRule'],
  ['an unknown operator', 'SecRule ARGS "@contanis a" "id:1,pass"\n', /^1: column \d+: '@?contanis' is not an operator/, 'contains'],
  ['an unknown variable', 'SecRule ARG "@rx a" "id:1,pass"\n', /^1: column 9: 'ARG' is not a variable/, 'ARGS'],
  ['an unknown action', 'SecRule ARGS "@rx a" "id:1,pas"\n', /^1: column \d+: 'pas' is not an action/, 'pass'],
  ['an unknown transformation', 'SecRule ARGS "@rx a" "id:1,t:lowercas,pass"\n', /^1: column \d+: 'lowercas' is not a transformation/, 'lowercase'],
  ['an operator that is not supported', 'SecRule ARGS "@rsub s/a/b/" "id:1,pass"\n', /^1: .*@rsub is not supported/, 'remove the rule'],
  ['a missing list of phrases', '\n\nSecRule ARGS "@pmFromFile none.data" "id:1,pass"\n', /^3: column \d+: @pmFromFile: .*none\.data: No such file/, ''],
  ['a missing list of addresses', 'SecRule REMOTE_ADDR "@ipMatchFromFile none.txt" "id:1,pass"\n', /^1: column \d+: @ipMatchFromFile: .*none\.txt: No such file/, ''],
  ['an address that is none', 'SecRule REMOTE_ADDR "@ipMatch 10.0.0.0/8,300.1.1.1" "id:1,pass"\n', /^1: .*300\.1\.1\.1/, ''],
  ['a file that is not there', 'Include none.conf\n', /^1: column \d+: .*none\.conf/, ''],
  ['files of which there are none', 'Include none/*.conf\n', /^1: column \d+: no file is named like none\/\*\.conf/, 'IncludeOptional forgives that'],
  ['a pattern that is none', '# one\n# two\nSecRule ARGS "@rx (a" "id:1,pass"\n', /^3: not a regular expression: missing closing parenthesis at byte 2/, ''],
  ['a pattern that is too long', `SecRule ARGS "@rx ${'a'.repeat(66_000)}" "id:1,pass"\n`, /^1: a pattern of 66000 bytes is longer than 65536/, ''],
  ['the same id twice', 'SecAction "id:7,pass"\nSecAction "id:7,pass"\n', /^2: column \d+: the id 7 is taken by the rule of .*own\.conf:1/, ''],
  ['a rule without an id', 'SecRule ARGS "@rx a" "pass"\n', /^1: .*the rule has no id/, ''],
]
const wholeDeclaration = [
  ['an exclusion that names no rule', '  exclusions: [{ rules: "77", reason: none }]\n', /ringwall\.yaml:\d+:16: waf\.exclusions\[0\]: no rule of the set is called '77'/, 'ids are numbers'],
  ["an exclusion whose target is no variable", '  exclusions: [{ rules: "1000", targets: ["ARG:a"], reason: none }]\n', /ringwall\.yaml:\d+:16: waf\.exclusions\[0\]: .*'ARG:a' is not a variable/, ''],
]

async function tried(name, rules, waf, wanted, hint) {
  writeFileSync(own, rules)
  writeFileSync(ringwall.file, declaration(waf))
  const check = await failure(ringwall.cli('check', ringwall.file))
  const apply = await failure(ringwall.cli('apply', ringwall.file))
  for (const [what, outcome] of [['check', check], ['apply', apply]]) {
    const found = wanted(outcome.text)
    report.check(outcome.code !== 0 && found && outcome.text.includes(hint), `${name}: ${what} says what and where`, `exit ${outcome.code}: ${outcome.text}`)
  }
  const [evil, fine] = [await statusOf('/?a=evil'), await statusOf('/?a=fine')]
  report.check(evil === 403 && fine === 200, `${name}: what was in force stays`, `attack ${evil}, request ${fine}`)
}

for (const [name, rules, message, hint] of cases) {
  // Ways to the file are shown as they are; what counts is behind its name.
  await tried(name, rules, '', (text) => [...text.matchAll(/own\.conf:/g)].some((match) => message.test(text.slice(match.index + match[0].length).split('\n')[0])), hint)
}
for (const [name, waf, message, hint] of wholeDeclaration) await tried(name, good, waf, (text) => message.test(text), hint)
if (hasCoreRules) {
  await tried('an id of the Core Rule Set', `${good}SecAction "id:942100,pass"\n`, '', (text) => /the id 942100 is taken by the rule of .*own\.conf:3/.test(text), '')
}
rmSync(own)
const gone = await failure(ringwall.cli('apply', ringwall.file))
report.check(gone.code !== 0 && gone.text.includes('own.conf'), 'a rule file that is gone: apply says so', gone.text)
report.check((await statusOf('/?a=evil')) === 403, 'a rule file that is gone: what was in force stays')

// A pattern that runs away is no mistake anybody sees: what it takes has an end, and the end counts as a match.
const runaway = await statusOf(`/?b=${'a'.repeat(5000)}yx`)
report.check(runaway === 406, 'a search without end is a match', `${runaway}`)
report.check((await statusOf('/?b=aayx')) === 200, 'and a short one is searched to its end')

writeFileSync(own, good)
writeFileSync(ringwall.file, declaration())
report.check((await ringwall.cli('apply', ringwall.file)).includes('nothing changes'), 'what is in force needs no change')
const attacks = seen.get('attack 403') ?? 0
open = false
await Promise.all(customers)
const others = [...seen.keys()].filter((status) => status !== 'attack 403' && status !== 'customer 200')
report.check(attacks > 100 && (seen.get('customer 200') ?? 0) > 100 && others.length === 0, 'meanwhile every attack was refused and every customer served', JSON.stringify([...seen]))
// Mended, it goes on: the declaration says what it said, its rules do not.
writeFileSync(own, good.replace('evil', 'wicked'))
const plan = await ringwall.cli('plan', ringwall.file)
report.check(/waf \(the rules' files\): rules-\w+ -> rules-\w+ {2}\(swap firewall rules\)/.test(plan), 'a plan says that rules change', plan)
const applied = await failure(ringwall.cli('apply', ringwall.file))
report.check(applied.code === 0 && applied.text.includes('applied'), 'rules that are right are taken', applied.text)
report.check((await statusOf('/?a=wicked')) === 403 && (await statusOf('/?a=evil')) === 200, 'and in force at once')
// The core dies while the file is broken: the next one goes on by the rules that were in force.
writeFileSync(own, 'SecRule ARGS "@rx (a" "id:1,deny"\n')
const core = readFileSync(path.join(ringwall.state, 'run/core.pid'), 'utf8').trim()
process.kill(Number(core), 'SIGKILL')
await until('another core starts while a rule file is broken', async () => existsSync(path.join(ringwall.state, 'run/core.pid')) && readFileSync(path.join(ringwall.state, 'run/core.pid'), 'utf8').trim() !== core && (await failure(ringwall.cli('status'))).code === 0)
report.check((await statusOf('/?a=wicked')) === 403 && (await statusOf('/?a=evil')) === 200, 'by the rules that were in force')
report.check((await failure(ringwall.cli('apply', ringwall.file))).text.includes('own.conf:1: not a regular expression'), 'and who applies hears what is wrong')
report.check((await ringwall.stop()) === 0, 'it drains and stops')
agent.destroy()
backend.close()
report.end()

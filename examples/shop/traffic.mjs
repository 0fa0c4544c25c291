#!/usr/bin/env node
// Visitors for the shop: sessions that browse, search, fill a cart and order, with pauses for thought.
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Visitor, reasonOf } from './traffic/client.mjs'
import { Latencies } from './traffic/percentile.mjs'
import { makeRandom } from './traffic/random.mjs'
import { makeSession, nextStep } from './traffic/session.mjs'

const kUsage = `usage: traffic.mjs --url URL [options]
  --rate N          sessions that begin per second (default 1)
  --users N         instead of --rate: N visitors at once, each beginning again when a session ends
  --duration S      seconds (default 30); sessions under way then end after their current request
  --think MS        mean pause between two pages (default 700; 0: none)
  --assets yes|no   also load the stylesheet, script and pictures of pages, as a browser does (default yes)
  --ca FILE         trust this certificate authority, as Ringwall's own: .ringwall/pki/ca.crt
  --timeout MS      for one request (default 15000)
  --seed N          repeats a run's choices
  --json            print the summary as JSON
  --strict          exit with 1 when a request failed that was not meant to
  example: node traffic.mjs --url https://shop.localhost:9443 --ca .ringwall/pki/ca.crt --rate 5 --duration 60
`
const kSessionsMax = 256
const kPicturesMax = 6

function fail(message) {
  process.stderr.write(`traffic.mjs: error: ${message}\n${kUsage}`)
  process.exit(2)
}

function readOptions() {
  let values
  try {
    const text = { type: 'string' }
    const flag = { type: 'boolean', default: false }
    values = parseArgs({
      options: { url: text, rate: text, users: text, duration: text, think: text, assets: text, ca: text, timeout: text, seed: text, json: flag, strict: flag, help: flag },
    }).values
  } catch (error) {
    fail(error.message)
  }
  if (values.help) {
    process.stdout.write(kUsage)
    process.exit(0)
  }
  const number = (name, otherwise, min, max) => {
    const value = values[name] === undefined ? otherwise : Number(values[name])
    if (!(value >= min && value <= max)) fail(`--${name} must be a number from ${min} to ${max}`)
    return value
  }
  if (!values.url || !/^https?:\/\/./.test(values.url)) fail('--url must be an http or https address')
  let ca
  try {
    ca = values.ca && readFileSync(values.ca)
  } catch (error) {
    fail(`--ca: ${error.message}`)
  }
  return {
    url: values.url,
    rate: number('rate', 1, 0.01, 1000),
    users: number('users', 0, 0, kSessionsMax),
    durationMs: number('duration', 30, 0.1, 86_400) * 1000,
    thinkMs: number('think', 700, 0, 60_000),
    assets: values.assets !== 'no',
    ca,
    timeoutMs: number('timeout', 15_000, 10, 600_000),
    seed: number('seed', Date.now() % 1_000_000, 0, 4_294_967_295),
    json: values.json,
    strict: values.strict,
  }
}

const options = readOptions()
const random = makeRandom(options.seed)
const latencies = new Latencies()
const counts = { sessions: 0, sessions_refused: 0, requests: 0, succeeded: 0, failed: 0, deliberate: 0, reconnects: 0, orders: 0, sold_out: 0 }
const statuses = {}
const failures = {}
const examples = []
const began = performance.now()
const end = began + options.durationMs
const over = () => stopped || performance.now() >= end
let stopped = false
const sleepers = new Set()
process.on('SIGINT', stopSoon)
process.on('SIGTERM', stopSoon)
function stopSoon() {
  stopped = true
  for (const wake of sleepers) wake()
}

// Ends early when the run does.
function sleep(ms) {
  return new Promise((resolve) => {
    const wake = () => { clearTimeout(timer); sleepers.delete(wake); resolve() }
    const timer = setTimeout(wake, Math.min(ms, Math.max(0, end - performance.now())))
    sleepers.add(wake)
  })
}

// Sends one step and judges the answer.  Answers it, or undefined when it failed.
async function take(visitor, step) {
  const deliberate = step.kind === 'fail'
  const failed = (reason) => {
    counts.failed += 1
    failures[reason] = (failures[reason] ?? 0) + 1
    if (examples.length < 10) examples.push(`${((performance.now() - began) / 1000).toFixed(3)} s ${step.method} ${step.path}: ${reason}`)
    return undefined
  }
  counts.requests += 1
  let answer
  try {
    answer = await visitor.ask(step)
  } catch (error) {
    return failed(reasonOf(error))
  }
  latencies.add(answer.ms)
  statuses[answer.status] = (statuses[answer.status] ?? 0) + 1
  if (!step.expect.includes(answer.status)) return failed(`status_${answer.status}`)
  // A failure that was asked for and came is neither a success nor a failure.
  if (deliberate) {
    counts.deliberate += 1
    return answer
  }
  if (answer.status === 200 && step.kind !== 'asset' && !answer.body.trimEnd().endsWith('</html>')) return failed('cut_page')
  counts.succeeded += 1
  return answer
}

async function loadAssets(visitor, body, cache) {
  const found = [...body.matchAll(/(?:href|src)="(\/(?:assets|art)\/[^"]+)"/g)].map((match) => match[1])
  const wanted = [...new Set(found)].filter((path) => !cache.has(path)).slice(0, kPicturesMax)
  for (const path of wanted) cache.add(path)
  await Promise.all(wanted.map((path) => take(visitor, { kind: 'asset', method: 'GET', path, expect: [200] })))
}

async function runSession() {
  counts.sessions += 1
  const session = makeSession(random)
  const visitor = new Visitor({
    url: options.url, ca: options.ca, timeoutMs: options.timeoutMs, userAgent: session.userAgent,
    onReconnect: () => { counts.reconnects += 1 },
  })
  const cache = new Set()
  let previous
  while (!over()) {
    const step = nextStep(session, random, previous)
    if (!step) break
    const answer = await take(visitor, step)
    previous = answer?.status
    if (step.kind === 'checkout' && previous === 303) counts.orders += 1
    if (step.kind === 'checkout' && previous === 409) counts.sold_out += 1
    if (options.assets && answer?.status === 200) await loadAssets(visitor, answer.body, cache)
    // A visitor who got no page goes back to the start; without a pause that would be a flood of refused connections.
    if (!answer) {
      session.at = 'start'
      await sleep(Math.max(100, options.thinkMs))
    } else if (options.thinkMs > 0) await sleep(random.exponential(options.thinkMs))
  }
  visitor.close()
}

async function runUsers() {
  await Promise.all(Array.from({ length: options.users }, async () => { while (!over()) await runSession() }))
}

async function runRate() {
  const running = new Set()
  while (!over()) {
    if (running.size < kSessionsMax) {
      const session = runSession().finally(() => running.delete(session))
      running.add(session)
    } else counts.sessions_refused += 1
    await sleep(random.exponential(1000 / options.rate))
  }
  await Promise.all(running)
}

await (options.users > 0 ? runUsers() : runRate())

const seconds = (performance.now() - began) / 1000
const summary = {
  url: options.url, seed: options.seed, seconds: Math.round(seconds * 10) / 10, ...counts,
  requests_per_second: Math.round((counts.requests / seconds) * 10) / 10, statuses, failures, examples, latency_ms: latencies.summary(),
}
if (options.json) process.stdout.write(`${JSON.stringify(summary)}\n`)
else {
  const list = (object) => Object.entries(object).map(([name, n]) => `${name} ${n}`).join(', ') || 'none'
  const { p50, p95, p99, max } = summary.latency_ms
  process.stdout.write(`${counts.sessions} sessions, ${counts.requests} requests in ${summary.seconds} s (${summary.requests_per_second}/s), seed ${options.seed}
latency ms  p50 ${p50}  p95 ${p95}  p99 ${p99}  max ${max}
statuses    ${list(statuses)}
orders      ${counts.orders}, sold out ${counts.sold_out}
deliberate  ${counts.deliberate} failures asked for
reconnects  ${counts.reconnects}
failed      ${counts.failed}: ${list(failures)}
${examples.map((example) => `            ${example}\n`).join('')}`)
}
// A run without a single answer is not a success either.
process.exit(options.strict && (counts.failed > 0 || counts.succeeded === 0) ? 1 : 0)

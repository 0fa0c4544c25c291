// Log records from the sender to the answer: a real Ringwall takes OTLP/HTTP, stores, and is asked; the peer is what
// a machine without it has, gzip and zgrep over the same records as lines of JSON.
//
//   node bench/telemetry.mjs [RECORDS] [PEER-RECORDS]
//
// Prints a table; with --json one JSON object instead.
import { spawnSync } from 'node:child_process'
import { request } from 'node:https'
import { readFileSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'
import { Ringwall, freePorts, root, until } from '../tests/e2e/harness.mjs'

const numbers = process.argv.slice(2).filter((word) => /^\d+$/.test(word)).map(Number)
const records = numbers[0] ?? 10_000_000
const peerRecords = Math.min(records, numbers[1] ?? 1_000_000)
const load = path.join(root, 'build/bench/bench/otlp_load')
const kNeedle = 'ndl-7f3aQx91zzKd' // in three of the records, bench/log_generator.h
const kHours = 24

const [otlpPort, apiPort] = await freePorts(2)
const ringwall = new Ringwall('bench', `
application: bench
environment: bench
telemetry:
  otlp:
    listen: 127.0.0.1:${otlpPort}
  host_metrics:
    enabled: false
api:
  listen: 127.0.0.1:${apiPort}
`)

function ask(target) {
  return new Promise((resolve, reject) => {
    const begun = performance.now()
    const asked = request({ host: '127.0.0.1', port: apiPort, path: target, rejectUnauthorized: false, agent: false,
      headers: { authorization: `Bearer ${token}` } }, (response) => {
      const parts = []
      response.on('data', (part) => parts.push(part))
      response.on('end', () => {
        const text = Buffer.concat(parts).toString()
        if (response.statusCode !== 200) return reject(new Error(`${target}: ${response.statusCode} ${text}`))
        resolve({ ms: performance.now() - begun, answer: JSON.parse(text) })
      })
    })
    asked.on('error', reject)
    asked.end()
  })
}
// The first answer and the median of the next nine, over HTTPS, connection and JSON included.
async function time(target, right) {
  const times = []
  let answer
  for (let round = 0; round < 10; round += 1) {
    const got = await ask(target)
    answer = got.answer
    times.push(got.ms)
    const wrong = right(answer)
    if (wrong) throw new Error(`${target}: ${wrong}`)
  }
  const rest = times.slice(1).sort((a, b) => a - b)
  return { first_ms: Math.round(times[0] * 10) / 10, median_ms: Math.round(rest[4] * 10) / 10, answer }
}
const shell = (command) => {
  const begun = performance.now()
  const done = spawnSync('bash', ['-c', command], { encoding: 'utf8', maxBuffer: 1 << 26 })
  if (done.status !== 0) throw new Error(`${command}: ${done.stderr}`)
  return { ms: performance.now() - begun, out: done.stdout }
}

await ringwall.start()
const { token } = await ringwall.status()
const result = { records }
let failed
try {
  const sent = spawnSync(load, ['--endpoint', `http://127.0.0.1:${otlpPort}`, '--records', String(records), '--hours', String(kHours)],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  if (sent.status !== 0) throw new Error(`otlp_load: ${sent.stdout}`)
  result.ingest = JSON.parse(sent.stdout)

  process.stderr.write('waiting until everything is in files and merged\n')
  let before = ''
  const store = await until('records in files', async () => {
    const { pipeline, store } = await ringwall.status()
    const now = JSON.stringify(store)
    const still = now === before && pipeline.pending === 0
    before = now
    return still && store
  }, { deadlineMs: 600_000, everyMs: 15_000 })
  const logs = store.by_signal.logs
  result.stored = { records: logs.rows, files: logs.files, bytes_per_record: Math.round((logs.bytes / logs.rows) * 100) / 100 }

  const range = `from=now-${kHours + 1}h&to=now`
  result.substring = await time(`/api/v1/logs?q=${encodeURIComponent(`"${kNeedle.slice(1, -1)}"`)}&${range}`,
    (answer) => answer.rows.length !== 3 && `found ${answer.rows.length} of 3`)
  const traced = (await ask(`/api/v1/logs?q=${encodeURIComponent('trace_id:* service:payments')}&${range}&limit=200`)).answer.rows.at(-1)
  result.trace = await time(`/api/v1/traces/${traced.trace_id}`, (answer) => answer.logs.length === 0 && 'no records')
  result.p95 = await time(`/api/v1/latency?signal=logs&${range}&every=1m`,
    (answer) => answer.rows.length < kHours * 60 && `${answer.rows.length} rows`)
  for (const name of ['substring', 'trace', 'p95']) delete result[name].answer

  // The peer: the same records as lines of JSON, compressed and searched by the tools of every machine.
  const lines = path.join(ringwall.folder, 'peer.ndjson.gz')
  shell(`'${load}' --lines - --records ${peerRecords} | gzip -6 >'${lines}'`)
  const grep = shell(`zgrep -c -F '${kNeedle}' '${lines}'`)
  if (grep.out.trim() !== '3') throw new Error(`zgrep found ${grep.out}`)
  const perRecord = statSync(lines).size / peerRecords
  result.peer = { what: `gzip -6 and zgrep over ${peerRecords} lines`, bytes_per_record: Math.round(perRecord * 100) / 100,
    substring_ms_scaled: Math.round((grep.ms * records) / peerRecords),
    ratio_bytes: Math.round((perRecord / result.stored.bytes_per_record) * 10) / 10,
    ratio_substring: Math.round((grep.ms * records) / peerRecords / result.substring.median_ms) }
} catch (error) {
  failed = error
} finally {
  await ringwall.stop()
}
if (failed) {
  console.error(String(failed), '\n', ringwall.log())
  process.exit(1)
}
rmSync(ringwall.folder, { recursive: true, force: true })
if (process.argv.includes('--json')) {
  console.log(JSON.stringify(result))
} else {
  const { ingest, stored, substring, trace, p95, peer } = result
  console.log(`${records} log records over ${kHours} h by OTLP/HTTP, ${readFileSync('/proc/cpuinfo', 'utf8').match(/^processor/gm).length} cores, sender on the same machine`)
  console.log(`acknowledged      ${ingest.records_per_second} records/s, ${Math.round(ingest.body_bytes / ingest.seconds / 1e6)} MB/s of bodies, ${ingest.retries} retries`)
  console.log(`stored            ${stored.bytes_per_record} bytes per record, sidecars included, ${stored.files} files`)
  console.log(`substring, 3 hits ${substring.median_ms} ms (first ${substring.first_ms} ms)`)
  console.log(`trace by id       ${trace.median_ms} ms (first ${trace.first_ms} ms)`)
  console.log(`p95 by service and minute  ${p95.median_ms} ms (first ${p95.first_ms} ms)`)
  console.log(`peer: ${peer.what}: ${peer.bytes_per_record} bytes per record (${peer.ratio_bytes} times ours), substring ${peer.substring_ms_scaled} ms at this size (${peer.ratio_substring} times ours)`)
}

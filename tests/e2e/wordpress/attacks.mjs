// Attacks on the site, of this machine's loopback alone: Debian's sqlmap, and the requests of a rule set's own regression tests.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import tls from 'node:tls'

const limit = { sqlmapMs: 30_000, answerMs: 20_000, together: 8 }

// sqlmap's own log of what it sent and got: [{ method, target, body, status }].
function exchanges(file) {
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8').replaceAll('\r', '').split(/^HTTP request \[#\d+\]:\n/m).slice(1).map((text) => {
    const [request, answer = ''] = text.split(/^HTTP response \[#\d+\] \(/m)
    const [line] = request.split('\n', 1)
    const body = request.split('\n\n').slice(1).join('\n\n').trim()
    return { method: line.split(' ')[0], target: line.split(' ')[1], body, status: Number.parseInt(answer, 10) || 0 }
  })
}

// Runs it against one parameter, bounded.  It calls itself what `agent` says: by its own name it would be refused before any payload is
// looked at, and prove nothing.
export async function sqlmap(folder, { target, data, parameter, agent }) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const traffic = path.join(folder, 'traffic.txt')
  const said = await new Promise((resolve) => {
    execFile('sqlmap', ['-u', target, ...(data ? ['--data', data] : []), '-p', parameter, '--batch', '--level', '2', '--risk', '1', '--threads', '4', '--timeout', '10', '--retries', '0', '--time-sec', '1', '--skip-waf',
      '--ignore-redirects', '--flush-session', '--disable-coloring', '--user-agent', agent, '--output-dir', folder, '-t', traffic],
    { timeout: limit.sqlmapMs, killSignal: 'SIGKILL', maxBuffer: 64 << 20 }, (_error, stdout, stderr) => resolve(stdout + stderr))
  })
  const sent = exchanges(traffic)
  const value = (one) => new URLSearchParams(one.body || new URL(one.target, target).search).get(parameter) ?? ''
  const passed = sent.filter((one) => one.status !== 403 && one.status !== 400)
  return {
    injectable: /is vulnerable|identified the following injection point/.test(said),
    ran: /testing '/.test(said),
    whole: /do not appear to be injectable|identified the following injection point/.test(said),
    sent: sent.length,
    refused: sent.length - passed.length,
    passed: passed.map((one) => ({ status: one.status, value: value(one) })),
    said,
  }
}

// What the rules of a folder score, by id: { score, level }; those that find nothing by themselves are left out.
export function scores(folder) {
  const points = { CRITICAL: 5, ERROR: 4, WARNING: 3, NOTICE: 2 }
  const rules = new Map()
  for (const name of readdirSync(folder).filter((one) => /^REQUEST-9[1-4].*\.conf$/.test(one) && !/-9(01|03|05|49)-/.test(one))) {
    const text = readFileSync(path.join(folder, name), 'utf8').replace(/^\s*#.*$/gm, '').replace(/\\\n/g, ' ')
    for (const [, actions] of text.matchAll(/^Sec(?:Rule|Action)\b.*?"((?:[^"\\]|\\.)*)"\s*$/gm)) {
      const id = /\bid:(\d+)/.exec(actions)?.[1]
      const severity = /\bseverity:'?(\w+)/.exec(actions)?.[1]
      const level = /paranoia-level\/(\d)/.exec(actions)?.[1]
      if (id && level && points[severity]) rules.set(Number(id), { score: points[severity], level: Number(level) })
    }
  }
  return rules
}

// Sends one request as it stands and resolves with the answer's status; 0 when there is none.
function send({ port, ca }, bytes) {
  return new Promise((resolve) => {
    let answer = ''
    const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca, ALPNProtocols: ['http/1.1'] }, () => socket.write(bytes))
    const end = () => { socket.destroy(); resolve(Number(/^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1] ?? 0)) }
    socket.setTimeout(limit.answerMs, end)
    socket.on('data', (piece) => { answer += piece.toString('latin1'); if (/^HTTP\/1\.[01] \d{3}/.test(answer)) end() })
    socket.on('end', end).on('error', end)
  })
}

// Sends each of [{ bytes, … }], a few at once, and adds its status.
export async function sendAll(edge, stages) {
  let next = 0
  await Promise.all(Array.from({ length: limit.together }, async () => {
    while (next < stages.length) {
      const stage = stages[next++]
      stage.status = await send(edge, stage.bytes)
    }
  }))
  return stages
}

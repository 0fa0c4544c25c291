// Starts a real Ringwall for a test, in a folder of its own under build/, and asks it questions through its command line.
import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync, existsSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
export const program = process.env.RINGWALL ?? path.join(root, 'build/release/ringwall')
const run = promisify(execFile)

export async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, () => new Promise((resolve, reject) => {
      const server = createServer()
      server.once('error', reject)
      server.listen(0, '127.0.0.1', () => resolve(server))
    })),
  )
  const ports = servers.map((server) => server.address().port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

// Polls until `look` gives something true; tests wait for what they wait for, not for a time.
export async function until(what, look, { deadlineMs = 30_000, everyMs = 50 } = {}) {
  const end = Date.now() + deadlineMs
  let last
  for (;;) {
    try {
      const value = await look()
      if (value) return value
    } catch (error) {
      last = error
    }
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}${last ? ` (${last.message})` : ''}`)
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}

export class Ringwall {
  constructor(name, declaration) {
    this.folder = path.join(root, 'build/e2e', name)
    rmSync(this.folder, { recursive: true, force: true })
    mkdirSync(this.folder, { recursive: true })
    this.file = path.join(this.folder, 'ringwall.yaml')
    this.state = path.join(this.folder, 'state')
    writeFileSync(this.file, declaration)
  }

  async cli(...args) {
    const { stdout } = await run(program, ['--state', this.state, ...args], { maxBuffer: 256 << 20 })
    return stdout
  }

  async json(...args) {
    return JSON.parse(await this.cli('--json', ...args))
  }

  // Asynchronous, since a test may serve what Ringwall waits for.  The detached supervisor keeps none of our pipes.
  async start() {
    try {
      const { stdout } = await run(program, ['--state', this.state, 'up', '--detach', '--wait', '120', this.file])
      return stdout
    } catch (error) {
      throw new Error(`ringwall up: ${error.code}\n${error.stdout}${error.stderr}\n${this.log()}`)
    }
  }

  async stop() {
    return run(program, ['--state', this.state, 'down']).then(() => 0, (error) => error.code)
  }

  log() {
    const file = path.join(this.state, 'logs/ringwall.log')
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(-40).join('\n') : ''
  }

  async status() {
    return this.json('status')
  }

  async sql(statement, limit = 100_000) {
    const answer = await this.json('sql', statement, '--limit', String(limit))
    if (answer.truncated) throw new Error(`more than ${limit} rows: ${statement}`)
    return answer.rows.map((row) => Object.fromEntries(answer.columns.map((column, i) => [column.name, row[i]])))
  }

  // What of it still runs: processes that were started with its folder or have a file of it open as memory.
  processes() {
    const holds = (file) => { try { return readFileSync(file, 'latin1').includes(this.state) } catch { return false } }
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .filter((pid) => holds(`/proc/${pid}/cmdline`) || holds(`/proc/${pid}/maps`))
      .map((pid) => `${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')}`)
  }

  pid(name) {
    const file = path.join(this.state, 'run', name)
    return existsSync(file) ? Number(readFileSync(file, 'utf8').trim()) : 0
  }
}

// Prints what a runner reads at the end, and ends the process accordingly.
export class Report {
  passed = 0
  failed = 0
  check(condition, what, detail = '') {
    if (condition) {
      this.passed += 1
      console.log(`ok      ${what}`)
    } else {
      this.failed += 1
      console.log(`FAILED  ${what} ${detail}`)
    }
    return condition
  }
  end() {
    console.log(`${this.passed} passed, ${this.failed} failed`)
    process.exit(this.failed === 0 ? 0 : 1)
  }
}

import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')

/** The program as it is built, or as sources where that build is missing or older than they are. */
export const isBuilt = isFresh(join(root, 'dist/bin.js'))
export const bin = join(root, isBuilt ? 'bin/engram.js' : 'src/bin.ts')

/** Stripping types is most of a start from sources; the cache halves it. */
export const environment = (home: string): Readonly<Record<string, string>> => ({
  PATH: '/usr/bin:/bin',
  HOME: home,
  NO_COLOR: '1',
  NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/engram-test'),
})

function isFresh(built: string): boolean {
  if (!existsSync(built)) return false
  const builtAt = statSync(built).mtimeMs
  const sources = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
  return sources.every((one) => !one.isFile() || statSync(join(one.parentPath, one.name)).mtimeMs <= builtAt)
}

/** A folder of its own that also stands for the home of its person. */
export type Place = { readonly home: string; readonly dataDir: string; remove(): void }

export function newPlace(): Place {
  const home = mkdtempSync(join(tmpdir(), 'engram-serve-'))
  return { home, dataDir: join(home, 'data'), remove: () => rmSync(home, { recursive: true, force: true }) }
}

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null; readonly tookMs: number }

/** `engram serve` as a process of its own. */
export class ServedProcess {
  readonly child: ChildProcess
  readonly exit: Promise<Exit>
  told = ''
  readonly #listening: Promise<string>

  constructor(place: Place, words: readonly string[] = ['--port', '0'], env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, [bin, 'serve', '--data-dir', place.dataDir, ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...environment(place.home), ...env },
    })
    const started = performance.now()
    this.exit = new Promise((resolve) =>
      this.child.once('close', (code, signal) => resolve({ code, signal, tookMs: performance.now() - started })),
    )
    this.#listening = new Promise((resolve, reject) => {
      const hear = (part: Buffer): void => {
        this.told += part.toString()
        const address = /listening on (\S+)\n/.exec(this.told)?.[1]
        if (address !== undefined) resolve(address)
      }
      this.child.stdout?.on('data', hear)
      this.child.stderr?.on('data', hear)
      void this.exit.then(({ code }) => reject(new Error(`ended with ${code} before it listened: ${this.told}`)))
    })
    this.#listening.catch(() => undefined)
  }

  /** Where it listens, once it does. */
  address(): Promise<string> {
    return this.#listening
  }

  async port(): Promise<number> {
    return Number((await this.address()).split(':').at(-1))
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  /** Ends it whatever it does; for the end of a test. */
  async end(): Promise<void> {
    this.kill('SIGKILL')
    await this.exit
  }
}

export type Target = { readonly port: number } | { readonly socketPath: string }

export type Reply = { readonly status: number; readonly text: string; readonly json: Readonly<Record<string, unknown>> }

/** One request on a connection of its own; `slowly` sends the body when it says so. */
export function ask(
  target: Target,
  method: string,
  path: string,
  options: {
    readonly body?: unknown
    readonly headers?: Readonly<Record<string, string>>
    readonly slowly?: Promise<unknown>
  } = {},
): Promise<Reply> {
  const body = options.body === undefined ? '' : JSON.stringify(options.body)
  return new Promise((resolve, reject) => {
    const asking = request(
      {
        ...('port' in target ? { host: '127.0.0.1', port: target.port } : { socketPath: target.socketPath }),
        method,
        path,
        agent: false,
        headers: {
          host: 'localhost',
          ...(body === '' ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
          ...options.headers,
        },
      },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (part: string) => (text += part))
        answer.on('error', reject)
        answer.on('end', () => {
          resolve({ status: answer.statusCode ?? 0, text, json: JSON.parse(text) as Reply['json'] })
        })
      },
    )
    asking.on('error', reject)
    asking.flushHeaders()
    void (options.slowly ?? Promise.resolve()).then(() => asking.end(body))
  })
}

/** `127.0.0.1:7437` for each TCP socket a process listens on, from the kernel's own tables. */
export function listeningSockets(pid: number): readonly string[] {
  const directory = `/proc/${pid}/fd`
  const inodes = new Set(
    readdirSync(directory).flatMap((name) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(join(directory, name)))?.[1] ?? []
      } catch {
        return []
      }
    }),
  )
  const listening = '0A'
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((columns) => columns[3] === listening && inodes.has(columns[9] ?? ''))
      .map((columns) => addressOf(columns[1] ?? '')),
  )
}

/** The kernel writes an IPv4 address as one little-endian word. */
function addressOf(column: string): string {
  const [address = '', port = ''] = column.split(':')
  const bytes = address.length === 8 ? address.match(/../g)?.toReversed() : undefined
  const host = bytes?.map((byte) => Number.parseInt(byte, 16)).join('.') ?? `[${address}]`
  return `${host}:${Number.parseInt(port, 16)}`
}

export function residentMiB(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(line?.[1]) / 1024
}

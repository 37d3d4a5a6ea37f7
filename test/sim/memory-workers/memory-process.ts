import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readLog, type LogLine } from './log-lines.ts'

/** Processes start in a third of the time when they find compiled code where Node keeps it by default. */
export const workerEnvironment = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache') }
export const workerPath = (name: string): string => fileURLToPath(new URL(`./${name}.ts`, import.meta.url))

export type MemoryProcessOptions = {
  readonly dataDir: string
  readonly writer: number
  readonly seed: number
  readonly ms: number
  readonly logDir: string
  /** A command before the program, such as one that makes the disk fail. */
  readonly launcher?: readonly string[]
}

/** A `memory-writer.ts` that runs, and the log that outlives it. */
export class MemoryProcess {
  readonly writer: number
  stderr = ''
  readonly #logPath: string
  readonly #child: ChildProcessWithoutNullStreams
  readonly #told = { ready: Promise.withResolvers<void>(), acked: Promise.withResolvers<void>() }
  readonly #ended: Promise<unknown>

  constructor(options: MemoryProcessOptions) {
    const { dataDir, writer, seed, ms, logDir, launcher = [] } = options
    this.writer = writer
    this.#logPath = join(logDir, `writer-${writer}.jsonl`)
    const program = [process.execPath, workerPath('memory-writer'), dataDir, writer, seed, ms, this.#logPath]
    const [command = '', ...rest] = [...launcher, ...program].map(String)
    this.#child = spawn(command, rest, { env: workerEnvironment })
    this.#child.stdin.on('error', () => undefined)
    this.#child.stderr.on('data', (data: Buffer) => (this.stderr += data.toString()))
    this.#ended = once(this.#child, 'exit')
    let told = ''
    this.#child.stdout.on('data', (data: Buffer) => {
      told += data.toString()
      if (told.startsWith('ready\n')) this.#told.ready.resolve()
      if (told.includes('acked\n')) this.#told.acked.resolve()
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Resolves when its engine is open, or it is gone. */
  async ready(): Promise<void> {
    await Promise.race([this.#told.ready.promise, this.#ended])
  }

  /** Lets it begin as soon as its engine is open. */
  async start(): Promise<this> {
    await this.ready()
    this.#child.stdin.write('go\n')
    return this
  }

  /** Resolves when one call was answered, or the process is gone. */
  async firstAck(): Promise<void> {
    await Promise.race([this.#told.acked.promise, this.#ended])
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Resolves when the process is gone. */
  async gone(): Promise<void> {
    await this.#ended
  }

  /** Resolves with what its log holds when the process is gone. */
  async ended(): Promise<readonly LogLine[]> {
    await this.gone()
    return this.lines()
  }

  lines(): readonly LogLine[] {
    return existsSync(this.#logPath) ? readLog(this.#logPath) : []
  }
}

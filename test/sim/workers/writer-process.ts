import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createInterface } from 'node:readline'

const program = fileURLToPath(new URL('./store-writer.ts', import.meta.url))

/** A `store-writer.ts` that runs, and what it has acknowledged: the log that outlives it. */
export class WriterProcess {
  readonly writer: number
  readonly acked: number[] = []
  readonly errors: string[] = []
  worstMs = 0
  readonly #first = Promise.withResolvers<void>()
  readonly #child: ChildProcessWithoutNullStreams
  readonly #ready: Promise<unknown>
  readonly #ended: Promise<unknown>

  constructor(dataDir: string, writer: number, ms: number, launcher: readonly string[] = []) {
    this.writer = writer
    const [command, ...rest] = [...launcher, process.execPath, program, dataDir, String(writer), 'acks', String(ms)]
    this.#child = spawn(command, rest)
    this.#child.stdin.on('error', () => undefined)
    const lines = createInterface({ input: this.#child.stdout })
    this.#ready = Promise.race([once(lines, 'line'), once(this.#child, 'exit')])
    this.#ended = Promise.all([once(lines, 'close'), once(this.#child, 'exit')])
    lines.on('line', (line) => this.#hear(line))
    this.#child.stderr.on('data', (data: Buffer) => this.errors.push(data.toString()))
  }

  /** Lets it write. @param before called when it has opened the store */
  async start(before: (pid: number) => void = () => undefined): Promise<this> {
    await this.#ready
    before(this.#child.pid ?? 0)
    this.#child.stdin.write('go\n')
    return this
  }

  /** Resolves when one row was acknowledged, or the process is gone. */
  async firstAck(): Promise<void> {
    if (this.acked.length === 0) await Promise.race([this.#first.promise, this.#ended])
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Resolves when the process and its output have ended. */
  async ended(): Promise<this> {
    await this.#ended
    return this
  }

  #hear(line: string): void {
    if (/^\d+$/.test(line)) {
      this.acked.push(Number(line))
      this.#first.resolve()
    }
    if (line.startsWith('worst ')) this.worstMs = Number(line.slice(6))
    if (line.startsWith('error ')) this.errors.push(line)
  }
}

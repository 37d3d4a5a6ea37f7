import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Input, Output } from '../../src/api/operations.ts'
import { openEngine, type OpenedEngine } from '../../src/open-engine.ts'
import type { Embedder } from '../../src/search/embedder.ts'
import { SimulatedClock } from '../../src/testing.ts'

/** What the work of a whole run cost, milliseconds. */
export type Costs = { saved: number; savingMs: number; settlingMs: number }

const triesMax = 50
const againMs = 100

/** A fresh data dir used through the port, as a program would; time stands where the harness puts it (RET-1203). */
export class Ground {
  readonly costs: Costs = { saved: 0, savingMs: 0, settlingMs: 0 }
  readonly #opened: OpenedEngine
  readonly #directory: string
  readonly #clock: SimulatedClock
  readonly #hasVectors: boolean

  private constructor(opened: OpenedEngine, directory: string, clock: SimulatedClock, hasVectors: boolean) {
    this.#opened = opened
    this.#directory = directory
    this.#clock = clock
    this.#hasVectors = hasVectors
  }

  static async open(embedder: Embedder | null): Promise<Ground> {
    const directory = mkdtempSync(join(tmpdir(), 'engram-retrieval-'))
    const clock = new SimulatedClock(0)
    const opened = await openEngine({ dataDir: directory, clock, settings: { durability: 'normal' }, embedder })
    return new Ground(opened, directory, clock, embedder !== null)
  }

  at(ms: number): this {
    this.#clock.set(ms)
    return this
  }

  async startSession(id: string, project: string): Promise<void> {
    await this.#opened.caller.call('session.start', { id, project })
  }

  /** The record's id; one id for sources that fell together. */
  async save(input: Input<'observation.save'>): Promise<number> {
    const start = performance.now()
    const { id } = await this.#opened.caller.call('observation.save', input)
    this.costs.savingMs += performance.now() - start
    this.costs.saved++
    if (id === null) throw new Error('a save was queued')
    return id
  }

  /** Waits until index and, in a run with a model, vectors have caught up. */
  async settle(): Promise<void> {
    const start = performance.now()
    await this.#opened.caller.call('index.wait', { vectors: this.#hasVectors })
    this.costs.settlingMs += performance.now() - start
  }

  async search(
    input: Input<'memory.search'>,
  ): Promise<{ readonly answer: Output<'memory.search'>; readonly ms: number }> {
    for (let tries = 1; ; tries++) {
      const start = performance.now()
      const answer = await this.#opened.caller.call('memory.search', input)
      const ms = performance.now() - start
      // On a busy machine a vector may be late: it is remembered, and the question is put again.
      if (answer.degraded !== 'embedder_timeout' || tries >= triesMax) return { answer, ms }
      await new Promise((resolve) => setTimeout(resolve, againMs))
    }
  }

  async close(): Promise<void> {
    await this.#opened.close()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

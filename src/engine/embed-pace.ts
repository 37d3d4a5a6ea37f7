import type { VectorKind } from '../store/vectors.ts'
import { lastGseq } from '../store/log.ts'
import type { EngineDeps } from './handler.ts'

/**
 * So many events of the log between two looks are no calm: a model makes some ten vectors a second, cannot keep up with more,
 * and would take a core from those who write.
 */
const eventsMax = 100
/** While others append, no more than this share of the time is taken. */
const busyShare = 1 / 5

const all: readonly VectorKind[] = ['observation', 'unit']
const memories: readonly VectorKind[] = ['observation']

/** Vectors in the background of a process that stays: of memories always, of units while the log is calm (COL-1704). */
export class EmbedPace {
  readonly #deps: Pick<EngineDeps, 'store' | 'clock' | 'embedding'>
  #lookedAt: number

  constructor(deps: Pick<EngineDeps, 'store' | 'clock' | 'embedding'>) {
    this.#deps = deps
    this.#lookedAt = deps.store.mode === 'read-write' ? deps.store.read(lastGseq) : 0
  }

  /** Until nothing is left to do, or the log is calm no more. Rejects when the model fails. */
  async run(signal: AbortSignal): Promise<void> {
    const { store, clock, embedding } = this.#deps
    if (embedding === null || store.mode !== 'read-write') return
    const begin = store.read(lastGseq)
    const isCalm = begin - this.#lookedAt <= eventsMax
    this.#lookedAt = begin
    let seen = begin
    while (!signal.aborted) {
      const startedMs = clock.monotonicMs()
      const { done } = await embedding.step(signal, isCalm ? all : memories)
      if (done || signal.aborted) return
      const now = store.read(lastGseq)
      if (isCalm && now - begin > eventsMax) return
      if (now !== seen) await clock.sleep((clock.monotonicMs() - startedMs) * (1 / busyShare - 1), signal)
      seen = now
    }
  }
}

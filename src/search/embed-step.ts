import type { Clock } from '../platform/clock.ts'
import { changeSeqNow } from '../store/change-clock.ts'
import type { Store } from '../store/store.ts'
import { dropLease, setVectorCursor, takeLease, unembeddedTexts, vectorCursor, writeVector } from '../store/vectors.ts'
import { processName } from '../platform/process-name.ts'
import type { Meaning } from './meaning.ts'

/** Texts of one step: what is lost at most when the process ends. */
const stepTexts = 8
const leaseName = 'embedding'
const leaseMs = 60_000

/** `done`: nothing is left to do here · `isElsewhere`: because another process does it · `written`: vectors written. */
export type EmbedStep = { readonly done: boolean; readonly isElsewhere: boolean; readonly written: number }

/**
 * Gives records their vectors, newest first, a few per step (RET-604). The cursor moves when everything up to where the
 * change clock stood has one; interrupted at any point it goes on. The model computes outside of any transaction.
 */
export class EmbedUpkeep {
  readonly #store: Store
  readonly #meaning: Meaning
  readonly #clock: Pick<Clock, 'nowMs' | 'monotonicMs'>
  readonly #holder = processName()
  /** The pass under way: from where the clock stood when it began down to where it has come. */
  #pass: { readonly top: number; before: number } | null = null
  #written = 0
  #spentMs = 0

  constructor(store: Store, meaning: Meaning, clock: Pick<Clock, 'nowMs' | 'monotonicMs'>) {
    this.#store = store
    this.#meaning = meaning
    this.#clock = clock
  }

  /** Vectors a second since this process began; null before the first. */
  get rate(): number | null {
    return this.#spentMs === 0 ? null : this.#written / (this.#spentMs / 1_000)
  }

  async step(signal?: AbortSignal): Promise<EmbedStep> {
    const { model } = this.#meaning
    const { cursor, top } = this.#store.read((tx) => ({ cursor: vectorCursor(tx, model), top: changeSeqNow(tx) }))
    if (cursor >= top) return { done: true, isElsewhere: false, written: 0 }
    this.#pass ??= { top, before: top + 1 }
    const pass = this.#pass
    const texts = this.#store.read((tx) =>
      unembeddedTexts(tx, model, { after: cursor, before: pass.before }, stepTexts),
    )
    if (texts.length === 0) return this.#endPass(pass.top, top)
    if (!(await this.#hasLease())) return { done: true, isElsewhere: true, written: 0 }
    const startMs = this.#clock.monotonicMs()
    const vectors = await this.#meaning.embed(
      texts.map(({ text }) => text),
      signal,
    )
    const written = await this.#store.write(
      (tx) =>
        texts.filter((text, at) => {
          const vector = vectors[at]
          return vector !== undefined && writeVector(tx, model, text, vector)
        }).length,
      { durability: 'derived' },
    )
    pass.before = texts.at(-1)?.changeSeq ?? pass.before
    this.#written += written
    this.#spentMs += this.#clock.monotonicMs() - startMs
    return { done: false, isElsewhere: false, written }
  }

  async #endPass(passTop: number, top: number): Promise<EmbedStep> {
    this.#pass = null
    await this.#store.write(
      (tx) => {
        setVectorCursor(tx, this.#meaning.model, passTop)
        dropLease(tx, leaseName, this.#holder)
      },
      { durability: 'derived' },
    )
    return { done: passTop >= top, isElsewhere: false, written: 0 }
  }

  #hasLease(): Promise<boolean> {
    return this.#store.write((tx) => takeLease(tx, leaseName, this.#holder, this.#clock.nowMs(), leaseMs), {
      durability: 'derived',
    })
  }
}

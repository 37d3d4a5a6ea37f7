import type { Clock } from '../platform/clock.ts'
import type { Store } from '../store/store.ts'
import type { ReadTx } from '../store/transaction.ts'
import {
  dropLease,
  setVectorCursor,
  takeLease,
  timesDropped,
  vectorCursor,
  writeVector,
  type UnembeddedText,
  type VectorKind,
  type VectorSource,
} from '../store/vectors.ts'
import { processName } from '../platform/process-name.ts'
import type { Meaning } from './meaning.ts'

/** Texts of one step: what is lost at most when the process ends. */
const stepTexts = 8
const leaseName = 'embedding'
const leaseMs = 60_000

/** `done`: nothing is left to do here · `isElsewhere`: because another process does it · `written`: vectors written. */
export type EmbedStep = { readonly done: boolean; readonly isElsewhere: boolean; readonly written: number }

/**
 * A pass under way over one kind: from where its changes stood when it began down to where it has come. Vectors that were
 * dropped since begin it anew.
 */
type Pass = { readonly top: number; readonly dropped: number; before: number }

/**
 * Gives records their vectors, newest first, a few per step (RET-604). The cursor of a kind moves when everything up to
 * where its changes stood, and within the reach of its kind, has one; interrupted at any point it goes on. The model computes outside of any transaction.
 */
export class EmbedUpkeep {
  readonly #store: Store
  readonly #meaning: Meaning
  /** Memories first: units are many, and found by words meanwhile (COL-1704). */
  readonly #sources: readonly VectorSource[]
  readonly #clock: Pick<Clock, 'nowMs' | 'monotonicMs'>
  readonly #holder = processName()
  readonly #passes = new Map<VectorKind, Pass>()
  #written = 0
  #spentMs = 0

  constructor(store: Store, meaning: Meaning, clock: Pick<Clock, 'nowMs' | 'monotonicMs'>) {
    this.#store = store
    this.#meaning = meaning
    this.#sources = [meaning.index.source, meaning.unitIndex.source]
    this.#clock = clock
  }

  /** Vectors a second since this process began; null before the first. */
  get rate(): number | null {
    return this.#spentMs === 0 ? null : this.#written / (this.#spentMs / 1_000)
  }

  /** @param kinds of which records; of all when left out */
  async step(signal?: AbortSignal, kinds?: readonly VectorKind[]): Promise<EmbedStep> {
    const wanted = this.#sources.filter(({ kind }) => kinds === undefined || kinds.includes(kind))
    const source = this.#store.read((tx) => wanted.find((one) => this.#isBehind(tx, one)))
    if (source === undefined) return { done: true, isElsewhere: false, written: 0 }
    const { pass, rows } = this.#store.read((tx) => this.#next(tx, source))
    if (rows.length === 0) return this.#endPass(source, pass)
    const texts = rows.filter(({ text }) => text !== '')
    if (texts.length > 0 && !(await this.#hasLease())) return { done: true, isElsewhere: true, written: 0 }
    const written = texts.length === 0 ? 0 : await this.#embed(source, texts, signal)
    pass.before = rows.at(-1)?.seq ?? pass.before
    return { done: false, isElsewhere: false, written }
  }

  #isBehind(tx: ReadTx, source: VectorSource): boolean {
    return vectorCursor(tx, source.kind, this.#meaning.model) < source.seqNow(tx)
  }

  #next(tx: ReadTx, source: VectorSource): { readonly pass: Pass; readonly rows: readonly UnembeddedText[] } {
    const { model } = this.#meaning
    const dropped = timesDropped(tx)
    const known = this.#passes.get(source.kind)
    const top = source.seqNow(tx)
    const pass: Pass = known?.dropped === dropped ? known : { top, dropped, before: top + 1 }
    this.#passes.set(source.kind, pass)
    const after = Math.max(vectorCursor(tx, source.kind, model), pass.top - source.reach)
    const range = { after, before: pass.before }
    return { pass, rows: source.unembedded(tx, model, range, stepTexts) }
  }

  /** @returns how many were written: a text may be another by now */
  async #embed(source: VectorSource, texts: readonly UnembeddedText[], signal?: AbortSignal): Promise<number> {
    const startMs = this.#clock.monotonicMs()
    const { model } = this.#meaning
    const vectors = await this.#meaning.embed(
      texts.map(({ text }) => text),
      signal,
    )
    const written = await this.#store.write(
      (tx) =>
        texts.filter((text, at) => {
          const vector = vectors[at]
          return vector !== undefined && writeVector(tx, source, model, text, vector)
        }).length,
      { durability: 'derived' },
    )
    this.#written += written
    this.#spentMs += this.#clock.monotonicMs() - startMs
    return written
  }

  async #endPass({ kind }: VectorSource, { top, dropped }: Pass): Promise<EmbedStep> {
    this.#passes.delete(kind)
    await this.#store.write(
      (tx) => {
        if (timesDropped(tx) === dropped) setVectorCursor(tx, kind, this.#meaning.model, top)
        dropLease(tx, leaseName, this.#holder)
      },
      { durability: 'derived' },
    )
    return { done: false, isElsewhere: false, written: 0 }
  }

  #hasLease(): Promise<boolean> {
    return this.#store.write((tx) => takeLease(tx, leaseName, this.#holder, this.#clock.nowMs(), leaseMs), {
      durability: 'derived',
    })
  }
}

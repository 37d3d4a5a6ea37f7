import { defaultSettings } from '../model/settings.ts'
import type { Clock } from '../platform/clock.ts'
import { Later } from '../platform/later.ts'
import { observationVectors } from '../store/observation-vectors.ts'
import { unitVectors } from '../store/unit-vectors.ts'
import { cosine, type Embedder } from './embedder.ts'
import { SignIndex } from './sign-index.ts'

/**
 *            start               loaded
 *   asleep ─────────▶ loading ─────────▶ ready
 *     ▲ ▲                │ failed          │
 *     │ └─── failed ◀────┘                 │ nobody asked for 5 minutes
 *     │   (a minute)                       │
 *     └────────────────────────────────────┘
 */
export type MeaningState = 'asleep' | 'loading' | 'ready' | 'failed'

/** `at-need`: a search may start the model · `when-asked`: only one that asks for meaning does (RET-608). */
export type MeaningUse = 'at-need' | 'when-asked'

export type Degraded = 'embedder_loading' | 'embedder_timeout' | 'embedder_error'

/** How long a query waits for its vector (RET-606). */
const deadlineMs = 200
/** The model's memory is given back after so long (RET-602). */
const idleMs = 5 * 60_000
const retryAfterMs = 60_000
const cachedQueriesMax = 512
/** The model reads 256 word pieces; of a query its beginning is enough and takes half the time (RET-603). */
const queryCodePointsMax = 256

/**
 * The one embedder of a process, and what is kept in memory of its vectors. Queries go before texts of the index. A model
 * that is missing, loading, late or broken never fails a search: it goes on by words and says so.
 */
export class Meaning {
  readonly use: MeaningUse
  readonly index: SignIndex
  readonly unitIndex: SignIndex
  readonly #embedder: Embedder
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #idle = new Later(() => this.#sleep())
  readonly #queries = new Map<string, Float32Array>()
  #state: MeaningState = 'asleep'
  #starting: Promise<boolean> | null = null
  #lastError: string | null = null
  #retryAtMs = Number.NEGATIVE_INFINITY
  #queriesWaiting = 0

  /** @param unitVectorsMax of so many events of the log, the newest, units get vectors */
  constructor(
    embedder: Embedder,
    use: MeaningUse,
    clock: Pick<Clock, 'monotonicMs'>,
    unitVectorsMax = defaultSettings.unitVectorsMax,
  ) {
    this.#embedder = embedder
    this.use = use
    this.#clock = clock
    this.index = new SignIndex(observationVectors, embedder.id, embedder.dimensions)
    this.unitIndex = new SignIndex(unitVectors(unitVectorsMax), embedder.id, embedder.dimensions)
  }

  get model(): string {
    return this.#embedder.id
  }

  get dimensions(): number {
    return this.#embedder.dimensions
  }

  get state(): MeaningState {
    return this.#state
  }

  get lastError(): string | null {
    return this.#lastError
  }

  /** Loads the model; false when that failed, and again for a minute. */
  start(): Promise<boolean> {
    if (this.#state === 'ready') return Promise.resolve(true)
    if (this.#clock.monotonicMs() < this.#retryAtMs) return Promise.resolve(false)
    this.#starting ??= this.#start().finally(() => {
      this.#starting = null
    })
    return this.#starting
  }

  /** The query's vector, or why there is none now. `waits`: however long loading and embedding take. */
  async queryVector(
    query: string,
    options: { readonly waits: boolean },
  ): Promise<{ readonly vector: Float32Array } | { readonly degraded: Degraded }> {
    const text = beginningOf(query)
    const known = this.#queries.get(text)
    if (known !== undefined) return { vector: known }
    if (this.#state !== 'ready') {
      const started = this.start()
      if (!options.waits) return { degraded: this.#lastError === null ? 'embedder_loading' : 'embedder_error' }
      if (!(await started)) return { degraded: 'embedder_error' }
    }
    const embedded = this.#embedQuery(text)
    return options.waits ? embedded : inTime(embedded)
  }

  /** Texts of the index, one by one behind the queries. Rejects when the model fails. */
  async embed(texts: readonly string[], signal?: AbortSignal): Promise<readonly Float32Array[]> {
    if (!(await this.start())) throw new Error(this.#lastError ?? 'The model cannot be loaded.')
    const vectors: Float32Array[] = []
    for (const text of texts) {
      while (this.#queriesWaiting > 0) await nextLoop()
      vectors.push(...(await this.#embedder.embed([text], signal)))
      this.#idle.postpone(idleMs)
    }
    return vectors
  }

  async close(): Promise<void> {
    this.#idle.cancel()
    this.#state = 'asleep'
    await this.#embedder.close()
  }

  async #start(): Promise<boolean> {
    this.#state = 'loading'
    try {
      await this.#embedder.start()
      this.#state = 'ready'
      this.#lastError = null
      this.#idle.postpone(idleMs)
      return true
    } catch (error) {
      this.#failed(error)
      return false
    }
  }

  async #embedQuery(
    text: string,
  ): Promise<{ readonly vector: Float32Array } | { readonly degraded: 'embedder_error' }> {
    this.#queriesWaiting++
    try {
      const [vector] = await this.#embedder.embed([text])
      if (vector === undefined || !isUnit(vector)) return { degraded: 'embedder_error' }
      this.#remember(text, vector)
      this.#idle.postpone(idleMs)
      return { vector }
    } catch (error) {
      this.#failed(error)
      return { degraded: 'embedder_error' }
    } finally {
      this.#queriesWaiting--
    }
  }

  #remember(text: string, vector: Float32Array): void {
    const [oldest] = this.#queries.keys()
    if (this.#queries.size >= cachedQueriesMax && oldest !== undefined) this.#queries.delete(oldest)
    this.#queries.set(text, vector)
  }

  #failed(error: unknown): void {
    this.#state = 'failed'
    this.#lastError = error instanceof Error ? error.message : String(error)
    this.#retryAtMs = this.#clock.monotonicMs() + retryAfterMs
  }

  #sleep(): void {
    this.#state = 'asleep'
    this.#embedder.close().catch((error: unknown) => this.#failed(error))
  }
}

/** Also false when a number is none. */
const isUnit = (vector: Float32Array): boolean => Math.abs(cosine(vector, vector) - 1) < 0.01

const beginningOf = (query: string): string =>
  query.length <= queryCodePointsMax
    ? query
    : Array.from(query.slice(0, queryCodePointsMax * 2))
        .slice(0, queryCodePointsMax)
        .join('')

/** What comes too late is still remembered for the next time. */
async function inTime<T>(late: Promise<T>): Promise<T | { readonly degraded: 'embedder_timeout' }> {
  let over = (): void => undefined
  const deadline = new Later(() => over())
  const timeout = new Promise<{ readonly degraded: 'embedder_timeout' }>((resolve) => {
    over = () => resolve({ degraded: 'embedder_timeout' })
  })
  deadline.ask(deadlineMs)
  try {
    return await Promise.race([late, timeout])
  } finally {
    deadline.cancel()
  }
}

const nextLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

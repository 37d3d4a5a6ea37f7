import type { OpenedEngine } from './open-engine.ts'
import { EmbedPace } from './engine/embed-pace.ts'
import { catchUpTranscripts } from './engine/transcript-index.ts'
import { refreshIndex } from './search/indexer.ts'
import { changeSeqNow } from './store/change-clock.ts'
import { hasTranscripts } from './store/transcript-index.ts'

/** The index follows within a second (RET-203); queued saves and idle sessions can wait longer. */
const indexEveryMs = 1_000
const tendEveryMs = 60_000
const stepRowsMax = 200
const stepBudgetMs = 20
/** Beside writers that are at work: steps a save hardly notices, and no more than this share of the time. */
const busyBudgetMs = 2
const busyShare = 1 / 5
const stepsMax = 50
/** For what was archived meanwhile; the rest is for the next time. */
const transcriptsBudgetMs = 2_000
/** Vectors can wait: a model that is loaded for a single save would cost more than it gives. */
const embedEveryMs = 10_000

export type Upkeep = { stop(): Promise<void> }

/**
 * Work in the background of a process that stays: steps of ≤ 20 ms, so that no save waits for them (RET-104). One piece
 * at a time; a tick that finds the one before still at work is skipped. A failure is told once until it goes away.
 */
export function startUpkeep(opened: OpenedEngine): Upkeep {
  const stopping = new AbortController()
  let running: Promise<void> | null = null
  let lastFailure = ''
  let seen = -1

  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work()
      lastFailure = ''
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error)
      if (failure !== lastFailure) opened.deps.log.warn('upkeep failed', { error: failure })
      lastFailure = failure
    } finally {
      running = null
    }
  }
  const start = (work: () => Promise<void>) => (): void => {
    if (running === null && !stopping.signal.aborted) running = attempt(work)
  }
  const index = async (): Promise<void> => {
    if (opened.deps.store.mode === 'read-only') return
    const now = opened.deps.store.read(changeSeqNow)
    if (now !== seen && (await catchUp(opened, { signal: stopping.signal, yields: true }))) seen = now
  }
  const tendAndIndex = async (): Promise<void> => {
    await opened.tend()
    await index()
    // Only where somebody searches conversations.
    if (opened.deps.store.read(hasTranscripts)) await catchUpTranscripts(opened.deps, transcriptsBudgetMs, stopping)
  }

  const embed = embedder(opened, stopping.signal)
  const timers = [
    setInterval(start(index), indexEveryMs),
    setInterval(start(tendAndIndex), tendEveryMs),
    setInterval(embed.start, embedEveryMs),
  ]
  for (const timer of timers) timer.unref()
  start(tendAndIndex)()
  return {
    stop: async () => {
      stopping.abort()
      for (const timer of timers) clearInterval(timer)
      await running
      await embed.stopped()
    },
  }
}

/** Gives new records their vectors, beside everything else: a step may take a second, and nothing waits for it (RET-604). */
function embedder({ deps }: OpenedEngine, signal: AbortSignal) {
  const pace = new EmbedPace(deps)
  let running: Promise<void> | null = null
  let lastFailure = ''
  const work = async (): Promise<void> => {
    try {
      await pace.run(signal)
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error)
      // Search goes on by words; the reason is told once.
      if (failure !== lastFailure && !signal.aborted) deps.log.warn('vectors could not be made', { error: failure })
      lastFailure = failure
    }
  }
  const start = (): void => {
    running ??= work().finally(() => {
      running = null
    })
  }
  return { start, stopped: async (): Promise<void> => void (await running) }
}

export type CatchUpOptions = {
  readonly signal?: AbortSignal
  /** Goes in small steps with pauses while others write, so that their saves do not wait for it. */
  readonly yields?: boolean
}

/** Brings the index up to the change clock, in bounded steps; false when there is more to do. */
export async function catchUp(opened: Pick<OpenedEngine, 'deps'>, options: CatchUpOptions = {}): Promise<boolean> {
  const { store, clock } = opened.deps
  let seen = -1
  for (let step = 0; step < stepsMax; step++) {
    if (options.signal?.aborted === true) return false
    const now = store.read(changeSeqNow)
    const isBusy = options.yields === true && (now !== seen || store.stats().waiting > 0)
    seen = now
    const startedMs = clock.monotonicMs()
    const budgetMs = isBusy ? busyBudgetMs : stepBudgetMs
    const { done } = await store.write((tx) => refreshIndex(tx, { rowsMax: stepRowsMax, budgetMs, clock }), {
      durability: 'derived',
    })
    if (done) return true
    if (isBusy) await clock.sleep((clock.monotonicMs() - startedMs) * (1 / busyShare - 1))
  }
  return false
}

/** A process that ends does what others would wait for: the index of what it wrote, within a bound (RET-203). */
export async function settle(opened: Pick<OpenedEngine, 'deps' | 'hasWritten'>): Promise<void> {
  try {
    if (opened.hasWritten()) await catchUp(opened)
  } catch (error) {
    // The saves stand; whoever comes next brings the index up to date.
    opened.deps.log.warn('the index could not be brought up to date', {
      error: error instanceof Error ? error.message : String(error),
    })
  }
}

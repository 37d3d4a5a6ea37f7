import { lastGseq } from '../store/log.ts'
import { type IndexStep, indexLag, indexUnits, isIndexCurrent } from '../store/unit-index.ts'
import type { EngineDeps } from './handler.ts'

type IndexDeps = Pick<EngineDeps, 'store' | 'clock' | 'settings'>

const stepsMax = 50
/** What a search that waits for it may take at once. */
const wholeBudgetMs = 20
/**
 * Of a step in the background. Each stops whoever comes meanwhile, and in steps of a millisecond a unit costs nearly twice as much:
 * they are seldom rather than short, so that of a hundred appends one at most meets any.
 */
const stepBudgetMs = 8
/** Beside writers that are at work, no more than this share of the time. */
const busyShare = 1 / 5
/** So far behind, the index takes what it needs: whoever searches would have to wait for it. */
const lagMax = 20_000

/** Brings the words of units up to the log, in bounded steps; what cannot be written now is found later. */
export async function catchUpUnits(deps: IndexDeps): Promise<void> {
  if (deps.store.mode === 'read-only') return
  for (let step = 0; step < stepsMax && !deps.store.read(isIndexCurrent); step++) {
    const { isCurrent } = await indexStep(deps, wholeBudgetMs)
    if (isCurrent) return
  }
}

/**
 * The same in the background of a process that stays: seldom enough, while others write, that an append rarely meets it; when all
 * is indexed and nobody writes, segments are merged.
 */
export async function followUnits(deps: IndexDeps): Promise<void> {
  if (deps.store.mode === 'read-only' || deps.store.read(isIndexCurrent)) return
  // Whatever there is to index was written a moment ago.
  let seen = -1
  const until = deps.store.read(lastGseq)
  for (let step = 0; step < stepsMax && deps.store.isOpen; step++) {
    const [last, lag] = deps.store.read((tx) => [lastGseq(tx), indexLag(tx)])
    const isBusy = last !== seen && lag < lagMax
    // What came meanwhile, and what is left to be merged, is for the next round.
    if (isBusy && last - lag >= until) return
    seen = last
    const startedMs = deps.clock.monotonicMs()
    const { isCurrent, isMerged } = await indexStep(deps, stepBudgetMs)
    if (isCurrent && isMerged) return
    const tookMs = deps.clock.monotonicMs() - startedMs
    await deps.clock.sleep(isBusy ? tookMs * (1 / busyShare - 1) : 0)
  }
}

const indexStep = ({ store, clock, settings }: IndexDeps, budgetMs: number): Promise<IndexStep> =>
  store.write((tx) => indexUnits(tx, { rowsMax: settings.unitIndexBatch, budgetMs, clock }), { durability: 'derived' })

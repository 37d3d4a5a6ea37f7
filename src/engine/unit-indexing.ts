import { lastGseq } from '../store/log.ts'
import { type IndexStep, indexLag, indexUnits, isIndexCurrent } from '../store/unit-index.ts'
import type { EngineDeps } from './handler.ts'

type IndexDeps = Pick<EngineDeps, 'store' | 'clock' | 'settings'>

const stepsMax = 50
/** What a search that waits for it may take at once. */
const wholeBudgetMs = 20
/** Beside writers that are at work: a step an append hardly notices, and no more than this share of the time. */
const busyBudgetMs = 1
const busyShare = 1 / 5
/** While nobody writes. */
const idleBudgetMs = 4
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
 * The same in the background of a process that stays: in steps so short, and with such pauses while others write, that no
 * append and no subscriber waits for it; when all is indexed, segments are merged.
 */
export async function followUnits(deps: IndexDeps): Promise<void> {
  if (deps.store.mode === 'read-only' || deps.store.read(isIndexCurrent)) return
  // Whatever there is to index was written a moment ago.
  let seen = -1
  for (let step = 0; step < stepsMax && deps.store.isOpen; step++) {
    const [last, lag] = deps.store.read((tx) => [lastGseq(tx), indexLag(tx)])
    const isBusy = last !== seen && lag < lagMax
    seen = last
    const startedMs = deps.clock.monotonicMs()
    const { isCurrent, isMerged } = await indexStep(deps, isBusy ? busyBudgetMs : idleBudgetMs)
    if (isCurrent && isMerged) return
    const tookMs = deps.clock.monotonicMs() - startedMs
    await deps.clock.sleep(isBusy ? tookMs * (1 / busyShare - 1) : 0)
  }
}

const indexStep = ({ store, clock, settings }: IndexDeps, budgetMs: number): Promise<IndexStep> =>
  store.write((tx) => indexUnits(tx, { rowsMax: settings.unitIndexBatch, budgetMs, clock }), { durability: 'derived' })

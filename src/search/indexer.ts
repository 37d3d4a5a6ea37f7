import type { Clock } from '../platform/clock.ts'
import { changeSeqNow } from '../store/change-clock.ts'
import { neighbourIds, promptsAfter } from '../store/full-text-neighbours.ts'
import {
  changedObservations,
  changedPrompts,
  clearIndex,
  countIndexRows,
  dropIndexState,
  indexBuiltWith,
  indexState,
  liveObservationsAfter,
  mergedTables,
  mergeSegments,
  observationIndexDifferences,
  promptIndexDifferences,
  promptsAfterId,
  setIndexState,
  type ChangedObservation,
} from '../store/full-text-state.ts'
import {
  dropObservationRow,
  dropPromptRow,
  usedBy,
  usersOf,
  writeNeighbourhood,
  writeObservationIndex,
  writePromptIndex,
} from '../store/full-text.ts'
import { observationsByIds } from '../store/full-text-search.ts'
import type { WriteTx } from '../store/transaction.ts'

/** Bounds of one step; a step is one transaction, at most 200 rows and 20 ms where saves may be waiting (RET-104). */
export type IndexBudget = {
  readonly rowsMax: number
  readonly budgetMs: number
  readonly clock: Pick<Clock, 'monotonicMs'>
}

/** `done`: the index has caught up with the change clock and is merged · `rows`: index rows written. */
export type IndexStep = { readonly done: boolean; readonly rows: number }

/**
 * One step of upkeep: what a save leaves to be done later (RET-202 to RET-204). Reads the change clock from its cursor,
 * rewrites the rows in whose neighbourhood something changed, and when all is current merges segments. A store built with
 * other rules is rebuilt meanwhile, its old rows answering until then (RET-105). Safe to stop at any point.
 */
export function refreshIndex(tx: WriteTx, budget: IndexBudget): IndexStep {
  const step = new Step(tx, budget)
  prepare(tx)
  const isBuilt = continueRebuild(tx, step)
  const isCurrent = isBuilt && refreshObservations(tx, step) && refreshPrompts(tx, step)
  noteWritten(tx, step.rows)
  const isMerged = step.rows === 0 ? mergeWhole(tx, step) : mergeAfterWriting(tx, step.rows)
  return { done: isCurrent && isMerged, rows: step.rows }
}

/**
 * Builds every row again, a step per call; call until `done`. With `drop` all derived rows go first, for an index that
 * cannot be trusted; without it the old rows answer until they are replaced.
 */
export function rebuildIndex(tx: WriteTx, budget: IndexBudget & { readonly drop?: boolean }): IndexStep {
  prepare(tx)
  if (indexState(tx, 'observation.rebuild') === undefined && indexState(tx, 'prompt.rebuild') === undefined) {
    if (budget.drop === true) clearIndex(tx)
    startRebuild(tx)
  }
  const step = new Step(tx, budget)
  const isBuilt = continueRebuild(tx, step)
  noteWritten(tx, step.rows)
  mergeAfterWriting(tx, step.rows)
  return { done: isBuilt, rows: step.rows }
}

/** The first time: where to begin. Another time: whether the rows were made by these rules. */
function prepare(tx: WriteTx): void {
  const state = indexState(tx, 'observation')
  if (state === undefined) {
    setIndexState(tx, 'observation', 0)
    setIndexState(tx, 'prompt', 0)
  } else if (state.built_with !== indexBuiltWith) startRebuild(tx)
}

/** What changed before this moment is read by the rebuild itself; what changes from here on, by the cursors. */
function startRebuild(tx: WriteTx): void {
  const now = changeSeqNow(tx)
  setIndexState(tx, 'observation', now)
  setIndexState(tx, 'prompt', now)
  setIndexState(tx, 'observation.rebuild', 0)
  setIndexState(tx, 'prompt.rebuild', 0)
}

/** Counts what a step has done and says when it is enough; no row is written twice in one step. */
class Step {
  rows = 0
  readonly #tx: WriteTx
  readonly #budget: IndexBudget
  readonly #untilMs: number
  readonly #written = new Set<number>()

  constructor(tx: WriteTx, budget: IndexBudget) {
    this.#tx = tx
    this.#budget = budget
    this.#untilMs = budget.clock.monotonicMs() + budget.budgetMs
  }

  get batchMax(): number {
    return Math.max(1, this.#budget.rowsMax - this.rows)
  }

  get isOver(): boolean {
    return this.rows >= this.#budget.rowsMax || this.#budget.clock.monotonicMs() >= this.#untilMs
  }

  /** Everything a row depends on is read in this transaction, so the first writing of it is the last needed. */
  writeObservations(ids: Iterable<number>): void {
    const fresh = [...ids].filter((id) => !this.#written.has(id))
    if (fresh.length === 0) return
    for (const row of observationsByIds(this.#tx, fresh)) {
      writeNeighbourhood(this.#tx, row)
      this.#written.add(row.id)
      this.rows++
    }
  }
}

function refreshObservations(tx: WriteTx, step: Step): boolean {
  let cursor = indexState(tx, 'observation')?.cursor ?? 0
  const changes = changedObservations(tx, cursor, step.batchMax)
  let isAll = changes.length < step.batchMax
  for (const [index, change] of changes.entries()) {
    step.writeObservations(staleRows(tx, change))
    cursor = change.change_seq
    if (!step.isOver) continue
    isAll &&= index === changes.length - 1
    break
  }
  setCursor(tx, 'observation', isAll ? changeSeqNow(tx) : cursor)
  return isAll
}

/** Rows that hold the record's old text or should hold its new one, and its own when others stand around it now. */
function staleRows(tx: WriteTx, change: ChangedObservation): ReadonlySet<number> {
  const stale = new Set(usersOf(tx, change.id))
  if (change.deleted_at !== null) {
    dropObservationRow(tx, change.id)
    return stale
  }
  const around = neighbourIds(tx, change)
  for (const id of around) stale.add(id)
  if (!isSameSet(around, usedBy(tx, change.id))) stale.add(change.id)
  return stale
}

const isSameSet = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((id) => b.includes(id))

function refreshPrompts(tx: WriteTx, step: Step): boolean {
  let cursor = indexState(tx, 'prompt')?.cursor ?? 0
  const changes = changedPrompts(tx, cursor, step.batchMax)
  let isAll = changes.length < step.batchMax
  for (const [index, change] of changes.entries()) {
    for (const prompt of [change, ...promptsAfter(tx, change)]) {
      writePromptIndex(tx, prompt)
      step.rows++
    }
    cursor = change.change_seq
    if (!step.isOver) continue
    isAll &&= index === changes.length - 1
    break
  }
  setCursor(tx, 'prompt', isAll ? changeSeqNow(tx) : cursor)
  return isAll
}

/** An idle step writes nothing. */
function setCursor(tx: WriteTx, kind: 'observation' | 'prompt', cursor: number): void {
  if (indexState(tx, kind)?.cursor !== cursor) setIndexState(tx, kind, cursor)
}

/** True when no rebuild is under way any more. */
function continueRebuild(tx: WriteTx, step: Step): boolean {
  return rebuildObservations(tx, step) && rebuildPrompts(tx, step)
}

function rebuildObservations(tx: WriteTx, step: Step): boolean {
  const state = indexState(tx, 'observation.rebuild')
  if (state === undefined) return true
  let cursor = state.cursor
  while (!step.isOver) {
    const rows = liveObservationsAfter(tx, cursor, Math.min(step.batchMax, rebuildBatchRows))
    if (rows.length === 0) {
      for (const id of observationIndexDifferences(tx, orphansMax).orphaned) dropObservationRow(tx, id)
      dropIndexState(tx, 'observation.rebuild')
      return true
    }
    for (const row of rows) {
      if (step.isOver) break
      writeObservationIndex(tx, row)
      step.rows++
      cursor = row.id
    }
    setIndexState(tx, 'observation.rebuild', cursor)
  }
  return false
}

function rebuildPrompts(tx: WriteTx, step: Step): boolean {
  const state = indexState(tx, 'prompt.rebuild')
  if (state === undefined) return true
  let cursor = state.cursor
  while (!step.isOver) {
    const rows = promptsAfterId(tx, cursor, Math.min(step.batchMax, rebuildBatchRows))
    if (rows.length === 0) {
      for (const id of promptIndexDifferences(tx, orphansMax).orphaned) dropPromptRow(tx, id)
      dropIndexState(tx, 'prompt.rebuild')
      return true
    }
    for (const row of rows) {
      if (step.isOver) break
      writePromptIndex(tx, row)
      step.rows++
      cursor = row.id
    }
    setIndexState(tx, 'prompt.rebuild', cursor)
  }
  return false
}

const rebuildBatchRows = 200
const orphansMax = 1_000_000

/** Every step adds a segment per table; this much merging keeps up with it, so that no level ever overflows. */
const mergePagesPerStep = 8
const mergePagesPerRow = 4
const mergePagesMax = 32
/** Pages of one piece of the whole merge: some milliseconds. */
const wholePages = 16
/** So many rows written since the last whole merge, and this share of all, are worth another (RET-106). */
const wholeAfterRows = 5_000
const wholeAfterShare = 0.1

/** Merging of equal segments; queries walk each segment, and rows replaced meanwhile still stand in the old ones. */
function mergeAfterWriting(tx: WriteTx, rows: number): boolean {
  const pages = Math.min(mergePagesMax, mergePagesPerStep + rows * mergePagesPerRow)
  for (const table of mergedTables) mergeSegments(tx, table, pages, false)
  return false
}

/** Rows written since the last whole merge. */
function noteWritten(tx: WriteTx, rows: number): void {
  if (rows > 0) setIndexState(tx, 'merge', (indexState(tx, 'merge')?.cursor ?? 0) + rows)
}

/**
 * When nothing else is to be done: equal segments, and after many rows a piece of merging all into one, which halves the
 * time of queries. True when there is no more to merge.
 */
function mergeWhole(tx: WriteTx, step: Step): boolean {
  for (const table of mergedTables) {
    while (mergeSegments(tx, table, wholePages, false)) if (step.isOver) return false
  }
  const written = indexState(tx, 'merge')?.cursor ?? 0
  if (written < Math.max(wholeAfterRows, countIndexRows(tx) * wholeAfterShare)) return true
  for (const table of mergedTables) {
    while (mergeSegments(tx, table, wholePages, true)) if (step.isOver) return false
  }
  setIndexState(tx, 'merge', 0)
  return true
}

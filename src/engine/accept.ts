import { EngramError } from '../model/errors.ts'
import type {
  ArrivedObservation,
  ArrivedPrompt,
  ArrivedRelation,
  ArrivedSession,
  ArrivedTombstone,
  ArrivedVersion,
} from '../protocol/record-rows.ts'
import type { WriteTx } from '../store/transaction.ts'
import { acceptObservation, acceptVersion } from './accept-observation.ts'
import { acceptPrompt } from './accept-prompt.ts'
import { acceptRelation } from './accept-relation.ts'
import { acceptSession } from './accept-session.ts'
import { acceptTombstone } from './accept-tombstone.ts'
import type { AcceptDeps, Accepted, AcceptOptions } from './arrival.ts'
import { closeBatch, noteArrival, openBatch } from './arrival-batch.ts'

/** One record as it arrives through a backup, a chunk or the cloud, after its schema (`protocol/record-rows.ts`). */
export type Arrival =
  | { readonly entity: 'session'; readonly row: ArrivedSession }
  | { readonly entity: 'observation'; readonly row: ArrivedObservation }
  | { readonly entity: 'version'; readonly row: ArrivedVersion }
  | { readonly entity: 'prompt'; readonly row: ArrivedPrompt }
  | { readonly entity: 'relation'; readonly row: ArrivedRelation }
  | { readonly entity: 'tombstone'; readonly row: ArrivedTombstone }

/**
 * The one way a record comes in from elsewhere, whatever brought it (CHK-306).
 * - Commutative, associative and idempotent: the order, grouping and repetition of arrivals do not matter (MEM-508).
 * - Everything is redacted and limited before it is written (MEM-1702).
 * - Best in this order: sessions, observations, versions, prompts, relations, tombstones; then `replayRelations`.
 * - Throws `invalid_request` for a record that cannot be kept.
 */
export function acceptRecord(tx: WriteTx, deps: AcceptDeps, arrival: Arrival, options: AcceptOptions): Accepted {
  switch (arrival.entity) {
    case 'session':
      return acceptSession(tx, deps, arrival.row, options)
    case 'observation':
      return acceptObservation(tx, deps, arrival.row, options)
    case 'version':
      return acceptVersion(tx, deps, arrival.row, options)
    case 'prompt':
      return acceptPrompt(tx, deps, arrival.row, options)
    case 'relation':
      return acceptRelation(tx, deps, arrival.row, options)
    case 'tombstone':
      return acceptTombstone(tx, deps, arrival.row, options)
  }
}

/** What stands wrong with a record, for the list of those set aside. */
export type Refused = { readonly refused: string }

/**
 * Rows that share a savepoint: more than a chunk of ours has, for the full-text index makes a segment at each. Where the
 * store refuses one, so many are taken in anew, each alone.
 */
const sharedMax = 10_000

/**
 * As {@link acceptRecord} for many: one that cannot be kept leaves no trace and is named in its place, and the others are
 * taken in (MEM-1003, CHK-608). Trouble with the disk is not a record's and is thrown on.
 */
export function acceptEach(
  tx: WriteTx,
  deps: AcceptDeps,
  arrivals: readonly Arrival[],
  options: AcceptOptions,
): readonly (Accepted | Refused)[] {
  const results: (Accepted | Refused)[] = []
  for (let from = 0; from < arrivals.length; from += sharedMax) {
    const part = arrivals.slice(from, from + sharedMax)
    const together = acceptTogether(tx, deps, part, options)
    results.push(...(together ?? part.map((arrival) => acceptAlone(tx, deps, arrival, options))))
  }
  return results
}

/** Null, with nothing changed, when the store refused a row. What we refuse ourselves, we refuse before we write. */
function acceptTogether(
  tx: WriteTx,
  deps: AcceptDeps,
  arrivals: readonly Arrival[],
  options: AcceptOptions,
): readonly (Accepted | Refused)[] | null {
  return inSavepoint(tx, () => {
    const batch = openBatch(tx, arrivals)
    const results = arrivals.map((arrival) => {
      try {
        noteArrival(tx, batch, arrival)
        return acceptRecord(tx, deps, arrival, { ...options, batch })
      } catch (error) {
        if (error instanceof EngramError && recordCodes.has(error.code)) return { refused: error.message }
        throw error
      }
    })
    closeBatch(tx, batch, deps.clock.nowMs())
    return results
  }).result
}

/** As {@link acceptRecord}, in a savepoint of its own. */
export function acceptAlone(
  tx: WriteTx,
  deps: AcceptDeps,
  arrival: Arrival,
  options: AcceptOptions,
): Accepted | Refused {
  const { result, refused } = inSavepoint(tx, () => acceptRecord(tx, deps, arrival, options))
  return result ?? { refused: refused ?? '' }
}

type Tried<T> =
  | { readonly result: T; readonly refused?: undefined }
  | { readonly result: null; readonly refused: string }

/** Runs `work`; when it fails over a record, what it wrote is undone and the result is null. */
export function inSavepoint<T>(tx: WriteTx, work: () => T): Tried<T> {
  tx.run('SAVEPOINT arrival')
  try {
    const result = work()
    tx.run('RELEASE arrival')
    return { result }
  } catch (error) {
    const refused = reasonOf(error)
    if (refused === null) throw error
    tx.run('ROLLBACK TO arrival')
    tx.run('RELEASE arrival')
    return { result: null, refused }
  }
}

/** Null when the failure is not the record's own. */
function reasonOf(error: unknown): string | null {
  if (error instanceof EngramError) return recordCodes.has(error.code) ? error.message : null
  const code = error instanceof Error && 'code' in error ? error.code : ''
  return typeof code === 'string' && code.startsWith('SQLITE_CONSTRAINT') ? `the store refused it (${code})` : null
}

const recordCodes: ReadonlySet<string> = new Set(['invalid_request', 'invalid_project'])

import { limits } from '../model/limits.ts'
import type { AcceptedChunk, IncomingRecord, KnownChunk, PreparedChunk, RefusedRow } from '../model/sync.ts'
import { cutUtf8 } from '../model/text.ts'
import { formatTime } from '../model/times.ts'
import { readRow, relationRow } from '../protocol/record-rows.ts'
import { putChunk } from '../store/chunk-index.ts'
import { countDeferred, putDeferred, relationsThatMayApply } from '../store/deferred.ts'
import { setLastChunk } from '../store/remotes.ts'
import type { WriteTx } from '../store/transaction.ts'
import { acceptEach, inSavepoint, type Arrival, type Refused } from './accept.ts'
import { freshRows } from './accept-prepared.ts'
import { replayRelations } from './accept-relation.ts'
import type { AcceptDeps, Accepted } from './arrival.ts'
import { refreshTouched, Touched } from './heads.ts'
import { hearing } from './heard.ts'
import { readArrivals, type ReadArrivals } from './read-arrivals.ts'

/**
 * Takes in one chunk, in the one transaction of the caller (CHK-603): its rows, and the note that it was taken.
 *
 * What changes here is noted as heard from the remote and is not given back to it (CHK-612), but for
 *   - records the remote had not been told of: our part of the merged state is news to it,
 *   - records that are not in the chunk and changed by the way: a relation that lives again, a tombstone to be sent again.
 */
export function acceptChunk(
  tx: WriteTx,
  deps: AcceptDeps,
  remote: string,
  chunk: KnownChunk,
  records: readonly IncomingRecord[],
  refused: readonly RefusedRow[],
): AcceptedChunk {
  const reading = readArrivals(tx, records)
  const touched = new Touched()
  const { arrivals } = reading
  const results = hearing(tx, remote, arrivals, () => acceptEach(tx, deps, arrivals, { remote, touched }))
  const { bad, ...tally } = tallyOf(reading, results)
  return { ...tally, ...closeChunk(tx, deps, remote, chunk, touched, [...refused, ...bad]) }
}

/**
 * As {@link acceptChunk}, of a chunk whose observations were prepared and are all new here (CHK-613). Null, with nothing
 * changed, where they are not.
 */
export function acceptPrepared(
  tx: WriteTx,
  deps: AcceptDeps,
  remote: string,
  chunk: KnownChunk,
  { before, observations, behind }: PreparedChunk,
): AcceptedChunk | null {
  const fresh = freshRows(tx, deps, observations)
  if (fresh === null) return null
  return inSavepoint(tx, () => {
    const touched = new Touched()
    const options = { remote, touched }
    const [first, last] = [readArrivals(tx, before), readArrivals(tx, behind)]
    const named = [...first.arrivals, ...last.arrivals]
    fresh.noteHeard(remote)
    const [firstResults, lastResults] = hearing(
      tx,
      remote,
      named,
      () => {
        const results = acceptEach(tx, deps, first.arrivals, options)
        fresh.insert(touched)
        return [results, acceptEach(tx, deps, last.arrivals, options)] as const
      },
      (syncId) => fresh.has(syncId),
    )
    const { bad, ...tally } = tallyOf(
      { records: [...first.records, ...last.records], arrivals: named, bad: [...first.bad, ...last.bad] },
      [...firstResults, ...lastResults],
    )
    return {
      ...tally,
      observations: tally.observations + observations.count,
      redacted: tally.redacted + observations.redacted,
      ...closeChunk(tx, deps, remote, chunk, touched, bad),
    }
  }).result
}

/** What stands behind the last record: conflicts, what was set aside, the note of the chunk. */
function closeChunk(
  tx: WriteTx,
  deps: AcceptDeps,
  remote: string,
  chunk: KnownChunk,
  touched: Touched,
  refused: readonly RefusedRow[],
): Pick<AcceptedChunk, 'conflicts' | 'refused' | 'replayed'> {
  const at = formatTime(deps.clock.nowMs())
  const conflicts = refreshTouched(tx, touched, { at, remote })
  const room = Math.min(limits.chunkBadRowsKept, Math.max(0, limits.deferredRowsMax - countDeferred(tx, null)))
  for (const [index, row] of refused.slice(0, room).entries()) setAside(tx, deps, chunk, row, index, at)
  putChunk(tx, remote, chunk, at)
  setLastChunk(tx, remote, 'read', chunk.id, at)
  return { conflicts, refused, replayed: 0 }
}

/** Notes that a chunk was taken in whose rows are here already, through another remote. */
export function noteKnown(tx: WriteTx, remote: string, chunk: KnownChunk, at: string): void {
  putChunk(tx, remote, chunk, at)
  if (chunk.state === 'imported') setLastChunk(tx, remote, 'read', chunk.id, at)
}

export type Replayed = { readonly replayed: number; readonly dead: number; readonly dropped: readonly string[] }

/** Tries waiting relations again (CHK-609); those that another remote sent are news to this one. */
export function replayWaiting(tx: WriteTx, deps: AcceptDeps, remote: string): Replayed {
  if (countDeferred(tx, 'deferred') === 0) return { replayed: 0, dead: 0, dropped: [] }
  const own = relationsThatMayApply(tx).flatMap((row): readonly Arrival[] => {
    const payload: unknown = JSON.parse(row.payload)
    const read = readRow(relationRow, payload)
    const isOwn = typeof payload === 'object' && payload !== null && 'remote' in payload && payload.remote === remote
    return read.ok && isOwn ? [{ entity: 'relation', row: read.row }] : []
  })
  const touched = new Touched()
  const { succeeded, dead, dropped } = hearing(tx, remote, own, () => replayRelations(tx, deps, { remote, touched }))
  refreshTouched(tx, touched, { at: formatTime(deps.clock.nowMs()), remote })
  return { replayed: succeeded, dead, dropped }
}

type Tally = Pick<AcceptedChunk, 'sessions' | 'observations' | 'prompts' | 'redacted' | 'deferred' | 'dropped'>

function tallyOf(
  { records, arrivals, bad: unread }: ReadArrivals,
  results: readonly (Accepted | Refused)[],
): Tally & { readonly bad: readonly RefusedRow[] } {
  const bad = [...unread]
  const changed = { session: 0, observation: 0, prompt: 0, version: 0, relation: 0, tombstone: 0 }
  const dropped: string[] = []
  let [redacted, deferred] = [0, 0]
  for (const [index, record] of records.entries()) {
    const [arrival, result] = [arrivals[index], results[index]]
    if (arrival === undefined || result === undefined) continue
    if ('refused' in result) {
      bad.push({ ...record, reason: result.refused })
      continue
    }
    redacted += result.redacted
    if (['inserted', 'updated', 'noted'].includes(result.outcome)) changed[arrival.entity]++
    if (result.outcome === 'deferred' && arrival.entity === 'relation') deferred++
    if (result.outcome === 'dropped') dropped.push(result.reason ?? record.key)
  }
  const { session, observation, prompt } = changed
  return { sessions: session, observations: observation, prompts: prompt, redacted, deferred, dropped, bad }
}

/** A row nobody could make a record of stays where a person can look at it (CHK-608). */
function setAside(tx: WriteTx, deps: AcceptDeps, chunk: KnownChunk, row: RefusedRow, index: number, at: string): void {
  const payload = cutUtf8(JSON.stringify(row.value) ?? '', limits.deferredPayloadBytesMax)
  putDeferred(tx, {
    sync_id: `${chunk.id}:${index + 1}`,
    entity: row.entity,
    payload: deps.redactor.clean(payload).text,
    apply_status: 'dead',
    retry_count: 0,
    last_error: `chunk ${chunk.id}, ${cutUtf8(row.key, limits.syncIdBytesMax)}: ${row.reason}`,
    last_attempted_at: at,
    first_seen_at: at,
  })
}

import { limits } from '../model/limits.ts'
import type { AcceptedChunk, IncomingRecord, KnownChunk, RefusedRow } from '../model/sync.ts'
import { cutUtf8 } from '../model/text.ts'
import { formatTime } from '../model/times.ts'
import {
  promptRow,
  readObservation,
  readRow,
  relationRow,
  sessionRow,
  tombstoneRow,
  versionRow,
} from '../protocol/record-rows.ts'
import { changeSeqNow, nextChangeSeq } from '../store/change-clock.ts'
import { putChunk } from '../store/chunk-index.ts'
import { countDeferred, putDeferred, relationsThatMayApply } from '../store/deferred.ts'
import { observationBySyncId } from '../store/observations.ts'
import { addHeard, isHeard, leastCursorOf, setLastChunk } from '../store/remotes.ts'
import type { ReadTx, WriteTx } from '../store/transaction.ts'
import { acceptEach, type Arrival, type Refused } from './accept.ts'
import { replayRelations } from './accept-relation.ts'
import type { AcceptDeps, Accepted } from './arrival.ts'
import { refreshTouched, Touched } from './heads.ts'
import { toObservation } from './present.ts'
import { createLegacyIds, type LegacyIds } from './rules/legacy-id.ts'
import { nextUntold } from './sync-changes.ts'

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
  const ids = createLegacyIds()
  const bad: RefusedRow[] = [...refused]
  const arrivals = records.flatMap((record) => {
    const reading = readArrival(tx, ids, record)
    if (!('refused' in reading)) return [{ record, arrival: reading }]
    bad.push({ ...record, reason: reading.refused })
    return []
  })
  const listed = arrivals.map(({ arrival }) => arrival)
  const touched = new Touched()
  const results = hearing(tx, remote, listed, () => acceptEach(tx, deps, listed, { remote, touched }))
  const tally = tallyOf(arrivals, results, bad)
  const at = formatTime(deps.clock.nowMs())
  const conflicts = refreshTouched(tx, touched, { at, remote })
  const room = Math.min(limits.chunkBadRowsKept, Math.max(0, limits.deferredRowsMax - countDeferred(tx, null)))
  for (const [index, row] of bad.slice(0, room).entries()) setAside(tx, deps, chunk, row, index, at)
  putChunk(tx, remote, chunk, at)
  setLastChunk(tx, remote, 'read', chunk.id, at)
  return { ...tally, conflicts, refused: bad, replayed: 0 }
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

// ── reading ──

function readArrival(tx: ReadTx, ids: LegacyIds, { entity, value }: IncomingRecord): Arrival | Refused {
  switch (entity) {
    case 'session':
      return arrivalOf(entity, readRow(sessionRow, value))
    case 'observation': {
      const read = readObservation(completeSoftDelete(tx, value))
      return read.ok
        ? { entity, row: { ...read.row, sync_id: read.row.sync_id ?? ids.observation(read.row) } }
        : refusal(read)
    }
    case 'version':
      return arrivalOf(entity, readRow(versionRow, value))
    case 'prompt': {
      const read = readRow(promptRow, value)
      return read.ok
        ? { entity, row: { ...read.row, sync_id: read.row.sync_id ?? ids.prompt(read.row) } }
        : refusal(read)
    }
    case 'relation':
      return arrivalOf(entity, readRow(relationRow, value))
    case 'tombstone':
      return arrivalOf(entity, readRow(tombstoneRow, value))
  }
}

const arrivalOf = <E extends Arrival['entity'], R>(
  entity: E,
  read: { readonly ok: true; readonly row: R } | { readonly ok: false; readonly reason: string },
): { readonly entity: E; readonly row: R } | Refused => (read.ok ? { entity, row: read.row } : refusal(read))

const refusal = ({ reason }: { readonly reason: string }): Refused => ({ refused: reason })

/** Other programs may tell of a soft delete without the text of what they delete; ours is the text then. */
function completeSoftDelete(tx: ReadTx, value: unknown): unknown {
  const isBare =
    typeof value === 'object' &&
    value !== null &&
    'deleted_at' in value &&
    value.deleted_at != null &&
    !('content' in value)
  if (!isBare || !('sync_id' in value) || typeof value.sync_id !== 'string') return value
  const known = observationBySyncId(tx, value.sync_id)
  if (known === undefined) return value
  const { ext: _ours, ...fields } = toObservation(known, 0)
  return { ...fields, ...value }
}

// ── counting ──

type Counted = { readonly record: IncomingRecord; readonly arrival: Arrival }

function tallyOf(
  arrivals: readonly Counted[],
  results: readonly (Accepted | Refused)[],
  bad: RefusedRow[],
): Pick<AcceptedChunk, 'sessions' | 'observations' | 'prompts' | 'redacted' | 'deferred' | 'dropped'> {
  const changed = { session: 0, observation: 0, prompt: 0, version: 0, relation: 0, tombstone: 0 }
  const dropped: string[] = []
  let [redacted, deferred] = [0, 0]
  for (const [index, { record, arrival }] of arrivals.entries()) {
    const result = results[index]
    if (result === undefined) continue
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
  return { sessions: session, observations: observation, prompts: prompt, redacted, deferred, dropped }
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

// ── what was heard, and what is news to who said it ──

/** Where records of each kind stand, and by what name. */
const places = {
  session: { table: 'sessions', key: 'id' },
  observation: { table: 'observations', key: 'sync_id' },
  prompt: { table: 'prompts', key: 'sync_id' },
  relation: { table: 'relations', key: 'sync_id' },
  tombstone: { table: 'tombstones', key: `entity || ':' || entity_key` },
} as const

type Place = keyof typeof places

function hearing<T>(tx: WriteTx, remote: string, arrivals: readonly Arrival[], work: () => T): T {
  const before = changeSeqNow(tx)
  const untold = untoldOf(tx, remote, arrivals)
  const result = work()
  const after = changeSeqNow(tx)
  if (after === before) return result
  addHeard(tx, remote, before, after)
  const named = keysOf(arrivals)
  for (const place of ['session', 'observation', 'prompt', 'relation', 'tombstone'] as const) {
    const changed = changedIn(tx, place, before, after)
    // Sessions go with what points to them.
    const isNews = (key: string): boolean => untold[place].has(key) || (place !== 'session' && !named[place].has(key))
    for (const key of changed.filter(isNews)) tellAgain(tx, place, key)
  }
  return result
}

const changedIn = (tx: ReadTx, place: Place, after: number, upTo: number): readonly string[] =>
  tx
    .all<{ key: string }>(
      `SELECT ${places[place].key} AS key FROM ${places[place].table} WHERE change_seq > ? AND change_seq <= ?`,
      after,
      upTo,
    )
    .map(({ key }) => key)

function tellAgain(tx: WriteTx, place: Place, key: string): void {
  const { table, key: name } = places[place]
  tx.run(`UPDATE ${table} SET change_seq = ? WHERE ${name} = ?`, nextChangeSeq(tx), key)
}

type Keys = Readonly<Record<Place, Set<string>>>

const noKeys = (): Keys => ({
  session: new Set(),
  observation: new Set(),
  prompt: new Set(),
  relation: new Set(),
  tombstone: new Set(),
})

function keysOf(arrivals: readonly Arrival[]): Keys {
  const keys = noKeys()
  for (const arrival of arrivals) {
    const [place, key] = placeOf(arrival)
    keys[place].add(key)
  }
  return keys
}

function placeOf(arrival: Arrival): readonly [Place, string] {
  switch (arrival.entity) {
    case 'session':
      return ['session', arrival.row.id]
    case 'tombstone':
      return ['tombstone', `${arrival.row.entity}:${arrival.row.entity_key}`]
    case 'version':
      return ['observation', arrival.row.sync_id]
    case 'observation':
    case 'prompt':
    case 'relation':
      return [arrival.entity, arrival.row.sync_id ?? '']
  }
}

/** Records of the chunk in a state that the remote does not know of yet. */
function untoldOf(tx: ReadTx, remote: string, arrivals: readonly Arrival[]): Keys {
  const untold = noKeys()
  const told = leastCursorOf(tx, remote)
  if (nextUntold(tx, remote, told) === null) return untold
  for (const arrival of arrivals) {
    const [place, key] = placeOf(arrival)
    const { table, key: name } = places[place]
    const row = tx.get<{ seq: number }>(`SELECT change_seq AS seq FROM ${table} WHERE ${name} = ?`, key)
    if (row !== undefined && row.seq > told && !isHeard(tx, remote, row.seq)) untold[place].add(key)
  }
  return untold
}

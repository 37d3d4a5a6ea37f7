import { formatTime, timeOrder } from '../model/times.ts'
import type { ArrivedObservation, ArrivedVersion } from '../protocol/record-rows.ts'
import { nextChangeSeq, receiveHlc } from '../store/change-clock.ts'
import {
  insertArrivedObservation,
  insertObservation,
  observationBySyncId,
  updateObservation,
  updateObservationCounters,
} from '../store/observations.ts'
import type { ObservationRow } from '../store/rows.ts'
import { findTombstone, markTombstoneAgain } from '../store/tombstones.ts'
import type { WriteTx } from '../store/transaction.ts'
import { putVersion, snapshotOf, type Snapshot } from '../store/versions.ts'
import { addVersion, type ArrivingVersion } from './add-version.ts'
import {
  accepted,
  badRecord,
  ensureSession,
  filedUnder,
  timeOr,
  told,
  type AcceptDeps,
  type Accepted,
  type AcceptOptions,
  type Told,
} from './arrival.ts'
import { learnHlc, type ArrivalBatch } from './arrival-batch.ts'
import { cleanState, countersOf, isVersioned, nameOf, newRow, stateIn } from './arrived-observation.ts'
import { createCleaner } from './cleaner.ts'
import { followDeletion, knownVersions, refreshConflicts } from './heads.ts'
import { mergeCounters, type Counters } from './rules/merge.ts'
import { fingerprintOfRow } from './rules/version.ts'

/**
 * Takes in an observation: by its version (MEM-504), or by its time when it carries none (MEM-505). What was hard-deleted
 * does not come back (MEM-507). Throws `invalid_request` for a record that cannot be kept.
 * @param record `sync_id` must be given; rows without one are named first (CHK-604)
 */
export function acceptObservation(
  tx: WriteTx,
  deps: AcceptDeps,
  record: ArrivedObservation,
  options: AcceptOptions,
): Accepted {
  const syncId = record.sync_id
  if (syncId === undefined) throw badRecord('Expected a sync id.', 'sync_id')
  const nowMs = deps.clock.nowMs()
  if (options.batch?.fresh.delete(syncId) === true) return acceptNew(tx, deps, syncId, record, options, options.batch)
  const tombstone = findTombstone(tx, 'observation', syncId)
  if (tombstone !== undefined) {
    const isUnaware =
      record.ext?.version === undefined && timeOrder(record.updated_at) > timeOrder(tombstone.deleted_at)
    if (isUnaware && options.remote !== null) markTombstoneAgain(tx, tombstone, nextChangeSeq(tx))
    return accepted('buried')
  }
  const cleaner = createCleaner(deps)
  const snapshot = cleanState(stateIn(record), cleaner, filing(tx, nowMs))
  const known = observationBySyncId(tx, syncId)
  const state = known === undefined || isVersioned(record) ? snapshot : leaveMissing(snapshot, record, known)
  const counters = countersOf(record, state)
  const arriving = arrivingVersion(record, state)
  if (isVersioned(record)) receiveHlc(tx, arriving.hlc, nowMs)
  if (known === undefined) {
    ensureSession(tx, state.session_id, state.project ?? '', nowMs)
    const pinned = isPinned(record, options)
    const row = insertObservation(tx, newRow(syncId, arriving, counters, pinned, nextChangeSeq(tx)))
    return accepted('inserted', { ...told(cleaner), conflicts: topicConflictsOf(tx, row, nowMs, options) })
  }
  if (!isVersioned(record)) {
    const echo = echoOf(tx, known, arriving, counters)
    if (echo === 'ignore') return accepted('unchanged')
    if (echo === 'counters') return takeCounters(tx, known, counters)
  }
  return takeVersion(tx, deps, known, arriving, counters, options, told(cleaner))
}

/** One of many that arrive together, known to be neither here nor deleted: the same, with nothing asked for it alone. */
function acceptNew(
  tx: WriteTx,
  deps: AcceptDeps,
  syncId: string,
  record: ArrivedObservation,
  options: AcceptOptions,
  batch: ArrivalBatch,
): Accepted {
  const nowMs = deps.clock.nowMs()
  const cleaner = createCleaner(deps, batch.names)
  const state = cleanState(stateIn(record), cleaner, filing(tx, nowMs, batch))
  const name = nameOf(record, state, () => fingerprintOfRow(state))
  if (isVersioned(record)) learnHlc(tx, batch, name.hlc, nowMs)
  ensureSession(tx, state.session_id, state.project ?? '', nowMs, batch)
  const made = newRow(
    syncId,
    { ...name, snapshot: state },
    countersOf(record, state),
    isPinned(record, options),
    batch.nextSeq++,
  )
  const row = insertArrivedObservation(tx, made, batch.words)
  return accepted('inserted', { ...told(cleaner), conflicts: topicConflictsOf(tx, row, nowMs, options) })
}

const filing =
  (tx: WriteTx, nowMs: number, batch?: ArrivalBatch) =>
  (project: string | undefined): string =>
    filedUnder(tx, project, nowMs, batch)

const isPinned = (record: ArrivedObservation, options: AcceptOptions): 0 | 1 =>
  options.withPins === true && record.pinned === true ? 1 : 0

/** A new record can stand against others of its topic, and against nothing else. */
const topicConflictsOf = (tx: WriteTx, row: ObservationRow, nowMs: number, options: AcceptOptions): number =>
  row.topic_key === null ? 0 : conflictsOf(tx, { row, before: null }, nowMs, options)

/**
 * Takes in a kept version: another head of an open conflict, or a state of the history (CHK-301, MEM-1004). It changes
 * nothing when the observation is not known.
 */
export function acceptVersion(tx: WriteTx, deps: AcceptDeps, record: ArrivedVersion, options: AcceptOptions): Accepted {
  const row = observationBySyncId(tx, record.sync_id)
  if (row === undefined)
    return accepted(findTombstone(tx, 'observation', record.sync_id) === undefined ? 'deferred' : 'buried')
  const nowMs = deps.clock.nowMs()
  const cleaner = createCleaner(deps)
  if (record.snapshot === null) return keepName(tx, row, record, nowMs)
  const snapshot = cleanState(record.snapshot, cleaner, filing(tx, nowMs))
  receiveHlc(tx, record.hlc, nowMs)
  const arriving: ArrivingVersion = {
    version: record.version,
    ancestors: [...new Set([...(record.parents ?? []), ...(record.ancestors ?? [])])],
    // A chunk does not tell them; then its nearest ancestor stands for them, as for every other version that arrives.
    ...(record.parents === undefined ? {} : { parents: record.parents }),
    hlc: record.hlc,
    origin: record.origin,
    fingerprint: fingerprintOfRow(snapshot),
    deleted: snapshot.deleted_at !== null,
    updatedAt: snapshot.updated_at,
    snapshot,
    capturedAt: timeOr(record.captured_at, formatTime(nowMs)),
  }
  const counters: Counters = { ...snapshot, duplicate_count: row.duplicate_count, last_seen_at: row.last_seen_at }
  return takeVersion(tx, deps, row, arriving, counters, options, told(cleaner))
}

/** Takes in the text of an edit that did not know of a hard delete: it stays a version without a record (MEM-507). */
export function acceptUnawareVersion(tx: WriteTx, deps: AcceptDeps, record: ArrivedVersion): void {
  if (record.snapshot === null || observationBySyncId(tx, record.sync_id) !== undefined) return
  const nowMs = deps.clock.nowMs()
  const snapshot = cleanState(record.snapshot, createCleaner(deps), filing(tx, nowMs))
  putVersion(tx, {
    sync_id: record.sync_id,
    version: record.version,
    parents: JSON.stringify(record.parents ?? []),
    ancestors: JSON.stringify(record.ancestors ?? []),
    fingerprint: fingerprintOfRow(snapshot),
    snapshot: JSON.stringify(snapshot),
    hlc: record.hlc,
    origin: record.origin,
    head: 1,
    captured_at: timeOr(record.captured_at, formatTime(nowMs)),
  })
}

/** A pruned version has nothing but its name and parents, which still say what it contains. */
function keepName(tx: WriteTx, row: ObservationRow, record: ArrivedVersion, nowMs: number): Accepted {
  if (knownVersions(tx, row).some((known) => known.version === record.version)) return accepted('unchanged')
  putVersion(tx, {
    sync_id: row.sync_id,
    version: record.version,
    parents: JSON.stringify(record.parents ?? []),
    ancestors: JSON.stringify(record.ancestors ?? []),
    fingerprint: record.fingerprint ?? '',
    snapshot: '',
    hlc: record.hlc,
    origin: record.origin,
    head: 0,
    captured_at: timeOr(record.captured_at, formatTime(nowMs)),
  })
  return accepted('noted')
}

/** What a record of a program without our extras cannot say stays as it is (CHK-304). */
function leaveMissing(state: Snapshot, record: ArrivedObservation, known: ObservationRow): Snapshot {
  return {
    ...state,
    review_after: record.review_after === undefined ? known.review_after : state.review_after,
    expires_at: record.ext?.expires_at === undefined ? known.expires_at : state.expires_at,
    author: state.author ?? known.author,
    confidence: state.confidence ?? known.confidence,
    provenance: state.provenance ?? known.provenance,
  }
}

function arrivingVersion(record: ArrivedObservation, state: Snapshot): ArrivingVersion {
  const fingerprint = fingerprintOfRow(state)
  return {
    ...nameOf(record, state, () => fingerprint),
    fingerprint,
    deleted: state.deleted_at !== null,
    updatedAt: state.updated_at,
    snapshot: state,
    capturedAt: state.updated_at,
  }
}

/** Our own state coming back from a program that carries no versions (MEM-505). */
function echoOf(
  tx: WriteTx,
  known: ObservationRow,
  arriving: ArrivingVersion,
  counters: Counters,
): 'counters' | 'ignore' | 'new' {
  if (arriving.fingerprint === fingerprintOfRow(known)) return 'counters'
  const isOld = timeOrder(counters.updated_at) <= timeOrder(known.updated_at)
  const isKnown = knownVersions(tx, known).some((version) => version.fingerprint === arriving.fingerprint)
  return isOld && isKnown ? 'ignore' : 'new'
}

function takeCounters(tx: WriteTx, known: ObservationRow, counters: Counters): Accepted {
  const merged = mergeCounters(known, counters)
  if (isEqual(known, merged)) return accepted('unchanged')
  updateObservationCounters(tx, { ...known, ...merged, change_seq: nextChangeSeq(tx) })
  return accepted('noted')
}

function takeVersion(
  tx: WriteTx,
  deps: AcceptDeps,
  known: ObservationRow,
  arriving: ArrivingVersion,
  counters: Counters,
  options: AcceptOptions,
  about: Told,
): Accepted {
  const nowMs = deps.clock.nowMs()
  const added = addVersion(tx, known, arriving, { keep: deps.settings.historyKept, capturedAt: formatTime(nowMs) })
  const merged = mergeCounters(known, counters)
  // A version has its own time of change; only a copy of the current one can tell a later one (MEM-304).
  const updatedAt = arriving.version === known.version ? merged.updated_at : added.row.updated_at
  const next: ObservationRow = { ...added.row, ...merged, updated_at: updatedAt }
  if (!added.changed && isEqual(known, next)) return accepted('unchanged')
  const row = { ...next, change_seq: nextChangeSeq(tx) }
  if (isEqual(known, { ...next, change_seq: known.change_seq })) {
    // Only the versions behind it grew: no column the index holds has changed.
    updateObservationCounters(tx, row)
    return accepted('noted', {
      ...about,
      conflicts: conflictsOf(tx, { row, before: known }, nowMs, options),
    })
  }
  ensureSession(tx, row.session_id, row.project ?? '', nowMs)
  updateObservation(tx, row)
  followDeletion(tx, known, row)
  const conflicts = conflictsOf(tx, { row, before: known }, nowMs, options)
  const isSeen = !isEqual(snapshotOf(known), snapshotOf(row))
  return accepted(isSeen ? 'updated' : 'noted', { ...about, conflicts })
}

type Changed = { readonly row: ObservationRow; readonly before: ObservationRow | null }

function conflictsOf(tx: WriteTx, { row, before }: Changed, nowMs: number, options: AcceptOptions): number {
  const note = { at: formatTime(nowMs), remote: options.remote }
  if (options.touched === undefined) return refreshConflicts(tx, row, note, before)
  options.touched.add(row.sync_id, before)
  return 0
}

/** Whether every field of `fields` stands in `row` already. */
const isEqual = (row: object, fields: object): boolean =>
  Object.entries(fields).every(([key, value]) => (row as Readonly<Record<string, unknown>>)[key] === value)

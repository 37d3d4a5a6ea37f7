import { limits } from '../model/limits.ts'
import { formatTime } from '../model/times.ts'
import type { ArrivedRelation } from '../protocol/record-rows.ts'
import { relationRow, readRow } from '../protocol/record-rows.ts'
import { nextChangeSeq, receiveHlc } from '../store/change-clock.ts'
import {
  countDeferred,
  countVainRetries,
  deferredBySyncId,
  putDeferred,
  relationsThatMayApply,
  removeDeferred,
} from '../store/deferred.ts'
import { observationBySyncId } from '../store/observations.ts'
import { insertRelation, relationBySyncId, statusHere, updateRelation } from '../store/relations.ts'
import type { RelationRow } from '../store/rows.ts'
import { findTombstone } from '../store/tombstones.ts'
import type { ReadTx, WriteTx } from '../store/transaction.ts'
import {
  accepted,
  timeOr,
  timeOrNull,
  told,
  type AcceptDeps,
  type Accepted,
  type AcceptOptions,
  type Told,
} from './arrival.ts'
import { createCleaner, type Cleaner } from './cleaner.ts'
import { refreshPair } from './heads.ts'
import { isLaterRelation, legacyHlc, legacyOrigin } from './rules/merge.ts'

type Facts = Omit<RelationRow, 'id' | 'change_seq' | 'project'>

/**
 * Takes in a relation: the later state of a name stays (MEM-506). One whose end is not here yet waits (MEM-907); one
 * whose end was hard-deleted is named and kept as orphaned (CHK-606): so it is where the delete came after it.
 */
export function acceptRelation(
  tx: WriteTx,
  deps: AcceptDeps,
  record: ArrivedRelation,
  options: AcceptOptions,
): Accepted {
  const nowMs = deps.clock.nowMs()
  const cleaner = createCleaner(deps)
  const facts = factsOf(record, cleaner, formatTime(nowMs))
  if (record.ext?.hlc !== undefined) receiveHlc(tx, record.ext.hlc, nowMs)
  const known = relationBySyncId(tx, record.sync_id)
  if (known !== undefined) return replaceRelation(tx, known, facts, nowMs, options, told(cleaner))
  const gone = goneEnd(tx, facts)
  const isComplete = gone !== null || (isHere(tx, facts.source_id) && isHere(tx, facts.target_id))
  if (!isComplete) return deferRelation(tx, facts, nowMs, cleaner, options.remote)
  const later = laterThatWaits(tx, facts, formatTime(nowMs), cleaner)
  removeDeferred(tx, facts.sync_id)
  insertRelation(tx, placed(tx, later ?? facts))
  const conflicts = refreshEnds(tx, facts, nowMs, options)
  const isNews = gone !== null && facts.judgment_status !== 'orphaned'
  return accepted(isNews ? 'dropped' : 'inserted', {
    ...told(cleaner),
    conflicts,
    ...(isNews ? { reason: missingEnd(facts) } : {}),
  })
}

/** A later state of the same relation that came while an end was missing. */
function laterThatWaits(tx: ReadTx, facts: Facts, at: string, cleaner: Cleaner): Facts | null {
  const waiting = deferredBySyncId(tx, facts.sync_id)
  if (waiting?.entity !== 'relation' || waiting.apply_status !== 'deferred') return null
  const read = readRow(relationRow, JSON.parse(waiting.payload))
  if (!read.ok) return null
  const other = factsOf(read.row, cleaner, at)
  return isLaterRelation({ ...other, text: textOf(other) }, { ...facts, text: textOf(facts) }) ? other : null
}

const isHere = (tx: ReadTx, syncId: string): boolean => observationBySyncId(tx, syncId) !== undefined

const goneEnd = (tx: ReadTx, facts: Pick<Facts, 'source_id' | 'target_id'>): string | null =>
  [facts.source_id, facts.target_id].find((end) => findTombstone(tx, 'observation', end) !== undefined) ?? null

function replaceRelation(
  tx: WriteTx,
  known: RelationRow,
  facts: Facts,
  nowMs: number,
  options: AcceptOptions,
  about: Told,
): Accepted {
  if (!isLaterRelation({ ...facts, text: textOf(facts) }, { ...known, text: textOf(known) }))
    return accepted('unchanged')
  updateRelation(tx, { ...placed(tx, facts), id: known.id })
  return accepted('updated', { ...about, conflicts: refreshEnds(tx, facts, nowMs, options) })
}

/** Everything that travels, in one order, for choosing between two states of one time. */
const textOf = (facts: Facts): string =>
  JSON.stringify([
    facts.relation,
    facts.source_id,
    facts.target_id,
    facts.reason,
    facts.evidence,
    facts.confidence,
    facts.marked_by_actor,
    facts.marked_by_kind,
    facts.marked_by_model,
    facts.updated_at,
  ])

/** The row as it stands here: filed under its source's project, orphaned while an end is deleted. */
function placed(tx: WriteTx, facts: Facts): Omit<RelationRow, 'id'> {
  const project = projectOf(tx, facts.source_id) ?? projectOf(tx, facts.target_id) ?? ''
  return { ...facts, project, judgment_status: statusHere(tx, facts), change_seq: nextChangeSeq(tx) }
}

const projectOf = (tx: ReadTx, syncId: string): string | null | undefined =>
  (observationBySyncId(tx, syncId) ?? findTombstone(tx, 'observation', syncId))?.project

function refreshEnds(tx: WriteTx, facts: Facts, nowMs: number, options: AcceptOptions): number {
  const ends = new Set([facts.source_id, facts.target_id])
  if (options.touched === undefined) return refreshPair(tx, ends, { at: formatTime(nowMs), remote: options.remote })
  for (const end of ends) options.touched.add(end, null)
  return 0
}

const missingEnd = ({ sync_id, source_id, target_id }: Facts): string =>
  `relation ${sync_id} ${source_id}->${target_id}: referenced observation missing permanently`

function deferRelation(tx: WriteTx, facts: Facts, nowMs: number, cleaner: Cleaner, remote: string | null): Accepted {
  const waiting = deferredBySyncId(tx, facts.sync_id)
  if (laterThatWaits(tx, facts, formatTime(nowMs), cleaner) !== null) return accepted('deferred')
  if (waiting === undefined && countDeferred(tx, null) >= limits.deferredRowsMax) {
    return accepted('dropped', {
      reason: `relation ${facts.sync_id}: ${limits.deferredRowsMax} records are waiting already`,
    })
  }
  const at = formatTime(nowMs)
  putDeferred(tx, {
    sync_id: facts.sync_id,
    entity: 'relation',
    payload: JSON.stringify(remote === null ? toRecord(facts) : { ...toRecord(facts), remote }),
    apply_status: 'deferred',
    retry_count: waiting?.retry_count ?? 0,
    last_error: `${isHere(tx, facts.source_id) ? facts.target_id : facts.source_id} is not here yet`,
    last_attempted_at: at,
    first_seen_at: at,
  })
  return accepted('deferred', told(cleaner))
}

function factsOf(record: ArrivedRelation, cleaner: Cleaner, at: string): Facts {
  const text = (given: string | undefined, bytesMax: number): string | null =>
    given === undefined ? null : cleaner.text(given, bytesMax)
  // Go refuses blank provenance, so a pending relation travels signed by the program (CHK-306).
  const isUnsigned = record.judgment_status === 'pending'
  const createdAt = timeOr(record.created_at ?? record.updated_at, at)
  const updatedAt = timeOr(record.updated_at, createdAt)
  return {
    sync_id: record.sync_id,
    source_id: record.source_id,
    target_id: record.target_id,
    relation: record.relation,
    reason: text(record.reason, limits.relationTextBytesMax),
    evidence: text(record.evidence, limits.relationTextBytesMax),
    confidence: record.confidence == null ? null : Math.min(1, Math.max(0, record.confidence)),
    judgment_status: record.judgment_status,
    marked_by_actor: isUnsigned ? null : text(record.marked_by_actor, limits.authorBytesMax),
    marked_by_kind: isUnsigned ? null : text(record.marked_by_kind, limits.typeBytesMax),
    marked_by_model: isUnsigned ? null : text(record.marked_by_model, limits.authorBytesMax),
    session_id: cleaner.name(record.session_id) ?? null,
    author: cleaner.name(record.ext?.author) ?? null,
    superseded_at: timeOrNull(record.superseded_at),
    superseded_by_relation_sync_id: record.superseded_by_relation_sync_id ?? null,
    created_at: createdAt,
    updated_at: updatedAt,
    hlc: record.ext?.hlc ?? legacyHlc(updatedAt),
    origin: record.ext?.hlc === undefined ? legacyOrigin : (record.ext.origin ?? legacyOrigin),
  }
}

/** As it would arrive again; who reads `remote` beside it knows who need not be told of it. */
function toRecord(facts: Facts): object {
  const { hlc, origin, author, ...fields } = facts
  return { ...fields, ext: { hlc, origin, ...(author === null ? {} : { author }) } }
}

export type ReplayedRelations = {
  readonly retried: number
  readonly succeeded: number
  /** What each dropped one said (CHK-606). */
  readonly dropped: readonly string[]
  readonly dead: number
}

/** Tries the waiting relations again, after an import or when asked (MEM-907, CHK-609). */
export function replayRelations(tx: WriteTx, deps: AcceptDeps, options: AcceptOptions): ReplayedRelations {
  const ready = relationsThatMayApply(tx)
  const dropped: string[] = []
  let dead = 0
  for (const row of ready) {
    const read = readRow(relationRow, JSON.parse(row.payload))
    if (!read.ok) {
      dead++
      putDeferred(tx, { ...row, apply_status: 'dead', last_error: read.reason })
      continue
    }
    const result = acceptRelation(tx, deps, read.row, options)
    removeDeferred(tx, row.sync_id)
    if (result.outcome === 'dropped') dropped.push(result.reason ?? row.sync_id)
  }
  const vain = countVainRetries(tx, formatTime(deps.clock.nowMs()))
  return { retried: ready.length + vain, succeeded: ready.length - dropped.length - dead, dropped, dead }
}

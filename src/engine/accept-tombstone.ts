import { formatTime } from '../model/times.ts'
import {
  filedUnder,
  timeOr,
  accepted,
  blankSession,
  type AcceptDeps,
  type Accepted,
  type AcceptOptions,
} from './arrival.ts'
import { createCleaner } from './cleaner.ts'
import { closeConflictsOfRemoved, currentVersion } from './heads.ts'
import { conflictId, isLaterTombstone, legacyHlc, legacyOrigin } from './rules/merge.ts'
import { fingerprintOfRow } from './rules/version.ts'
import type { ArrivedTombstone } from '../protocol/record-rows.ts'
import { nextChangeSeq, receiveHlc } from '../store/change-clock.ts'
import { openConflict } from '../store/conflicts.ts'
import { observationBySyncId, removeObservation } from '../store/observations.ts'
import { promptBySyncId, promptsOfSession, removePrompt } from '../store/prompts.ts'
import { orphanRelationsOf } from '../store/relations.ts'
import type { ObservationRow, SessionRow, TombstoneRow, VersionRow } from '../store/rows.ts'
import { observationsPointTo, removeSession, sessionById, updateSession } from '../store/sessions.ts'
import { findTombstone, writeTombstone } from '../store/tombstones.ts'
import type { ReadTx, WriteTx } from '../store/transaction.ts'
import { otherHeadsOf, putVersion, snapshotOf } from '../store/versions.ts'

/** Takes in a hard delete; it is final for observations and prompts (MEM-507). */
export function acceptTombstone(
  tx: WriteTx,
  deps: AcceptDeps,
  record: ArrivedTombstone,
  options: AcceptOptions,
): Accepted {
  const nowMs = deps.clock.nowMs()
  const deletedAt = timeOr(record.deleted_at, formatTime(nowMs))
  const hlc = record.hlc ?? legacyHlc(deletedAt)
  const origin = record.hlc === undefined ? legacyOrigin : (record.origin ?? legacyOrigin)
  const cleaner = createCleaner(deps)
  const entityKey = cleaner.name(record.entity_key)
  const known = findTombstone(tx, record.entity, entityKey)
  if (known !== undefined && !isLaterTombstone({ hlc, origin }, known)) return accepted('unchanged')
  if (record.hlc !== undefined) receiveHlc(tx, hlc, nowMs)
  const project = filedUnder(tx, cleaner.name(record.project), nowMs)
  const tombstone: TombstoneRow = {
    entity: record.entity,
    entity_key: entityKey,
    project: project === '' ? (known?.project ?? null) : project,
    session_id: cleaner.name(record.session_id) ?? known?.session_id ?? null,
    source_inbox_id: cleaner.name(record.source_inbox_id) ?? known?.source_inbox_id ?? null,
    deleted_at: deletedAt,
    hard: 1,
    hlc,
    origin,
    change_seq: nextChangeSeq(tx),
  }
  writeTombstone(tx, tombstone)
  return accepted(bury(tx, tombstone, nowMs, options) ? 'updated' : 'noted')
}

/** Removes what the tombstone stands for; false when nothing was there. */
function bury(tx: WriteTx, tombstone: TombstoneRow, nowMs: number, options: AcceptOptions): boolean {
  switch (tombstone.entity) {
    case 'observation': {
      const row = observationBySyncId(tx, tombstone.entity_key)
      if (row !== undefined) buryObservation(tx, row, tombstone, formatTime(nowMs), options)
      return row !== undefined
    }
    case 'prompt': {
      const row = promptBySyncId(tx, tombstone.entity_key)
      if (row === undefined) return false
      removePrompt(tx, row)
      dropNeedlessStub(tx, row.session_id)
      return true
    }
    case 'session': {
      const row = sessionById(tx, tombstone.entity_key)
      return row !== undefined && burySession(tx, row, tombstone)
    }
  }
}

function buryObservation(
  tx: WriteTx,
  row: ObservationRow,
  tombstone: TombstoneRow,
  at: string,
  options: AcceptOptions,
): void {
  const unaware = unawareVersions(tx, row, tombstone, at)
  removeObservation(tx, row)
  orphanRelationsOf(tx, row.sync_id)
  closeConflictsOfRemoved(tx, row, { at, remote: options.remote })
  dropNeedlessStub(tx, row.session_id)
  if (unaware.length === 0) return
  for (const version of unaware) putVersion(tx, version)
  const heads = unaware.map((version) => version.version).sort()
  openConflict(tx, {
    id: conflictId(row.sync_id, heads),
    kind: 'edited_after_delete',
    sync_id: row.sync_id,
    other_sync_id: null,
    project: row.project,
    heads: JSON.stringify(heads),
    remote: options.remote,
    detected_at: at,
  })
}

/**
 * Heads later than the delete were surely made without knowing of it, since a delete is later than all it knew. An
 * earlier one may have been known, and what somebody wanted gone is not kept on a guess.
 */
function unawareVersions(
  tx: ReadTx,
  row: ObservationRow,
  tombstone: TombstoneRow,
  at: string,
): readonly Omit<VersionRow, 'number'>[] {
  const current = currentVersion(row)
  const own: Omit<VersionRow, 'number'> = {
    sync_id: row.sync_id,
    version: row.version,
    parents: JSON.stringify(current.ancestors.slice(0, 1)),
    ancestors: row.ancestors,
    fingerprint: fingerprintOfRow(row),
    snapshot: JSON.stringify(snapshotOf(row)),
    hlc: row.hlc,
    origin: row.origin,
    head: 1,
    captured_at: at,
  }
  const isDelete = row.deleted_at !== null
  const heads = [...(isDelete ? [] : [own]), ...otherHeadsOf(tx, row.sync_id)]
  return heads.filter((head) => head.hlc > tombstone.hlc && head.snapshot !== '')
}

/** A session stays while a row points to it, as a stub (MEM-507). */
function burySession(tx: WriteTx, row: SessionRow, tombstone: TombstoneRow): boolean {
  if (row.hlc > tombstone.hlc) return false
  const project = leastProjectOf(tx, row.id)
  if (project === null) {
    removeSession(tx, row)
    return true
  }
  const stub = {
    ...blankSession(row.id),
    project,
    last_activity_ms: row.last_activity_ms,
    change_seq: nextChangeSeq(tx),
  }
  updateSession(tx, { ...stub, number: row.number })
  return true
}

/** The first project, in text order, of the records that point to a session; null when none does. */
function leastProjectOf(tx: ReadTx, sessionId: string): string | null {
  if (observationsPointTo(tx, sessionId) === 0 && promptsOfSession(tx, sessionId).length === 0) return null
  const row = tx.get<{ project: string | null }>(
    `SELECT min(project) AS project FROM (
       SELECT project FROM observations WHERE session_id = ?1 AND project <> ''
       UNION ALL SELECT project FROM prompts WHERE session_id = ?1 AND project <> '')`,
    sessionId,
  )
  return row?.project ?? ''
}

/** A session that is there only because something points to it goes with the last of them. */
function dropNeedlessStub(tx: WriteTx, sessionId: string): void {
  const row = sessionById(tx, sessionId)
  const isStub = row !== undefined && row.directory === blankSession(sessionId).directory
  if (isStub && leastProjectOf(tx, sessionId) === null) removeSession(tx, row)
}

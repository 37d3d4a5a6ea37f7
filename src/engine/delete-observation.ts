import type { DeletedObservation } from '../api/observations.ts'
import type { Parsed } from '../api/operations.ts'
import { formatTime } from '../model/times.ts'
import { sha256Hex } from '../platform/bytes.ts'
import { stampChange } from '../store/change-clock.ts'
import { removeObservation } from '../store/observations.ts'
import { orphanRelationsOf } from '../store/relations.ts'
import type { ObservationRow } from '../store/rows.ts'
import { writeTombstone } from '../store/tombstones.ts'
import type { WriteTx } from '../store/transaction.ts'
import { editObservation } from './edit-observation.ts'
import type { EngineDeps } from './handler.ts'
import { closeConflictsOfRemoved } from './heads.ts'
import { checkExpectedProject, requireObservation } from './lookup-observation.ts'
import { parseProvenance } from './rules/provenance.ts'
import { forgetSaveTexts } from './save-operations.ts'

/** Soft: gone from search, readable by id, restorable. Hard: gone for ever, on every machine (MEM-406, MEM-507). */
export function deleteObservation(
  tx: WriteTx,
  deps: EngineDeps,
  input: Parsed<'observation.delete'>,
): DeletedObservation {
  const row = requireObservation(tx, input.id)
  checkExpectedProject(tx, row, input.expected_project)
  if (input.hard === true) hardDeleteRow(tx, deps, row)
  else softDeleteRow(tx, deps, row)
  return { id: row.id, sync_id: row.sync_id, hard_delete: input.hard === true }
}

/** Soft-deletes; what somebody forgets on purpose is also kept from being extracted again (`suppress`, the default). */
export function softDeleteRow(
  tx: WriteTx,
  deps: EngineDeps,
  row: ObservationRow,
  options: { readonly suppress: boolean } = { suppress: true },
): ObservationRow {
  if (row.deleted_at !== null) return row
  if (options.suppress) suppressExtracted(tx, deps, row)
  return editObservation(tx, deps, row, { deleted_at: formatTime(deps.clock.nowMs()) })
}

/** Gone for ever: row, versions, index, and what kept answers quote of it; the tombstone stays (MEM-406, MEM-507). */
export function hardDeleteRow(tx: WriteTx, deps: EngineDeps, row: ObservationRow): void {
  suppressExtracted(tx, deps, row)
  const stamp = stampChange(tx, deps.clock.nowMs(), row.hlc)
  removeObservation(tx, row)
  closeConflictsOfRemoved(tx, row, { at: stamp.at })
  orphanRelationsOf(tx, row.sync_id)
  forgetSaveTexts(tx, row.sync_id)
  writeTombstone(tx, {
    entity: 'observation',
    entity_key: row.sync_id,
    project: row.project,
    session_id: row.session_id,
    source_inbox_id: null,
    deleted_at: stamp.at,
    hard: 1,
    hlc: stamp.hlc,
    origin: stamp.origin,
    change_seq: stamp.changeSeq,
  })
}

/** Undoes a soft delete; the relations it orphaned live again (MEM-406, MEM-905). */
export function restoreObservation(tx: WriteTx, deps: EngineDeps, row: ObservationRow): ObservationRow {
  if (row.deleted_at === null) return row
  tx.run('DELETE FROM ingest_suppressed WHERE fingerprint = ?', suppressionOf(row.normalized_hash))
  return editObservation(tx, deps, row, { deleted_at: null })
}

/** What was extracted and then forgotten must not come back by itself (ING-EXT-10). */
function suppressExtracted(tx: WriteTx, deps: EngineDeps, row: ObservationRow): void {
  const provenance = parseProvenance(row.provenance)
  if (provenance === null || provenance.kind === 'curated') return
  tx.run(
    'INSERT OR IGNORE INTO ingest_suppressed (fingerprint, at) VALUES (?, ?)',
    suppressionOf(row.normalized_hash),
    formatTime(deps.clock.nowMs()),
  )
}

/** Names a forgotten text whatever rule or session brings it again (ING-EXT-10). */
export const suppressionOf = (normalizedHash: string): string => sha256Hex(`ingest/forgotten/1\n${normalizedHash}`)

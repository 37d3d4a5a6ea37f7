import { stampChange } from '../store/change-clock.ts'
import { updateObservation } from '../store/observations.ts'
import type { ObservationRow } from '../store/rows.ts'
import type { WriteTx } from '../store/transaction.ts'
import type { EngineDeps } from './handler.ts'
import { followDeletion, refreshConflicts, supersede } from './heads.ts'
import { normalisedHash } from './rules/dedupe.ts'
import { mergeCounters } from './rules/merge.ts'
import { fingerprintOfRow, versionOf } from './rules/version.ts'

/**
 * The one way an observation changes here: the state before is kept as a version, the new one gets its name, ancestors,
 * hybrid time and change number (MEM-502, MEM-503), and the conflicts about it are brought up to date (MEM-509). Counters
 * never go back, whatever the clock does, so that they merge (MEM-506).
 */
export function editObservation(
  tx: WriteTx,
  deps: Pick<EngineDeps, 'clock' | 'settings'>,
  row: ObservationRow,
  change: Partial<ObservationRow>,
): ObservationRow {
  const stamp = stampChange(tx, deps.clock.nowMs(), row.hlc)
  const ancestors = supersede(tx, row, { keep: deps.settings.historyKept, capturedAt: stamp.at })
  const edited: ObservationRow = { ...row, ...change }
  const next: ObservationRow = {
    ...edited,
    ...mergeCounters(row, edited),
    updated_at: stamp.at,
    normalized_hash: normalisedHash(edited.content),
    version: versionOf([row.version], fingerprintOfRow(edited)),
    ancestors: JSON.stringify(ancestors),
    hlc: stamp.hlc,
    origin: stamp.origin,
    change_seq: stamp.changeSeq,
  }
  updateObservation(tx, next)
  followDeletion(tx, row, next)
  refreshConflicts(tx, next, { at: stamp.at }, row)
  return next
}

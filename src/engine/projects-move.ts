import { stampChange } from '../store/change-clock.ts'
import { updatePrompt } from '../store/prompts.ts'
import type { ObservationRow, PromptRow, SessionRow } from '../store/rows.ts'
import { updateSession } from '../store/sessions.ts'
import type { WriteTx } from '../store/transaction.ts'
import { editObservation } from './edit-observation.ts'
import type { EngineDeps } from './handler.ts'

/** Files an observation under a project, and with it the relations that start from it: a version like any edit (MEM-403). */
export function moveObservation(tx: WriteTx, deps: EngineDeps, row: ObservationRow, project: string): void {
  editObservation(tx, deps, row, { project })
  moveRelationsOf(tx, row, project)
}

/** A relation is listed under the project of the observation it starts from. */
export function moveRelationsOf(tx: WriteTx, row: ObservationRow, project: string): void {
  tx.run('UPDATE relations SET project = ? WHERE source_id = ?', project, row.sync_id)
}

/** Files a session under a project; a change that travels. */
export function moveSession(tx: WriteTx, row: SessionRow, project: string, nowMs: number): void {
  const stamp = stampChange(tx, nowMs, row.hlc)
  updateSession(tx, { ...row, project, hlc: stamp.hlc, origin: stamp.origin, change_seq: stamp.changeSeq })
}

/** Files a prompt under a project; a change that travels. */
export function movePrompt(tx: WriteTx, row: PromptRow, project: string, nowMs: number): void {
  const stamp = stampChange(tx, nowMs, row.hlc)
  updatePrompt(tx, { ...row, project, hlc: stamp.hlc, origin: stamp.origin, change_seq: stamp.changeSeq })
}

import type { SaveResult } from '../api/observations.ts'
import type { WriteTx } from '../store/transaction.ts'
import type { EngineDeps } from './handler.ts'
import { saveObservation, type PreparedSave, type SaveContext } from './save.ts'
import { rememberSave, replaySave, type SaveOperation } from './save-operations.ts'
import { requireSession, setSessionSummary } from './sessions.ts'

/** A save within its operation: the first answer is given again, and a new one is kept (MEM-306). */
export function saveOnce(
  tx: WriteTx,
  deps: EngineDeps,
  operation: SaveOperation | null,
  prepared: PreparedSave,
  context: SaveContext,
): SaveResult {
  const replayed = operation === null ? null : replaySave(tx, operation, deps.clock.nowMs())
  if (replayed !== null) return replayed
  const result = saveObservation(tx, deps, prepared, context)
  if (result.type === 'session_summary') summariseSession(tx, deps, result, prepared.content)
  if (operation !== null) rememberSave(tx, operation, result, deps.clock.nowMs())
  return result
}

/** A saved session summary is also the session's own (MEM-1204). */
function summariseSession(tx: WriteTx, deps: EngineDeps, result: SaveResult, content: string): void {
  setSessionSummary(tx, requireSession(tx, result.session_id), content, deps.clock.nowMs())
}

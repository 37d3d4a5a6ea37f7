import type { SaveResult } from '../api/observations.ts'
import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import { isBlank, utf8Bytes } from '../model/text.ts'
import { sha256Hex } from '../platform/bytes.ts'
import type { ReadTx, WriteTx } from '../store/transaction.ts'
import type { PreparedSave, SaveInput } from './save.ts'

/** A save that its caller may send again: the id it chose, and what it sent under it (MEM-306). */
export type SaveOperation = { readonly id: string; readonly fingerprint: string }

type OperationRow = { readonly fingerprint: string; readonly result: string; readonly at_ms: number }

/** The operation a save belongs to; null when it named none. */
export const operationOf = (input: SaveInput, prepared: PreparedSave): SaveOperation | null =>
  input.operation_id === undefined || isBlank(input.operation_id)
    ? null
    : { id: input.operation_id, fingerprint: fingerprintOfSave(input, prepared) }

/** The first answer of a repeated operation, or null for a new one (MEM-306). */
export function replaySave(tx: ReadTx, operation: SaveOperation, nowMs: number): SaveResult | null {
  const row = tx.get<OperationRow>('SELECT * FROM save_operations WHERE operation_id = ?', operation.id)
  if (row === undefined) return null
  const details = { operation_id: operation.id }
  if (row.at_ms < nowMs - limits.operationHorizonMs) {
    throw new EngramError('operation_expired', 'This operation id is older than 7 days.', { details })
  }
  if (row.fingerprint !== operation.fingerprint) {
    throw new EngramError('operation_conflict', 'This operation id was used for other fields.', { details })
  }
  return { ...(JSON.parse(row.result) as SaveResult), replayed: true }
}

/** Keeps the answer for the horizon; what is past twice the horizon goes. */
export function rememberSave(tx: WriteTx, operation: SaveOperation, result: SaveResult, nowMs: number): void {
  tx.run('DELETE FROM save_operations WHERE at_ms < ?', nowMs - 2 * limits.operationHorizonMs)
  tx.run(
    'INSERT INTO save_operations (operation_id, fingerprint, sync_id, result, at_ms) VALUES (?, ?, ?, ?, ?)',
    operation.id,
    operation.fingerprint,
    result.sync_id,
    JSON.stringify(result),
    nowMs,
  )
}

/** The answer an operation got, whether or not its record is still there; undefined when nobody knows it. */
export function rememberedSave(tx: ReadTx, operationId: string): SaveResult | undefined {
  const row = tx.get<OperationRow>('SELECT * FROM save_operations WHERE operation_id = ?', operationId)
  return row === undefined ? undefined : (JSON.parse(row.result) as SaveResult)
}

/** Kept answers quote titles: what was hard-deleted or masked must not live on in them (MEM-406). */
export function forgetSaveTexts(tx: WriteTx, syncId: string): void {
  tx.run(
    `UPDATE save_operations
     SET result = json_set(json_remove(result, '$.suggested_topic_key'), '$.title', '', '$.candidates', json('[]'))
     WHERE sync_id = ?1 OR instr(result, ?1) > 0`,
    syncId,
  )
  // Whoever asked for it and never heard of it may ask again.
  tx.run('DELETE FROM shared_writes WHERE instr(answer, ?1) > 0', syncId)
}

/** `v1:` and SHA-256 over the fields, each with its length, so that no two sets of fields read alike. */
function fingerprintOfSave(input: SaveInput, prepared: PreparedSave): string {
  const fields = [
    prepared.type,
    prepared.title,
    prepared.content,
    prepared.tool_name ?? '',
    prepared.scope,
    prepared.topic_key ?? '',
    prepared.author ?? '',
    input.project ?? '',
    input.session_id ?? '',
    input.ttl ?? '',
    input.expires_at ?? '',
  ]
  return `v1:${sha256Hex(fields.map((field) => `${utf8Bytes(field)}:${field}`).join(''))}`
}

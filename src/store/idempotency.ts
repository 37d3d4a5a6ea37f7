import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import type { IdempotencyKey } from '../model/log-store.ts'
import type { ReadTx, WriteTx } from './transaction.ts'

/** Answers that are kept for whoever asks again (COL-1301); only successes are. */

type Kept = { readonly fingerprint: string; readonly answer: string; readonly at_ms: number }

/** The kept answer of the same call, or null. Throws `idempotency_mismatch` when the key was used for another one. */
export function keptAnswer(tx: ReadTx, key: IdempotencyKey, nowMs: number): string | null {
  const row = tx.get<Kept>(
    'SELECT fingerprint, answer, at_ms FROM idempotency WHERE agent_id = ? AND operation = ? AND key = ?',
    key.agentId,
    key.operation,
    key.key,
  )
  if (row === undefined || row.at_ms < nowMs - limits.idempotencyHorizonMs) return null
  if (row.fingerprint === key.fingerprint) return row.answer
  throw new EngramError('idempotency_mismatch', 'This idempotency key was used for another request.', {
    details: { operation: key.operation },
  })
}

/** How many that are too old go with each one that comes: more than come, so that none stay for ever. */
const forgottenAtOnce = 4

export function keepAnswer(tx: WriteTx, key: IdempotencyKey, answer: string, nowMs: number): void {
  tx.run(
    `DELETE FROM idempotency WHERE (agent_id, operation, key) IN
       (SELECT agent_id, operation, key FROM idempotency WHERE at_ms < ? ORDER BY at_ms LIMIT ?)`,
    nowMs - limits.idempotencyHorizonMs,
    forgottenAtOnce,
  )
  tx.run(
    `INSERT INTO idempotency (agent_id, operation, key, fingerprint, answer, at_ms) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET fingerprint = excluded.fingerprint, answer = excluded.answer, at_ms = excluded.at_ms`,
    key.agentId,
    key.operation,
    key.key,
    key.fingerprint,
    answer,
    nowMs,
  )
}

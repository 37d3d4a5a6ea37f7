import type { LockFilter } from '../model/log-store.ts'
import { tableSql } from './columns.ts'
import type { ReadTx, WriteTx } from './transaction.ts'

/** `held` says that no end was noted: whether the lease has run out is a question to the clock. */
export type LockState = 'held' | 'released' | 'expired'

/** The last lease of a resource. The row is never deleted, so its token only grows (COL-202, L7). */
export type LockRow = {
  readonly resource_path: string
  readonly lock_id: string
  readonly holder: string
  readonly token: number
  readonly state: LockState
  readonly ttl_ms: number
  /** Wall time. */
  readonly acquired_ms: number
  readonly expires_ms: number
  /** The machine's start the deadline counts in, and the deadline on its clock (COL-1208). */
  readonly boot_id: string
  readonly deadline_ms: number
  readonly context_id: string | null
  readonly meta: string
}

/** What decides whether a lease has run out. */
export type LeaseNow = { readonly bootId: string; readonly machineMs: number; readonly wallMs: number }

const sql = tableSql<LockRow>('locks', 'resource_path', [
  'resource_path',
  'lock_id',
  'holder',
  'token',
  'state',
  'ttl_ms',
  'acquired_ms',
  'expires_ms',
  'boot_id',
  'deadline_ms',
  'context_id',
  'meta',
])

export const lockRow = (tx: ReadTx, resourcePath: string): LockRow | undefined =>
  tx.get<LockRow>('SELECT * FROM locks WHERE resource_path = ?', resourcePath)

export function saveLock(tx: WriteTx, row: LockRow, isNew: boolean): void {
  if (isNew) tx.run(sql.insert, ...sql.values(row))
  else tx.run(sql.update, ...sql.values(row), row.resource_path)
}

/** In SQL what `isLive` of the lease rules says. */
const live = `state = 'held' AND CASE boot_id WHEN ?1 THEN deadline_ms > ?2 ELSE expires_ms > ?3 END`

export const liveLocksOf = (tx: ReadTx, holder: string, now: LeaseNow): number =>
  tx.get<{ count: number }>(
    `SELECT count(*) AS count FROM locks WHERE holder = ?4 AND ${live}`,
    now.bootId,
    now.machineMs,
    now.wallMs,
    holder,
  )?.count ?? 0

/** Leases whose end is not noted yet: held by the row, over by the clock. */
export const overdueLocks = (tx: ReadTx, now: LeaseNow, limit: number): readonly LockRow[] =>
  tx.all<LockRow>(
    `SELECT * FROM locks WHERE state = 'held' AND NOT (${live}) LIMIT ?4`,
    now.bootId,
    now.machineMs,
    now.wallMs,
    limit,
  )

/** Leases whose end is not noted. */
export const heldLocks = (tx: ReadTx): readonly LockRow[] => tx.all<LockRow>(`SELECT * FROM locks WHERE state = 'held'`)

export const listLiveLocks = (tx: ReadTx, filter: LockFilter, after: string, now: LeaseNow): readonly LockRow[] =>
  tx.all<LockRow>(
    `SELECT * FROM locks
     WHERE ${live} AND resource_path > ?4 AND (?5 IS NULL OR substr(resource_path, 1, length(?5)) = ?5)
       AND (?6 IS NULL OR holder = ?6) AND (?7 IS NULL OR context_id = ?7)
     ORDER BY resource_path LIMIT ?8`,
    now.bootId,
    now.machineMs,
    now.wallMs,
    after,
    filter.prefix ?? null,
    filter.agentId ?? null,
    filter.contextId ?? null,
    filter.limit,
  )

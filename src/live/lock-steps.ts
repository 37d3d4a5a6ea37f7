import { EngramError } from '../model/errors.ts'
import { locksContextId, type Lock, type LoggedKind } from '../model/live.ts'
import type { IdempotencyKey, LockOutcome, LockStep } from '../model/log-store.ts'
import { keepAnswer, keptAnswer } from '../store/idempotency.ts'
import { type LeaseNow, liveLocksOf, lockRow, type LockRow, overdueLocks, saveLock } from '../store/locks.ts'
import { logMeta } from '../store/log-meta.ts'
import type { ReadTx, WriteTx } from '../store/transaction.ts'
import { type ContextLog, createContext, openContextLog } from './context-log.ts'
import { leaseNow, type LogGround, noteWallTime } from './log-ground.ts'
import { emptyContext } from './rules/context-patch.ts'
import { deadlineIn, decideAcquire, decideEnd, remainingMs } from './rules/lease.ts'

/** Steps on locks, each in one transaction with the event that tells of it (COL-1201, COL-1207). */

export type Acquire = Extract<LockStep, { kind: 'acquire' }>
export type Renew = Extract<LockStep, { kind: 'renew' }>
export type Release = Extract<LockStep, { kind: 'release' }>

/** Leases whose end one sweep notes at most: a sweep is a bounded piece of work. */
const sweptAtOnce = 500

export function acquireLock(tx: WriteTx, ground: LogGround, step: Acquire): LockOutcome {
  const now = leaseNow(tx, ground)
  const replayed = replay(tx, step.idempotency, now)
  if (replayed !== null) return replayed
  const last = lockRow(tx, step.resourcePath)
  const decision = decideAcquire(last, step.agentId, now, logMeta(tx, 'token_floor'))
  if (decision.kind === 'held') throw heldBy(decision.lease, now)
  noteWallTime(tx, now)
  if (decision.kind === 'extend') return extend(tx, decision.lease, step, now)
  if (decision.ran_out !== null) noteExpiry(tx, ground, decision.ran_out, now)
  return grant(tx, ground, step, { token: decision.token, isNew: last === undefined }, now)
}

function grant(
  tx: WriteTx,
  ground: LogGround,
  step: Acquire,
  next: { readonly token: number; readonly isNew: boolean },
  now: LeaseNow,
): LockOutcome {
  if (liveLocksOf(tx, step.agentId, now) >= step.locksPerAgentMax) throw tooMany(step)
  const row: LockRow = {
    resource_path: step.resourcePath,
    lock_id: step.lockId,
    holder: step.agentId,
    token: next.token,
    state: 'held',
    acquired_ms: now.wallMs,
    ...deadlineIn(step.ttlMs, step.ttlMs, now),
    context_id: step.contextId ?? null,
    meta: JSON.stringify(step.meta),
  }
  // An archived context takes no new lock; the ends of those it has are always written.
  const log = logOfLock(tx, ground, row)
  if (log.status === 'archived') {
    throw new EngramError('context_archived', `The context ${JSON.stringify(log.id)} is archived.`)
  }
  saveLock(tx, row, next.isNew)
  return granted(tx, step.idempotency, note(log, 'lock.acquired', row, now), now)
}

const tooMany = (step: Acquire): EngramError =>
  new EngramError('lock_limit', `${step.agentId} holds ${step.locksPerAgentMax} locks, which is the limit.`, {
    details: { limit: step.locksPerAgentMax },
  })

/** The live holder asks again: same id, same token, later end (COL-1203). */
function extend(tx: WriteTx, lease: LockRow, step: Acquire, now: LeaseNow): LockOutcome {
  const row: LockRow = { ...lease, ...deadlineIn(step.ttlMs, step.ttlMs, now) }
  saveLock(tx, row, false)
  return { ...granted(tx, step.idempotency, toLock(row, now), now), isExtended: true }
}

export function renewLock(tx: WriteTx, ground: LogGround, step: Renew): LockOutcome {
  const now = leaseNow(tx, ground)
  const replayed = replay(tx, step.idempotency, now)
  if (replayed !== null) return replayed
  const lease = leaseToEnd(tx, step, now)
  const ttlMs = step.ttlMs ?? lease.ttl_ms
  const row: LockRow = { ...lease, ...deadlineIn(ttlMs, ttlMs, now) }
  noteWallTime(tx, now)
  saveLock(tx, row, false)
  return granted(tx, step.idempotency, toLock(row, now), now)
}

export function releaseLock(tx: WriteTx, ground: LogGround, step: Release): LockOutcome {
  const now = leaseNow(tx, ground)
  const replayed = replay(tx, step.idempotency, now)
  if (replayed !== null) return replayed
  const lease = leaseToEnd(tx, step, now)
  const row: LockRow = { ...lease, state: 'released' }
  noteWallTime(tx, now)
  saveLock(tx, row, false)
  return granted(tx, step.idempotency, note(logOfLock(tx, ground, row), 'lock.released', row, now), now)
}

/** Notes the end of leases whose time is over. */
export function expireLocks(tx: WriteTx, ground: LogGround, resourcePath?: string): LockOutcome {
  const now = leaseNow(tx, ground)
  const overdue = overdueLocks(tx, now, sweptAtOnce).filter(
    (row) => resourcePath === undefined || row.resource_path === resourcePath,
  )
  for (const row of overdue) noteExpiry(tx, ground, row, now)
  noteWallTime(tx, now)
  return { lock: null, isReplayed: false, isExtended: false, expired: overdue.length }
}

function noteExpiry(tx: WriteTx, ground: LogGround, lease: LockRow, now: LeaseNow): void {
  const row: LockRow = { ...lease, state: 'expired' }
  saveLock(tx, row, false)
  note(logOfLock(tx, ground, row), 'lock.expired', row, now)
}

function note(log: ContextLog, kind: LoggedKind, row: LockRow, now: LeaseNow): Lock {
  const lock = toLock(row, now)
  const body = JSON.stringify({ lock })
  log.add({ kind, agentId: row.holder, body: () => body })
  return lock
}

/** A lock without a context of its own tells of itself in the reserved one (COL-1207). */
function logOfLock(tx: WriteTx, ground: LogGround, row: LockRow): ContextLog {
  const id = row.context_id ?? locksContextId
  const log = openContextLog(tx, ground, id)
  if (log !== undefined) return log
  if (row.context_id === null) return createContext(tx, ground, id, '', emptyContext).log
  throw new EngramError('context_not_found', `There is no context ${JSON.stringify(id)}.`, {
    details: { context_id: id },
  })
}

function leaseToEnd(tx: ReadTx, step: Renew | Release, now: LeaseNow): LockRow {
  const decision = decideEnd(lockRow(tx, step.resourcePath), step, now)
  if (decision.kind === 'matches') return decision.lease
  const { code, lease } = decision
  const told = {
    lock_not_owner: 'is held by another agent',
    lock_id_mismatch: 'is held under another lock id',
    lock_expired: 'was yours and has run out',
    lock_not_found: 'is not held, or already released',
  }[code]
  throw new EngramError(code, `The lock on ${step.resourcePath} ${told}.`, {
    details: {
      resource_path: step.resourcePath,
      ...(code === 'lock_expired' && lease !== null
        ? { expired_at: timeText(lease.expires_ms), fencing_token: lease.token }
        : {}),
    },
  })
}

export function heldBy(lease: LockRow, now: LeaseNow, position?: number): EngramError {
  const until = timeText(now.wallMs + remainingMs(lease, now))
  return new EngramError(
    'lock_held',
    `resource '${lease.resource_path}' is locked by agent '${lease.holder}' until ${until}`,
    { details: { holder: lease.holder, expires_at: until, ...(position === undefined ? {} : { position }) } },
  )
}

const timeText = (ms: number): string => new Date(ms).toISOString()

/** The lease as it is told; its end as wall time, counted from now. */
export function toLock(row: LockRow, now: LeaseNow): Lock {
  const left = remainingMs(row, now)
  return {
    resource_path: row.resource_path,
    holder_agent: row.holder,
    lock_id: row.lock_id,
    expires_at: timeText(left === 0 ? row.expires_ms : now.wallMs + left),
    fencing_token: row.token,
    ttl_ms: row.ttl_ms,
    remaining_ms: left,
    server_time: timeText(now.wallMs),
    acquired_at: timeText(row.acquired_ms),
    ...(row.context_id === null ? {} : { context_id: row.context_id }),
    meta: JSON.parse(row.meta) as Lock['meta'],
  }
}

function granted(tx: WriteTx, key: IdempotencyKey | undefined, lock: Lock, now: LeaseNow): LockOutcome {
  if (key !== undefined) keepAnswer(tx, key, JSON.stringify(lock), now.wallMs)
  return { lock, isReplayed: false, isExtended: false, expired: 0 }
}

/** The first answer again, word for word (COL-1301): it says when it was given. */
function replay(tx: ReadTx, key: IdempotencyKey | undefined, now: LeaseNow): LockOutcome | null {
  const kept = key === undefined ? null : keptAnswer(tx, key, now.wallMs)
  return kept === null ? null : { lock: JSON.parse(kept) as Lock, isReplayed: true, isExtended: false, expired: 0 }
}

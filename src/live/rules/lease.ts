import type { LeaseNow, LockRow } from '../../store/locks.ts'

/**
 * A lease, from grant to end (COL-1201 … COL-1208). Pure: what is stored, what is asked, the clock.
 *
 *     free ──acquire──▶ held ──renew, acquire by the holder──▶ held, later end, same id and token
 *      ▲                 ├──release──▶ released ──acquire──▶ held, token + 1
 *      └── never held    └──its time is over──▶ expired (by the clock at once, in the log before the next grant)
 */

/** Same start of the machine: its own clock decides; another one: wall time, which never goes back (COL-1208). */
export const isOver = (lease: LeaseDeadline, now: LeaseNow): boolean =>
  lease.boot_id === now.bootId ? now.machineMs >= lease.deadline_ms : now.wallMs >= lease.expires_ms

type LeaseDeadline = Pick<LockRow, 'boot_id' | 'deadline_ms' | 'expires_ms'>

export const isLive = (lease: LockRow, now: LeaseNow): boolean => lease.state === 'held' && !isOver(lease, now)

export const remainingMs = (lease: LeaseDeadline, now: LeaseNow): number =>
  Math.max(0, lease.boot_id === now.bootId ? lease.deadline_ms - now.machineMs : lease.expires_ms - now.wallMs)

export type Deadline = Pick<LockRow, 'ttl_ms' | 'expires_ms' | 'boot_id' | 'deadline_ms'>

export const deadlineIn = (ms: number, ttlMs: number, now: LeaseNow): Deadline => ({
  ttl_ms: ttlMs,
  expires_ms: now.wallMs + ms,
  boot_id: now.bootId,
  deadline_ms: now.machineMs + ms,
})

export type AcquireDecision =
  | { readonly kind: 'grant'; readonly token: number; readonly ran_out: LockRow | null }
  | { readonly kind: 'extend'; readonly lease: LockRow }
  | { readonly kind: 'held'; readonly lease: LockRow }

/** @param tokenFloor tokens up to here may have been granted by a history that was lost (COL-209) */
export function decideAcquire(
  last: LockRow | undefined,
  agentId: string,
  now: LeaseNow,
  tokenFloor: number,
): AcquireDecision {
  if (last !== undefined && isLive(last, now)) {
    return last.holder === agentId ? { kind: 'extend', lease: last } : { kind: 'held', lease: last }
  }
  const ranOut = last?.state === 'held' ? last : null
  return { kind: 'grant', token: Math.max(last?.token ?? 0, tokenFloor) + 1, ran_out: ranOut }
}

export type EndDecision =
  | { readonly kind: 'matches'; readonly lease: LockRow }
  | { readonly kind: 'refused'; readonly code: EndRefusal; readonly lease: LockRow | null }

export type EndRefusal = 'lock_not_owner' | 'lock_id_mismatch' | 'lock_expired' | 'lock_not_found'

/** Renew and release, decided in the order of COL-1205. */
export function decideEnd(
  last: LockRow | undefined,
  asked: { readonly agentId: string; readonly lockId: string },
  now: LeaseNow,
): EndDecision {
  if (last === undefined) return { kind: 'refused', code: 'lock_not_found', lease: null }
  const [isHolder, isSame] = [last.holder === asked.agentId, last.lock_id === asked.lockId]
  if (isLive(last, now)) {
    if (!isHolder) return { kind: 'refused', code: 'lock_not_owner', lease: last }
    return isSame ? { kind: 'matches', lease: last } : { kind: 'refused', code: 'lock_id_mismatch', lease: last }
  }
  const ranOut = last.state !== 'released' && isHolder && isSame
  return { kind: 'refused', code: ranOut ? 'lock_expired' : 'lock_not_found', lease: last }
}

export type FenceDecision = 'accepted' | 'fenced' | 'unknown_token'

/** A guarded write: the token must be the last one granted (COL-1206). */
export function decideFence(
  last: LockRow | undefined,
  fence: { readonly token: number; readonly require_live?: boolean | undefined },
  now: LeaseNow,
): FenceDecision {
  const granted = last?.token ?? 0
  if (fence.token > granted) return 'unknown_token'
  if (last === undefined || fence.token < granted) return 'fenced'
  return fence.require_live === true && !isLive(last, now) ? 'fenced' : 'accepted'
}

/**
 * The deadline of a live lease after a restart, when nobody else has the store open: its holder gets a moment to come back
 * and renew (COL-1208). Null for a lease that ran out meanwhile.
 */
export function deadlineAfterRestart(lease: LockRow, now: LeaseNow, msMin: number): Deadline | null {
  if (!isLive(lease, now)) return null
  const left = Math.min(remainingMs(lease, now), lease.ttl_ms)
  return deadlineIn(Math.max(left, Math.min(lease.ttl_ms, msMin)), lease.ttl_ms, now)
}

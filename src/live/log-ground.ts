import type { Clock } from '../platform/clock.ts'
import { sha256Hex } from '../platform/bytes.ts'
import type { MachineClock } from '../platform/machine-clock.ts'
import { contextCursor } from '../protocol/cursor.ts'
import { logMeta, setLogMeta } from '../store/log-meta.ts'
import type { LeaseNow } from '../store/locks.ts'
import type { ReadTx, WriteTx } from '../store/transaction.ts'

/** What every step on the log stands on: the epoch, the clocks, the names of contexts inside cursors. */
export type LogGround = {
  readonly epoch: number
  readonly clock: Clock
  readonly machine: MachineClock
  readonly ends: LogEnds
  cursorOf(contextId: string, seq: number): string
  hashOf(contextId: string): string
}

/** Where one context's log ends. */
export type LogEnd = {
  readonly number: number
  readonly status: string
  readonly lastSeq: number
  readonly lastMs: number
}

/**
 * What was last known of the ends of logs. It holds while `gseq` is the last one in the file, since whatever changes a
 * context is an event; it is forgotten when a transaction does not stand.
 */
export type LogEnds = { gseq: number; readonly byContext: Map<string, LogEnd> }

export function forgetEnds(ends: LogEnds): void {
  ends.gseq = -1
  ends.byContext.clear()
}

/** Hashes kept: one for each context in use, in a server that stays. */
const hashesMax = 10_000

export function logGround(epoch: number, clock: Clock, machine: MachineClock): LogGround {
  const hashes = new Map<string, string>()
  const hashOf = (contextId: string): string => {
    const known = hashes.get(contextId)
    if (known !== undefined) return known
    if (hashes.size >= hashesMax) hashes.clear()
    const made = sha256Hex(contextId).slice(0, 8)
    hashes.set(contextId, made)
    return made
  }
  return {
    epoch,
    clock,
    machine,
    ends: { gseq: -1, byContext: new Map() },
    hashOf,
    cursorOf: (contextId, seq) => contextCursor(hashOf(contextId), epoch, seq),
  }
}

/** Wall time is noted when it has come so much further: a lease of an earlier start may end so much late, never early. */
const wallStepMs = 1_000

/** The time leases are judged by. Wall time does not go back behind what the store has seen (COL-1208). */
export const leaseNow = (tx: ReadTx, ground: LogGround): LeaseNow => ({
  bootId: ground.machine.bootId,
  machineMs: ground.machine.nowMs(),
  wallMs: Math.max(ground.clock.nowMs(), logMeta(tx, 'wall_ms')),
})

export function noteWallTime(tx: WriteTx, now: LeaseNow): void {
  if (now.wallMs >= logMeta(tx, 'wall_ms') + wallStepMs) setLogMeta(tx, 'wall_ms', now.wallMs)
}

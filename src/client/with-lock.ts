import type { Meta } from '../model/live.ts'
import { pause } from './http.ts'
import type { ClientLock } from './records.ts'

export type CallOptions = { readonly signal?: AbortSignal }

export type AcquireOptions = CallOptions & {
  readonly ttlMs?: number
  readonly waitTimeoutMs?: number
  readonly contextId?: string
  readonly meta?: Meta
}

/** The calls it is made of. */
type LockCalls = {
  acquireLock(resource: string, options: AcquireOptions): Promise<ClientLock>
  renewLock(resource: string, lockId: string, options: CallOptions & { readonly ttlMs: number }): Promise<ClientLock>
  releaseLock(resource: string, lockId: string): Promise<void>
}

export type HeldLock = {
  readonly lock: ClientLock
  /** For guarded writes: an older one is refused. */
  readonly token: number
  /** Aborted when the lease is lost. */
  readonly signal: AbortSignal
}

/**
 * Holds a lock while `work` runs (COL-2205): renewed at half its time, given back at the end, whatever happens. Lost is
 * also a lease that could not be renewed before it ran out, whoever holds it then.
 */
export async function withLock<T>(
  client: LockCalls,
  resource: string,
  options: AcquireOptions,
  work: (held: HeldLock) => Promise<T>,
): Promise<T> {
  const lock = await client.acquireLock(resource, options)
  const [over, lost] = [new AbortController(), new AbortController()]
  const renewing = keep(client, resource, lock, over.signal).catch((error: unknown) => {
    if (!over.signal.aborted) lost.abort(error)
  })
  try {
    return await work({ lock, token: lock.fencingToken, signal: lost.signal })
  } finally {
    over.abort()
    await renewing
    const released = client.releaseLock(resource, lock.lockId).catch(() => undefined)
    // A lost lease ends by itself at the latest, and whoever does not answer may not hold up the work's end.
    if (!lost.signal.aborted) await released
  }
}

/** The part of a lease that its renewal may take; half of it is over by then. */
const renewShare = 0.4

async function keep(
  client: Pick<LockCalls, 'renewLock'>,
  resource: string,
  { lockId, ttlMs }: ClientLock,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await pause(ttlMs / 2, signal)
    // A renewal that comes after the end of the lease is none: whoever works must hear of it before.
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(ttlMs * renewShare)])
    await client.renewLock(resource, lockId, { ttlMs, signal: inTime })
  }
}

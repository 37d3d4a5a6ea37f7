import { EngramError } from '../model/errors.ts'
import type { Clock } from '../platform/clock.ts'

/**
 * Who waits for a resource in this process, first come first served (COL-1211).
 *
 *     stands in line ──is first, the resource is free──▶ tries ──▶ granted, leaves
 *           │                                             └─ somebody of another process was faster: first again
 *           ├──gives up (signal)──▶ leaves, never granted
 *           └──its time is over──▶ leaves with `lock_held`
 *
 * Only the first in line looks; a release wakes it alone. It looks again by itself, so that a lost wake-up costs some
 * milliseconds and nothing else: leases also run out, and other processes release.
 */
const lookAgainMs = 25

export type Waiter = {
  readonly untilMs: number
  readonly signal: AbortSignal | undefined
  isOut: boolean
  wake: () => void
}

export type LockLine = {
  readonly isEmpty: (resource: string) => boolean
  /** Runs `tryIt` whenever this one is first and should look; answers its first result that is not null. */
  readonly wait: <T>(
    resource: string,
    how: { readonly waitMs: number; readonly signal?: AbortSignal | undefined },
    tryIt: (waiter: Waiter) => Promise<T | null>,
    refusal: (position: number) => EngramError,
  ) => Promise<T>
  /** Wakes the first in line. */
  readonly wake: (resource: string) => void
  /** Everybody leaves with `draining`; who comes later is refused. */
  readonly close: () => void
}

export function lockLine(clock: Clock): LockLine {
  const lines = new Map<string, Waiter[]>()
  let isClosed = false

  const leave = (resource: string, waiter: Waiter): void => {
    waiter.isOut = true
    const line = lines.get(resource) ?? []
    const rest = line.filter((one) => one !== waiter)
    if (rest.length === 0) lines.delete(resource)
    else lines.set(resource, rest)
    if (line[0] === waiter) rest[0]?.wake()
  }

  return {
    isEmpty: (resource) => !lines.has(resource),
    wake: (resource) => lines.get(resource)?.[0]?.wake(),
    close: () => {
      isClosed = true
      for (const line of lines.values()) for (const waiter of line) waiter.wake()
    },
    wait: async (resource, how, tryIt, refusal) => {
      const waiter: Waiter = {
        untilMs: clock.monotonicMs() + how.waitMs,
        signal: how.signal,
        isOut: false,
        wake: () => undefined,
      }
      lines.set(resource, [...(lines.get(resource) ?? []), waiter])
      try {
        for (;;) {
          if (isClosed) throw new EngramError('draining', 'The server stops: the lock was not acquired.')
          if (how.signal?.aborted === true) throw new EngramError('aborted', 'Whoever waited for the lock gave up.')
          const position = lines.get(resource)?.indexOf(waiter) ?? -1
          const result = position === 0 ? await tryIt(waiter) : null
          if (result !== null) return result
          const leftMs = waiter.untilMs - clock.monotonicMs()
          if (leftMs <= 0) throw refusal((lines.get(resource)?.indexOf(waiter) ?? 0) + 1)
          await rest(clock, waiter, position === 0 ? Math.min(leftMs, lookAgainMs) : leftMs)
        }
      } finally {
        leave(resource, waiter)
      }
    },
  }
}

/** Until it is woken, gives up, or `ms` are over. */
async function rest(clock: Clock, waiter: Waiter, ms: number): Promise<void> {
  const woken = new AbortController()
  waiter.wake = () => woken.abort()
  const onAbort = (): void => woken.abort()
  waiter.signal?.addEventListener('abort', onAbort, { once: true })
  try {
    if (waiter.signal?.aborted !== true) await clock.sleep(ms, woken.signal)
  } catch {
    // Woken early: the caller looks at what happened.
  } finally {
    waiter.signal?.removeEventListener('abort', onAbort)
    waiter.wake = () => undefined
  }
}

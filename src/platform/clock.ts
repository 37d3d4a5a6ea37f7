/** Time as an input: the system's clock, and one that tests turn by hand. */
export interface Clock {
  /** Wall time, milliseconds since 1970. */
  nowMs(): number
  /** Never goes back, origin unknown; for waits and leases. */
  monotonicMs(): number
  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  // Not `performance`: to load it is a millisecond of every start.
  monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }, ms)
      const onAbort = (): void => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
    }),
}

/** A clock that stands still until it is moved. Sleeps advance it and resolve at once. */
export class SimulatedClock implements Clock {
  #now: number
  #monotonic = 0

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#now = startMs
  }

  nowMs(): number {
    return this.#now
  }

  monotonicMs(): number {
    return this.#monotonic
  }

  sleep(ms: number): Promise<void> {
    this.advance(ms)
    return Promise.resolve()
  }

  advance(ms: number): void {
    this.#now += ms
    this.#monotonic += ms
  }

  /** Sets wall time, forwards or back; the monotonic reading stays. */
  set(ms: number): void {
    this.#now = ms
  }
}

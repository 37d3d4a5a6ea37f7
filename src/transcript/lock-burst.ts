import { EngramError } from '../model/errors.ts'
import type { Clock } from '../platform/clock.ts'
import { Later } from '../platform/later.ts'
import type { FileLocks, HeldLock } from '../platform/file-lock.ts'
import { bounds } from './bounds.ts'

/**
 * The lock of one session, kept for a burst of writes (TRN-802).
 *
 *   free ──enter──▶ held ──leave──▶ idle ──50 ms──▶ free
 *                    ▲               │
 *                    └────enter──────┘        after 250 ms: free, and 20 ms rest before the next enter
 */
export class LockBurst {
  readonly #locks: FileLocks
  readonly #clock: Clock
  readonly #path: string
  #held: HeldLock | null = null
  #sinceMs = 0
  #restUntilMs = 0
  #releasing: Promise<void> = Promise.resolve()
  readonly #idle = new Later(() => void this.release())

  constructor(locks: FileLocks, clock: Clock, path: string) {
    this.#locks = locks
    this.#clock = clock
    this.#path = path
  }

  /** Holds the lock from here to `leave`. True when it was taken anew: what was known must be looked at again. */
  async enter(): Promise<boolean> {
    this.#idle.cancel()
    await this.#releasing
    if (this.#held !== null && !this.#held.lost && this.#heldMs() < bounds.lockHeldMs) return false
    await this.release()
    await this.#rest()
    this.#held = await this.#locks.acquire(this.#path, bounds.lockWaitMs)
    if (this.#held === null) {
      throw new EngramError('lock_timeout', `session lock: not free within ${bounds.lockWaitMs} ms`)
    }
    this.#sinceMs = this.#clock.monotonicMs()
    return true
  }

  /** The burst may go on, or ends soon. */
  leave(): void {
    if (this.#held === null) return
    if (this.#heldMs() >= bounds.lockHeldMs) void this.release()
    else this.#idle.ask(bounds.lockIdleMs)
  }

  release(): Promise<void> {
    this.#idle.cancel()
    const held = this.#held
    if (held === null) return this.#releasing
    this.#held = null
    // Somebody else gets a turn after a long burst.
    if (this.#clock.monotonicMs() - this.#sinceMs >= bounds.lockHeldMs) {
      this.#restUntilMs = this.#clock.monotonicMs() + bounds.lockRestMs
    }
    this.#releasing = this.#releasing.then(() => held.release())
    return this.#releasing
  }

  #heldMs(): number {
    return this.#clock.monotonicMs() - this.#sinceMs
  }

  async #rest(): Promise<void> {
    const restMs = this.#restUntilMs - this.#clock.monotonicMs()
    if (restMs > 0) await this.#clock.sleep(restMs)
  }
}

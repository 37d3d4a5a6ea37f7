import { Later } from '../platform/later.ts'
import type { Random } from '../platform/random.ts'
import { startThread, threadFile, type Thread } from '../platform/threads.ts'
import type { Connection } from './driver.ts'

/** `isComplete`: every frame of the WAL is in the main file, and the next writer may begin the WAL anew. */
export type CheckpointOutcome = { readonly isComplete: boolean; readonly frames: number; readonly moved: number }

/**
 * Moves the WAL into the main file: `PASSIVE` takes what it can and waits for nobody; `RESTART` waits for readers (as
 * long as the connection's busy timeout), so that the next writer begins at the front of the WAL again. `TRUNCATE` is
 * never used: while others write it has damaged files; SQLite cuts the WAL to `journal_size_limit` by itself when it
 * begins anew.
 */
export function checkpoint(connection: Connection, how: 'NOOP' | 'PASSIVE' | 'RESTART'): CheckpointOutcome {
  const row = connection.get<{ busy: number; log: number; checkpointed: number }>(`PRAGMA wal_checkpoint(${how})`)
  const frames = row?.log ?? -1
  const moved = row?.checkpointed ?? -1
  return { isComplete: row?.busy === 0 && frames === moved, frames, moved }
}

export type CheckpointerOptions = {
  readonly path: string
  /** Over this many bytes of WAL a restart is forced. */
  readonly walBytesForced: number
  /** The connection to work on, or null while there is none. */
  readonly connection: () => Connection | null
  /** Draws when this process starts a thread of its own. */
  readonly random: Random
  /** A checkpoint failed: nothing acknowledged is lost by that, and the next one tries again. */
  readonly failed: (error: unknown) => void
}

const idleMs = 1_000
/** How long a forced one waits for readers each time, and how soon it is tried again behind a reader that stays. */
const forcedWaitMs = 20
const forcedAgainMs = 250
/** How often the size of the WAL is asked for under load. */
const lookMs = 5
/** From this part of the bound on, a thread moves the WAL aside. */
const asideShare = 1 / 4
/**
 * Of many processes on one file one is enough: who has no thread yet leaves it to whoever has one, and starts its own
 * only above a bound that differs from process to process.
 */
const startShareMin = 3 / 8
const startShareMax = 7 / 8
/** Drawn at need: chance is loaded by the first who asks. */
const startShareDrawn = (random: Random): number =>
  startShareMin + (Number.parseInt(random.hex(2), 16) / 0x10000) * (startShareMax - startShareMin)
/** How long the WAL's file stays when the WAL begins anew: cutting it and letting it grow again is what costs. */
export const keptShare = 1 / 2
/**
 * So few frames (a page each) are left by the thread's first pass that the rest is moved at once, and the WAL begins
 * anew; after its second pass twice as many will do, since a busy writer leaves no fewer.
 */
const restFramesMax = 256
const frameBytes = 4_096 + 24
/** Passes of the thread in a row before the bound decides, and how long it then rests. */
const passesMax = 4
/**
 * Where so many wait for their turn, starting a thread would take from all of them what it is to spare one: whoever has
 * given its turn on moves a part of the WAL itself, while it would wait anyway.
 */
const crowdMin = 4
const partFrames = 1_024
/**
 * From this part of the bound on, the next one that finds little left moves it within its turn; and so does one whose turn is so
 * long that as much is left.
 */
const beginAnewShare = 1 / 4
const threadIdleMs = 10_000
const threadHeapMaxMiB = 32

/**
 * When to checkpoint. The commit itself never does it (`wal_autocheckpoint = 0`), which keeps the slowest write close to
 * the usual one.
 *
 *     a second after the last write ─▶ passively, here
 *     WAL over a part of its bound ─▶ passively in a thread, until little is left; the rest here
 *     WAL over its bound ─▶ by force, here: readers that stay are waited for, a little each time
 */
export class Checkpointer {
  readonly #options: CheckpointerOptions
  #startShare: number | null = null
  readonly #idle = new Later(() => this.#rest())
  readonly #threadIdle = new Later(() => void this.#stopThread())
  #notBeforeMs = Number.NEGATIVE_INFINITY
  #asideNotBeforeMs = Number.NEGATIVE_INFINITY
  #thread: Thread<string, CheckpointOutcome | null> | null = null
  /** Passes since the thread was last at rest; null while it rests. */
  #passes: number | null = null
  #isPartDue = false

  constructor(options: CheckpointerOptions) {
    this.#options = options
  }

  /**
   * Call after each commit, outside any transaction.
   * @param behind how many other processes wait for their turn
   */
  wrote(nowMs: number, behind: number): void {
    this.#idle.postpone(idleMs)
    if (nowMs < this.#notBeforeMs) return
    this.#notBeforeMs = nowMs + lookMs
    const { frames, moved } = this.#state()
    const walBytes = frames * frameBytes
    if (walBytes >= this.#options.walBytesForced) this.#force(nowMs)
    else if (behind >= crowdMin) {
      const beginAnewBytes = this.#options.walBytesForced * beginAnewShare
      const isLittleLeft = frames - moved <= restFramesMax
      const isMuchLeft = (frames - moved) * frameBytes >= beginAnewBytes
      if (walBytes >= beginAnewBytes && (isLittleLeft || isMuchLeft)) this.#rest()
      else this.#isPartDue = frames - moved >= partFrames
    } else if (
      walBytes >= this.#options.walBytesForced * asideShare &&
      walBytes >= this.#options.walBytesForced * this.#asideFrom()
    )
      this.#moveAside(nowMs)
  }

  /** In a crowd of processes: call when the turn was given on, so that nobody waits for what is done here. */
  turnGiven(behind: number): void {
    if (!this.#isPartDue || behind < crowdMin) return
    this.#isPartDue = false
    this.#rest()
  }

  #asideFrom(): number {
    if (this.#thread !== null) return asideShare
    return (this.#startShare ??= startShareDrawn(this.#options.random))
  }

  async stop(): Promise<void> {
    this.#idle.cancel()
    this.#threadIdle.cancel()
    await this.#stopThread()
  }

  #state(): Pick<CheckpointOutcome, 'frames' | 'moved'> {
    return this.#try((connection) => checkpoint(connection, 'NOOP')) ?? { frames: 0, moved: 0 }
  }

  /** What the WAL holds since it began anew; its file may be longer. */
  #walBytes(): number {
    return this.#state().frames * frameBytes
  }

  #rest(): void {
    this.#try((connection) => checkpoint(connection, 'PASSIVE'))
  }

  #force(nowMs: number): void {
    this.#try((connection) => {
      checkpoint(connection, 'PASSIVE')
      const before = Number(connection.pragma('busy_timeout'))
      connection.pragma(`busy_timeout = ${forcedWaitMs}`)
      try {
        const { isComplete } = checkpoint(connection, 'RESTART')
        // Our own thread is through in a moment; a reader may stay.
        if (!isComplete && this.#passes === null) this.#notBeforeMs = nowMs + forcedAgainMs
      } finally {
        connection.pragma(`busy_timeout = ${before}`)
      }
    })
  }

  #moveAside(nowMs: number): void {
    if (this.#passes !== null || nowMs < this.#asideNotBeforeMs) return
    this.#asideNotBeforeMs = nowMs + forcedAgainMs
    this.#passes = 0
    this.#thread ??= this.#startThread()
    this.#thread.ask(this.#options.path)
    this.#threadIdle.postpone(threadIdleMs)
  }

  #startThread(): Thread<string, CheckpointOutcome | null> {
    const thread = startThread<string, CheckpointOutcome | null>(threadFile('checkpoint-thread', import.meta.url), {
      onTold: (outcome) => this.#movedAside(outcome),
      // One that was stopped may end after the next has begun.
      onEnd: () => {
        if (this.#thread === thread) this.#threadEnded()
      },
      heapMaxMiB: threadHeapMaxMiB,
    })
    return thread
  }

  #movedAside(outcome: CheckpointOutcome | null): void {
    if (this.#passes === null) return
    this.#passes++
    const left = outcome === null ? null : this.#walBytes() / frameBytes - outcome.moved
    if (left === null || outcome?.moved === -1) this.#passes = null
    else if (left <= restFramesMax * this.#passes) this.#finish()
    else if (this.#passes >= passesMax || outcome?.frames !== outcome?.moved) this.#passes = null
    else this.#thread?.ask(this.#options.path)
  }

  /** What little the thread left: with it moved, the next writer begins the WAL anew. */
  #finish(): void {
    this.#passes = null
    this.#rest()
  }

  #threadEnded(): void {
    this.#thread = null
    this.#passes = null
  }

  async #stopThread(): Promise<void> {
    const thread = this.#thread
    this.#threadEnded()
    await thread?.stop()
  }

  /** Nobody waits for a checkpoint, so what fails in one is told and thrown at nobody. Null then, and without a connection. */
  #try<T>(work: (connection: Connection) => T): T | null {
    const connection = this.#options.connection()
    if (connection === null) return null
    try {
      return work(connection)
    } catch (error) {
      this.#options.failed(error)
      return null
    }
  }
}

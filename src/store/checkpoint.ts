import { fileBytesOf } from '../platform/database-files.ts'
import { Later } from '../platform/later.ts'
import type { Connection } from './driver.ts'

/** `isComplete`: every frame of the WAL is in the main file, and the next writer may begin the WAL anew. */
export type CheckpointOutcome = { readonly isComplete: boolean; readonly frames: number; readonly moved: number }

/**
 * Moves the WAL into the main file: `PASSIVE` takes what it can and waits for nobody; `RESTART` waits for readers (as
 * long as the connection's busy timeout), so that the next writer begins at the front of the WAL again. `TRUNCATE` is
 * never used: while others write it has damaged files; SQLite cuts the WAL to `journal_size_limit` by itself when it
 * begins anew.
 */
export function checkpoint(connection: Connection, how: 'PASSIVE' | 'RESTART'): CheckpointOutcome {
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
  /** A checkpoint failed: nothing acknowledged is lost by that, and the next one tries again. */
  readonly failed: (error: unknown) => void
}

const idleMs = 1_000
/** How long a forced one waits for readers each time, and how soon it is tried again behind a reader that stays. */
const forcedWaitMs = 20
const forcedAgainMs = 250
/** How often the size of the WAL is asked for under load. */
const lookMs = 5

/**
 * When to checkpoint: passively a second after the last write, and by force when the WAL has grown over its bound. The
 * commit itself never does it (`wal_autocheckpoint = 0`), which keeps the slowest write close to the usual one.
 */
export class Checkpointer {
  readonly #options: CheckpointerOptions
  readonly #walBytesForced: number
  readonly #idle = new Later(() => this.#rest())
  #notBeforeMs = Number.NEGATIVE_INFINITY

  constructor(options: CheckpointerOptions) {
    this.#options = options
    this.#walBytesForced = options.walBytesForced
  }

  /** Call after each commit, outside any transaction. */
  wrote(nowMs: number): void {
    this.#idle.postpone(idleMs)
    if (nowMs < this.#notBeforeMs) return
    this.#notBeforeMs = nowMs + lookMs
    if (fileBytesOf(`${this.#options.path}-wal`) >= this.#walBytesForced) this.#force(nowMs)
  }

  stop(): void {
    this.#idle.cancel()
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
        if (!isComplete) this.#notBeforeMs = nowMs + forcedAgainMs
      } finally {
        connection.pragma(`busy_timeout = ${before}`)
      }
    })
  }

  #try(work: (connection: Connection) => void): void {
    const connection = this.#options.connection()
    if (connection === null) return
    try {
      work(connection)
    } catch (error) {
      this.#options.failed(error)
    }
  }
}

import { type FileToSync, openToSync } from '../platform/database-files.ts'
import { Later } from '../platform/later.ts'
import type { Durability } from './write-batch.ts'

export type WalSyncOptions = {
  /** The write-ahead log. */
  readonly path: string
  readonly afterMs: number
  /** Another number where the log may be another file than before: the database was opened anew. */
  readonly generation: () => number
  /** It could not be synced: what was answered before may not be on disk, and nothing may be built on it (S2). */
  readonly failed: (error: unknown) => void
}

/**
 * What `normal` commits answered before it was on disk is synced a moment later, aside: at the latest `afterMs` after the
 * first of them and the time of one fsync (COL-205). A `full` commit in between does it by the way.
 */
export class WalSync {
  readonly #options: WalSyncOptions
  readonly #later = new Later(() => void this.#sync())
  #running: Promise<void> | null = null
  #isOwed = false
  #log: { readonly generation: number; readonly file: FileToSync } | null = null

  constructor(options: WalSyncOptions) {
    this.#options = options
  }

  /** Call after each commit. */
  committed(durability: Durability): void {
    if (durability === 'full') {
      this.#isOwed = false
      this.#later.cancel()
      if (this.#running === null) void this.#letGo().catch(() => undefined)
    }
    if (durability === 'normal') {
      this.#isOwed = true
      if (this.#running === null) this.#later.ask(this.#options.afterMs)
    }
  }

  /** Nothing is owed afterwards. */
  async stop(): Promise<void> {
    this.#later.cancel()
    await this.#running
    if (this.#isOwed) await this.#sync()
    this.#later.cancel()
    await this.#letGo()
  }

  #sync(): Promise<void> {
    this.#isOwed = false
    this.#running ??= this.#syncNow()
      .catch((error: unknown) => this.#options.failed(error))
      .finally(() => {
        this.#running = null
        if (this.#isOwed) this.#later.ask(this.#options.afterMs)
      })
    return this.#running
  }

  /** While one follows the other the log stays open: opening and closing it costs more than most of them. */
  async #syncNow(): Promise<void> {
    try {
      const generation = this.#options.generation()
      if (this.#log?.generation !== generation) await this.#letGo()
      const file = this.#log?.file ?? (await openToSync(this.#options.path))
      if (file === null) return
      this.#log = { generation, file }
      await file.datasync()
    } finally {
      if (!this.#isOwed) await this.#letGo()
    }
  }

  async #letGo(): Promise<void> {
    const log = this.#log
    this.#log = null
    await log?.file.close()
  }
}

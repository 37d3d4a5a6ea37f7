import { EngramError, type ErrorCode } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import type { Clock } from '../platform/clock.ts'
import { absolutePath, fileBytesOf, pathIn } from '../platform/database-files.ts'
import type { Random } from '../platform/random.ts'
import { Turns } from '../platform/turns.ts'
import { beginImmediate, isBusy, rollBack } from './begin.ts'
import { Checkpointer, checkpoint } from './checkpoint.ts'
import type { Connection } from './driver.ts'
import { makeLogReady } from './log-room.ts'
import type { Migration } from './migrate.ts'
import { type OpenDatabase, type OpenOptions, busyTimeoutMs, databasePath, openDatabase } from './open-database.ts'
import { OpenedFile, failureOf } from './opened-file.ts'
import type { SharedWork } from './shared-writes.ts'
import { type NotPromise, type ReadTx, Transaction, type WriteTx, refusePromise } from './transaction.ts'
import { WalSync } from './wal-sync.ts'
import type { Durability, SharedWrite } from './write-batch.ts'
import { type CommitSeen, Writer } from './writer.ts'

export type { CommitSeen } from './writer.ts'

export type StoreOptions = {
  readonly dataDir: string
  readonly migrations: readonly Migration[]
  readonly clock: Clock
  readonly random: Random
  /** Opens a data dir on NFS or SMB nevertheless (MEM-107). */
  readonly allowNetworkFs?: boolean
  readonly readOnly?: boolean
  /** Failures of opening that do not end it: each use then tries to open, and fails as opening did until it succeeds. */
  readonly openLaterAfter?: readonly ErrorCode[]
  readonly fileName?: string
  /** What a write that names none gets; `full` by default. */
  readonly durability?: Durability
  /** Over this many bytes the write-ahead log is moved into the file by force; 64 MiB by default. */
  readonly walBytesForced?: number
  /** Most writes of one commit; 64 by default. */
  readonly batchJobsMax?: number
  /** How long after a `normal` commit its fsync follows; without it the next checkpoint does it. */
  readonly walSyncMs?: number
  /**
   * The write-ahead log is made so long at once: an fsync of a file that grows writes its length and its new blocks too, and
   * takes twice as long. For a process that stays.
   */
  readonly walBytesReady?: number
  /** Name and version of the program, noted with each schema step. */
  readonly program?: string
}

export type WriteOptions = {
  readonly durability?: Durability
  /** What another process needs to do it in this one's stead; its result must be JSON. */
  readonly shared?: () => SharedWrite | undefined
}

export type StoreStats = {
  readonly fileBytes: number
  readonly walBytes: number
  readonly schema: number
  readonly mode: 'read-write' | 'read-only'
  /** Writes that wait for their commit. */
  readonly waiting: number
}

/** Pages of log (2 MiB) that a process may leave to the next one, which reads them in two milliseconds. */
const framesLeftMax = 512
/**
 * The one SQLite file, as transactions.
 * - `read` sees one snapshot. `write` resolves after the commit (with `full`, after the fsync); it either happened whole
 *   or rejects. Writes that wait together share one commit, each undone alone when it throws.
 * - Between processes writers queue fairly (L1); SQLite's lock arbitrates.
 * - Throws or rejects with EngramError: storage_full, storage_failed, storage_busy, read_only, newer_schema,
 *   database_corrupt, database_generation_changed, store_closed. What a callback throws comes back as it is.
 * - After a failure of the disk nothing is acknowledged until the file was opened anew and checked (S2). Whether a write
 *   that was rejected with storage_failed stands is then open: give it an operation id, or ask.
 */
export class Store {
  readonly path: string
  readonly #options: StoreOptions
  readonly #file: OpenedFile
  readonly #checkpointer: Checkpointer
  readonly #walSync: WalSync | null
  readonly #writer: Writer
  #reading: Transaction | null = null
  #isClosed = false

  private constructor(options: StoreOptions, open: OpenOptions, database: OpenDatabase | null) {
    const path = databasePath(options.dataDir, open.fileName)
    const file = new OpenedFile(path, open, options.clock, database)
    this.path = path
    this.#options = options
    this.#file = file
    this.#checkpointer = new Checkpointer({
      path,
      walBytesForced: open.walBytesForced,
      random: options.random,
      connection: () => file.connection,
      failed: (error) => file.distrust(error),
    })
    this.#walSync =
      options.walSyncMs === undefined
        ? null
        : new WalSync({
            path: `${path}-wal`,
            afterMs: options.walSyncMs,
            generation: () => file.generation,
            failed: (error) => file.putAway(error),
          })
    this.#writer = new Writer({
      file,
      turns: new Turns(pathIn(absolutePath(options.dataDir), 'queue'), options.random),
      checkpointer: this.#checkpointer,
      walSync: this.#walSync,
      clock: options.clock,
      batchJobsMax: options.batchJobsMax,
    })
  }

  /** Opens the data dir, making and migrating the file where needed; blocks meanwhile. Throws EngramError. */
  static open(options: StoreOptions): Store {
    const open: OpenOptions = {
      dataDir: options.dataDir,
      fileName: options.fileName ?? 'engram.db',
      migrations: options.migrations,
      nowMs: options.clock.nowMs(),
      program: options.program ?? 'engram',
      allowNetworkFs: options.allowNetworkFs ?? false,
      readOnly: options.readOnly ?? false,
      walBytesForced: options.walBytesForced ?? limits.walBytesForced,
    }
    try {
      const store = new Store(options, open, openDatabase(open))
      const { connection } = store.#file
      if (options.walBytesReady !== undefined && connection !== null && store.mode === 'read-write') {
        makeLogReady(connection, store.path, options.walBytesReady)
      }
      return store
    } catch (error) {
      const failure = failureOf(error, databasePath(options.dataDir, open.fileName))
      const isForNow = failure instanceof EngramError && options.openLaterAfter?.includes(failure.code) === true
      if (!isForNow) throw failure
      return new Store(options, open, null)
    }
  }

  /** `read-only` also while the file could not be opened. */
  get mode(): 'read-write' | 'read-only' {
    return this.#file.mode
  }

  /** False while the file could not be opened, and only then. */
  get hasOpened(): boolean {
    return this.#file.hasOpened
  }

  /** False once it was closed; a restore closes it too. */
  get isOpen(): boolean {
    return !this.#isClosed
  }

  /** The program that last changed the schema, where the file says so (MEM-104). */
  get writtenBy(): string | undefined {
    return this.#file.writtenBy
  }

  /** Runs `work` on one snapshot; inside another read it shares that one's. */
  read<T>(work: (tx: ReadTx) => NotPromise<T>): T {
    if (this.#isClosed) throw closed()
    if (this.#writer.isWriting)
      throw new EngramError('internal', 'Store.read was called inside a write; use its transaction.')
    if (this.#reading !== null) return work(this.#reading)
    try {
      const aside = this.#file.openAside()
      if (aside !== null) return closingAfter(aside, () => this.#snapshot(aside, work))
      const connection = this.#file.readable()
      if (connection !== this.#file.connection) return closingAfter(connection, () => this.#snapshot(connection, work))
      return this.#snapshot(connection, work)
    } catch (error) {
      throw this.#file.failureOf(error)
    }
  }

  /** Whether a write could begin at this moment: nobody, in no process, holds SQLite's lock. Waits for nothing. */
  canWriteNow(): boolean {
    if (this.#isClosed || this.#writer.isWriting || this.mode === 'read-only') return false
    try {
      const connection = this.#file.writable()
      this.#file.setBusyTimeout(0)
      if (!beginImmediate(connection)) return false
      rollBack(connection)
      return true
    } catch {
      return false
    }
  }

  /** Queues `work` for the next commit and resolves with its result once that stands. */
  write<T>(work: (tx: WriteTx) => NotPromise<T>, options: WriteOptions = {}): Promise<T> {
    if (this.#isClosed) return Promise.reject(closed())
    return new Promise<T>((resolve, reject) => {
      let keep = (): void => undefined
      this.#writer.give({
        work: (tx) => {
          const result = work(tx)
          refusePromise(result)
          keep = () => resolve(result)
        },
        durability: options.durability ?? this.#options.durability ?? 'full',
        enqueuedMs: this.#options.clock.monotonicMs(),
        resolve: () => keep(),
        shared: options.shared ?? unshared,
        // Whoever did it did the same work, and what it answered is JSON.
        settle: (result) => resolve(result as T),
        reject: (error) => reject(this.#file.failureOf(error)),
      })
    })
  }

  /** Kinds of writes that processes at this file do for each other; see {@link SharedWrites}. */
  offer(dialect: string, works: Readonly<Record<string, SharedWork>>): void {
    this.#writer.offer(dialect, works)
  }

  /** Tells of each commit from here on; it must cost next to nothing. */
  watchCommits(seen: (commit: CommitSeen) => void): void {
    this.#writer.watchCommits(seen)
  }

  /** Resolves when every write given so far is answered. */
  drain(): Promise<void> {
    return this.#writer.drain()
  }

  /** Answers what waits, takes no more, checkpoints and leaves no handle. */
  async close(): Promise<void> {
    if (this.#isClosed) return this.drain()
    this.#isClosed = true
    await this.#writer.close()
    await this.#checkpointer.stop()
    await this.#walSync?.stop()
    const isWritable = this.mode === 'read-write'
    const connection = this.#file.takeLast()
    if (connection === null) return
    // Those who still write fold the log too, and would wait for whoever did it beside them.
    if (isWritable && this.#writer.isAlone) finalCheckpoint(connection)
    connection.close()
  }

  /**
   * For a process that ends in this moment: nothing is closed, since closing folds the log into the file, and the system
   * takes the rest back. Only a log that has grown is folded: whoever opens the file next would have to read all of it.
   * Writes that still wait are left behind.
   */
  async leave(): Promise<void> {
    const { connection } = this.#file
    if (connection === null || this.mode === 'read-only' || this.#writer.waiting > 0) return
    if (checkpoint(connection, 'NOOP').frames > framesLeftMax) await this.close()
  }

  stats(): StoreStats {
    return {
      fileBytes: fileBytesOf(this.path),
      walBytes: fileBytesOf(`${this.path}-wal`),
      schema: this.#file.schema,
      mode: this.mode,
      waiting: this.#writer.waiting,
    }
  }

  #snapshot<T>(connection: Connection, work: (tx: ReadTx) => NotPromise<T>): T {
    connection.run('BEGIN')
    const tx = new Transaction(connection, false)
    this.#reading = tx
    try {
      this.#beginSnapshot(connection)
      const result = work(tx)
      refusePromise(result)
      return result
    } finally {
      this.#reading = null
      tx.end()
      if (connection.inTransaction) connection.run('COMMIT')
    }
  }

  /**
   * The snapshot is that of the first look. Only there can a lock be met, while a WAL is recovered: then it is waited for. A
   * connection that is let go at once waits by itself.
   */
  #beginSnapshot(connection: Connection): void {
    if (connection !== this.#file.connection) return
    const look = (): unknown => connection.get('SELECT 1 FROM sqlite_schema LIMIT 1')
    this.#file.setBusyTimeout(0)
    try {
      look()
    } catch (error) {
      if (!isBusy(error)) throw error
      this.#file.setBusyTimeout(busyTimeoutMs)
      look()
    }
  }
}

const unshared = (): undefined => undefined

const closed = (): EngramError => new EngramError('store_closed', 'The store was closed.')

function closingAfter<T>(connection: Connection, work: () => T): T {
  try {
    return work()
  } finally {
    connection.close()
  }
}

function finalCheckpoint(connection: Connection): void {
  try {
    checkpoint(connection, 'PASSIVE')
  } catch {
    // Everything acknowledged lies in the WAL; whoever opens the file next goes on from there.
  }
}

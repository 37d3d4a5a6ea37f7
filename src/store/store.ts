import { EngramError, type ErrorCode } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import type { Clock } from '../platform/clock.ts'
import { type FileIdentity, absolutePath, fileBytesOf, fileStateOf, pathIn } from '../platform/database-files.ts'
import type { Random } from '../platform/random.ts'
import { type Turn, Turns } from '../platform/turns.ts'
import { Checkpointer, checkpoint } from './checkpoint.ts'
import { databaseKindOf } from './database-kind.ts'
import { beginImmediate, isBusy, rollBack } from './begin.ts'
import type { Connection } from './driver.ts'
import { claimsDamage, isDistrusted, storageFailure } from './failure.ts'
import { makeLogReady } from './log-room.ts'
import type { Migration } from './migrate.ts'
import {
  type OpenDatabase,
  type OpenOptions,
  busyTimeoutMs,
  databasePath,
  isFileWhole,
  isWhole,
  openDatabase,
  openImage,
  verify,
} from './open-database.ts'
import { WalSync } from './wal-sync.ts'
import { type NotPromise, type ReadTx, Transaction, type WriteTx, refusePromise } from './transaction.ts'
import { type DoneForOthers, type SharedWork, SharedWrites, isAnswered, nothingDone } from './shared-writes.ts'
import {
  type Durability,
  type JobOutcome,
  type SharedWrite,
  type WriteJob,
  batchJobsMax,
  batchMsMax,
  runJobs,
} from './write-batch.ts'

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

/** One commit that stands. */
export type CommitSeen = {
  readonly jobs: number
  readonly durability: 'full' | 'normal'
  /** Of the COMMIT alone: with `full`, the fsync. */
  readonly tookMs: number
}

export type StoreStats = {
  readonly fileBytes: number
  readonly walBytes: number
  readonly schema: number
  readonly mode: 'read-write' | 'read-only'
  /** Writes that wait for their commit. */
  readonly waiting: number
}

/** The longest a write waits for its turn and then for SQLite's lock before it is `storage_busy` (MEM-103). */
const lineWaitMsMax = 4_000
/**
 * How long a process may go on doing what others ask, while nobody wants a turn of its own. Each that begins to pays for it with
 * cold code and an empty cache: the first tenth of a second a save takes three times as long, and everybody waits for that.
 */
const leadMsMax = 30_000
const busyWaitMsMax = 7_000
const busyAgainMs = 1
/** Pages of log (2 MiB) that a process may leave to the next one, which reads them in two milliseconds. */
const framesLeftMax = 512
/** After a failure of the disk the file is opened and checked again at most this often. */
const reopenAgainMs = 250

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
  readonly #open: OpenOptions
  readonly #turns: Turns
  readonly #checkpointer: Checkpointer
  readonly #walSync: WalSync | null
  readonly #queue: WriteJob[] = []
  readonly #sharedWrites = new SharedWrites()
  #database: OpenDatabase | null
  /** Null until the file could be opened for the first time. */
  #lastOpened: OpenDatabase | null
  #notBeforeMs = Number.NEGATIVE_INFINITY
  /** Since the last failure the file was found whole. */
  #isWholeAside = false
  #failure: unknown = null
  #synchronous: 'full' | 'normal' = 'full'
  #busyTimeoutMs = busyTimeoutMs
  #walIdentity: FileIdentity | undefined
  #reading: Transaction | null = null
  #isWriting = false
  #isClosed = false
  #pumping: Promise<void> | null = null
  #seen: ((commit: CommitSeen) => void) | null = null

  private constructor(options: StoreOptions, open: OpenOptions, database: OpenDatabase | null) {
    this.#options = options
    this.#open = open
    this.#database = database
    this.#lastOpened = database
    this.path = databasePath(options.dataDir, open.fileName)
    this.#turns = new Turns(pathIn(absolutePath(options.dataDir), 'queue'), options.random)
    this.#walIdentity = this.#walState()
    this.#checkpointer = new Checkpointer({
      path: this.path,
      walBytesForced: open.walBytesForced,
      random: options.random,
      connection: () => this.#database?.connection ?? null,
      failed: (error) => this.#distrust(error),
    })
    this.#walSync =
      options.walSyncMs === undefined
        ? null
        : new WalSync({
            path: `${this.path}-wal`,
            afterMs: options.walSyncMs,
            failed: (error) => this.#putAway(error),
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
      if (options.walBytesReady !== undefined && store.#database?.readOnlyBecause === null) {
        makeLogReady(store.#database.connection, store.path, options.walBytesReady)
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
    return this.#lastOpened?.readOnlyBecause === null ? 'read-write' : 'read-only'
  }

  /** False while the file could not be opened, and only then. */
  get hasOpened(): boolean {
    return this.#lastOpened !== null
  }

  /** False once it was closed; a restore closes it too. */
  get isOpen(): boolean {
    return !this.#isClosed
  }

  /** The program that last changed the schema, where the file says so (MEM-104). */
  get writtenBy(): string | undefined {
    return this.#lastOpened?.writtenBy
  }

  /** Runs `work` on one snapshot; inside another read it shares that one's. */
  read<T>(work: (tx: ReadTx) => NotPromise<T>): T {
    if (this.#isClosed) throw closed()
    if (this.#isWriting) throw new EngramError('internal', 'Store.read was called inside a write; use its transaction.')
    if (this.#reading !== null) return work(this.#reading)
    try {
      const aside = this.#openAside()
      if (aside !== null) return closingAfter(aside, () => this.#snapshot(aside, work))
      const connection = this.#readable()
      if (connection !== this.#database?.connection)
        return closingAfter(connection, () => this.#snapshot(connection, work))
      return this.#snapshot(connection, work)
    } catch (error) {
      throw this.#failureOf(error)
    }
  }

  /** Whether a write could begin at this moment: nobody, in no process, holds SQLite's lock. Waits for nothing. */
  canWriteNow(): boolean {
    if (this.#isClosed || this.#isWriting || this.mode === 'read-only') return false
    try {
      const connection = this.#writable()
      this.#setBusyTimeout(connection, 0)
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
      this.#queue.push({
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
        reject: (error) => reject(this.#failureOf(error)),
      })
      this.#pumping ??= this.#pump()
    })
  }

  /** Kinds of writes that processes at this file do for each other; see {@link SharedWrites}. */
  offer(dialect: string, works: Readonly<Record<string, SharedWork>>): void {
    this.#sharedWrites.offer(dialect, works)
  }

  /** Tells of each commit from here on; it must cost next to nothing. */
  watchCommits(seen: (commit: CommitSeen) => void): void {
    this.#seen = seen
  }

  /** Resolves when every write given so far is answered. */
  async drain(): Promise<void> {
    while (this.#pumping !== null) await this.#pumping
  }

  /** Answers what waits, takes no more, checkpoints and leaves no handle. */
  async close(): Promise<void> {
    if (this.#isClosed) return this.drain()
    this.#isClosed = true
    await this.drain()
    await this.#checkpointer.stop()
    await this.#walSync?.stop()
    this.#turns.close()
    const database = this.#database
    this.#database = null
    if (database === null) return
    if (database.readOnlyBecause === null) finalCheckpoint(database.connection)
    database.connection.close()
  }

  /**
   * For a process that ends in this moment: nothing is closed, since closing folds the log into the file, and the system
   * takes the rest back. Only a log that has grown is folded: whoever opens the file next would have to read all of it.
   * Writes that still wait are left behind.
   */
  async leave(): Promise<void> {
    const connection = this.#database?.connection
    if (connection === undefined || this.mode === 'read-only' || this.#queue.length > 0) return
    if (checkpoint(connection, 'NOOP').frames > framesLeftMax) await this.close()
  }

  stats(): StoreStats {
    return {
      fileBytes: fileBytesOf(this.path),
      walBytes: fileBytesOf(`${this.path}-wal`),
      schema: this.#lastOpened?.schema ?? 0,
      mode: this.mode,
      waiting: this.#queue.length,
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

  /** The snapshot is that of the first look. Only there can a lock be met, while a WAL is recovered: then it is waited for. A connection that is let go at once waits by itself. */
  #beginSnapshot(connection: Connection): void {
    if (connection !== this.#database?.connection) return
    const look = (): unknown => connection.get('SELECT 1 FROM sqlite_schema LIMIT 1')
    this.#setBusyTimeout(connection, 0)
    try {
      look()
    } catch (error) {
      if (!isBusy(error)) throw error
      this.#setBusyTimeout(connection, busyTimeoutMs)
      look()
    }
  }

  /** One turn after another until nothing waits. Starts behind what the event loop holds now, so that it can share. */
  async #pump(): Promise<void> {
    await nextLoop()
    let mustQueue = false
    while (this.#queue.length > 0) {
      const turn = (mustQueue ? null : this.#turns.tryTake()) ?? (await this.#inLine())
      if (turn === null) continue
      try {
        mustQueue = await this.#useTurn(turn, mustQueue)
      } finally {
        this.#sharedWrites.turnEnds()
        turn.release()
        this.#checkpointer.turnGiven(turn.behind)
      }
    }
    this.#pumping = null
  }

  /** @returns null when somebody else did what waited */
  async #inLine(): Promise<Turn | null> {
    const taken = await this.#turns.take(lineWaitMsMax, this.#sharedWrites.ask(this.#queue))
    if (isAnswered(taken)) this.#sharedWrites.settle(this.#queue, taken.answer)
    else this.#sharedWrites.askNoMore(taken)
    return isAnswered(taken) ? null : taken
  }

  /** @returns whether to come back with a ticket: somebody writes who did not queue */
  async #useTurn(turn: Turn, hasQueued: boolean): Promise<boolean> {
    const leadsUntilMs = this.#options.clock.monotonicMs() + leadMsMax
    const leads = (): boolean =>
      !this.#isClosed && this.#options.clock.monotonicMs() < leadsUntilMs && this.#sharedWrites.canLead(turn)
    while (this.#queue.length > 0 || leads()) {
      const isBusy = this.#commit(turn) === 'busy'
      if (isBusy && !turn.isFirst && !hasQueued) return true
      if (isBusy) this.#refuseOverdue()
      await (isBusy ? this.#options.clock.sleep(busyAgainMs) : nextLoop())
      if (!isBusy && turn.isOver() && !leads()) return false
    }
    return false
  }

  #refuseOverdue(): void {
    const nowMs = this.#options.clock.monotonicMs()
    while ((this.#queue[0]?.enqueuedMs ?? nowMs) + busyWaitMsMax <= nowMs) {
      this.#queue
        .shift()
        ?.reject(new EngramError('storage_busy', `${this.path} was held by another process for too long.`))
      this.#sharedWrites.refused()
    }
  }

  /** One commit of what waits at the front. Answers its jobs; every call but a busy one answers at least one. */
  #commit(turn: Turn): 'done' | 'busy' {
    const outcomes: JobOutcome[] = []
    let others = nothingDone
    try {
      const connection = this.#writable()
      const jobs = this.#queue.slice(0, this.#options.batchJobsMax ?? batchJobsMax)
      this.#setSynchronous(connection, jobs)
      // A write must not block the event loop behind a stopped process.
      this.#setBusyTimeout(connection, 0)
      if (!beginImmediate(connection)) return 'busy'
      if (this.#wasDone(connection, turn)) return 'done'
      others = this.#transact(connection, jobs, outcomes, turn)
    } catch (error) {
      this.#sharedWrites.failed()
      this.#fail(error, outcomes)
      return 'done'
    }
    if (outcomes.length + others.answers.length === 0) return 'done'
    this.#queue.splice(0, outcomes.length)
    for (const outcome of outcomes) outcome.answer()
    this.#sharedWrites.handOver(turn, others)
    this.#walSync?.committed(owedTo(this.#synchronous, outcomes, others.answers.length))
    this.#checkpointer.wrote(this.#options.clock.monotonicMs(), turn.behind)
    return 'done'
  }

  #wasDone(connection: Connection, turn: Turn): boolean {
    try {
      return this.#sharedWrites.wasDone(connection, turn, this.#queue)
    } catch (error) {
      rollBack(connection)
      throw error
    }
  }

  #transact(connection: Connection, jobs: readonly WriteJob[], outcomes: JobOutcome[], turn: Turn): DoneForOthers {
    const nowMs = (): number => this.#options.clock.monotonicMs()
    const untilMs = nowMs() + batchMsMax
    this.#isWriting = true
    try {
      runJobs(connection, jobs, outcomes, nowMs)
      if (!connection.inTransaction) return nothingDone
      const others = this.#doForOthers(connection, turn, () => nowMs() >= untilMs)
      const count = outcomes.length + others.answers.length
      if (count === 0) rollBack(connection)
      else this.#commitNow(connection, count)
      return others
    } catch (error) {
      rollBack(connection)
      throw error
    } finally {
      this.#isWriting = false
    }
  }

  #doForOthers(connection: Connection, turn: Turn, isLate: () => boolean): DoneForOthers {
    // What they ask may read, and whoever closes reads no more.
    if (this.#isClosed) return nothingDone
    const isFull = this.#synchronous === 'full'
    return this.#sharedWrites.doForOthers(connection, turn, { isFull, isLate, nowMs: this.#options.clock.nowMs() })
  }

  #commitNow(connection: Connection, jobs: number): void {
    const startedMs = this.#options.clock.monotonicMs()
    connection.run('COMMIT')
    this.#seen?.({ jobs, durability: this.#synchronous, tookMs: this.#options.clock.monotonicMs() - startedMs })
  }

  /** Nothing of this commit stands: the jobs that ran learn why; all that wait do, where it could not even begin. */
  #fail(error: unknown, outcomes: readonly JobOutcome[]): void {
    this.#distrust(error)
    const broken = this.#queue.splice(0, outcomes.length === 0 ? this.#queue.length : outcomes.length)
    for (const [at, job] of broken.entries()) {
      const outcome = outcomes[at]
      if (outcome !== undefined && !outcome.isKept) outcome.answer()
      else job.reject(error)
    }
  }

  /** After a failure of the disk the connection is put away: what it believes to be on disk may not be. */
  #distrust(error: unknown): void {
    if (isDistrusted(error)) this.#putAway(error)
  }

  #putAway(error: unknown): void {
    if (this.#database === null) return
    this.#failure = storageFailure(error, this.path)
    this.#isWholeAside = false
    this.#database.connection.close()
    this.#database = null
  }

  #failureOf(error: unknown): unknown {
    const connection = this.#database?.connection
    return connection === undefined ? storageFailure(error, this.path) : failureOf(error, this.path, connection)
  }

  #setSynchronous(connection: Connection, jobs: readonly WriteJob[]): void {
    // Whoever writes for others alone cannot know what they want before it begins.
    const wanted = jobs.length === 0 || jobs.some((job) => job.durability === 'full') ? 'full' : 'normal'
    if (wanted === this.#synchronous) return
    connection.pragma(`synchronous = ${wanted}`)
    this.#synchronous = wanted
  }

  /** Changed only where it must be: a pragma is parsed anew each time, and costs as much as a row. */
  #setBusyTimeout(connection: Connection, ms: number): void {
    if (this.#busyTimeoutMs === ms) return
    connection.pragma(`busy_timeout = ${ms}`)
    this.#busyTimeoutMs = ms
  }

  #writable(): Connection {
    const connection = this.#usable()
    const reason = this.#lastOpened?.readOnlyBecause ?? null
    if (reason === null) return connection
    if (reason !== 'newer_schema') throw new EngramError('read_only', `${this.path} is open for reading only.`)
    throw new EngramError('newer_schema', `${this.path} has schema ${this.stats().schema}, newer than this program's.`)
  }

  /** The connection, opened anew where the file was replaced or the disk had failed (MEM-108, S2). */
  #usable(): Connection {
    if (this.#lastOpened === null) return this.#openAtLast()
    const identity = fileStateOf(this.path)?.identity
    if (identity === this.#lastOpened.identity) return this.#database?.connection ?? this.#reopenVerified()
    if (identity === undefined) throw changed(this.path, 'is gone')
    if (databaseKindOf(this.path).kind !== 'ours') throw changed(this.path, 'was replaced by a file that is not ours')
    if (this.#walState() === this.#walIdentity) throw changed(this.path, 'was replaced beside the old write-ahead log')
    return this.#replace(openDatabase(this.#open))
  }

  /** As {@link #usable}; of a file that was never opened, for want of room or rights beside it, an image (S1, S3). */
  #readable(): Connection {
    try {
      return this.#usable()
    } catch (error) {
      const isOfThePlace = error instanceof EngramError && ['read_only', 'storage_full'].includes(error.code)
      const image = this.#lastOpened === null && isOfThePlace ? openImage(this.path) : null
      if (image === null) throw error
      return image
    }
  }

  /**
   * After a failed write reads go on wherever the file can still be read (S2): through a connection of their own, let go
   * at once, so that nothing holds a place somebody is about to repair. Null in good times, and where that fails too.
   */
  #openAside(): Connection | null {
    if (this.#database !== null || this.#failure === null) return null
    try {
      const { connection } = openDatabase({ ...this.#open, readOnly: true })
      this.#isWholeAside ||= isWhole(connection)
      if (this.#isWholeAside) return connection
      connection.close()
    } catch {
      // Then as in good times, with the failure that gives.
    }
    return null
  }

  #openAtLast(): Connection {
    try {
      return this.#replace(openDatabase(this.#open))
    } catch (error) {
      throw failureOf(error, this.path)
    }
  }

  #reopenVerified(): Connection {
    const nowMs = this.#options.clock.monotonicMs()
    if (nowMs < this.#notBeforeMs) throw this.#failure
    this.#notBeforeMs = nowMs + reopenAgainMs
    const database = openDatabase(this.#open)
    try {
      this.#refuseReadOnly(database)
      verify(database, this.path)
    } catch (error) {
      database.connection.close()
      throw error
    }
    return this.#replace(database)
  }

  /** A place that turned read-only under us may turn back: what is written next tries again. */
  #refuseReadOnly(database: OpenDatabase): void {
    if (database.readOnlyBecause !== 'not_writable' || this.mode === 'read-only') return
    throw new EngramError('read_only', `${this.path} cannot be written any more.`)
  }

  #replace(database: OpenDatabase): Connection {
    this.#database?.connection.close()
    this.#database = database
    this.#lastOpened = database
    this.#synchronous = 'full'
    this.#busyTimeoutMs = busyTimeoutMs
    this.#walIdentity = this.#walState()
    return database.connection
  }

  #walState(): FileIdentity | undefined {
    return fileStateOf(`${this.path}-wal`)?.identity
  }
}

const unshared = (): undefined => undefined

const closed = (): EngramError => new EngramError('store_closed', 'The store was closed.')

/** The error with its code. A healthy file is not called damaged because one read of the disk failed. */
function failureOf(error: unknown, path: string, connection?: Connection): unknown {
  if (!claimsDamage(error)) return storageFailure(error, path)
  if (!(connection === undefined ? isFileWhole(path) : isWhole(connection))) return storageFailure(error, path)
  return new EngramError('storage_failed', `A read of ${path} failed; the file itself is whole.`, { cause: error })
}

const changed = (path: string, what: string): EngramError =>
  new EngramError('database_generation_changed', `${path} ${what} while it was open.`)

function closingAfter<T>(connection: Connection, work: () => T): T {
  try {
    return work()
  } finally {
    connection.close()
  }
}

const nextLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** What a commit owes: nothing more after its fsync, or when it held nothing but what can be made again. */
const owedTo = (synchronous: 'full' | 'normal', outcomes: readonly JobOutcome[], others: number): Durability => {
  if (synchronous === 'full') return 'full'
  return others > 0 || outcomes.some(({ job }) => job.durability === 'normal') ? 'normal' : 'derived'
}

function finalCheckpoint(connection: Connection): void {
  try {
    checkpoint(connection, 'PASSIVE')
  } catch {
    // Everything acknowledged lies in the WAL; whoever opens the file next goes on from there.
  }
}

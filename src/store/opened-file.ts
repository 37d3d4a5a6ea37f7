import { EngramError } from '../model/errors.ts'
import type { Clock } from '../platform/clock.ts'
import { type FileIdentity, fileStateOf } from '../platform/database-files.ts'
import { databaseKindOf } from './database-kind.ts'
import type { Connection } from './driver.ts'
import { claimsDamage, isDistrusted, storageFailure } from './failure.ts'
import {
  type OpenDatabase,
  type OpenOptions,
  busyTimeoutMs,
  isFileWhole,
  isWhole,
  openDatabase,
  openImage,
  verify,
} from './open-database.ts'

/** After a failure of the disk the file is opened and checked again at most this often. */
const reopenAgainMs = 250

/**
 * The database file as this process has it open, through all that can become of it.
 *
 *     open ──the disk fails──▶ put away ──opened anew and found whole──▶ open
 *       │                         └ reads go on through a connection of their own, where they can
 *       ├ the file was replaced ─▶ the new one is opened, or refused
 *       └ never opened (no room, no rights) ─▶ each use tries again
 */
export class OpenedFile {
  readonly path: string
  readonly #open: OpenOptions
  readonly #clock: Pick<Clock, 'monotonicMs'>
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
  #generation = 0

  /** @param database null where it could not be opened for now */
  constructor(path: string, open: OpenOptions, clock: Pick<Clock, 'monotonicMs'>, database: OpenDatabase | null) {
    this.path = path
    this.#open = open
    this.#clock = clock
    this.#database = database
    this.#lastOpened = database
    this.#walIdentity = this.#walState()
  }

  /** Null while there is none. */
  get connection(): Connection | null {
    return this.#database?.connection ?? null
  }

  /** `read-only` also while the file could not be opened. */
  get mode(): 'read-write' | 'read-only' {
    return this.#lastOpened?.readOnlyBecause === null ? 'read-write' : 'read-only'
  }

  /** Another number after each connection: the last to close a file takes its log away. */
  get generation(): number {
    return this.#generation
  }

  get hasOpened(): boolean {
    return this.#lastOpened !== null
  }

  get schema(): number {
    return this.#lastOpened?.schema ?? 0
  }

  get writtenBy(): string | undefined {
    return this.#lastOpened?.writtenBy
  }

  /** What commits are made with now. */
  get synchronous(): 'full' | 'normal' {
    return this.#synchronous
  }

  set synchronous(wanted: 'full' | 'normal') {
    if (wanted === this.#synchronous) return
    this.#database?.connection.pragma(`synchronous = ${wanted}`)
    this.#synchronous = wanted
  }

  /** Changed only where it must be: a pragma is parsed anew each time, and costs as much as a row. */
  setBusyTimeout(ms: number): void {
    if (this.#busyTimeoutMs === ms) return
    this.#database?.connection.pragma(`busy_timeout = ${ms}`)
    this.#busyTimeoutMs = ms
  }

  /** For a write. Throws EngramError: read_only, newer_schema, and what opening throws. */
  writable(): Connection {
    const connection = this.#usable()
    const reason = this.#lastOpened?.readOnlyBecause ?? null
    if (reason === null) return connection
    if (reason !== 'newer_schema') throw new EngramError('read_only', `${this.path} is open for reading only.`)
    throw new EngramError('newer_schema', `${this.path} has schema ${this.schema}, newer than this program's.`)
  }

  /** For a read; of a file that was never opened, for want of room or rights beside it, an image (S1, S3). */
  readable(): Connection {
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
  openAside(): Connection | null {
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

  /** After a failure of the disk the connection is put away: what it believes to be on disk may not be. */
  distrust(error: unknown): void {
    if (isDistrusted(error)) this.putAway(error)
  }

  putAway(error: unknown): void {
    if (this.#database === null) return
    this.#failure = storageFailure(error, this.path)
    this.#isWholeAside = false
    this.#database.connection.close()
    this.#database = null
    this.#generation++
  }

  /** The error with its code. */
  failureOf(error: unknown): unknown {
    const connection = this.#database?.connection
    return connection === undefined ? storageFailure(error, this.path) : failureOf(error, this.path, connection)
  }

  /** The connection, for whoever closes it; from here on there is none. */
  takeLast(): Connection | null {
    const connection = this.connection
    this.#database = null
    return connection
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

  #openAtLast(): Connection {
    try {
      return this.#replace(openDatabase(this.#open))
    } catch (error) {
      throw failureOf(error, this.path)
    }
  }

  #reopenVerified(): Connection {
    const nowMs = this.#clock.monotonicMs()
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
    this.#generation++
    this.#synchronous = 'full'
    this.#busyTimeoutMs = busyTimeoutMs
    this.#walIdentity = this.#walState()
    return database.connection
  }

  #walState(): FileIdentity | undefined {
    return fileStateOf(`${this.path}-wal`)?.identity
  }
}

/** The error with its code. A healthy file is not called damaged because one read of the disk failed. */
export function failureOf(error: unknown, path: string, connection?: Connection): unknown {
  if (!claimsDamage(error)) return storageFailure(error, path)
  if (!(connection === undefined ? isFileWhole(path) : isWhole(connection))) return storageFailure(error, path)
  return new EngramError('storage_failed', `A read of ${path} failed; the file itself is whole.`, { cause: error })
}

const changed = (path: string, what: string): EngramError =>
  new EngramError('database_generation_changed', `${path} ${what} while it was open.`)

import { EngramError } from '../model/errors.ts'
import {
  type FileIdentity,
  absolutePath,
  fileBytesOf,
  fileStateOf,
  makeDirectory,
  makeFile,
  obstacleTo,
  pathIn,
  readStart,
} from '../platform/database-files.ts'
import { errorCodeOf } from '../platform/files.ts'
import { networkFilesystemOf } from '../platform/filesystem-kind.ts'
import { checkpoint, keptShare } from './checkpoint.ts'
import { databaseKindOf, refuseStrangers } from './database-kind.ts'
import { Connection, sqliteCodeOf, sqliteVersion, sqliteVersionFloor } from './driver.ts'
import { type Migration, lastWriterOf, migrate, newestSchema, schemaOf } from './migrate.ts'

export type OpenOptions = {
  readonly dataDir: string
  readonly fileName: string
  readonly migrations: readonly Migration[]
  readonly nowMs: number
  readonly program: string
  readonly allowNetworkFs: boolean
  readonly readOnly: boolean
  /** A quarter of it is what the WAL file is cut to when it begins anew. */
  readonly walBytesForced: number
}

/** Why nothing can be written through this opening. */
export type ReadOnlyReason = 'asked' | 'newer_schema' | 'not_writable'

export type OpenDatabase = {
  readonly connection: Connection
  readonly readOnlyBecause: ReadOnlyReason | null
  readonly schema: number
  /** The program that last changed the schema, where the file says so. */
  readonly writtenBy: string | undefined
  readonly identity: FileIdentity
}

/** How long SQLite itself waits for a lock (MEM-103). */
export const busyTimeoutMs = 5_000
/** How long to wait for readers of other processes after a failure of the disk. */
const verifyWaitMs = 50
export const databasePath = (dataDir: string, fileName: string): string => pathIn(absolutePath(dataDir), fileName)

/**
 * Opens the database file, making and migrating it where needed (MEM-101 … 107, P6).
 * Throws EngramError network_filesystem, go_database_found, foreign_database or not_a_database before anything is opened
 * for writing; else whatever the system throws.
 */
export function openDatabase(options: OpenOptions): OpenDatabase {
  const path = databasePath(options.dataDir, options.fileName)
  refuseNetwork(path, options.allowNetworkFs)
  const isThere = fileStateOf(path) !== null
  if (!isThere) makeDatabaseFile(path, options)
  const kind = databaseKindOf(path)
  refuseStrangers(kind, path)
  const isNewer = kind.kind === 'ours' && kind.schema > newestSchema(options.migrations)
  const reason = readOnlyReason(path, options, isNewer)
  return reason === null ? openForWriting(path, options) : openForReading(path, reason)
}

function refuseNetwork(path: string, isAllowed: boolean): void {
  const network = isAllowed ? null : networkFilesystemOf(path)
  if (network === null) return
  throw new EngramError('network_filesystem', `${path} lies on ${network}, where SQLite's locks do not hold.`)
}

function makeDatabaseFile(path: string, options: OpenOptions): void {
  if (options.readOnly) throw new EngramError('not_found', `There is no database at ${path} to read.`)
  makeDataDir(absolutePath(options.dataDir))
  makeFile(path)
}

/** Trouble of the place, as a place that takes no directory, is told as such; trouble of the disk stays what it is. */
function makeDataDir(dataDir: string): void {
  try {
    makeDirectory(dataDir)
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR', 'EEXIST', 'ELOOP', 'ENAMETOOLONG', 'EINVAL'].includes(errorCodeOf(error))) throw error
    throw new EngramError('storage_failed', `The data dir ${dataDir} cannot be made (${errorCodeOf(error)}).`, {
      hint: 'Choose another --data-dir.',
      cause: error,
    })
  }
}

function readOnlyReason(path: string, options: OpenOptions, isNewer: boolean): ReadOnlyReason | null {
  if (isNewer) return 'newer_schema'
  if (options.readOnly) return 'asked'
  return obstacleTo(path, 'write') === '' ? null : 'not_writable'
}

function openForReading(path: string, reason: ReadOnlyReason): OpenDatabase {
  const connection = openConnection(path, 'read-only', reason)
  return closingOnFailure(connection, () => {
    refuseOldSqlite(connection)
    connection.pragma('temp_store = MEMORY')
    const schema = schemaOf(connection)
    return {
      connection,
      readOnlyBecause: reason,
      schema,
      writtenBy: lastWriterOf(connection),
      identity: identityOf(path),
    }
  })
}

/** A WAL file that cannot be written can be read only while somebody else keeps its index: else say what is missing. */
function openConnection(path: string, access: 'read-only', reason: ReadOnlyReason): Connection {
  try {
    const connection = Connection.open(path, { access, busyTimeoutMs })
    return closingOnFailure(connection, () => {
      schemaOf(connection)
      return connection
    })
  } catch (error) {
    if (reason !== 'not_writable' || !/CANTOPEN|READONLY/.test(sqliteCodeOf(error))) throw error
    throw new EngramError('read_only', `${path} cannot be written (${obstacleTo(path, 'write')}).`, { cause: error })
  }
}

function openForWriting(path: string, options: OpenOptions): OpenDatabase {
  const connection = Connection.open(path, { access: 'read-write', busyTimeoutMs })
  const opened = closingOnFailure(connection, () => prepare(connection, path, options))
  if (opened !== null) return opened
  connection.close()
  return openForReading(path, 'newer_schema')
}

/** Null when the file turns out to be of a newer schema after all. */
function prepare(connection: Connection, path: string, options: OpenOptions): OpenDatabase | null {
  refuseOldSqlite(connection)
  connection.pragma('secure_delete = ON')
  useWal(connection, path)
  if (schemaOf(connection) > newestSchema(options.migrations)) return null
  const backupsDir = pathIn(absolutePath(options.dataDir), 'backups')
  migrate(connection, {
    path,
    backupsDir,
    migrations: options.migrations,
    nowMs: options.nowMs,
    program: options.program,
  })
  for (const pragma of [
    `busy_timeout = ${busyTimeoutMs}`,
    'foreign_keys = ON',
    'synchronous = FULL',
    'wal_autocheckpoint = 0',
    `journal_size_limit = ${Math.floor(options.walBytesForced * keptShare)}`,
    'temp_store = MEMORY',
  ]) {
    connection.pragma(pragma)
  }
  const schema = schemaOf(connection)
  return { connection, readOnlyBecause: null, schema, writtenBy: lastWriterOf(connection), identity: identityOf(path) }
}

/** Checked for what stands in the file itself, under no lock: `migrate` judges it again. */
function useWal(connection: Connection, path: string): void {
  if (connection.pragma('journal_mode') === 'wal') return
  const mode = withRetries(() => connection.pragma('journal_mode = WAL'))
  if (mode !== 'wal') throw new EngramError('storage_failed', `${path} cannot use a write-ahead log here.`)
}

/** SQLite's busy handler does not stand behind the change to WAL; several processes may make the file at once. */
function withRetries<T>(work: () => T): T {
  for (const waitMs of [10, 25, 50, 100, 200, 400, 800, 1_600]) {
    try {
      return work()
    } catch (error) {
      if (!/^SQLITE_(BUSY|LOCKED)/.test(sqliteCodeOf(error))) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, waitMs)
    }
  }
  return work()
}

function refuseOldSqlite(connection: Connection): void {
  const version = sqliteVersion(connection)
  if (isVersionAtLeast(version, sqliteVersionFloor)) return
  throw new EngramError('runtime_too_old', `SQLite ${sqliteVersionFloor} or newer is needed, this is ${version}.`, {
    hint: 'Reinstall engram, so that it brings its own SQLite.',
  })
}

/** A file up to this size is read into memory as a whole. */
const imageBytesMax = 512 * 1024 * 1024

/**
 * The file as it lies there, as a database in memory: for a place where SQLite cannot even read, because it has no room or
 * no right to keep its index of the log beside the file. Null when the log holds what the file does not.
 */
export function openImage(path: string): Connection | null {
  const state = fileStateOf(path)
  if (state === null || state.bytes > imageBytesMax || fileBytesOf(`${path}-wal`) > 0) return null
  if (databaseKindOf(path).kind !== 'ours') return null
  const image = readStart(path, state.bytes)
  // Somebody who can write may have begun to meanwhile.
  const isSettled = fileBytesOf(`${path}-wal`) === 0 && image.length === state.bytes
  return isSettled ? Connection.ofBytes(image) : null
}

/** Compares dotted numbers part by part. */
export function isVersionAtLeast(version: string, floor: string): boolean {
  const parts = version.split('.').map(Number)
  for (const [at, least] of floor.split('.').map(Number).entries()) {
    const part = parts[at] ?? 0
    if (part !== least) return part > least
  }
  return true
}

function identityOf(path: string): FileIdentity {
  const state = fileStateOf(path)
  if (state === null) throw new EngramError('database_generation_changed', `${path} was removed while it was opened.`)
  return state.identity
}

function closingOnFailure<T>(connection: Connection, work: () => T): T {
  try {
    return work()
  } catch (error) {
    connection.close()
    throw error
  }
}

/**
 * Asked after a failure of the disk, before anything is acknowledged again (S2): the file must be whole, and everything
 * in the WAL must have reached the main file. Through a connection that writes nothing it is enough that it is whole. What a failed fsync left in the WAL may look written and not be; were more
 * appended behind it, a power cut would take both. Throws storage_failed while another process still reads the old WAL.
 */
export function verify({ connection, readOnlyBecause }: OpenDatabase, path: string): void {
  if (!isWhole(connection)) throw new EngramError('database_corrupt', `${path} did not pass SQLite's quick check.`)
  if (readOnlyBecause !== null) return
  connection.pragma(`busy_timeout = ${verifyWaitMs}`)
  const { isComplete } = checkpoint(connection, 'RESTART')
  connection.pragma(`busy_timeout = ${busyTimeoutMs}`)
  if (isComplete) return
  throw new EngramError('storage_failed', `After a failure of the disk ${path} is still read by another process.`)
}

/** Whether the file passes SQLite's quick check. Reads all of it. */
export function isWhole(connection: Connection): boolean {
  try {
    return connection.pragma('quick_check(1)') === 'ok'
  } catch {
    return false
  }
}

/** The same for a file that is not open. */
export function isFileWhole(path: string): boolean {
  try {
    const connection = Connection.open(path, { access: 'read-only', busyTimeoutMs })
    const isIt = isWhole(connection)
    connection.close()
    return isIt
  } catch {
    return false
  }
}

import { EngramError } from '../model/errors.ts'
import {
  fileBytesOf,
  fileStateOf,
  makeDirectory,
  makeFile,
  namesIn,
  pathIn,
  publishFile,
  removeFile,
} from '../platform/database-files.ts'
import { applicationId } from './database-kind.ts'
import { Connection, sqliteCodeOf } from './driver.ts'
import { storageFailure } from './failure.ts'
import type { NextEpoch } from './log-meta.ts'
import { backupName } from './migrate.ts'

/** Copies of the database file itself (MEM-1004): complete, compact, made while the database is in use. */

/** How long a copy waits for a writer, and a restore for whoever is still there. */
const copyWaitMs = 60_000
const restoreWaitMs = 2_000

/** Where copies lie unless a path is named. */
export const backupsDirOf = (dataDir: string): string => pathIn(dataDir, 'backups')

/**
 * Copies the database to a new file: one snapshot, whole or not at all, fsynced. Other connections go on reading and
 * writing. Throws EngramError: `conflict` when something lies at `to` already, else what the disk says.
 */
export function copyDatabase(from: string, to: string, unique: string): void {
  if (fileStateOf(to) !== null) throw new EngramError('conflict', `${to} exists already; nothing was written.`)
  const unfinished = `${to}.${unique}.tmp`
  const reader = Connection.open(from, { access: 'read-only', busyTimeoutMs: copyWaitMs })
  try {
    makeFile(unfinished)
    reader.run('VACUUM INTO ?', [unfinished])
    publishFile(unfinished, to)
  } catch (error) {
    throw storageFailure(error, to)
  } finally {
    reader.close()
    removeFile(unfinished)
  }
}

/** The path of a new copy in the backups folder, which is made when it is missing; `unreadable`: of what only lies there. */
export function newBackupPath(dataDir: string, schema: number | 'unreadable', nowMs: number): string {
  const directory = backupsDirOf(dataDir)
  makeDirectory(directory)
  const taken = new Set(namesIn(directory))
  const name = backupName(schema, nowMs)
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : name.replace(/\.db$/, `-${number}.db`)
    if (!taken.has(candidate)) return pathIn(directory, candidate)
  }
}

/** Copies in the backups folder, the newest name last. */
export const backupPaths = (dataDir: string): readonly string[] =>
  namesIn(backupsDirOf(dataDir))
    .filter((name) => name.endsWith('.db'))
    .map((name) => pathIn(backupsDirOf(dataDir), name))

export type CopyReport = {
  readonly bytes: number
  readonly schema: number
  /** What is wrong with it; empty when it may be restored. */
  readonly problems: readonly string[]
}

/** Looks at a copy without writing beside it: is it ours, whole, and does its index fit its rows. */
export function inspectCopy(path: string): CopyReport {
  const state = fileStateOf(path)
  if (state === null)
    throw new EngramError('not_found', `Nothing lies at ${path}.`, {
      details: { path },
      hint: 'Check the path; `engram backup list` shows the copies there are.',
    })
  let connection: Connection | null = null
  try {
    connection = Connection.open(path, { access: 'read-only', busyTimeoutMs: copyWaitMs })
    return { bytes: state.bytes, schema: Number(connection.pragma('user_version')), problems: problemsOf(connection) }
  } catch (error) {
    if (sqliteCodeOf(error) === '') throw error
    return { bytes: state.bytes, schema: 0, problems: [error instanceof Error ? error.message : String(error)] }
  } finally {
    connection?.close()
  }
}

function problemsOf(connection: Connection): readonly string[] {
  if (connection.pragma('application_id') !== applicationId) return ['it is not a database of this program']
  const broken = connection
    .all<{ integrity_check: string }>('PRAGMA integrity_check(20)')
    .map((row) => row.integrity_check)
    .filter((finding) => finding !== 'ok')
  const dangling = connection.all<{ table: string }>('PRAGMA foreign_key_check').slice(0, 5)
  return [...broken, ...dangling.map((row) => `a row of ${row.table} points to nothing`)]
}

/** Schema of a copy, told cheaply; 0 when it cannot be read. */
export function schemaOfCopy(path: string): number {
  let connection: Connection | null = null
  try {
    connection = Connection.open(path, { access: 'read-only', busyTimeoutMs: 0 })
    return Number(connection.pragma('user_version'))
  } catch {
    return 0
  } finally {
    connection?.close()
  }
}

export const bytesOfCopy = (path: string): number => fileBytesOf(path)

/**
 * Puts a copy in the place of a database that nobody has open: the old file is moved to `previous`, never removed, and
 * its log with it where the file cannot be read. Throws `database_in_use` when somebody still has it open; then nothing
 * has changed.
 */
export function replaceDatabase(path: string, copy: string, previous: string, unique: string, next: NextEpoch): void {
  const incoming = `${path}.${unique}.tmp`
  copyDatabase(copy, incoming, unique)
  try {
    beginEpoch(incoming, next)
    const isReadable = takeAlone(path)
    publishFile(path, previous)
    if (!isReadable) takeLogAlong(path, previous)
    publishFile(incoming, path)
  } finally {
    removeFile(incoming)
  }
}

/** The copy's log goes on as another history. A copy from before there was a log gets its own when it is migrated. */
function beginEpoch(path: string, next: NextEpoch): void {
  const connection = Connection.open(path, { access: 'read-write', busyTimeoutMs: restoreWaitMs })
  const raise = (key: string, least: number, add: number): void => {
    connection.run('UPDATE log_meta SET value = CAST(max(CAST(value AS INTEGER) + ?, ?) AS TEXT) WHERE key = ?', [
      add,
      least,
      key,
    ])
  }
  try {
    if (connection.get(`SELECT 1 FROM sqlite_schema WHERE name = 'log_meta'`) === undefined) return
    raise('epoch', next.epoch, 1)
    raise('token_floor', next.tokenFloor, 0)
  } finally {
    connection.close()
  }
}

/**
 * Leaves WAL mode, which SQLite allows to the only connection alone, and takes the log into the file.
 * @returns false for a file that is no database or too damaged for that: whoever has it open will notice (MEM-108)
 */
function takeAlone(path: string): boolean {
  const connection = Connection.open(path, { access: 'read-write', busyTimeoutMs: restoreWaitMs })
  try {
    connection.pragma('journal_mode = DELETE')
    if (connection.pragma('journal_mode') !== 'delete') throw inUse(path)
    return true
  } catch (error) {
    const code = sqliteCodeOf(error)
    if (/^SQLITE_(NOTADB|CORRUPT)/.test(code)) return false
    throw /^SQLITE_(BUSY|LOCKED)/.test(code) ? inUse(path) : storageFailure(error, path)
  } finally {
    connection.close()
  }
}

/** A log must never lie beside a database it does not belong to. */
function takeLogAlong(path: string, previous: string): void {
  if (fileStateOf(`${path}-wal`) !== null) publishFile(`${path}-wal`, `${previous}-wal`)
  removeFile(`${path}-shm`)
}

const inUse = (path: string): EngramError =>
  new EngramError('database_in_use', `${path} is open in another program. Nothing was changed.`)

import { EngramError, type ErrorCode } from '../model/errors.ts'
import { bytesFreeBeside, obstacleTo } from '../platform/database-files.ts'
import { errorCodeOf } from '../platform/files.ts'
import { sqliteCodeOf } from './driver.ts'

/** What a SQLite result code means to a caller (S1–S3). The longest matching beginning wins. */
const sqliteMeanings: readonly (readonly [code: string, meaning: ErrorCode])[] = [
  ['SQLITE_READONLY_DBMOVED', 'database_generation_changed'],
  ['SQLITE_FULL', 'storage_full'],
  ['SQLITE_READONLY', 'read_only'],
  ['SQLITE_PERM', 'read_only'],
  ['SQLITE_NOTADB', 'not_a_database'],
  ['SQLITE_CORRUPT', 'database_corrupt'],
  ['SQLITE_BUSY', 'storage_busy'],
  ['SQLITE_LOCKED', 'storage_busy'],
  ['SQLITE_PROTOCOL', 'storage_busy'],
  ['SQLITE_TOOBIG', 'payload_too_large'],
  ['SQLITE_IOERR', 'storage_failed'],
  ['SQLITE_CANTOPEN', 'storage_failed'],
  ['SQLITE_NOMEM', 'storage_failed'],
]

const fileMeanings: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'storage_full',
  EDQUOT: 'storage_full',
  EACCES: 'read_only',
  EPERM: 'read_only',
  EROFS: 'read_only',
}

const sentences: Partial<Record<ErrorCode, string>> = {
  storage_full: 'The disk that holds the database is full',
  storage_failed: 'The database could not be read or written',
  read_only: 'The database cannot be written',
  not_a_database: 'The file is not a SQLite database',
  database_corrupt: 'The database is damaged',
  storage_busy: 'Another process held the database for too long',
  database_generation_changed: 'The database file was moved or removed while it was open',
}

/** Fewer free bytes than this turn a failed write into a full disk: SQLite names only the plain short write so. */
const roomBytesMin = 64 * 1024

/**
 * A failure of the ground with its code; anything else (what a callback threw of its own) comes back as it was.
 * @param path the database file, asked where SQLite's code leaves open what stands in the way
 */
export function storageFailure(error: unknown, path: string): unknown {
  if (error instanceof EngramError) return error
  const sqliteCode = sqliteCodeOf(error)
  const fileCode = errorCodeOf(error)
  if (sqliteCode !== '') return failureOf(meaningOfSqlite(sqliteCode, path), sqliteCode, path, error)
  if (/^E[A-Z]+$/.test(fileCode)) return failureOf(fileMeanings[fileCode] ?? 'storage_failed', fileCode, path, error)
  return error
}

/**
 * Whether SQLite calls the file damaged for a reason of its own. It says the same when a read of the disk failed once
 * (EIO), so this alone is no reason to believe it: check first.
 */
export const claimsDamage = (error: unknown): boolean => sqliteCodeOf(error) === 'SQLITE_CORRUPT'

/** Whether after this failure nothing may be acknowledged before the file was opened anew and checked (S2). */
export const isDistrusted = (error: unknown): boolean => sqliteCodeOf(error).startsWith('SQLITE_IOERR')

function meaningOfSqlite(code: string, path: string): ErrorCode {
  const meaning = sqliteMeanings.find(([beginning]) => code.startsWith(beginning))?.[1] ?? 'internal'
  if (meaning !== 'storage_failed') return meaning
  if (code.startsWith('SQLITE_CANTOPEN')) return meaningOfObstacle(path)
  return /WRITE|SHM/.test(code) && bytesFreeBeside(path) < roomBytesMin ? 'storage_full' : 'storage_failed'
}

function meaningOfObstacle(path: string): ErrorCode {
  const obstacle = obstacleTo(path, 'write')
  if (obstacle === '' && bytesFreeBeside(path) < roomBytesMin) return 'storage_full'
  return fileMeanings[obstacle] ?? 'storage_failed'
}

function failureOf(code: ErrorCode, reason: string, path: string, cause: unknown): EngramError {
  const message = cause instanceof Error ? cause.message : String(cause)
  return new EngramError(
    code,
    `${sentences[code] ?? 'The database refused a statement'}: ${message} (${reason}, ${path}).`,
    {
      details: { reason, path },
      cause,
    },
  )
}

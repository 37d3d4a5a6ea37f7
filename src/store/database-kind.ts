import { EngramError } from '../model/errors.ts'
import { fileBytesOf, fileStateOf, readStart } from '../platform/database-files.ts'
import { Connection, isOpenHere, sqliteCodeOf } from './driver.ts'

/** `PRAGMA application_id` of our files: "ENGR" (MEM-104). */
export const applicationId = 0x454e4752

/** What lies under the name of the database, told without opening it for writing. */
export type DatabaseKind =
  | { readonly kind: 'absent' }
  | { readonly kind: 'empty' }
  | { readonly kind: 'ours'; readonly schema: number }
  | { readonly kind: 'go' }
  | { readonly kind: 'foreign'; readonly applicationId: number }
  | { readonly kind: 'no-database' }

/** What the marks of a readable database say. Pure. */
export function judgeDatabase(id: number, schema: number, tables: ReadonlySet<string>): DatabaseKind {
  if (id === applicationId) return { kind: 'ours', schema }
  if (id === 0 && tables.size === 0) return { kind: 'empty' }
  const isGo = id === 0 && tables.has('observations') && (tables.has('user_prompts') || tables.has('sessions'))
  return isGo ? { kind: 'go' } : { kind: 'foreign', applicationId: id }
}

/** A file up to this size is looked at in memory; a larger one is opened read-only, which leaves a WAL index beside it. */
const imageBytesMax = 512 * 1024 * 1024

/**
 * Tells what lies there without opening it for writing. The header settles it for our own files. Others are looked at
 * as a copy in memory, so that nothing appears beside them, unless a WAL holds pages the main file has not.
 */
export function databaseKindOf(path: string): DatabaseKind {
  const state = fileStateOf(path)
  if (state === null) return { kind: 'absent' }
  if (state.bytes === 0) return { kind: 'empty' }
  if (isOpenHere(state.identity)) return judge(openReadOnly(path))
  const header = readStart(path, 100)
  if (!isSqliteHeader(header)) return { kind: 'no-database' }
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength)
  if (view.getUint32(68) === applicationId) return { kind: 'ours', schema: view.getUint32(60) }
  const isWhole = fileBytesOf(`${path}-wal`) === 0 && state.bytes <= imageBytesMax
  return judge(isWhole ? Connection.ofBytes(readStart(path, state.bytes)) : openReadOnly(path))
}

/** Throws when the database is not ours to use. */
export function refuseStrangers(kind: DatabaseKind, path: string): void {
  switch (kind.kind) {
    case 'absent':
    case 'empty':
    case 'ours':
      return
    case 'go':
      throw new EngramError('go_database_found', `${path} belongs to the Go program. Nothing was opened for writing.`)
    case 'foreign':
      throw new EngramError('foreign_database', `${path} is another program's database. Nothing was changed.`, {
        details: { application_id: kind.applicationId },
      })
    case 'no-database':
      throw new EngramError('not_a_database', `${path} is not a SQLite database. Nothing was changed.`)
  }
}

/** The marks and table names as this connection sees them. */
export function judgeConnection(connection: Connection): DatabaseKind {
  const tables = connection.all<{ name: string }>(
    `SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite~_%' ESCAPE '~'`,
  )
  return judgeDatabase(
    Number(connection.pragma('application_id')),
    Number(connection.pragma('user_version')),
    new Set(tables.map((table) => table.name)),
  )
}

function isSqliteHeader(header: Uint8Array): boolean {
  const magic = 'SQLite format 3\0'
  return header.length === 100 && header.subarray(0, 16).every((byte, at) => byte === magic.charCodeAt(at))
}

const openReadOnly = (path: string): Connection => Connection.open(path, { access: 'read-only', busyTimeoutMs: 5_000 })

function judge(connection: Connection): DatabaseKind {
  try {
    return judgeConnection(connection)
  } catch (error) {
    if (sqliteCodeOf(error) === 'SQLITE_NOTADB') return { kind: 'no-database' }
    throw error
  } finally {
    connection.close()
  }
}

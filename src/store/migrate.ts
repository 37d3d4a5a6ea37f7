import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import { formatTime } from '../model/times.ts'
import { makeDirectory, makeFile, namesIn, pathIn, publishFile, removeFile } from '../platform/database-files.ts'
import { applicationId, judgeConnection, refuseStrangers } from './database-kind.ts'
import { Connection } from './driver.ts'
import { Transaction, type WriteTx } from './transaction.ts'

/** What a schema step may use. It runs inside a transaction it must neither end nor nest. */
export interface MigrationDatabase extends WriteTx {
  /** Several statements at once, without values. */
  exec(sql: string): void
}

/** One step of the schema, forward only. Versions run 1, 2, 3 … without a gap; a released step is never edited. */
export type Migration = {
  readonly version: number
  readonly name: string
  /** Foreign keys are off while steps run, and checked once at the end. */
  up(db: MigrationDatabase): void
}

export type MigrateOptions = {
  readonly path: string
  readonly backupsDir: string
  readonly migrations: readonly Migration[]
  readonly nowMs: number
  /** Who migrates, noted in `schema_history`. */
  readonly program: string
}

/** How long to stand behind another process that is migrating. */
const migrateWaitMs = 60_000

/** The newest schema these steps lead to; throws when they are not numbered 1, 2, 3 … */
export function newestSchema(migrations: readonly Migration[]): number {
  const misplaced = migrations.findIndex((step, at) => step.version !== at + 1)
  if (misplaced === -1) return migrations.length
  throw new EngramError('internal', `Schema step ${misplaced + 1} carries version ${migrations[misplaced]?.version}.`)
}

/**
 * Brings the database to the newest schema (MEM-105).
 * - All pending steps share one transaction: a crash or a failing step at any point leaves the old file as it was.
 * - Before the first step, if there is anything to lose, a complete copy lies in `backupsDir`, fsynced.
 * - Of several processes one migrates; the others wait for the write lock and then find nothing to do.
 */
export function migrate(connection: Connection, options: MigrateOptions): void {
  const newest = newestSchema(options.migrations)
  if (schemaOf(connection) >= newest && connection.pragma('application_id') === applicationId) return
  connection.pragma('foreign_keys = OFF')
  connection.pragma(`busy_timeout = ${migrateWaitMs}`)
  connection.exec('BEGIN IMMEDIATE')
  try {
    applyPending(connection, options, newest)
    connection.exec('COMMIT')
  } catch (error) {
    if (connection.inTransaction) connection.exec('ROLLBACK')
    throw error
  }
}

export const schemaOf = (connection: Connection): number => Number(connection.pragma('user_version'))

/** Schema and program of the last step in the file; undefined where the file does not say. */
export function lastWriterOf(connection: Connection): string | undefined {
  try {
    return connection.get<{ program: string }>('SELECT program FROM schema_history ORDER BY version DESC LIMIT 1')
      ?.program
  } catch {
    return undefined
  }
}

/** Judged again under the lock: another process may have come first. */
function applyPending(connection: Connection, options: MigrateOptions, newest: number): void {
  const kind = judgeConnection(connection)
  refuseStrangers(kind, options.path)
  const from = kind.kind === 'ours' ? kind.schema : 0
  const pending = options.migrations.slice(from)
  if (from > 0 && pending.length > 0) backUp(options, from)
  connection.exec(`PRAGMA application_id = ${applicationId}`)
  connection.exec(`CREATE TABLE IF NOT EXISTS schema_history (
    version INTEGER PRIMARY KEY, name TEXT NOT NULL, program TEXT NOT NULL, applied_at TEXT NOT NULL
  )`)
  for (const step of pending) applyStep(connection, step, options)
  if (pending.length === 0) return
  refuseBrokenReferences(connection)
  connection.exec(`PRAGMA user_version = ${newest}`)
}

function applyStep(connection: Connection, step: Migration, options: MigrateOptions): void {
  const tx = new MigrationTransaction(connection, true)
  try {
    step.up(tx)
  } finally {
    tx.end()
  }
  if (!connection.inTransaction) throw new EngramError('internal', `Schema step ${step.version} ended its transaction.`)
  connection.run('INSERT OR REPLACE INTO schema_history VALUES (?, ?, ?, ?)', [
    step.version,
    step.name,
    options.program,
    formatTime(options.nowMs),
  ])
}

function refuseBrokenReferences(connection: Connection): void {
  const broken = connection.get<{ table: string; parent: string }>('PRAGMA foreign_key_check')
  if (broken === undefined) return
  throw new EngramError(
    'internal',
    `After migrating, ${broken.table} refers to rows of ${broken.parent} that are not there.`,
  )
}

class MigrationTransaction extends Transaction implements MigrationDatabase {
  readonly #database: Connection

  constructor(connection: Connection, mayWrite: boolean) {
    super(connection, mayWrite)
    this.#database = connection
  }

  exec(sql: string): void {
    this.#database.exec(sql)
  }
}

const backupShape = /^engram-\d+-(\d{8}T\d{6}Z)\.db$/

/** `engram-<schema>-<yyyymmddThhmmssZ>.db` */
export const backupName = (schema: number | 'unreadable', nowMs: number): string =>
  `engram-${schema}-${formatTime(nowMs).replace(/[-:]/g, '').replace(' ', 'T')}Z.db`

/** Of these names, the backups to remove so that the newest `kept` stay. Other files are nobody's to remove. Pure. */
export function backupsToDrop(names: readonly string[], kept: number): string[] {
  const timeOf = (name: string): string => backupShape.exec(name)?.[1] ?? ''
  const backups = names.filter((name) => backupShape.test(name))
  backups.sort((a, b) => (timeOf(a) < timeOf(b) ? 1 : -1))
  return backups.slice(kept)
}

/** Called under the write lock, so it stands alone and copies exactly the state before the first step. */
function backUp(options: MigrateOptions, schema: number): void {
  const { backupsDir } = options
  makeDirectory(backupsDir)
  const unfinished = pathIn(backupsDir, '.unfinished.db')
  const reader = Connection.open(options.path, { access: 'read-only', busyTimeoutMs: migrateWaitMs })
  try {
    removeFile(unfinished)
    makeFile(unfinished)
    reader.run('VACUUM INTO ?', [unfinished])
    publishFile(unfinished, pathIn(backupsDir, backupName(schema, options.nowMs)))
  } finally {
    reader.close()
    removeFile(unfinished)
  }
  for (const name of backupsToDrop(namesIn(backupsDir), limits.backupsKept)) removeFile(pathIn(backupsDir, name))
}

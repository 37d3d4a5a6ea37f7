import { gzipSync } from 'node:zlib'
import Database from 'better-sqlite3'
import { limits } from '../src/model/limits.ts'
import type { OpenedEngine } from '../src/open-engine.ts'
import { systemRandom } from '../src/platform/random.ts'
import { Checkpointer } from '../src/store/checkpoint.ts'
import { Connection } from '../src/store/driver.ts'
import type { SqlValue } from '../src/store/sql-value.ts'
import { timed } from './harness.ts'

/** The bare ways that export and import of chunks are held against: the same rows, and nothing of ours around them. */

type Row = Readonly<Record<string, SqlValue>>

const pieceChars = 4 * 1024 * 1024

/** UTF-8 bytes of all observations as JSON: the megabytes of every rate. */
export const bytesOf = (opened: OpenedEngine): number =>
  opened.deps.store.read((tx) => {
    let bytes = 0
    for (const row of tx.iterate<Row>('SELECT * FROM observations')) bytes += Buffer.byteLength(JSON.stringify(row))
    return bytes
  })

/** Rows as JSON texts into gzip, on this one thread, in pieces of 4 MiB. */
const packedMs = (opened: OpenedEngine, sql: string, textOf: (row: Row) => string): number =>
  timed(() => {
    opened.deps.store.read((tx) => {
      let piece = ''
      for (const row of tx.iterate<Row>(sql)) {
        piece += textOf(row)
        if (piece.length < pieceChars) continue
        gzipSync(piece, { level: 6 })
        piece = ''
      }
      gzipSync(piece, { level: 6 })
    })
  })

export const stringified = (opened: OpenedEngine): number =>
  packedMs(opened, 'SELECT * FROM observations', (row) => JSON.stringify(row))

/** The JSON made by SQLite, so that no object is made of a row (G13). */
export function jsonObjects(opened: OpenedEngine): number {
  const pairs = columnsOf(opened, 'observations').map((name) => `'${name}', ${name}`)
  return packedMs(opened, `SELECT json_object(${pairs.join(', ')}) AS json FROM observations`, ({ json }) =>
    String(json),
  )
}

const columnsOf = (opened: OpenedEngine, table: string): readonly string[] =>
  opened.deps.store
    .read((tx) => tx.all<{ name: string }>(`SELECT name FROM pragma_table_info('${table}')`))
    .map(({ name }) => name)

/** Writes rows into an open database; one call for each transaction, rows in their order. */
type Inserter = {
  readonly rows: (rows: readonly Row[]) => void
  /** Once, behind the last transaction. */
  readonly end?: () => void
}

/** Of every file alike, ours too: see `open-database.ts`. */
const pragmas = [
  'journal_mode = WAL',
  'secure_delete = ON',
  'foreign_keys = ON',
  'synchronous = NORMAL',
  'wal_autocheckpoint = 0',
  `journal_size_limit = ${limits.walBytesForced / 2}`,
  'temp_store = MEMORY',
]

/**
 * Time of all rows into the file at `path`: as many in each transaction as a chunk holds, the log moved into the file by
 * the same rules as ours is. What reads the rows where they come from is not counted.
 */
async function insertedMs(
  from: OpenedEngine,
  path: string,
  transactions: readonly number[],
  inserter: (database: Database.Database) => Inserter,
): Promise<number> {
  const database = new Database(path)
  for (const pragma of pragmas) database.pragma(pragma)
  const insert = inserter(database)
  const connection = Connection.open(path, { access: 'read-write', busyTimeoutMs: 0 })
  const checkpointer = new Checkpointer({
    path,
    walBytesForced: limits.walBytesForced,
    connection: () => connection,
    random: systemRandom,
    failed: (error) => {
      throw error
    },
  })
  const transact = (work: () => void): number =>
    timed(() => {
      database.exec('BEGIN IMMEDIATE')
      work()
      database.exec('COMMIT')
      checkpointer.wrote(performance.now(), 0)
    })
  let [ms, read] = [0, 0]
  for (const count of transactions) {
    const rows = rowsBehind(from, read, count)
    read += count
    ms += transact(() => insert.rows(rows))
    await new Promise(setImmediate)
  }
  const { end } = insert
  if (end !== undefined) ms += transact(end)
  await checkpointer.stop()
  connection.close()
  database.close()
  return ms
}

const rowsBehind = (opened: OpenedEngine, id: number, count: number): readonly Row[] =>
  opened.deps.store.read((tx) => tx.all<Row>('SELECT * FROM observations WHERE id > ? ORDER BY id LIMIT ?', id, count))

export type BareImport = (from: OpenedEngine, path: string, transactions: readonly number[]) => Promise<number>

const twoColumns = 'CREATE TABLE o (id INTEGER PRIMARY KEY, title TEXT, content TEXT);'
const twoColumnsInsert = 'INSERT INTO o (title, content) VALUES (?, ?)'
const tokenizer = `tokenize='porter unicode61'`

/** Title and content into a table, and no index. */
export const plainInsert: BareImport = (from, path, transactions) =>
  insertedMs(from, path, transactions, (database) => {
    database.exec(twoColumns)
    const insert = database.prepare(twoColumnsInsert)
    return { rows: (rows) => rows.forEach(({ title, content }) => insert.run(title, content)) }
  })

/** The same, each row into a full-text index as it comes. */
export const insertAndWords: BareImport = (from, path, transactions) =>
  insertedMs(from, path, transactions, (database) => {
    database.exec(`${twoColumns} CREATE VIRTUAL TABLE f USING fts5 (title, content, content='', ${tokenizer})`)
    const insert = database.prepare(twoColumnsInsert)
    const words = database.prepare('INSERT INTO f (rowid, title, content) VALUES (?, ?, ?)')
    return {
      rows: (rows) =>
        rows.forEach(({ title, content }) => words.run(insert.run(title, content).lastInsertRowid, title, content)),
    }
  })

/** The same, the full-text index made of all rows when the last has come (G12). */
export const insertAndRebuild: BareImport = (from, path, transactions) =>
  insertedMs(from, path, transactions, (database) => {
    database.exec(`${twoColumns} CREATE VIRTUAL TABLE f USING fts5 (title, content, content='o', ${tokenizer})`)
    const insert = database.prepare(twoColumnsInsert)
    return {
      rows: (rows) => rows.forEach(({ title, content }) => insert.run(title, content)),
      end: () => database.exec(`INSERT INTO f (f) VALUES ('rebuild')`),
    }
  })

/**
 * All columns into our own tables with all their indexes, and the words of each row into our index of words: for a file
 * that an engine has made. Grams, which most rows have of their title, are left out.
 */
export const sameTables: BareImport = (from, path, transactions) =>
  insertedMs(from, path, transactions, (database) => {
    const columns = columnsOf(from, 'observations')
    const insert = insertInto(database, 'observations', columns)
    const words = database.prepare(
      `INSERT INTO observation_fts (rowid, facet, title, content, keys, before, after, day)
       VALUES (?, 'fp1 fsp', ?, ?, '', '', '', 'monday 5 january 2026')`,
    )
    const sessions = from.deps.store.read((tx) => tx.all<Row>('SELECT * FROM sessions'))
    const session = insertInto(database, 'sessions', columnsOf(from, 'sessions'))
    sessions.forEach((row) => session.run(row))
    return {
      rows: (rows) =>
        rows.forEach((row) => {
          insert.run(row)
          words.run(row['id'], row['title'], row['content'])
        }),
    }
  })

const insertInto = (database: Database.Database, table: string, columns: readonly string[]): Database.Statement =>
  database.prepare(
    `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map((name) => `@${name}`).join(', ')})`,
  )

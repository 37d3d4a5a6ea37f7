import Database from 'better-sqlite3'
import { type FileIdentity, fileStateOf } from '../platform/database-files.ts'
import type { RunResult, SqlValue } from './sql-value.ts'

/** Statements kept prepared per connection. */
const statementsMax = 500

/** The oldest SQLite without the WAL-reset defect that could corrupt a file written by several connections (P6). */
export const sqliteVersionFloor = '3.51.3'

type Statement = Database.Statement<SqlValue[]>

/** A statement and what its text says once for all. */
type Prepared = {
  readonly statement: Statement
  /** Its values have numbers: `?1`. */
  readonly isNumbered: boolean
}

/** The files this thread has open, once per connection. */
const openHere: FileIdentity[] = []

/** Whether a connection stands on the file: then nothing else of this process may open and close it. */
export const isOpenHere = (identity: FileIdentity): boolean => openHere.includes(identity)

export type OpenHow = {
  readonly access: 'read-write' | 'read-only'
  /** How long SQLite itself waits for a lock. */
  readonly busyTimeoutMs: number
}

/**
 * One SQLite connection: the only door to better-sqlite3.
 * - Statements are cached by their SQL text, least recently used first out.
 * - Whole numbers are bound as INTEGER (the driver would bind every number as REAL, so that `5 || ''` were `5.0`).
 * - Failures are the driver's; `failure.ts` gives them our codes.
 */
export class Connection {
  readonly #db: Database.Database
  readonly #statements = new Map<string, Prepared>()

  readonly #identity: FileIdentity | undefined

  private constructor(db: Database.Database, identity?: FileIdentity) {
    this.#db = db
    this.#identity = identity
    if (identity !== undefined) openHere.push(identity)
  }

  /** @param path absolute path of the file; it must exist */
  static open(path: string, how: OpenHow): Connection {
    const readonly = how.access === 'read-only'
    const db = new Database(path, { readonly, fileMustExist: true, timeout: how.busyTimeoutMs })
    return new Connection(db, fileStateOf(path)?.identity)
  }

  /** The bytes of a whole database file, WAL apart, as a database in memory. */
  static ofBytes(image: Uint8Array): Connection {
    const bytes = Buffer.from(image)
    bytes.fill(1, 18, 20) // no WAL: the versions of the format that may write and read it
    return new Connection(new Database(bytes, { readonly: true }))
  }

  get inTransaction(): boolean {
    return this.#db.inTransaction
  }

  get isOpen(): boolean {
    return this.#db.open
  }

  /** The first row, or undefined. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- who writes the SQL names the row's shape
  get<Row>(sql: string, values: readonly SqlValue[] = []): Row | undefined {
    const prepared = this.#prepare(sql)
    return rowsAs<Row | undefined>(prepared.statement.get(...bound(prepared, values)))
  }

  all<Row>(sql: string, values: readonly SqlValue[] = []): Row[] {
    const prepared = this.#prepare(sql)
    return rowsAs<Row[]>(prepared.statement.all(...bound(prepared, values)))
  }

  /** The first column of each row, for reads of many texts: no object is made around them. */
  column(sql: string, values: readonly SqlValue[] = []): unknown[] {
    const prepared = this.#prepare(sql)
    const statement = prepared.statement.pluck(true)
    try {
      return statement.all(...bound(prepared, values))
    } finally {
      statement.pluck(false)
    }
  }

  /** Rows as they come. The statement is out of the cache meanwhile, so the same SQL may run inside the loop. */
  *iterate<Row>(sql: string, values: readonly SqlValue[] = []): IterableIterator<Row> {
    const prepared = this.#prepare(sql)
    this.#statements.delete(sql)
    try {
      for (const row of prepared.statement.iterate(...bound(prepared, values))) yield rowsAs<Row>(row)
    } finally {
      if (!this.#statements.has(sql)) this.#keep(sql, prepared)
    }
  }

  run(sql: string, values: readonly SqlValue[] = []): RunResult {
    const prepared = this.#prepare(sql)
    const { statement } = prepared
    if (statement.reader) {
      const rows = statement.all(...bound(prepared, values))
      return { changes: rows.length, lastId: 0 }
    }
    const result = statement.run(...bound(prepared, values))
    return { changes: result.changes, lastId: Number(result.lastInsertRowid) }
  }

  /** Whether the statement leaves the database as it is. */
  readsOnly(sql: string): boolean {
    return this.#prepare(sql).statement.readonly
  }

  /** Several statements at once, without values. */
  exec(sql: string): void {
    this.#db.exec(sql)
  }

  /** A pragma's one value. */
  pragma(text: string): unknown {
    return this.#db.pragma(text, { simple: true })
  }

  /** Never throws: a connection that failed must still be put away. */
  close(): void {
    this.#statements.clear()
    if (this.#identity !== undefined && this.#db.open) openHere.splice(openHere.indexOf(this.#identity), 1)
    try {
      this.#db.close()
    } catch {
      // What could fail here (the last checkpoint) is made good by whoever opens the file next.
    }
  }

  #prepare(sql: string): Prepared {
    const known = this.#statements.get(sql)
    if (known === undefined) {
      const made: Prepared = { statement: this.#db.prepare(withOnePlan(sql)), isNumbered: isNumbered.test(sql) }
      this.#keep(sql, made)
      return made
    }
    if (this.#statements.size > statementsMax / 2) {
      this.#statements.delete(sql)
      this.#statements.set(sql, known)
    }
    return known
  }

  #keep(sql: string, prepared: Prepared): void {
    this.#statements.set(sql, prepared)
    if (this.#statements.size <= statementsMax) return
    const oldest = this.#statements.keys().next()
    if (oldest.done !== true) this.#statements.delete(oldest.value)
  }
}

/** SQLite's extended result code (`SQLITE_IOERR_FSYNC` …), or '' when the error is not SQLite's. */
export function sqliteCodeOf(error: unknown): string {
  return error instanceof Database.SqliteError ? error.code : ''
}

/** The version of the SQLite inside the driver. */
export function sqliteVersion(connection: Connection): string {
  return connection.get<{ version: string }>('SELECT sqlite_version() AS version')?.version ?? '0'
}

/** The one cast: what a statement answers has the shape that whoever wrote its SQL says it has. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters, typescript/no-unsafe-type-assertion -- see above
const rowsAs = <Shape>(rows: unknown): Shape => rows as Shape

const integerOf = (value: SqlValue): SqlValue =>
  typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value

/**
 * SQLite looks at the values of bare parameters when it chooses a plan, and then prepares such a statement anew for each run, which
 * costs as much as running it. Behind a plus, which changes nothing else, it does not look. No SQL of ours has a `?` in a text.
 */
const withOnePlan = (sql: string): string => sql.replaceAll('?', '+?')

/** `?1` may stand several times: the driver takes such values by name, those of plain `?` by place. */
const isNumbered = /\?\d/

function bound(prepared: Prepared, values: readonly SqlValue[]): SqlValue[] {
  const integers = values.map(integerOf)
  if (values.length === 0 || !prepared.isNumbered) return integers
  // The driver's types know named values only as one object; it takes the object in the place of a list.
  return [Object.fromEntries(integers.map((value, index) => [index + 1, value])) as unknown as SqlValue]
}

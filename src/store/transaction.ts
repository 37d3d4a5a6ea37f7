import { EngramError } from '../model/errors.ts'
import type { Connection } from './driver.ts'
import type { RunResult, SqlValue } from './sql-value.ts'

/**
 * One snapshot.
 * - Dead once its callback has returned: every method then throws.
 * - A statement that would write throws.
 * - `iterate` must be read to its end or left by `break` inside the callback; while it stands open, nothing can be
 *   written on this connection: collect with `all` before writing.
 */
export interface ReadTx {
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- who writes the SQL names the row's shape
  get<Row>(sql: string, ...values: SqlValue[]): Row | undefined
  all<Row>(sql: string, ...values: SqlValue[]): Row[]
  /** The first column of each row, which must be TEXT. */
  texts(sql: string, ...values: SqlValue[]): string[]
  iterate<Row>(sql: string, ...values: SqlValue[]): IterableIterator<Row>
}

/** A snapshot that may be changed; what it changed is seen by its own reads at once, by others after the commit. */
export interface WriteTx extends ReadTx {
  run(sql: string, ...values: SqlValue[]): RunResult
}

/** A callback of a transaction returns its result itself, never a promise of it: inside a transaction nothing waits. */
export type NotPromise<T> = T extends PromiseLike<unknown> ? never : T

/** The one implementation of both ports; `Store` hands it out and ends it. */
export class Transaction implements WriteTx {
  readonly #connection: Connection
  readonly #mayWrite: boolean
  readonly #iterators = new Set<IterableIterator<unknown>>()
  #isOver = false

  constructor(connection: Connection, mayWrite: boolean) {
    this.#connection = connection
    this.#mayWrite = mayWrite
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as above
  get<Row>(sql: string, ...values: SqlValue[]): Row | undefined {
    this.#admit(sql)
    return this.#connection.get<Row>(sql, values)
  }

  all<Row>(sql: string, ...values: SqlValue[]): Row[] {
    this.#admit(sql)
    return this.#connection.all<Row>(sql, values)
  }

  texts(sql: string, ...values: SqlValue[]): string[] {
    this.#admit(sql)
    return this.#connection.column(sql, values) as string[]
  }

  iterate<Row>(sql: string, ...values: SqlValue[]): IterableIterator<Row> {
    this.#admit(sql)
    const rows = this.#connection.iterate<Row>(sql, values)
    this.#iterators.add(rows)
    return rows
  }

  run(sql: string, ...values: SqlValue[]): RunResult {
    this.#admit(sql)
    return this.#connection.run(sql, values)
  }

  /** Closes what stands open; from here on the object refuses everything. */
  end(): void {
    this.#isOver = true
    for (const rows of this.#iterators) rows.return?.()
    this.#iterators.clear()
  }

  #admit(sql: string): void {
    if (this.#isOver) throw new EngramError('internal', 'A transaction was used after its callback had returned.')
    if (this.#mayWrite || this.#connection.readsOnly(sql)) return
    throw new EngramError('internal', 'A statement that writes was given to a read transaction; use Store.write.')
  }
}

/** The run-time half of {@link NotPromise}, for callers whose types were lost. */
export function refusePromise(result: unknown): void {
  const isPromise =
    typeof result === 'object' && result !== null && 'then' in result && typeof result.then === 'function'
  if (!isPromise) return
  Promise.resolve(result).catch(() => undefined)
  throw new EngramError('internal', 'A transaction callback returned a promise; it must return its result itself.')
}

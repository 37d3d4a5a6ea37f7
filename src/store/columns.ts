import type { SqlValue } from './sql-value.ts'
import type { WriteTx } from './transaction.ts'

/** The SQL of one table, made once from its list of columns: constant text, no value ever inside. */
export type TableSql<Row> = {
  readonly insert: string
  readonly update: string
  readonly values: (row: Row) => SqlValue[]
}

/**
 * `columns` are all columns but the key, in one order for insert and update. `update` sets them all where `key` equals
 * its last value.
 */
export function tableSql<Row extends Readonly<Record<string, SqlValue>>>(
  table: string,
  key: string,
  columns: readonly (keyof Row & string)[],
): TableSql<Pick<Row, (typeof columns)[number]>> {
  const marks = columns.map(() => '?').join(', ')
  return {
    // A failure ends the savepoint of the whole save, so the statement needs no journal of its own.
    insert: `INSERT OR FAIL INTO ${table} (${columns.map(quoted).join(', ')}) VALUES (${marks})`,
    update: `UPDATE ${table} SET ${columns.map((column) => `${quoted(column)} = ?`).join(', ')} WHERE ${key} = ?`,
    values: (row) => columns.map((column) => row[column] ?? null),
  }
}

/** `offset` and `day` are also words of SQL. */
const quoted = (column: string): string => `"${column}"`

/** Adds to a counter of today (UTC day of `at`). */
export function countToday(tx: WriteTx, name: string, at: string, value: number): void {
  if (value === 0) return
  tx.run(
    `INSERT INTO daily_counts (day, name, value) VALUES (?, ?, ?)
     ON CONFLICT (day, name) DO UPDATE SET value = value + excluded.value`,
    at.slice(0, 10),
    name,
    value,
  )
}

import { type Connection, sqliteCodeOf } from './driver.ts'

/** Beginning and undoing a write, with an answer instead of an error where another process is first. */

/** Takes SQLite's write lock as soon as the busy timeout allows; false when another process holds it. */
export function beginImmediate(connection: Connection): boolean {
  try {
    connection.run('BEGIN IMMEDIATE')
    return true
  } catch (error) {
    if (isBusy(error)) return false
    throw error
  }
}

/** Another process holds the lock that was wanted. */
export const isBusy = (error: unknown): boolean => sqliteCodeOf(error).startsWith('SQLITE_BUSY')

/** Where a transaction is open; a failure of its own is not told. */
export function rollBack(connection: Connection): void {
  try {
    if (connection.inTransaction) connection.run('ROLLBACK')
  } catch {
    // The failure that led here is the one to report.
  }
}

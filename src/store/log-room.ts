import { bytesFreeBeside, growLog } from '../platform/database-files.ts'
import { beginImmediate, rollBack } from './begin.ts'
import type { Connection } from './driver.ts'

/** Room is taken beforehand only where so many times as much is free. */
const freeShareWanted = 16

/**
 * Makes the write-ahead log of a database so long at once: an fsync of a file that grows writes its length and its new
 * blocks too, and takes twice as long. A matter of speed alone: beside a writer, or without room, it grows as it is written.
 */
export function makeLogReady(connection: Connection, path: string, bytes: number): void {
  if (bytesFreeBeside(path) < bytes * freeShareWanted) return
  const before = Number(connection.pragma('busy_timeout'))
  try {
    connection.pragma('busy_timeout = 0')
    if (beginImmediate(connection)) growLog(`${path}-wal`, bytes)
  } catch {
    // As above.
  } finally {
    rollBack(connection)
    connection.pragma(`busy_timeout = ${before}`)
  }
}

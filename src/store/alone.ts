import { fileStateOf } from '../platform/database-files.ts'
import { databaseKindOf } from './database-kind.ts'
import { Connection, isOpenHere } from './driver.ts'

/**
 * Whether nobody has the database open: only its one connection may leave WAL mode. To be asked before it is opened; who
 * opens it next puts the mode back. In doubt somebody is there.
 */
export function isAlone(path: string): boolean {
  const state = fileStateOf(path)
  if (state === null) return true
  if (isOpenHere(state.identity) || databaseKindOf(path).kind !== 'ours') return false
  try {
    const connection = Connection.open(path, { access: 'read-write', busyTimeoutMs: 0 })
    try {
      return connection.pragma('journal_mode = DELETE') === 'delete'
    } finally {
      connection.close()
    }
  } catch {
    return false
  }
}

import Database from 'better-sqlite3'

/** A table of texts as plain SQLite keeps it: a log of its own, no index, nothing folded while it is measured. */
export function bareLog(path: string, durability: 'full' | 'normal'): Database.Database {
  const database = new Database(path)
  database.pragma('journal_mode = WAL')
  database.pragma(`synchronous = ${durability}`)
  database.pragma('wal_autocheckpoint = 0')
  database.exec('CREATE TABLE rows (id INTEGER PRIMARY KEY, body TEXT)')
  return database
}

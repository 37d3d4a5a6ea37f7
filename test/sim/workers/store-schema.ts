import type { Migration } from '../../../src/store/migrate.ts'

/** The table that the store's simulations write: who wrote it, the writer's own count, some text. */
export const simulationMigrations: readonly Migration[] = [
  {
    version: 1,
    name: 'entries',
    up: (db) => {
      db.exec(
        'CREATE TABLE entries (id INTEGER PRIMARY KEY, writer INTEGER NOT NULL, n INTEGER NOT NULL, body TEXT NOT NULL)',
      )
      db.exec('CREATE UNIQUE INDEX entries_by_writer ON entries (writer, n)')
    },
  },
]

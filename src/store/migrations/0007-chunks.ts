import type { Migration } from '../migrate.ts'

/**
 * What is known of remotes: how far each was told of our changes (CHK-501), which changes came from it and are not given
 * back (CHK-612), and every chunk seen (CHK-601).
 */
export const chunks: Migration = {
  version: 7,
  name: 'chunks',
  up: (database) => {
    database.exec(`
      CREATE TABLE remotes (
        name TEXT PRIMARY KEY, last_written TEXT, last_read TEXT, updated_at TEXT NOT NULL
      ) WITHOUT ROWID;
      CREATE TABLE remote_cursors (
        remote TEXT NOT NULL, selection TEXT NOT NULL, cursor INTEGER NOT NULL,
        PRIMARY KEY (remote, selection)
      ) WITHOUT ROWID;
      CREATE TABLE remote_heard (
        remote TEXT NOT NULL, from_seq INTEGER NOT NULL, to_seq INTEGER NOT NULL,
        PRIMARY KEY (remote, from_seq)
      ) WITHOUT ROWID;
      CREATE TABLE chunk_index (
        remote TEXT NOT NULL,
        id TEXT NOT NULL,
        hash TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT NOT NULL,
        mark TEXT NOT NULL,
        first_seen TEXT NOT NULL,
        imported_at TEXT,
        PRIMARY KEY (remote, id, hash)
      ) WITHOUT ROWID;
      CREATE INDEX chunk_index_by_hash ON chunk_index (hash) WHERE hash <> '';
    `)
  },
}

import type { Migration } from '../migrate.ts'

const tokenizer = `tokenize="porter unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"`

/**
 * Words of work units and of archived messages, asked as those of memories are (RET-101). All rows are derived: units are
 * read again from the log's beginning, conversations when they are first searched. `source` numbers are those of
 * `transcript_sources`; no text of a message stands here but its words.
 */
export const kinds: Migration = {
  version: 8,
  name: 'kinds',
  up: (database) => {
    database.exec(`
      DROP TABLE unit_fts;
      CREATE VIRTUAL TABLE unit_fts USING fts5 (
        facet, text, meta, before, day, grams, content='', contentless_delete=1, ${tokenizer}
      );
      UPDATE log_meta SET value = '0' WHERE key = 'indexed';
      CREATE VIRTUAL TABLE transcript_fts USING fts5 (
        facet, text, before, day, grams, content='', contentless_delete=1, ${tokenizer}
      );
      CREATE TABLE transcript_sources (
        number INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        begun_at TEXT NOT NULL,
        stamp TEXT NOT NULL,
        project TEXT NOT NULL,
        named_project TEXT NOT NULL,
        session_id TEXT NOT NULL,
        position INTEGER NOT NULL,
        is_read INTEGER NOT NULL
      );
      CREATE TABLE transcript_messages (
        id INTEGER PRIMARY KEY,
        source INTEGER NOT NULL,
        position INTEGER NOT NULL,
        role TEXT NOT NULL,
        created_at TEXT NOT NULL,
        hash TEXT NOT NULL
      );
      CREATE UNIQUE INDEX transcript_messages_by_place ON transcript_messages (source, position);
    `)
  },
}

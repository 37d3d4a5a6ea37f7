import type { Migration } from '../migrate.ts'

/**
 * The log of contexts, and locks (COL-203). A row of `log` is the event; `contexts` holds what PATCH changes. Rows of `locks`
 * are never deleted: they keep the last fencing token and how the last lease ended.
 */
export const live: Migration = {
  version: 6,
  name: 'live',
  up: (database) => {
    database.exec(`
      CREATE TABLE log_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
      INSERT INTO log_meta (key, value) VALUES
        ('epoch', CAST(unixepoch() AS TEXT)), ('token_floor', '0'), ('wall_ms', '0'), ('indexed', '0');
      CREATE TABLE contexts (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        display_name TEXT NOT NULL,
        status TEXT NOT NULL,
        version INTEGER NOT NULL,
        agent_ids TEXT NOT NULL,
        pinned_units TEXT NOT NULL,
        meta TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        updated_ms INTEGER NOT NULL,
        created_by TEXT NOT NULL
      );
      CREATE INDEX contexts_by_updated ON contexts (updated_ms, number);
      CREATE TABLE log (
        gseq INTEGER PRIMARY KEY,
        context INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        ts_ms INTEGER NOT NULL,
        agent_id TEXT NOT NULL,
        unit_id TEXT,
        unit_type INTEGER,
        body TEXT NOT NULL
      );
      CREATE UNIQUE INDEX log_by_context ON log (context, seq);
      CREATE UNIQUE INDEX log_by_unit ON log (unit_id) WHERE unit_id IS NOT NULL;
      CREATE TABLE unit_relations (
        source INTEGER NOT NULL, ordinal INTEGER NOT NULL, target_id TEXT NOT NULL, type INTEGER NOT NULL,
        PRIMARY KEY (source, ordinal)
      ) WITHOUT ROWID;
      CREATE INDEX unit_relations_by_target ON unit_relations (target_id);
      CREATE TABLE locks (
        resource_path TEXT PRIMARY KEY,
        lock_id TEXT NOT NULL,
        holder TEXT NOT NULL,
        token INTEGER NOT NULL,
        state TEXT NOT NULL,
        ttl_ms INTEGER NOT NULL,
        acquired_ms INTEGER NOT NULL,
        expires_ms INTEGER NOT NULL,
        boot_id TEXT NOT NULL,
        deadline_ms INTEGER NOT NULL,
        context_id TEXT,
        meta TEXT NOT NULL
      ) WITHOUT ROWID;
      CREATE INDEX locks_held_by ON locks (holder) WHERE state = 'held';
      CREATE TABLE idempotency (
        agent_id TEXT NOT NULL,
        operation TEXT NOT NULL,
        key TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        answer TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        PRIMARY KEY (agent_id, operation, key)
      ) WITHOUT ROWID;
      CREATE INDEX idempotency_by_age ON idempotency (at_ms);
      CREATE VIRTUAL TABLE unit_fts USING fts5 (
        words, grams,
        content='', contentless_delete=1, tokenize="unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"
      );
    `)
  },
}

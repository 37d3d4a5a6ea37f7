import type { Migration } from '../migrate.ts'

/** What is known of agents' transcript files (ING-INC-1, ING-INC-5) and what must not come back (ING-EXT-10). */
export const ingest: Migration = {
  version: 3,
  name: 'ingest',
  up: (database) => {
    database.exec(`
      CREATE TABLE ingest_sources (
        number INTEGER PRIMARY KEY,
        path TEXT NOT NULL UNIQUE,
        agent TEXT NOT NULL,
        session_id TEXT NOT NULL,
        transcript_key TEXT NOT NULL,
        project TEXT NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns TEXT NOT NULL,
        inode TEXT NOT NULL,
        "offset" INTEGER NOT NULL,
        line INTEGER NOT NULL,
        head_hash TEXT NOT NULL,
        head_bytes INTEGER NOT NULL,
        tail_hash TEXT NOT NULL,
        extract_offset INTEGER NOT NULL,
        llm_offset INTEGER NOT NULL,
        archive_position INTEGER NOT NULL,
        reader_version INTEGER NOT NULL,
        extractor_version INTEGER NOT NULL,
        records INTEGER NOT NULL,
        bad_lines INTEGER NOT NULL,
        unknown_records INTEGER NOT NULL,
        last_id TEXT NOT NULL,
        reader_state TEXT NOT NULL,
        last_error TEXT NOT NULL,
        updated_at TEXT NOT NULL
      );
      CREATE TABLE ingest_seen (
        agent TEXT NOT NULL, id BLOB NOT NULL, source INTEGER NOT NULL,
        PRIMARY KEY (agent, id)
      ) WITHOUT ROWID;
      CREATE INDEX ingest_seen_by_source ON ingest_seen (source);
      CREATE TABLE ingest_suppressed (fingerprint TEXT PRIMARY KEY, at TEXT NOT NULL) WITHOUT ROWID;
      CREATE TABLE llm_usage (
        day TEXT PRIMARY KEY, calls INTEGER NOT NULL, tokens INTEGER NOT NULL
      ) WITHOUT ROWID;
    `)
  },
}

import type { Migration } from '../migrate.ts'

/**
 * The records of memory and what their merging needs. Times are text as they travel (MEM-202); `change_seq` is the value
 * of one counter when the record last changed (MEM-109); `hlc` orders changes across machines (MEM-503).
 * The current version of an observation stands in its own row; `observation_versions` holds older states and, with
 * `head = 1`, versions that no other known version contains (MEM-504).
 */
export const records: Migration = {
  version: 1,
  name: 'records',
  up: (database) => {
    database.exec(`
      CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
      INSERT INTO meta (key, value) VALUES
        ('change_seq', '0'), ('hlc', '0000000000000000'), ('origin', lower(hex(randomblob(8))));

      CREATE TABLE projects (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        merged_into TEXT,
        created_at TEXT NOT NULL
      );
      CREATE TABLE project_bindings (
        kind TEXT NOT NULL, value TEXT NOT NULL, name TEXT NOT NULL,
        PRIMARY KEY (kind, value)
      ) WITHOUT ROWID;

      CREATE TABLE sessions (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        project TEXT NOT NULL DEFAULT '',
        ownership_mode TEXT NOT NULL DEFAULT 'shared',
        directory TEXT NOT NULL DEFAULT '',
        started_at TEXT NOT NULL,
        ended_at TEXT,
        summary TEXT,
        summary_by TEXT,
        agent TEXT,
        ended_by TEXT,
        isolated INTEGER NOT NULL DEFAULT 0,
        lease_until_ms INTEGER NOT NULL DEFAULT 0,
        agent_pid INTEGER,
        last_activity_ms INTEGER NOT NULL DEFAULT 0,
        hlc TEXT NOT NULL,
        origin TEXT NOT NULL,
        change_seq INTEGER NOT NULL
      );
      CREATE INDEX sessions_by_change ON sessions (change_seq);
      CREATE INDEX sessions_by_project ON sessions (project, started_at);
      CREATE INDEX sessions_open ON sessions (ended_at, project) WHERE ended_at IS NULL;

      CREATE TABLE observations (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        sync_id TEXT NOT NULL UNIQUE,
        session_id TEXT NOT NULL REFERENCES sessions (id) ON UPDATE CASCADE,
        type TEXT NOT NULL,
        title TEXT NOT NULL,
        content TEXT NOT NULL,
        tool_name TEXT,
        project TEXT,
        scope TEXT NOT NULL,
        topic_key TEXT,
        normalized_hash TEXT NOT NULL,
        revision_count INTEGER NOT NULL DEFAULT 1,
        duplicate_count INTEGER NOT NULL DEFAULT 1,
        last_seen_at TEXT,
        review_after TEXT,
        expires_at TEXT,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        deleted_at TEXT,
        pinned INTEGER NOT NULL DEFAULT 0,
        author TEXT,
        confidence REAL,
        provenance TEXT,
        version TEXT NOT NULL,
        ancestors TEXT NOT NULL DEFAULT '[]',
        hlc TEXT NOT NULL,
        origin TEXT NOT NULL,
        change_seq INTEGER NOT NULL
      );
      CREATE INDEX observations_by_change ON observations (change_seq);
      CREATE INDEX observations_by_session ON observations (session_id, created_at, hlc, id);
      CREATE INDEX observations_by_project ON observations (project, deleted_at, created_at);
      CREATE INDEX observations_by_hash ON observations (normalized_hash, project);
      CREATE INDEX observations_by_topic ON observations (topic_key, project, scope) WHERE topic_key IS NOT NULL;
      CREATE INDEX observations_by_created ON observations (created_at);
      CREATE INDEX observations_global ON observations (created_at) WHERE scope = 'global';
      CREATE INDEX observations_pinned ON observations (created_at) WHERE pinned = 1;
      CREATE INDEX observations_due ON observations (review_after) WHERE review_after IS NOT NULL;
      CREATE INDEX observations_expiring ON observations (expires_at) WHERE expires_at IS NOT NULL;
      CREATE INDEX observations_extracted ON observations (id) WHERE provenance IS NOT NULL;

      CREATE TABLE observation_versions (
        number INTEGER PRIMARY KEY,
        sync_id TEXT NOT NULL,
        version TEXT NOT NULL,
        parents TEXT NOT NULL,
        ancestors TEXT NOT NULL DEFAULT '[]',
        fingerprint TEXT NOT NULL,
        snapshot TEXT NOT NULL,
        hlc TEXT NOT NULL,
        origin TEXT NOT NULL,
        head INTEGER NOT NULL DEFAULT 0,
        captured_at TEXT NOT NULL,
        UNIQUE (sync_id, version)
      );
      CREATE INDEX observation_versions_heads ON observation_versions (sync_id) WHERE head = 1;

      CREATE TABLE observation_conflicts (
        id TEXT PRIMARY KEY,
        kind TEXT NOT NULL,
        sync_id TEXT NOT NULL,
        other_sync_id TEXT,
        project TEXT,
        heads TEXT NOT NULL,
        remote TEXT,
        detected_at TEXT NOT NULL,
        settled_version TEXT,
        settled_at TEXT,
        settled_by TEXT
      ) WITHOUT ROWID;
      CREATE INDEX observation_conflicts_open ON observation_conflicts (sync_id) WHERE settled_at IS NULL;
      CREATE INDEX observation_conflicts_other ON observation_conflicts (other_sync_id) WHERE settled_at IS NULL;

      CREATE TABLE prompts (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        sync_id TEXT NOT NULL UNIQUE,
        session_id TEXT NOT NULL REFERENCES sessions (id) ON UPDATE CASCADE,
        content TEXT NOT NULL,
        project TEXT,
        source_inbox_id TEXT,
        author TEXT,
        created_at TEXT NOT NULL,
        hlc TEXT NOT NULL,
        origin TEXT NOT NULL,
        change_seq INTEGER NOT NULL
      );
      CREATE INDEX prompts_by_change ON prompts (change_seq);
      CREATE INDEX prompts_by_session ON prompts (session_id, created_at);
      CREATE INDEX prompts_by_project ON prompts (project, created_at);
      CREATE INDEX prompts_by_created ON prompts (created_at);
      CREATE UNIQUE INDEX prompts_by_inbox ON prompts (session_id, source_inbox_id) WHERE source_inbox_id IS NOT NULL;

      CREATE TABLE relations (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        sync_id TEXT NOT NULL UNIQUE,
        source_id TEXT NOT NULL,
        target_id TEXT NOT NULL,
        relation TEXT NOT NULL,
        reason TEXT,
        evidence TEXT,
        confidence REAL,
        judgment_status TEXT NOT NULL,
        marked_by_actor TEXT,
        marked_by_kind TEXT,
        marked_by_model TEXT,
        session_id TEXT,
        author TEXT,
        superseded_at TEXT,
        superseded_by_relation_sync_id TEXT,
        project TEXT NOT NULL DEFAULT '',
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        hlc TEXT NOT NULL,
        origin TEXT NOT NULL,
        change_seq INTEGER NOT NULL
      );
      CREATE INDEX relations_by_change ON relations (change_seq);
      CREATE INDEX relations_by_source ON relations (source_id);
      CREATE INDEX relations_by_target ON relations (target_id);
      CREATE INDEX relations_by_project ON relations (project, updated_at);
      CREATE INDEX relations_pending ON relations (updated_at) WHERE judgment_status = 'pending';

      CREATE TABLE tombstones (
        entity TEXT NOT NULL,
        entity_key TEXT NOT NULL,
        project TEXT,
        session_id TEXT,
        source_inbox_id TEXT,
        deleted_at TEXT NOT NULL,
        hard INTEGER NOT NULL,
        hlc TEXT NOT NULL,
        origin TEXT NOT NULL,
        change_seq INTEGER NOT NULL,
        PRIMARY KEY (entity, entity_key)
      ) WITHOUT ROWID;
      CREATE INDEX tombstones_by_change ON tombstones (change_seq);

      CREATE TABLE deferred (
        sync_id TEXT PRIMARY KEY,
        entity TEXT NOT NULL,
        payload TEXT NOT NULL,
        apply_status TEXT NOT NULL,
        retry_count INTEGER NOT NULL DEFAULT 0,
        last_error TEXT NOT NULL DEFAULT '',
        last_attempted_at TEXT NOT NULL,
        first_seen_at TEXT NOT NULL
      ) WITHOUT ROWID;

      CREATE TABLE save_operations (
        operation_id TEXT PRIMARY KEY,
        fingerprint TEXT NOT NULL,
        sync_id TEXT NOT NULL,
        result TEXT NOT NULL,
        at_ms INTEGER NOT NULL
      ) WITHOUT ROWID;
      CREATE INDEX save_operations_by_time ON save_operations (at_ms);

      CREATE TABLE leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until_ms INTEGER NOT NULL) WITHOUT ROWID;

      CREATE TABLE daily_counts (
        day TEXT NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL,
        PRIMARY KEY (day, name)
      ) WITHOUT ROWID;
    `)
  },
}

import type { Migration } from '../migrate.ts'

/**
 * What a process did for others in line and could not hand over yet (ADR 16): rows live for a moment. And the kept states that have
 * text, so that an edit costs the same however many there were before it (MEM-510).
 */
export const sharedWrites: Migration = {
  version: 9,
  name: 'shared-writes',
  up: (database) => {
    database.exec(`
      CREATE TABLE shared_writes (
        ticket TEXT PRIMARY KEY,
        at_ms INTEGER NOT NULL,
        answer TEXT NOT NULL
      ) WITHOUT ROWID;
      CREATE INDEX observation_versions_kept ON observation_versions (sync_id, hlc DESC, version DESC) WHERE snapshot <> '';`)
  },
}

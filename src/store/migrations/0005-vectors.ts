import type { Migration } from '../migrate.ts'

/**
 * Vectors of records (RET-604), derived like every index row. `signs` stands in an index of its own, so that a scan reads
 * 48 bytes of a record and not its 1,536. What leaves or changes takes its vector along in the same transaction, whoever
 * writes: no search by meaning ever stands on a text that is gone.
 */
export const vectors: Migration = {
  version: 5,
  name: 'vectors',
  up: (database) => {
    database.exec(`
      CREATE TABLE vectors (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL, record_id INTEGER NOT NULL, model TEXT NOT NULL,
        text_hash BLOB NOT NULL, signs BLOB NOT NULL, vec BLOB NOT NULL,
        UNIQUE (kind, record_id)
      );
      CREATE INDEX vectors_by_signs ON vectors (kind, model, seq, record_id, signs);
      CREATE TRIGGER vector_of_deleted_observation AFTER DELETE ON observations
      BEGIN DELETE FROM vectors WHERE kind = 'observation' AND record_id = OLD.id; END;
      CREATE TRIGGER vector_of_changed_observation AFTER UPDATE OF title, content, deleted_at ON observations
      WHEN NEW.deleted_at IS NOT NULL OR NEW.title IS NOT OLD.title OR NEW.content IS NOT OLD.content
      BEGIN DELETE FROM vectors WHERE kind = 'observation' AND record_id = OLD.id; END;
    `)
  },
}

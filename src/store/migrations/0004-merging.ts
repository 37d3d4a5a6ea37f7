import type { Migration } from '../migrate.ts'

/**
 * Merging of index segments belongs to us (RET-106): FTS5's own gathers it, and some saves then take tens of
 * milliseconds. Where nobody merges, a level of `crisismerge` segments is still merged by whoever writes.
 */
export const merging: Migration = {
  version: 4,
  name: 'merging',
  up: (database) => {
    for (const table of ['observation_fts', 'observation_grams', 'prompt_fts']) {
      database.exec(`
        INSERT INTO ${table} (${table}, rank) VALUES ('automerge', 0);
        INSERT INTO ${table} (${table}, rank) VALUES ('crisismerge', 64);
      `)
    }
  },
}

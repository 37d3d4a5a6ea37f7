import type { Migration } from '../migrate.ts'

/**
 * Words of one transaction make one segment of an index, however many records come with a chunk (RET-106). FTS5 cuts
 * them at 1 MiB by itself; 64 such segments are then merged by whoever happens to write, which takes half a second.
 */
export const largerSegments: Migration = {
  version: 10,
  name: 'larger-segments',
  up: (database) => {
    for (const table of ['observation_fts', 'observation_grams']) {
      database.exec(`INSERT INTO ${table} (${table}, rank) VALUES ('hashsize', ${8 * 1024 * 1024})`)
    }
  },
}

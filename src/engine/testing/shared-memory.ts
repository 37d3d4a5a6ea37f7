import type { Backup } from '../../api/backup.ts'

type Fields = Readonly<Record<string, unknown>>

/**
 * The backup export without what is local by nature (CHK-1206): every machine that has heard of everything must give the
 * same, byte for byte. Left out are
 *   - numbers of rows, who exports and when, pins, names of merged projects;
 *   - when and whence something was seen here: `captured_at`, `detected_at`, `remote`;
 *   - states nobody tells of: kept ones that are no head, conflicts that are settled, edits a delete did not know of;
 *   - of a relation that lost an end, all but its name and its ends, and the whole of one that was never told.
 * @param told names of the relations that were told to anybody
 */
export function sharedMemory({ ext, ...lists }: Backup, told: ReadonlySet<string>): string {
  const alive = new Set<unknown>(lists.observations.map((row) => row.sync_id))
  const shared = {
    sessions: lists.sessions,
    observations: lists.observations.map((row) => without({ ...row }, 'id', 'pinned')),
    prompts: lists.prompts.map((row) => without({ ...row }, 'id')),
    relations: (lists.relations ?? []).flatMap((row): readonly object[] => {
      if (row.judgment_status !== 'orphaned') return [row]
      return told.has(row.sync_id) ? [{ orphaned: row.sync_id, source: row.source_id, target: row.target_id }] : []
    }),
    prompt_tombstones: lists.prompt_tombstones,
    heads: rowsIn(ext?.['versions']).flatMap((row) =>
      row['head'] === true && alive.has(row['sync_id']) ? [sharedHead(row)] : [],
    ),
    conflicts: rowsIn(ext?.['conflicts']).flatMap((row) =>
      row['settled_at'] === null && row['kind'] !== 'edited_after_delete'
        ? [without(row, 'detected_at', 'remote')]
        : [],
    ),
    tombstones: ext?.['tombstones'],
    waiting: rowsIn(ext?.['deferred'])
      .map((row) => String(row['sync_id']))
      .sort(),
  }
  return JSON.stringify(shared, null, 1)
}

/** The counters in it are those of the record at the time it was kept. */
const sharedHead = (row: Fields): Fields => ({
  ...without(row, 'captured_at'),
  snapshot: rowsIn([row['snapshot']]).map((snapshot) => without(snapshot, 'revision_count')),
})

const rowsIn = (list: unknown): readonly Fields[] =>
  (Array.isArray(list) ? list : []).filter((row): row is Fields => typeof row === 'object' && row !== null)

const without = (row: Fields, ...keys: readonly string[]): Fields =>
  Object.fromEntries(Object.entries(row).filter(([key]) => !keys.includes(key)))

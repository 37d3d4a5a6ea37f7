import type { ObservationRow, VersionRow } from './rows.ts'
import type { ReadTx, WriteTx } from './transaction.ts'

/** What of an observation one version fixes, and what is shown with it; counters and pins are the record's. */
export type Snapshot = Pick<
  ObservationRow,
  | 'session_id'
  | 'type'
  | 'title'
  | 'content'
  | 'tool_name'
  | 'project'
  | 'scope'
  | 'topic_key'
  | 'normalized_hash'
  | 'review_after'
  | 'expires_at'
  | 'deleted_at'
  | 'author'
  | 'confidence'
  | 'provenance'
  | 'revision_count'
  | 'created_at'
  | 'updated_at'
>

/** Exactly the fields of a snapshot, so that nothing local is kept with a version. */
export const snapshotOf = (row: Snapshot): Snapshot => ({
  session_id: row.session_id,
  type: row.type,
  title: row.title,
  content: row.content,
  tool_name: row.tool_name,
  project: row.project,
  scope: row.scope,
  topic_key: row.topic_key,
  normalized_hash: row.normalized_hash,
  review_after: row.review_after,
  expires_at: row.expires_at,
  deleted_at: row.deleted_at,
  author: row.author,
  confidence: row.confidence,
  provenance: row.provenance,
  revision_count: row.revision_count,
  created_at: row.created_at,
  updated_at: row.updated_at,
})

/** The state a version row holds, or null once it is pruned. We wrote it ourselves. */
export const parseSnapshot = (json: string): Snapshot | null => (json === '' ? null : (JSON.parse(json) as Snapshot))

/** Names of versions as a row carries them; anything unreadable counts as none. */
export function parseNames(json: string): readonly string[] {
  const parsed: unknown = JSON.parse(json)
  return Array.isArray(parsed) ? parsed.filter((name): name is string => typeof name === 'string') : []
}

export type KeepOptions = {
  /** How many snapshots of one observation stay (MEM-510). */
  readonly keep: number
  readonly capturedAt: string
  /** No other known version contains it. */
  readonly head?: boolean
  /** Its parents, where they are known; else its nearest ancestor. */
  readonly parents?: readonly string[]
  /** MEM-501 */
  readonly fingerprint: string
}

/**
 * Keeps the present state of a row as a version: call it with the row as it was before an edit (MEM-510). Of more than
 * `keep` snapshots the oldest are emptied, never one an open conflict may need.
 */
export function keepVersion(tx: WriteTx, row: ObservationRow, options: KeepOptions): void {
  putVersion(tx, {
    sync_id: row.sync_id,
    version: row.version,
    parents: JSON.stringify(options.parents ?? parseNames(row.ancestors).slice(0, 1)),
    ancestors: row.ancestors,
    fingerprint: options.fingerprint,
    snapshot: JSON.stringify(snapshotOf(row)),
    hlc: row.hlc,
    origin: row.origin,
    head: options.head === true ? 1 : 0,
    captured_at: options.capturedAt,
  })
  pruneVersions(tx, row.sync_id, options.keep)
}

/** Writes a version, or brings a known one up to date; what is known of it is not forgotten. */
export function putVersion(tx: WriteTx, row: Omit<VersionRow, 'number'>): void {
  tx.run(
    `INSERT INTO observation_versions
       (sync_id, version, parents, ancestors, fingerprint, snapshot, hlc, origin, head, captured_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (sync_id, version) DO UPDATE SET
       parents = CASE WHEN excluded.parents = '[]' THEN parents ELSE excluded.parents END,
       ancestors = CASE WHEN excluded.ancestors = '[]' THEN ancestors ELSE excluded.ancestors END,
       fingerprint = CASE WHEN excluded.fingerprint = '' THEN fingerprint ELSE excluded.fingerprint END,
       snapshot = CASE WHEN excluded.snapshot = '' THEN snapshot ELSE excluded.snapshot END,
       hlc = max(hlc, excluded.hlc),
       origin = CASE WHEN (excluded.hlc, excluded.origin) > (hlc, origin) THEN excluded.origin ELSE origin END,
       head = excluded.head`,
    row.sync_id,
    row.version,
    row.parents,
    row.ancestors,
    row.fingerprint,
    row.snapshot,
    row.hlc,
    row.origin,
    row.head,
    row.captured_at,
  )
}

/** A pruned row keeps its name and parents; its text and far ancestors go. Only those that still have text are looked at. */
function pruneVersions(tx: WriteTx, syncId: string, keep: number): void {
  tx.run(
    `UPDATE observation_versions SET snapshot = '', ancestors = '[]'
     WHERE head = 0 AND number IN (
       SELECT number FROM observation_versions INDEXED BY observation_versions_kept
       WHERE sync_id = ?1 AND snapshot <> '' ORDER BY hlc DESC, version DESC LIMIT -1 OFFSET ?2)`,
    syncId,
    Math.max(0, keep),
  )
}

/** Every version row of one observation, the greatest first; the current version stands in its own row. */
export const versionsOf = (tx: ReadTx, syncId: string): VersionRow[] =>
  tx.all<VersionRow>(
    'SELECT * FROM observation_versions WHERE sync_id = ? ORDER BY hlc DESC, origin DESC, version DESC',
    syncId,
  )

/** Versions beside the current one that no known version contains. */
export const otherHeadsOf = (tx: ReadTx, syncId: string): VersionRow[] =>
  tx.all<VersionRow>('SELECT * FROM observation_versions WHERE sync_id = ? AND head = 1', syncId)

/** As {@link otherHeadsOf} for many, by name; those that have none are left out. */
export function otherHeadsAmong(tx: ReadTx, syncIds: readonly string[]): ReadonlyMap<string, readonly VersionRow[]> {
  const heads = tx.all<VersionRow>(
    `SELECT v.* FROM json_each(?) AS asked JOIN observation_versions v ON v.sync_id = asked.value AND v.head = 1
     ORDER BY v.number`,
    JSON.stringify(syncIds),
  )
  return Map.groupBy(heads, (head) => head.sync_id)
}

export function setHead(tx: WriteTx, syncId: string, version: string, isHead: boolean): void {
  tx.run('UPDATE observation_versions SET head = ? WHERE sync_id = ? AND version = ?', isHead ? 1 : 0, syncId, version)
}

/** The current version stands in the observation's own row alone. */
export function dropVersion(tx: WriteTx, syncId: string, version: string): void {
  tx.run('DELETE FROM observation_versions WHERE sync_id = ? AND version = ?', syncId, version)
}

export type VersionPage = {
  readonly limit: number
  /** The row number the page before ended with; null for the first page. */
  readonly beforeNumber?: number | null
}

/** Kept states of one observation, newest first; pruned ones have an empty snapshot (MEM-510). */
export const listVersions = (tx: ReadTx, syncId: string, page: VersionPage): VersionRow[] =>
  tx.all<VersionRow>(
    `SELECT * FROM observation_versions WHERE sync_id = ?1 AND (?2 IS NULL OR number < ?2)
     ORDER BY number DESC LIMIT ?3`,
    syncId,
    page.beforeNumber ?? null,
    page.limit,
  )

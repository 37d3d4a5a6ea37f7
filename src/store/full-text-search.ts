import type { Scope } from '../model/records.ts'
import type { ObservationRow, PromptRow } from './rows.ts'
import type { SqlValue } from './sql-value.ts'
import type { ReadTx } from './transaction.ts'

/** Hard conditions on a record, all of which must hold (RET-501). Times in the stored form. */
export type RecordFilters = {
  /** Null = records of every project. */
  readonly project: string | null
  readonly scope?: Scope | undefined
  readonly types?: readonly string[] | undefined
  readonly sessionId?: string | undefined
  readonly tool?: string | undefined
  readonly author?: string | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
  /** Hides what has expired by then; absent = expired records count too. */
  readonly notExpiredAt?: string | undefined
}

/** A row of an index with its bm25, lower for better. */
export type IndexHit = { readonly id: number; readonly s: number }

type Fragment = readonly [sql: string, ...values: SqlValue[]]
type Where = { readonly sql: string; readonly values: readonly SqlValue[] }

/** Conditions are put together from constant text; what was asked is only ever a bound value. */
function whereOf(fragments: readonly (Fragment | null)[]): Where {
  const given = fragments.filter((fragment) => fragment !== null)
  return { sql: given.map(([sql]) => sql).join(' AND '), values: given.flatMap(([, ...values]) => values) }
}

const given = (value: SqlValue | undefined, sql: string): Fragment | null => (value === undefined ? null : [sql, value])

/** Live observations `o` that pass the filters. */
export function observationWhere(filters: RecordFilters): Where {
  return whereOf([
    ['o.deleted_at IS NULL'],
    given(filters.project ?? undefined, 'o.project = ?'),
    given(filters.scope, '+o.scope = ?'),
    filters.types === undefined ? null : ['o.type IN (SELECT value FROM json_each(?))', JSON.stringify(filters.types)],
    given(filters.sessionId, 'o.session_id = ?'),
    given(filters.tool, 'o.tool_name = ?'),
    given(
      filters.author,
      'coalesce(o.author, (SELECT agent FROM sessions WHERE id = o.session_id)) = ? COLLATE NOCASE',
    ),
    given(filters.since, 'o.created_at >= ?'),
    given(filters.until, 'o.created_at <= ?'),
    given(filters.notExpiredAt, '(o.expires_at IS NULL OR o.expires_at > ?)'),
  ])
}

/** Tables of words: constant names. */
type IndexTable = 'observation_fts' | 'observation_grams' | 'prompt_fts'

/** The best rows of an index by bm25 alone: right whenever the expression itself holds every condition. */
export function bestRows(
  tx: ReadTx,
  table: IndexTable,
  match: string,
  weights: readonly number[],
  limit: number,
): IndexHit[] {
  const marks = weights.map(() => '?').join(', ')
  return tx.all<IndexHit>(
    `SELECT rowid AS id, bm25(${table}, ${marks}) AS s FROM ${table} WHERE ${table} MATCH ? ORDER BY s LIMIT ?`,
    ...weights,
    match,
    limit,
  )
}

/** The newest rows that match, without a score; reading stops at the limit. */
export const newestRows = (tx: ReadTx, table: IndexTable, match: string, limit: number): { readonly id: number }[] =>
  tx.all<{ id: number }>(
    `SELECT rowid AS id FROM ${table} WHERE ${table} MATCH ? ORDER BY rowid DESC LIMIT ?`,
    match,
    limit,
  )

/** The best rows whose records pass the filters, ties by sync id (RET-401). */
export function bestFilteredRows(
  tx: ReadTx,
  table: Exclude<IndexTable, 'prompt_fts'>,
  match: string,
  weights: readonly number[],
  filters: RecordFilters,
  limit: number,
): IndexHit[] {
  const marks = weights.map(() => '?').join(', ')
  const where = observationWhere(filters)
  return tx.all<IndexHit>(
    `SELECT o.id AS id, bm25(${table}, ${marks}) AS s FROM ${table} CROSS JOIN observations o ON o.id = ${table}.rowid
     WHERE ${table} MATCH ? AND ${where.sql} ORDER BY s, o.sync_id LIMIT ?`,
    ...weights,
    match,
    ...where.values,
    limit,
  )
}

/** Ids of all rows that match, up to a bound. */
export const matchingIds = (tx: ReadTx, table: IndexTable, match: string, limit: number): readonly number[] =>
  tx
    .all<{ id: number }>(`SELECT rowid AS id FROM ${table} WHERE ${table} MATCH ? LIMIT ?`, match, limit)
    .map((row) => row.id)

/** Whether one row matches. */
export const rowMatches = (tx: ReadTx, table: IndexTable, match: string, id: number): boolean =>
  tx.get(`SELECT 1 FROM ${table} WHERE ${table} MATCH ? AND rowid = ?`, match, id) !== undefined

export const countMatches = (tx: ReadTx, table: IndexTable, match: string): number =>
  tx.get<{ n: number }>(`SELECT count(*) AS n FROM ${table} WHERE ${table} MATCH ?`, match)?.n ?? 0

/** How many observations of the store hold an index term. */
export const termFrequency = (tx: ReadTx, term: string): number =>
  tx.get<{ doc: number }>('SELECT doc FROM observation_words WHERE term = ?', term)?.doc ?? 0

/** Live observations by project, null for those without one. */
export const observationCounts = (tx: ReadTx): { readonly project: string | null; readonly n: number }[] =>
  tx.all('SELECT project, count(*) AS n FROM observations WHERE deleted_at IS NULL GROUP BY project')

/** What ranking needs of a record: everything but its text. */
export type CandidateRow = Pick<
  ObservationRow,
  | 'id'
  | 'sync_id'
  | 'type'
  | 'title'
  | 'project'
  | 'revision_count'
  | 'duplicate_count'
  | 'last_seen_at'
  | 'expires_at'
  | 'created_at'
  | 'updated_at'
  | 'pinned'
  | 'confidence'
  | 'provenance'
  | 'hlc'
> & { readonly author: string | null }

const candidateColumns = `o.id, o.sync_id, o.type, o.title, o.project, o.revision_count, o.duplicate_count, o.last_seen_at,
  o.expires_at, o.created_at, o.updated_at, o.pinned, o.confidence, o.provenance, o.hlc,
  coalesce(o.author, (SELECT agent FROM sessions WHERE id = o.session_id)) AS author`

/** The live ones among these records. */
export const candidateRows = (tx: ReadTx, ids: readonly number[]): CandidateRow[] =>
  tx.all<CandidateRow>(
    `SELECT ${candidateColumns} FROM json_each(?) j CROSS JOIN observations o ON o.id = j.value WHERE o.deleted_at IS NULL`,
    JSON.stringify(ids),
  )

/** Records whose topic key or id is one of these, newest first (MEM-603). */
export function namedRows(
  tx: ReadTx,
  names: {
    readonly topicKeys: readonly string[]
    readonly ids: readonly number[]
    readonly syncIds: readonly string[]
  },
  filters: RecordFilters,
  limit: number,
): CandidateRow[] {
  const keyed = names.topicKeys.flatMap((key) => idsBy(tx, 'SELECT id FROM observations WHERE topic_key = ?', key))
  const synced = names.syncIds.flatMap((syncId) => idsBy(tx, 'SELECT id FROM observations WHERE sync_id = ?', syncId))
  const ids = [...keyed, ...synced, ...names.ids]
  if (ids.length === 0) return []
  const where = observationWhere(filters)
  return tx.all<CandidateRow>(
    `SELECT ${candidateColumns} FROM observations o
     WHERE o.id IN (SELECT value FROM json_each(?)) AND ${where.sql}
     ORDER BY o.updated_at DESC, o.hlc DESC, o.sync_id LIMIT ?`,
    JSON.stringify(ids),
    ...where.values,
    limit,
  )
}

const idsBy = (tx: ReadTx, sql: string, value: string): readonly number[] =>
  tx.all<{ id: number }>(sql, value).map((row) => row.id)

/** Live observations that pass the filters, newest first, after a place in that order. */
export function observationsBefore(
  tx: ReadTx,
  filters: RecordFilters,
  place: { readonly createdAt: string; readonly id: number } | null,
  limit: number,
): Pick<ObservationRow, 'id' | 'title' | 'content' | 'created_at'>[] {
  const where = observationWhere(filters)
  return tx.all(
    `SELECT o.id, o.title, o.content, o.created_at FROM observations o
     WHERE ${where.sql} AND (? IS NULL OR (o.created_at, o.id) < (?, ?))
     ORDER BY o.created_at DESC, o.id DESC LIMIT ?`,
    ...where.values,
    place?.createdAt ?? null,
    place?.createdAt ?? null,
    place?.id ?? null,
    limit,
  )
}

/** Whole rows by id, in no order. */
export const observationsByIds = (tx: ReadTx, ids: readonly number[]): ObservationRow[] =>
  tx.all<ObservationRow>(
    'SELECT o.* FROM json_each(?) j CROSS JOIN observations o ON o.id = j.value',
    JSON.stringify(ids),
  )

export const promptsByIds = (tx: ReadTx, ids: readonly number[]): PromptRow[] =>
  tx.all<PromptRow>('SELECT o.* FROM json_each(?) j CROSS JOIN prompts o ON o.id = j.value', JSON.stringify(ids))

/** Names of the authors of a project, or of all; the query is read against them (RET-404). */
export const authorsOf = (tx: ReadTx, project: string | null, limit: number): readonly string[] =>
  tx
    .all<{ author: string }>(
      project === null
        ? 'SELECT DISTINCT author FROM project_authors WHERE ? IS NULL ORDER BY author LIMIT ?'
        : 'SELECT author FROM project_authors WHERE project = ? ORDER BY author LIMIT ?',
      project,
      limit,
    )
    .map((row) => row.author)

/** Judged `supersedes` edges whose target is one of these, with a live source (MEM-606). */
export const supersededBy = (
  tx: ReadTx,
  syncIds: readonly string[],
): { readonly target_id: string; readonly source_id: string }[] =>
  tx.all(
    `SELECT r.target_id, r.source_id FROM json_each(?) j
     CROSS JOIN relations r ON r.target_id = j.value
     JOIN observations o ON o.sync_id = r.source_id
     WHERE r.relation = 'supersedes' AND r.judgment_status = 'judged' AND o.deleted_at IS NULL`,
    JSON.stringify(syncIds),
  )

/** A relation that touches a record, with the other end where it is known. */
export type TouchingRelation = {
  readonly sync_id: string
  readonly source_id: string
  readonly target_id: string
  readonly relation: string
  readonly judgment_status: string
  readonly peer_id: number | null
  readonly peer_title: string | null
  readonly peer_deleted_at: string | null
}

/** Judged and pending relations of one record, oldest first. */
export const relationsTouching = (tx: ReadTx, syncId: string, limit: number): TouchingRelation[] =>
  tx.all<TouchingRelation>(
    `SELECT r.sync_id, r.source_id, r.target_id, r.relation, r.judgment_status, o.id AS peer_id, o.title AS peer_title,
       o.deleted_at AS peer_deleted_at
     FROM relations r LEFT JOIN observations o
       ON o.sync_id = CASE WHEN r.source_id = ?1 THEN r.target_id ELSE r.source_id END
     WHERE (r.source_id = ?1 OR r.target_id = ?1) AND r.judgment_status IN ('judged', 'pending')
     ORDER BY r.created_at, r.sync_id LIMIT ?2`,
    syncId,
    limit,
  )

/** Ids of open conflicts about a record (MEM-509). */
export const openConflictsOf = (tx: ReadTx, syncId: string): readonly string[] =>
  tx
    .all<{ id: string }>(
      'SELECT id FROM observation_conflicts WHERE (sync_id = ?1 OR other_sync_id = ?1) AND settled_at IS NULL ORDER BY id',
      syncId,
    )
    .map((row) => row.id)

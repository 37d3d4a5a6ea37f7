import type { IndexHit } from './full-text-search.ts'
import { logConditions, type LogFilters } from './log.ts'
import { logMeta } from './log-meta.ts'
import { changeSeqNow } from './change-clock.ts'
import { formatTime } from '../model/times.ts'
import type { SqlValue } from './sql-value.ts'
import type { ReadTx } from './transaction.ts'
import { transcriptVersion } from './transcript-index.ts'

/** What can be searched beside memories: prompts, work units, messages of archived conversations. */
export type SearchedKind = 'prompt' | 'unit' | 'message'

/** Hard conditions; all must hold (RET-501). */
export type KindFilters = {
  /** Null = of every project. For units: of contexts whose `meta.project` is this. */
  readonly project: string | null
  /** Units of these contexts alone. */
  readonly contexts?: readonly string[] | undefined
  /** What units alone can be asked for. */
  readonly unit?: UnitFilters | undefined
  readonly sessionId?: string | undefined
  readonly author?: string | undefined
  /** Times in the stored form. */
  readonly since?: string | undefined
  readonly until?: string | undefined
  /** Conversations that answer nothing now, by number. */
  readonly withoutSources?: readonly number[] | undefined
}

export type UnitFilters = Omit<LogFilters, 'kinds'>

/** One row as ranking and presenting need it. */
export type KindRow = {
  readonly id: number
  /** Tells equals apart: ascending. */
  readonly name: string
  readonly created_at: string
  readonly author: string | null
  readonly project: string | null
  readonly session_id: string
}

export type UnitRow = KindRow & {
  readonly context_id: string
  readonly seq: number
  readonly unit_id: string
  readonly body: string
}
export type MessageRow = KindRow & {
  readonly key: string
  readonly position: number
  readonly role: string
  readonly hash: string
}
export type PromptTextRow = KindRow & { readonly content: string }
export type RowOf = { readonly prompt: PromptTextRow; readonly unit: UnitRow; readonly message: MessageRow }

type KindSql = {
  readonly table: string
  /** Joined to the index row by its row id. */
  readonly records: string
  readonly id: string
  readonly columns: string
  readonly where: (filters: KindFilters) => readonly (readonly [sql: string, ...values: SqlValue[]])[]
  /** Rows by what tells which may be seen: the project, or a unit's context. */
  readonly counts: string
}

const given = (value: SqlValue | undefined, sql: string): readonly (readonly [string, SqlValue])[] =>
  value === undefined ? [] : [[sql, value]]
const json = (values: readonly SqlValue[] | undefined): string | undefined =>
  values === undefined ? undefined : JSON.stringify(values)

const sqlOf: Readonly<Record<SearchedKind, KindSql>> = {
  prompt: {
    table: 'prompt_fts',
    records: 'prompts o',
    id: 'o.id',
    columns: `o.sync_id AS name, o.created_at, coalesce(o.author, 'user') AS author, o.project, o.session_id, o.content`,
    where: (filters) => [
      ...given(filters.project ?? undefined, 'o.project = ?'),
      ...given(filters.sessionId, 'o.session_id = ?'),
      ...given(filters.author, `coalesce(o.author, 'user') = ? COLLATE NOCASE`),
      ...given(filters.since, 'o.created_at >= ?'),
      ...given(filters.until, 'o.created_at <= ?'),
    ],
    counts: 'SELECT project AS place, count(*) AS n FROM prompts GROUP BY project',
  },
  unit: {
    table: 'unit_fts',
    records: 'log o',
    id: 'o.gseq',
    columns: `printf('%016d', 9007199254740991 - o.gseq) AS name, o.ts_ms AS created_at, o.agent_id AS author,
      (SELECT json_extract(c.meta, '$.project') FROM contexts c WHERE c.number = o.context) AS project, '' AS session_id,
      (SELECT c.id FROM contexts c WHERE c.number = o.context) AS context_id, o.seq, o.unit_id, o.body`,
    where: (filters) => [
      ...given(
        filters.project ?? undefined,
        `o.context IN (SELECT number FROM contexts WHERE json_extract(meta, '$.project') = ?)`,
      ),
      ...given(
        json(filters.contexts),
        'o.context IN (SELECT number FROM contexts WHERE id IN (SELECT value FROM json_each(?)))',
      ),
      ...given(filters.author, 'o.agent_id = ? COLLATE NOCASE'),
      ...given(filters.since, "o.ts_ms >= unixepoch(?, 'subsec') * 1000"),
      ...given(filters.until, "o.ts_ms <= unixepoch(?, 'subsec') * 1000"),
      ...logConditions(filters.unit ?? {}),
    ],
    counts: `SELECT CAST(context AS TEXT) AS place, count(*) AS n FROM log WHERE kind = 0 GROUP BY context`,
  },
  message: {
    table: 'transcript_fts',
    records: 'transcript_messages o JOIN transcript_sources t ON t.number = o.source',
    id: 'o.id',
    columns: `t.key || printf('#%016d', o.position) AS name, o.created_at, o.role AS author, t.project, t.session_id,
      t.key, o.position, o.role, o.hash`,
    where: (filters) => [
      ...given(filters.project ?? undefined, 't.project = ?'),
      ...given(filters.sessionId, 't.session_id = ?'),
      ...given(filters.author, 'o.role = ? COLLATE NOCASE'),
      ...given(filters.since, 'o.created_at >= ?'),
      ...given(filters.until, `o.created_at <> '' AND o.created_at <= ?`),
      ...given(json(filters.withoutSources), 'o.source NOT IN (SELECT value FROM json_each(?))'),
    ],
    counts: `SELECT t.project AS place, count(*) AS n FROM transcript_messages o
      JOIN transcript_sources t ON t.number = o.source GROUP BY t.project`,
  },
}

/** Rows of one kind by the project they belong to, units by the number of their context. */
export const kindCounts = (tx: ReadTx, kind: SearchedKind): { readonly place: string | null; readonly n: number }[] =>
  tx.all(sqlOf[kind].counts)

/** Grows with every change of a kind's rows. */
export const kindVersion = (tx: ReadTx, kind: 'observation' | SearchedKind): number =>
  kind === 'unit' ? logMeta(tx, 'indexed') : kind === 'message' ? transcriptVersion(tx) : changeSeqNow(tx)

/** The best rows that pass the filters, best first, equals by name (RET-401). */
export function bestKindRows(
  tx: ReadTx,
  kind: SearchedKind,
  match: string,
  weights: readonly number[],
  filters: KindFilters,
  limit: number,
): IndexHit[] {
  const { table, records, id, columns, where } = sqlOf[kind]
  const conditions = where(filters)
  const marks = weights.map(() => '?').join(', ')
  const [name] = columns.split(' AS name')
  const sql = conditions.map(([condition]) => ` AND ${condition}`).join('')
  return tx.all<IndexHit>(
    `SELECT ${id} AS id, bm25(${table}, ${marks}) AS s FROM ${table} CROSS JOIN ${records}
     WHERE ${id} = ${table}.rowid AND ${table} MATCH ?${sql} ORDER BY s, ${name} LIMIT ?`,
    ...weights,
    match,
    ...conditions.flatMap(([, ...values]) => values),
    limit,
  )
}

/** Of these units those that pass the filters, for scans that contexts alone do not bound. */
export function passingUnits(tx: ReadTx, filters: KindFilters, ids: readonly number[]): ReadonlySet<number> {
  const conditions = sqlOf.unit.where(filters)
  const sql = conditions.map(([condition]) => ` AND ${condition}`).join('')
  const values = conditions.flatMap(([, ...rest]) => rest)
  return new Set(
    tx
      .all<{ gseq: number }>(
        `SELECT o.gseq FROM json_each(?) j CROSS JOIN log o ON o.gseq = j.value WHERE o.kind = 0${sql}`,
        JSON.stringify(ids),
        ...values,
      )
      .map(({ gseq }) => gseq),
  )
}

/** Whole rows by id, in no order. */
export function kindRows<K extends SearchedKind>(tx: ReadTx, kind: K, ids: readonly number[]): readonly RowOf[K][] {
  const { records, id, columns } = sqlOf[kind]
  const rows = tx.all<RowOf[K]>(
    `SELECT ${id} AS id, ${columns} FROM json_each(?) j CROSS JOIN ${records} WHERE ${id} = j.value`,
    JSON.stringify(ids),
  )
  return kind === 'unit' ? rows.map((row) => ({ ...row, created_at: formatTime(Number(row.created_at)) })) : rows
}

const kindTable = (kind: SearchedKind): string => sqlOf[kind].table

/** Whether one row of a kind matches. */
export const kindRowMatches = (tx: ReadTx, kind: SearchedKind, match: string, id: number): boolean =>
  tx.get(`SELECT 1 FROM ${kindTable(kind)} WHERE ${kindTable(kind)} MATCH ? AND rowid = ?`, match, id) !== undefined

/** Numbers of the contexts a search of units looks at; null = all. */
export function searchedContexts(tx: ReadTx, { project, contexts }: KindFilters): readonly number[] | null {
  if (project === null && contexts === undefined) return null
  return tx
    .all<{ number: number }>(
      `SELECT number FROM contexts WHERE (?1 IS NULL OR json_extract(meta, '$.project') = ?1)
         AND (?2 IS NULL OR id IN (SELECT value FROM json_each(?2))) ORDER BY number`,
      project,
      json(contexts) ?? null,
    )
    .map(({ number }) => number)
}

/** `CROSS JOIN` keeps the index in front: the words decide what is read. */
export const countKindMatches = (tx: ReadTx, kind: SearchedKind, match: string): number =>
  tx.get<{ n: number }>(`SELECT count(*) AS n FROM ${kindTable(kind)} WHERE ${kindTable(kind)} MATCH ?`, match)?.n ?? 0

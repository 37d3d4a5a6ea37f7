import type { Context, ContextStatus } from '../model/live.ts'
import type { ContextFilter } from '../model/log-store.ts'
import { tableSql } from './columns.ts'
import type { ReadTx, WriteTx } from './transaction.ts'

/** A row of `contexts`. Lists and meta are JSON. */
export type ContextRow = {
  readonly number: number
  readonly id: string
  readonly display_name: string
  readonly status: string
  readonly version: number
  readonly agent_ids: string
  readonly pinned_units: string
  readonly meta: string
  readonly created_ms: number
  readonly updated_ms: number
  readonly created_by: string
}

/** What an append must know of its context, in one statement. */
export type ContextState = {
  readonly number: number
  readonly status: string
  readonly last_seq: number
  /** Of its last event: time in a context never goes back (COL-107). */
  readonly last_ms: number
}

const lastEvent = 'l.gseq = (SELECT gseq FROM log WHERE context = c.number ORDER BY seq DESC LIMIT 1)'

export const contextState = (tx: ReadTx, id: string): ContextState | undefined =>
  tx.get<ContextState>(
    `SELECT c.number, c.status, coalesce(l.seq, 0) AS last_seq, coalesce(l.ts_ms, 0) AS last_ms
     FROM contexts c LEFT JOIN log l ON ${lastEvent} WHERE c.id = ?`,
    id,
  )

const sql = tableSql<ContextRow>('contexts', 'number', [
  'id',
  'display_name',
  'status',
  'version',
  'agent_ids',
  'pinned_units',
  'meta',
  'created_ms',
  'updated_ms',
  'created_by',
])

export const insertContext = (tx: WriteTx, row: Omit<ContextRow, 'number'>): number =>
  tx.run(sql.insert, ...sql.values({ ...row, number: 0 })).lastId

export function updateContext(tx: WriteTx, row: ContextRow): void {
  tx.run(sql.update, ...sql.values(row), row.number)
}

export const contextRow = (tx: ReadTx, id: string): ContextRow | undefined =>
  tx.get<ContextRow>('SELECT * FROM contexts WHERE id = ?', id)

type Bounded = ContextRow & { readonly last_seq: number; readonly earliest_seq: number }

const bounded = `c.*,
  coalesce((SELECT max(seq) FROM log WHERE context = c.number), 0) AS last_seq,
  coalesce((SELECT min(seq) FROM log WHERE context = c.number), 0) AS earliest_seq`

export function findContext(tx: ReadTx, id: string): Context | undefined {
  const row = tx.get<Bounded>(`SELECT ${bounded} FROM contexts c WHERE c.id = ?`, id)
  return row === undefined ? undefined : toContext(row, { last: row.last_seq, earliest: row.earliest_seq })
}

export const toContext = (
  row: Omit<ContextRow, 'number'>,
  seq: { readonly last: number; readonly earliest: number },
): Context => ({
  id: row.id,
  display_name: row.display_name,
  agent_ids: JSON.parse(row.agent_ids) as readonly string[],
  pinned_units: JSON.parse(row.pinned_units) as readonly string[],
  meta: JSON.parse(row.meta) as Context['meta'],
  created_at: new Date(row.created_ms).toISOString(),
  updated_at: new Date(row.updated_ms).toISOString(),
  version: row.version,
  status: row.status as ContextStatus,
  last_seq: seq.last,
  earliest_seq: seq.earliest,
  created_by: row.created_by,
})

const orders = {
  updated: { by: 'updated_ms', sql: 'c.updated_ms DESC, c.number DESC', after: '(c.updated_ms, c.number) < (?5, ?6)' },
  created: { by: 'created_ms', sql: 'c.created_ms DESC, c.number DESC', after: '(c.created_ms, c.number) < (?5, ?6)' },
  id: { by: 'id', sql: 'c.id, c.number', after: '(c.id, c.number) > (?5, ?6)' },
} as const

/** Where a page of contexts ended. */
export type ContextPlace = { readonly value: string | number; readonly number: number }

export type ListedContext = { readonly context: Context; readonly place: ContextPlace }

/** Contexts in the order asked for; reserved ones (`$…`) are left out. */
export function listContexts(tx: ReadTx, filter: ContextFilter, after: ContextPlace | null): readonly ListedContext[] {
  const order = orders[filter.sort]
  const rows = tx.all<Bounded>(
    `SELECT ${bounded} FROM contexts c
     WHERE c.id NOT GLOB '$*' AND (?1 IS NULL OR substr(c.id, 1, length(?1)) = ?1)
       AND (?2 IS NULL OR c.status = ?2)
       AND (?3 IS NULL OR EXISTS (SELECT 1 FROM json_each(c.agent_ids) WHERE value = ?3))
       AND (?5 IS NULL OR ${order.after})
     ORDER BY ${order.sql} LIMIT ?4`,
    filter.prefix ?? null,
    filter.status ?? null,
    filter.agentId ?? null,
    filter.limit,
    after?.value ?? null,
    after?.number ?? null,
  )
  return rows.map((row) => ({
    context: toContext(row, { last: row.last_seq, earliest: row.earliest_seq }),
    place: { value: row[order.by], number: row.number },
  }))
}

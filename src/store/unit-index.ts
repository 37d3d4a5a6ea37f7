import type { Meta, WorkUnit } from '../model/live.ts'
import type { LogRange, StoredEvent } from '../model/log-store.ts'
import { foldText, gramsOf, indexedText, isUnspaced, unspacedRuns, wordsOf } from './index-text.ts'
import { logFilter, type LogRow, storedRow } from './log.ts'
import { logMeta, setLogMeta } from './log-meta.ts'
import type { ReadTx, WriteTx } from './transaction.ts'

/**
 * The words of units, by `gseq` (COL-1702, COL-1703). Derived: the append does not write it, an own cursor follows the log, and
 * it can be dropped and built again.
 */

/** How much text of one unit is indexed. */
const indexedCharsMax = 200_000

export const isIndexCurrent = (tx: ReadTx): boolean =>
  tx.get('SELECT 1 FROM log WHERE gseq > ? LIMIT 1', logMeta(tx, 'indexed')) === undefined

/** One bounded step. @returns whether the index has come to the end of the log */
export function indexUnits(tx: WriteTx, rowsMax: number): boolean {
  const from = logMeta(tx, 'indexed')
  const rows = tx.all<Pick<LogRow, 'gseq' | 'kind' | 'body'>>(
    'SELECT gseq, kind, body FROM log WHERE gseq > ? ORDER BY gseq LIMIT ?',
    from,
    rowsMax,
  )
  for (const row of rows) if (row.kind === 0) indexUnit(tx, row)
  const last = rows.at(-1)
  if (last !== undefined) setLogMeta(tx, 'indexed', last.gseq)
  return rows.length < rowsMax
}

function indexUnit(tx: WriteTx, { gseq, body }: Pick<LogRow, 'gseq' | 'body'>): void {
  const unit = JSON.parse(body) as WorkUnit
  const text = [unitText(unit), ...Object.values(unit.meta)].join('\n').slice(0, indexedCharsMax)
  tx.run('INSERT INTO unit_fts (rowid, words, grams) VALUES (?, ?, ?)', gseq, indexedText(text), gramsOfText(text))
}

/** A control byte near the beginning says that the payload is no text to be read: it is found by metadata alone. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const binary = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/

/** The words of a payload; empty for one that is no text. */
export const unitText = ({ payload }: Pick<WorkUnit, 'payload'>): string =>
  payload === undefined || binary.test(payload.slice(0, 512)) ? '' : payload

const border = ' 0 '

/** Pairs of letters of scripts without spaces, and the letters alone: any substring is a phrase of them. */
const gramsOfText = (text: string): string => {
  const runs = unspacedRuns(foldText(text))
  return [...runs.map((run) => gramsOf(run, 2).join(' ')), ...runs.map((run) => Array.from(run).join(border))].join(
    border,
  )
}

/**
 * All words of a query, as FTS5 reads them: only quoted words, so that nothing asked is syntax (COL-1702). Null when there is
 * no word in it.
 */
export function matchOf(query: string): string | null {
  const terms = wordsOf(foldText(query)).flatMap((word) => {
    if (!isUnspaced(word)) return [`words : "${word}"`]
    const runs = unspacedRuns(word).map((run) => `grams : "${gramsOf(run, 2).join(' ')}"`)
    const others = word.split(new RegExp(unspacedRuns(word).map(escaped).join('|'))).filter((part) => part !== '')
    return [...runs, ...others.map((part) => `words : "${part}"`)]
  })
  return terms.length === 0 ? null : terms.join(' AND ')
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

export type UnitQuery = {
  /** FTS5 syntax of our own making; null for no words. */
  readonly match: string | null
  readonly filter: Pick<LogRange, 'types' | 'agents' | 'sinceMs' | 'untilMs'> & { readonly meta?: Meta }
  readonly contexts: readonly string[] | 'all'
  readonly order: 'recent' | 'relevance'
  readonly beforeGseq: number | null
  readonly limit: number
  readonly offset: number
}

export type UnitFound = { readonly total: number; readonly rows: readonly (StoredEvent & { readonly score: number })[] }

type ScoredRow = LogRow & { readonly score: number }

/** Units that hold every word and pass every filter; newest first, or best first. */
export function findUnits(tx: ReadTx, query: UnitQuery): UnitFound {
  const filter = logFilter({ ...query.filter, kinds: ['unit.created'] }, 3)
  const ids = query.contexts === 'all' ? null : JSON.stringify(query.contexts)
  const words = query.match === null ? '' : 'JOIN unit_fts ON unit_fts.rowid = l.gseq'
  const from = `FROM log l JOIN contexts c ON c.number = l.context ${words}
    WHERE (?1 IS NULL OR c.id IN (SELECT value FROM json_each(?1)))
      AND ${query.match === null ? '?2 IS NULL' : 'unit_fts MATCH ?2'} AND (?3 IS NULL OR l.gseq < ?3) ${filter.sql}`
  // The total is that of the whole search, wherever its pages stand.
  const total = tx.get<{ total: number }>(`SELECT count(*) AS total ${from}`, ids, query.match, null, ...filter.values)
  const score = query.match === null ? '0' : '-bm25(unit_fts)'
  const order = query.order === 'relevance' ? 'score DESC, l.gseq DESC' : 'l.gseq DESC'
  const bound = 3 + filter.values.length
  const rows = tx.all<ScoredRow>(
    `SELECT l.gseq, c.id AS context_id, l.seq, l.kind, l.ts_ms, l.agent_id, l.unit_type, l.body, ${score} AS score
     ${from} ORDER BY ${order} LIMIT ?${bound + 1} OFFSET ?${bound + 2}`,
    ids,
    query.match,
    query.beforeGseq,
    ...filter.values,
    query.limit,
    query.offset,
  )
  return { total: total?.total ?? 0, rows: rows.map((row) => ({ ...storedRow(row), score: row.score })) }
}

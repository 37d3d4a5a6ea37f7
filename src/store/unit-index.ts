import type { WorkUnit } from '../model/live.ts'
import type { StoredEvent } from '../model/log-store.ts'
import { cutCodePoints } from '../model/text.ts'
import { formatTime } from '../model/times.ts'
import type { Clock } from '../platform/clock.ts'
import { mergeSegments } from './full-text-state.ts'
import {
  contextFacet,
  dayText,
  foldText,
  gramsOf,
  indexedText,
  isUnspaced,
  runGrams,
  unspacedRuns,
  wordsOf,
} from './index-text.ts'
import { lastGseq, logFilter, type LogFilters, type LogRow, storedRow } from './log.ts'
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

/** Units in the log, and index rows of them. */
export const countUnits = (tx: ReadTx): { readonly records: number; readonly rows: number } =>
  tx.get<{ records: number; rows: number }>(
    `SELECT (SELECT count(*) FROM log WHERE unit_id IS NOT NULL) AS records, (SELECT count(*) FROM unit_fts_docsize) AS rows`,
  ) ?? { records: 0, rows: 0 }

/** Drops every row; the log is read again from its beginning. */
export function clearUnitIndex(tx: WriteTx): void {
  tx.run(`INSERT INTO unit_fts (unit_fts) VALUES ('delete-all')`)
  setLogMeta(tx, 'indexed', 0)
}

/** Events the index has not read yet, as far as their numbers tell. */
export const indexLag = (tx: ReadTx): number => lastGseq(tx) - logMeta(tx, 'indexed')

export type IndexBudget = {
  /** Rows of the log that are read at once. */
  readonly rowsMax: number
  /** Indexing stops at the first row after so long, merging a moment later; one row is always done. */
  readonly budgetMs: number
  readonly clock: Pick<Clock, 'monotonicMs'>
}

/** `isCurrent`: the index has come to the end of the log · `isMerged`: no segments are left to be merged. */
export type IndexStep = { readonly isCurrent: boolean; readonly isMerged: boolean }

/**
 * One bounded step. Merging of segments belongs to us, as in the index of memory (RET-106): FTS5's own gathers it, and some steps
 * would then take tens of milliseconds.
 */
export function indexUnits(tx: WriteTx, { rowsMax, budgetMs, clock }: IndexBudget): IndexStep {
  const untilMs = clock.monotonicMs() + budgetMs
  mergeByHand(tx)
  const step: StepTexts = { before: new Map(), days: new Map() }
  let last = logMeta(tx, 'indexed')
  let [done, isCurrent, isLate] = [0, false, false]
  while (!isCurrent && !isLate) {
    const rows = rowsBehind(tx, last, rowsMax)
    let read = 0
    while (read < rows.length && !isLate) {
      const row = rows[read++]
      if (row === undefined) break
      if (row.kind === 0) indexUnit(tx, row, step)
      last = row.gseq
      isLate = clock.monotonicMs() >= untilMs
    }
    done += read
    isCurrent = read === rows.length && rows.length < rowsMax
  }
  if (done > 0) setLogMeta(tx, 'indexed', last)
  const isMerged = mergeUnits(
    tx,
    done * mergePagesPerRow,
    () => clock.monotonicMs() >= untilMs + Math.min(budgetMs, mergeMsMax),
  )
  return { isCurrent, isMerged }
}

const rowsBehind = (tx: ReadTx, gseq: number, rowsMax: number): readonly IndexedRow[] =>
  tx.all('SELECT gseq, context, seq, kind, ts_ms, body FROM log WHERE gseq > ? ORDER BY gseq LIMIT +?', gseq, rowsMax)

/** What a step merges keeps pace with what it wrote, and takes no longer than that, or than this. */
const mergePagesPerRow = 2
const mergeMsMax = 2
const mergePagesAtOnce = 8

/** @returns whether nothing is left to be merged */
function mergeUnits(tx: WriteTx, pagesMax: number, isLate: () => boolean): boolean {
  for (let pages = 0; ; pages += mergePagesAtOnce) {
    if (!mergeSegments(tx, 'unit_fts', mergePagesAtOnce, false)) return true
    if (pages >= pagesMax || isLate()) return false
  }
}

/** Where nobody merges, a level of so many segments is still merged by whoever writes. */
const crisisSegments = 64

/** The table keeps its settings: an index that was begun without them, or was cleared, gets them now. */
function mergeByHand(tx: WriteTx): void {
  if (tx.get(`SELECT 1 FROM unit_fts_config WHERE k = 'automerge'`) !== undefined) return
  tx.run(`INSERT INTO unit_fts (unit_fts, rank) VALUES ('automerge', 0)`)
  tx.run(`INSERT INTO unit_fts (unit_fts, rank) VALUES ('crisismerge', ?)`, crisisSegments)
}

type IndexedRow = Pick<LogRow, 'gseq' | 'seq' | 'kind' | 'ts_ms' | 'body'> & { readonly context: number }

/** What the rows of one step need of those before them. */
type StepTexts = {
  /** Of each context, how its last units are told beside the next: the newest first. */
  readonly before: Map<number, readonly string[]>
  /** The words of a day, by its number since 1970. */
  readonly days: Map<number, string>
}

function indexUnit(tx: WriteTx, row: IndexedRow, step: StepTexts): void {
  const unit = JSON.parse(row.body) as WorkUnit
  const payload = unitText(unit)
  const text = payload.slice(0, indexedCharsMax)
  const meta = Object.values(unit.meta).join('\n').slice(0, indexedCharsMax)
  const before = step.before.get(row.context) ?? textsBefore(tx, row)
  tx.run(
    'INSERT INTO unit_fts (rowid, facet, text, meta, before, day, grams) VALUES (?, ?, ?, ?, ?, ?, ?)',
    row.gseq,
    contextFacet(row.context),
    indexedText(text),
    indexedText(meta),
    before.join('\n'),
    dayOf(row.ts_ms, step),
    runGrams(`${text}\n${meta}`),
  )
  step.before.set(row.context, [besideText(payload), ...before].slice(0, neighboursMax))
}

const dayMs = 86_400_000

function dayOf(ms: number, { days }: StepTexts): string {
  const day = Math.floor(ms / dayMs)
  const known = days.get(day) ?? foldText(dayText(formatTime(ms)))
  days.set(day, known)
  return known
}

const neighboursMax = 2
const neighbourCodePointsMax = 300

/** How a unit is told beside those around it. */
const besideText = (payload: string): string => indexedText(cutCodePoints(payload, neighbourCodePointsMax, ''))

/** The two units before it in its context (RET-202), newest first; units never change, so their rows are written once. */
const textsBefore = (tx: ReadTx, { context, seq }: IndexedRow): readonly string[] =>
  tx
    .all<{ body: string }>(
      'SELECT body FROM log WHERE context = ? AND seq < ? AND kind = 0 ORDER BY seq DESC LIMIT ?',
      context,
      seq,
      neighboursMax,
    )
    .map(({ body }) => besideText(unitText(JSON.parse(body) as WorkUnit)))

/** A control byte near the beginning says that the payload is no text to be read: it is found by metadata alone. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const binary = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/

/** The words of a payload; empty for one that is no text. */
export const unitText = ({ payload }: Pick<WorkUnit, 'payload'>): string =>
  payload === undefined || binary.test(payload.slice(0, 512)) ? '' : payload

/**
 * All words of a query, as FTS5 reads them: only quoted words, so that nothing asked is syntax (COL-1702). Null when there is
 * no word in it.
 */
export function matchOf(query: string): string | null {
  const terms = wordsOf(foldText(query)).flatMap((word) => {
    if (!isUnspaced(word)) return [`{text meta} : "${word}"`]
    const runs = unspacedRuns(word).map((run) => `grams : "${gramsOf(run, 2).join(' ')}"`)
    const others = word.split(new RegExp(unspacedRuns(word).map(escaped).join('|'))).filter((part) => part !== '')
    return [...runs, ...others.map((part) => `{text meta} : "${part}"`)]
  })
  return terms.length === 0 ? null : terms.join(' AND ')
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

export type UnitQuery = {
  /** FTS5 syntax of our own making; null for no words. */
  readonly match: string | null
  readonly filter: Omit<LogFilters, 'kinds'>
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
  const score = query.match === null ? '0' : '-bm25(unit_fts, 0, 1, 0.7, 0, 0, 1)'
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

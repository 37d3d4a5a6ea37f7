import { rowMatches } from '../store/full-text-search.ts'
import { gramsOfWord } from '../store/index-text.ts'
import type { ReadTx } from '../store/transaction.ts'
import { gramExpression, observationColumns, wordExpression, type Columns, type Frequencies } from './match.ts'
import { parameters } from './parameters.ts'
import type { ParsedQuery, QueryWord } from './query.ts'
import { idf } from './snippet.ts'

/** How sure an answer is: nothing found, little of the query in it, or enough (RET-701, RET-702). */
export type Confidence = 'ok' | 'low' | 'none'

/** How a kind of record is asked whether it holds something; `columns` are those that count. */
export type Holds = {
  readonly columns: Columns
  readonly holds: (id: number, match: string, isGrams: boolean) => boolean
}

/** What an answer is judged by: the query, and its first results in order. */
export type Judged = {
  readonly query: ParsedQuery
  readonly frequencies: Frequencies
  readonly ids: readonly number[]
  readonly record: Holds
}

const resultsLookedAt = 3
const gramsLookedAt = 8

export const observationHolds = (tx: ReadTx, columns: Columns = observationColumns): Holds => ({
  columns,
  holds: (id, match, isGrams) => rowMatches(tx, isGrams ? 'observation_grams' : 'observation_fts', match, id),
})

/** Without what stands around a record, which makes its text several times as long and holds some of any question. */
const alone: Columns = { ...observationColumns, all: ['title', 'content', 'keys', 'day'] }

/**
 * The confidence of an answer by words: `low` when even the best of the first three results holds, in any column, too
 * little of what the query's words tell.
 */
export function confidenceOf(judged: Judged): Confidence {
  return judged.ids.length === 0 ? 'none' : isCovered(judged, parameters.coverageLow) ? 'ok' : 'low'
}

/**
 * With vectors: `low` when nothing in scope is near in meaning, wherever it stands in the list, and the first three
 * results themselves, without their neighbours, hold less than half of what the words tell (RET-702).
 *
 * @param nearest the greatest cosine in scope
 */
export function confidenceNear(tx: ReadTx, judged: Omit<Judged, 'record'>, nearest: number): Confidence {
  if (judged.ids.length === 0) return 'none'
  if (nearest >= parameters.nearnessLow) return 'ok'
  const { query } = judged
  if (query.words.length + query.runs.length === 0) return 'low'
  const record = observationHolds(tx, alone)
  return isCovered({ ...judged, record }, parameters.coverageLowWithMeaning) ? 'ok' : 'low'
}

/** The greatest share of what the query's words tell that one of the first results holds, 0 to 1 (RET-701). */
export function coverageOf({ query, frequencies, ids, record }: Judged): number {
  const parts = partsOf(query, frequencies, record.columns)
  const all = weightOf(parts)
  const held = (id: number): number => weightOf(parts.filter(({ match, isGrams }) => record.holds(id, match, isGrams)))
  return all === 0 ? 0 : Math.max(0, ...ids.slice(0, resultsLookedAt).map(held)) / all
}

function isCovered({ query, frequencies, ids, record }: Judged, share: number): boolean {
  const parts = partsOf(query, frequencies, record.columns)
  const enough = share * weightOf(parts)
  return parts.length === 0 || ids.slice(0, resultsLookedAt).some((id) => reaches(id, parts, enough, record))
}

/** One thing a record may hold, and how much it tells. */
type Part = { readonly weight: number; readonly isGrams: boolean; readonly match: string }

const weightOf = (parts: readonly Part[]): number => parts.reduce((sum, { weight }) => sum + weight, 0)

/** The weightiest first. */
function partsOf(query: ParsedQuery, frequencies: Frequencies, columns: Columns): readonly Part[] {
  const grams = columns.grams === 'none' ? [] : query.runs.flatMap((run) => gramsOfWord(run).slice(0, gramsLookedAt))
  return [
    ...query.words.map((word) => wordPart(word, frequencies, columns)),
    ...grams.map((gram): Part => ({ weight: 1, isGrams: true, match: gramExpression(gram) })),
  ].sort((a, b) => b.weight - a.weight)
}

function wordPart(word: QueryWord, frequencies: Frequencies, columns: Columns): Part {
  const df = frequencies.of.get(word.text) ?? 0
  const weight = idf(df, frequencies.total)
  const isInside = columns.grams === 'table' && df === 0 && word.text.length > parameters.prefixLettersMax
  return isInside
    ? { weight, isGrams: true, match: gramExpression(gramsOfWord(word.text).join(' ')) }
    : { weight, isGrams: false, match: wordExpression(word, df > 0, columns.all) }
}

/** Most answers are sure after one or two of the weightiest parts. */
function reaches(id: number, parts: readonly Part[], enough: number, record: Holds): boolean {
  let covered = 0
  for (const { weight, match, isGrams } of parts) {
    if (covered >= enough) break
    if (record.holds(id, match, isGrams)) covered += weight
  }
  return covered >= enough && covered > 0
}

import { rowMatches } from '../store/full-text-search.ts'
import { gramsOfWord } from '../store/index-text.ts'
import type { ReadTx } from '../store/transaction.ts'
import { gramExpression, observationColumns, wordExpression, type Frequencies } from './match.ts'
import { parameters } from './parameters.ts'
import type { ParsedQuery, QueryWord } from './query.ts'
import { idf } from './snippet.ts'

/** How sure an answer is: nothing found, little of the query in it, or enough (RET-701, RET-702). */
export type Confidence = 'ok' | 'low' | 'none'

const resultsLookedAt = 3
const gramsLookedAt = 8

/** One of the first results: its cosine where vectors had a part in the answer. */
export type SureResult = { readonly id: number; readonly c?: number | undefined }

/**
 * The confidence of an answer: `low` when even the best of the first three results holds, in any column, too little of
 * what the query's words tell; with vectors, half of it is too little, and none of the three may be near in meaning.
 */
export function confidenceOf(
  tx: ReadTx,
  query: ParsedQuery,
  frequencies: Frequencies,
  results: readonly SureResult[],
  hasMeaning: boolean,
): Confidence {
  if (results.length === 0) return 'none'
  const looked = results.slice(0, resultsLookedAt)
  if (looked.some(({ c }) => c !== undefined && c >= parameters.nearnessLow)) return 'ok'
  const parts = partsOf(query, frequencies)
  const share = hasMeaning ? parameters.coverageLowWithMeaning : parameters.coverageLow
  const enough = share * parts.reduce((sum, part) => sum + part.weight, 0)
  const isCovered = looked.some(({ id }) => reaches(tx, id, parts, enough))
  return isCovered || (parts.length === 0 && !hasMeaning) ? 'ok' : 'low'
}

/** One thing a record may hold, and how much it tells. */
type Part = { readonly weight: number; readonly table: 'observation_fts' | 'observation_grams'; readonly match: string }

function partsOf(query: ParsedQuery, frequencies: Frequencies): readonly Part[] {
  const words = query.words.map((word) => wordPart(word, frequencies))
  const grams = query.runs.flatMap((run) => gramsOfWord(run).slice(0, gramsLookedAt))
  return [
    ...words,
    ...grams.map((gram): Part => ({ weight: 1, table: 'observation_grams', match: gramExpression(gram) })),
  ].sort((a, b) => b.weight - a.weight)
}

function wordPart(word: QueryWord, frequencies: Frequencies): Part {
  const df = frequencies.of.get(word.text) ?? 0
  const weight = idf(df, frequencies.total)
  const isInside = df === 0 && word.text.length > parameters.prefixLettersMax
  return isInside
    ? { weight, table: 'observation_grams', match: gramExpression(gramsOfWord(word.text).join(' ')) }
    : { weight, table: 'observation_fts', match: wordExpression(word, df > 0, observationColumns.all) }
}

/** The weightiest parts are asked for first: most answers are sure after one or two. */
function reaches(tx: ReadTx, id: number, parts: readonly Part[], enough: number): boolean {
  let covered = 0
  for (const part of parts) {
    if (covered >= enough) break
    if (rowMatches(tx, part.table, part.match, id)) covered += part.weight
  }
  return covered >= enough && covered > 0
}

import { rowMatches } from '../store/full-text-search.ts'
import { kindRowMatches, type SearchedKind } from '../store/kind-index.ts'
import type { ReadTx } from '../store/transaction.ts'
import { wordExpression, type Frequencies, type MatchPlan } from './match.ts'
import { parametersHash } from './parameters.ts'
import type { ParsedQuery } from './query.ts'
import type { Mixture, Ranked } from './rank.ts'

/** Where a word stands in a record's index row; `neighbours` = the text around it (RET-753). */
export type WordPlaces = { readonly word: string; readonly df: number; readonly in: readonly string[] }

const places: readonly (readonly [name: string, columns: readonly string[]])[] = [
  ['title', ['title']],
  ['content', ['content']],
  ['keys', ['keys']],
  ['neighbours', ['before', 'after']],
  ['day', ['day']],
]

/** Which of the query's words a record holds and where; words it does not hold are left out. */
export function wordPlaces(
  tx: ReadTx,
  id: number,
  query: ParsedQuery,
  frequencies: Frequencies,
): readonly WordPlaces[] {
  return query.words
    .map((word) => {
      const df = frequencies.of.get(word.text) ?? 0
      const holds = (columns: readonly string[]): boolean =>
        rowMatches(tx, 'observation_fts', wordExpression(word, df > 0, columns), id)
      return { word: word.text, df, in: places.filter(([, columns]) => holds(columns)).map(([name]) => name) }
    })
    .filter((word) => word.in.length > 0)
}

const kindPlaces: Readonly<Record<SearchedKind, readonly (readonly [name: string, columns: readonly string[]])[]>> = {
  prompt: [
    ['content', ['content']],
    ['neighbours', ['before']],
    ['day', ['day']],
  ],
  unit: [
    ['text', ['text', 'grams']],
    ['meta', ['meta']],
    ['neighbours', ['before']],
    ['day', ['day']],
  ],
  message: [
    ['text', ['text', 'grams']],
    ['neighbours', ['before']],
    ['day', ['day']],
  ],
}

/** The same of what is kept beside memories. */
export function kindWordPlaces(
  tx: ReadTx,
  kind: SearchedKind,
  id: number,
  query: ParsedQuery,
  frequencies: Frequencies,
): readonly WordPlaces[] {
  return query.words
    .map((word) => {
      const df = frequencies.of.get(word.text) ?? 0
      const holds = (columns: readonly string[]): boolean =>
        kindRowMatches(tx, kind, wordExpression(word, df > 0, columns), id)
      return { word: word.text, df, in: kindPlaces[kind].filter(([, columns]) => holds(columns)).map(([name]) => name) }
    })
    .filter((word) => word.in.length > 0)
}

/** Why a result stands where it stands: L and V by their weights, times the factors, is S. */
export function explainHit(
  tx: ReadTx,
  { row, L, V, c, factors, S }: Ranked,
  query: ParsedQuery,
  frequencies: Frequencies,
  mixture: Mixture,
) {
  const meaning = V === undefined ? {} : { V, ...(c === undefined ? {} : { c }), weights: mixture }
  return { words: wordPlaces(tx, row.id, query, frequencies), L, ...meaning, factors, S }
}

/** What was made of the query. */
export function explainQuery(
  query: ParsedQuery,
  frequencies: Frequencies,
  plan: MatchPlan,
  how: { readonly mode: 'lexical' | 'hybrid' | 'semantic'; readonly tookMs: Readonly<Record<string, number>> },
) {
  const dropped = [...query.dropped, ...plan.dropped]
  const left = new Set(dropped.map((word) => word.word))
  return {
    words: [
      ...query.words
        .filter((word) => !left.has(word.text))
        .map((word) => ({ word: word.text, df: frequencies.of.get(word.text) ?? 0 })),
      ...query.runs.map((run) => ({ word: run, df: 0 })),
    ],
    dropped,
    pairs: plan.pairs,
    phrases: query.phrases,
    mode: how.mode,
    parameters: parametersHash(),
    took_ms: how.tookMs,
  }
}

/** An explanation is never longer than this as JSON (RET-756). */
export const explanationBytesMax = 64 * 1024

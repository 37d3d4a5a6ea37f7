import { rowMatches } from '../store/full-text-search.ts'
import { kindRowMatches, type SearchedKind } from '../store/kind-index.ts'
import type { ReadTx } from '../store/transaction.ts'
import { wordExpression, type Frequencies, type MatchPlan } from './match.ts'
import { parametersHash } from './parameters.ts'
import type { ParsedQuery } from './query.ts'
import type { Mixture, Ranked } from './rank.ts'

/** Where a word stands in a record's index row; `neighbours` = the text around it (RET-753). */
export type WordPlaces = { readonly word: string; readonly df: number; readonly in: readonly string[] }

type Place = readonly [name: string, columns: readonly string[]]

const neighbours: Place = ['neighbours', ['before']]
const day: Place = ['day', ['day']]
const text: Place = ['text', ['text', 'grams']]
const placesOf: Readonly<Record<'observation' | SearchedKind, readonly Place[]>> = {
  observation: [
    ['title', ['title']],
    ['content', ['content']],
    ['keys', ['keys']],
    ['neighbours', ['before', 'after']],
    day,
  ],
  prompt: [['content', ['content']], neighbours, day],
  unit: [text, ['meta', ['meta']], neighbours, day],
  message: [text, neighbours, day],
}

/** Which of the query's words a record holds and where; words it does not hold are left out. */
export function wordPlaces(
  tx: ReadTx,
  kind: 'observation' | SearchedKind,
  id: number,
  query: ParsedQuery,
  frequencies: Frequencies,
): readonly WordPlaces[] {
  const matches = (match: string): boolean =>
    kind === 'observation' ? rowMatches(tx, 'observation_fts', match, id) : kindRowMatches(tx, kind, match, id)
  return query.words
    .map((word) => {
      const df = frequencies.of.get(word.text) ?? 0
      const found = placesOf[kind].filter(([, columns]) => matches(wordExpression(word, df > 0, columns)))
      return { word: word.text, df, in: found.map(([name]) => name) }
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
  return { words: wordPlaces(tx, 'observation', row.id, query, frequencies), L, ...meaning, factors, S }
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

/** Explanations of an answer are never longer than this as JSON (RET-756). */
const explanationBytesMax = 64 * 1024

/** Explanations of the first results, as many as fit the bound (RET-756). */
export function boundedExplanations<T>(): (make: () => T) => { readonly explanation?: T } {
  let left = explanationBytesMax
  return (make) => {
    if (left <= 0) return {}
    const explanation = make()
    left -= JSON.stringify(explanation).length
    return left < 0 ? {} : { explanation }
  }
}

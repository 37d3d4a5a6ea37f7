import { limits } from '../model/limits.ts'
import { gramWordLettersMin, gramsOfWord } from '../store/index-text.ts'
import { parameters } from './parameters.ts'
import type { DroppedWord, ParsedQuery, QueryWord } from './query.ts'

/** How many of the searched records hold each word, by its text, and how many records there are. */
export type Frequencies = { readonly total: number; readonly of: ReadonlyMap<string, number> }

/**
 * What the index is asked (RET-306). Every expression is made of quoted words of letters and digits only; nothing a
 * person typed reaches FTS5 in any other form (RET-308). Null = there is nothing to ask of that table.
 */
export type MatchPlan = {
  readonly words: string | null
  readonly grams: string | null
  /** `all`: a record must match `words` and `grams`; `any`: either. */
  readonly mode: 'any' | 'all'
  readonly phrases: readonly string[]
  readonly pairs: readonly string[]
  readonly dropped: readonly DroppedWord[]
}

/** Where words are looked for: the names of a table's columns. */
export type Columns = { readonly own: readonly string[]; readonly all: readonly string[]; readonly hasGrams: boolean }

export const observationColumns: Columns = {
  own: ['title', 'content', 'keys'],
  all: ['title', 'content', 'keys', 'before', 'after', 'day'],
  hasGrams: true,
}
export const promptColumns: Columns = { own: ['content'], all: ['content', 'before', 'day'], hasGrams: false }

export type MatchOptions = {
  readonly mode: 'any' | 'all'
  /** Facet words every record must have; empty = no facet clause. */
  readonly facets: readonly string[]
  readonly columns: Columns
}

/** Steps 6 to 9 of RET-301: pruning, pairs, unknown words, the expressions. */
export function planMatch(query: ParsedQuery, frequencies: Frequencies, options: MatchOptions): MatchPlan {
  return options.mode === 'all' ? planAll(query, frequencies, options) : planAny(query, frequencies, options)
}

function planAny(query: ParsedQuery, frequencies: Frequencies, options: MatchOptions): MatchPlan {
  const { known, unknown } = byFrequency(query.words, frequencies)
  const { kept, dropped } = prune(known, frequencies)
  const pairs = survivingPairs(query.pairs, kept, frequencies)
  const clauses = [
    ...kept.map((word) => quoted(word.text)),
    ...unknown.map(unknownClause),
    ...pairs.map(quoted),
    ...(options.columns.hasGrams ? [] : query.runs.map(prefix)),
  ]
  const grams = options.columns.hasGrams ? [...unknown.flatMap(gramPhrase), ...query.runs.flatMap(runClauses)] : []
  return {
    mode: 'any',
    words: clauses.length === 0 ? null : expression(options.facets, options.columns.all, clauses.join(' OR ')),
    grams: grams.length === 0 ? null : expression(options.facets, ['grams'], grams.join(' OR ')),
    phrases: query.phrases.map((phrase) => expression(options.facets, options.columns.own, quoted(phrase))),
    pairs,
    dropped,
  }
}

/** Every word in the record's own columns; unknown ones as part of a word (RET-307). */
function planAll(query: ParsedQuery, frequencies: Frequencies, options: MatchOptions): MatchPlan {
  const { known, unknown } = byFrequency(query.words, frequencies)
  const isShort = (word: QueryWord): boolean => isPrefixWord(word) || gramPhrase(word).length === 0
  const short = unknown.filter(isShort)
  const long = unknown.filter((word) => !isShort(word))
  const { hasGrams, own } = options.columns
  const clauses = [
    ...known.map((word) => quoted(word.text)),
    ...short.map(unknownClause),
    ...query.phrases.map(quoted),
    ...(hasGrams ? [] : [...long.map((word) => quoted(word.text)), ...query.runs.map(prefix)]),
  ]
  const grams = hasGrams
    ? [...long.flatMap(gramPhrase), ...query.runs.map((run) => quoted(gramsOfWord(run).join(' ')))]
    : []
  return {
    mode: 'all',
    words: clauses.length === 0 ? null : expression(options.facets, own, clauses.join(' AND ')),
    grams: grams.length === 0 ? null : expression(options.facets, ['grams'], grams.join(' AND ')),
    phrases: query.phrases.map((phrase) => expression(options.facets, own, quoted(phrase))),
    pairs: [],
    dropped: [],
  }
}

type Counted = QueryWord & { readonly df: number }

function byFrequency(words: readonly QueryWord[], frequencies: Frequencies) {
  const counted = words.map((word): Counted => ({ ...word, df: frequencies.of.get(word.text) ?? 0 }))
  return { known: counted.filter((word) => word.df > 0), unknown: counted.filter((word) => word.df === 0) }
}

/**
 * The three rarest words stay; further ones while they are in at most 30 % of the records and the postings to read stay
 * within the budget (RET-303). Order of the query is kept.
 */
function prune(known: readonly Counted[], frequencies: Frequencies) {
  const budget = postingsBudget(frequencies.total)
  const rarestFirst = [...known].sort((a, b) => a.df - b.df || (a.text < b.text ? -1 : 1))
  const kept = new Set<string>()
  let postings = 0
  for (const [place, word] of rarestFirst.entries()) {
    const fits = word.df <= parameters.commonShareMax * frequencies.total && postings + word.df <= budget
    if (place >= parameters.rarestKept && !fits) break
    kept.add(word.text)
    postings += word.df
  }
  return {
    kept: known.filter((word) => kept.has(word.text)),
    dropped: known
      .filter((word) => !kept.has(word.text))
      .map((word): DroppedWord => ({ word: word.text, why: 'too_common' })),
  }
}

export const postingsBudget = (total: number): number =>
  Math.min(Math.max(total * parameters.postingsShareMax, parameters.postingsMin), parameters.postingsMax)

/** Pairs of known words of which at least one survived pruning, as phrases; first 8 (RET-304). */
function survivingPairs(
  pairs: ParsedQuery['pairs'],
  kept: readonly QueryWord[],
  frequencies: Frequencies,
): readonly string[] {
  const keptTexts = new Set(kept.map((word) => word.text))
  const isKnown = (word: string): boolean => (frequencies.of.get(word) ?? 0) > 0
  return pairs
    .filter(([a, b]) => isKnown(a) && isKnown(b) && (keptTexts.has(a) || keptTexts.has(b)))
    .slice(0, limits.queryPairsMax)
    .map((pair) => pair.join(' '))
}

const lettersOf = (word: string): number => Array.from(word).length

function isPrefixWord(word: QueryWord): boolean {
  const letters = lettersOf(word.text)
  const isShort = letters >= parameters.prefixLettersMin && letters <= parameters.prefixLettersMax
  return isShort || letters >= wordLettersCut
}

/** A word of this length was cut; only its beginning is known. */
const wordLettersCut = 64

/** Unknown to the count the word may still be new, so it is asked for in any case (RET-103). */
const unknownClause = (word: QueryWord): string => (isPrefixWord(word) ? prefix(word.text) : quoted(word.text))

const gramPhrase = (word: QueryWord): readonly string[] =>
  lettersOf(word.text) > parameters.prefixLettersMax && lettersOf(word.text) >= gramWordLettersMin
    ? [quoted(gramsOfWord(word.text).join(' '))]
    : []

/** A run must stand as it is; of a long one, such as a whole question, any pair of letters counts. */
function runClauses(run: string): readonly string[] {
  const grams = gramsOfWord(run)
  if (lettersOf(run) === 1) return [prefix(run)]
  const whole = quoted(grams.join(' '))
  return lettersOf(run) <= parameters.wholeRunLettersMax ? [whole] : [whole, ...new Set(grams.map(quoted))]
}

/** A string of FTS5: nothing inside it has a meaning. */
const quoted = (text: string): string => `"${text.replaceAll('"', '""').replaceAll('\0', ' ')}"`
const prefix = (text: string): string => `${quoted(text)}*`

function expression(facets: readonly string[], columns: readonly string[], clauses: string): string {
  const words = `{${columns.join(' ')}} : (${clauses})`
  return facets.length === 0 ? words : `facet : (${facets.map(quoted).join(' AND ')}) AND ${words}`
}

/** The expression that asks for a phrase of grams. */
export const gramExpression = (grams: string): string => expression([], ['grams'], quoted(grams))

/** The expression that asks for one word in given columns, as {@link planMatch} would; for explanations and coverage. */
export function wordExpression(word: QueryWord, isKnown: boolean, columns: readonly string[]): string {
  return expression([], columns, isKnown ? quoted(word.text) : unknownClause(word))
}

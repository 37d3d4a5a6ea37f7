import { limits } from '../model/limits.ts'
import { gramWordLettersMin, gramsOfWord } from '../store/index-text.ts'
import type { SearchedKind } from '../store/kind-index.ts'
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
  /**
   * Asks for fewer rows than `words`, those that will come in front; their scores are twice as high. Whoever gets fewer
   * than it wanted asks for `words`. Null = there is nothing to gain.
   */
  readonly fewer: string | null
  /** What `words` brings beside `fewer` counts for nothing: as many as the answer shows are enough. */
  readonly isFewerSure: boolean
  readonly grams: string | null
  /** `all`: a record must match `words` and `grams`; `any`: either. */
  readonly mode: 'any' | 'all'
  readonly phrases: readonly string[]
  readonly pairs: readonly string[]
  readonly dropped: readonly DroppedWord[]
}

/** Where words are looked for: the names of a table's columns. */
export type Columns = {
  readonly own: readonly string[]
  readonly all: readonly string[]
  /** Grams stand in a table of their own, or in a column of the same one, or nowhere. */
  readonly grams: 'table' | 'column' | 'none'
}

export const observationColumns: Columns = {
  own: ['title', 'content', 'keys'],
  all: ['title', 'content', 'keys', 'before', 'after', 'day'],
  grams: 'table',
}

/** The same of what is searched beside memories. */
export const kindColumns: Readonly<Record<SearchedKind, Columns>> = {
  prompt: { own: ['content'], all: ['content', 'before', 'day'], grams: 'none' },
  unit: { own: ['text', 'meta', 'grams'], all: ['text', 'meta', 'before', 'day', 'grams'], grams: 'column' },
  message: { own: ['text', 'grams'], all: ['text', 'before', 'day', 'grams'], grams: 'column' },
}

export type MatchOptions = {
  readonly mode: 'any' | 'all'
  /** Facet words every record must have, or one of which; empty = no facet clause. */
  readonly facets: readonly string[]
  readonly facetsJoin?: 'AND' | 'OR'
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
  const others = [...unknown.map(unknownClause), ...query.runs.flatMap((run) => besideWords(run, options.columns))]
  const proposing = byCost(kept, frequencies.total, options.facets.length === 0)
  const { first, whole } = proposal(kept, proposing, others, pairs.map(quoted), options.columns.own)
  const columns = columnsFor(query, options.columns)
  const facets = facetClause(options.facets, options.facetsJoin)
  const words = (clauses: string | null): string | null =>
    clauses === null ? null : expression(facets, columns, clauses)
  const hasTable = options.columns.grams === 'table'
  const grams = hasTable ? [...unknown.flatMap(gramPhrase), ...query.runs.flatMap(runClauses)] : []
  return {
    mode: 'any',
    words: words(whole),
    fewer: words(first),
    isFewerSure: proposing.isSure,
    grams: grams.length === 0 ? null : expression(facets, ['grams'], grams.join(' OR ')),
    phrases: query.phrases.map((phrase) => expression(facets, options.columns.own, quoted(phrase))),
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
  const { own } = options.columns
  const hasTable = options.columns.grams === 'table'
  const facets = facetClause(options.facets, options.facetsJoin)
  const clauses = [
    ...known.map((word) => quoted(word.text)),
    ...short.map(unknownClause),
    ...query.phrases.map(quoted),
    ...(hasTable ? [] : long.map((word) => quoted(word.text))),
    ...query.runs.flatMap((run) => besideWords(run, options.columns).slice(0, 1)),
  ]
  const grams = hasTable
    ? [...long.flatMap(gramPhrase), ...query.runs.map((run) => quoted(gramsOfWord(run).join(' ')))]
    : []
  return {
    mode: 'all',
    words: clauses.length === 0 ? null : expression(facets, own, clauses.join(' AND ')),
    fewer: null,
    isFewerSure: false,
    grams: grams.length === 0 ? null : expression(facets, ['grams'], grams.join(' AND ')),
    phrases: query.phrases.map((phrase) => expression(facets, own, quoted(phrase))),
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

/**
 * Words that bring rows in: any of them, rows that hold all, or rows that hold all in their own text; and words that only
 * add to the score of such rows.
 */
type Proposing = {
  readonly words: readonly Counted[]
  readonly by: 'any' | 'all' | 'own'
  readonly adding: readonly Counted[]
  /** No other row can score anything worth the name. */
  readonly isSure: boolean
}

/**
 * Scoring a row costs many times what stepping over it costs, and a record that holds only the commonest words of a
 * question hardly ever comes in front: so the rarest words propose as many rows as scoring can afford. Where even the
 * rarest is in too many, only rows that hold the two rarest, or more of them, are scored. Of words that are nearly
 * everywhere their neighbours' text tells nothing, so their own must hold them.
 */
function byCost(kept: readonly Counted[], total: number, isWhole: boolean): Proposing {
  const rowsMax = scoredRowsMax(total)
  if (total <= rowsMax) return { words: kept, by: 'any', adding: [], isSure: false }
  // bm25 of FTS5 gives nothing for a word in more than half of the table's rows.
  const telling = isWhole ? kept.filter(({ df }) => df * 2 < total) : kept
  const rarestFirst = [...(telling.length === 0 ? kept : telling)].sort(
    (a, b) => a.df - b.df || (a.text < b.text ? -1 : 1),
  )
  const isCommon = (rarestFirst[0]?.df ?? 0) > rowsMax
  const count = isCommon ? conjoined(rarestFirst, total, rowsMax) : affordable(rarestFirst, rowsMax)
  const proposing = new Set(rarestFirst.slice(0, count).map(({ text }) => text))
  return {
    words: rarestFirst.filter(({ text }) => proposing.has(text)),
    by: telling.length === 0 && kept.length > 0 ? 'own' : isCommon ? 'all' : 'any',
    adding: rarestFirst.filter(({ text }) => !proposing.has(text)),
    isSure: telling.length > 0 && !isCommon && count === telling.length,
  }
}

function scoredRowsMax(total: number): number {
  if (total <= parameters.allScoredMax) return total
  const share = Math.max(total * parameters.scoredShareMax, parameters.scoredRowsMax)
  return Math.max(total * parameters.scoredShareMaxLarge, Math.min(share, parameters.scoredRowsMaxLarge))
}

function affordable(rarestFirst: readonly Counted[], rowsMax: number): number {
  let rows = 0
  for (const [at, { df }] of rarestFirst.entries()) {
    if (rows >= parameters.scoredRowsMin && rows + df > rowsMax) return at
    rows += df
  }
  return rarestFirst.length
}

/** How many of the rarest words together stand in few enough rows, were they spread by chance. */
function conjoined(rarestFirst: readonly Counted[], total: number, rowsMax: number): number {
  let rows = total
  for (const [at, { df }] of rarestFirst.entries()) {
    const next = (rows * df) / total
    if (rows <= rowsMax || next < parameters.scoredRowsMin) return Math.max(1, at)
    rows = next
  }
  return rarestFirst.length
}

/**
 * The words as one clause. Where some only add, those that propose stand before an AND and again behind it; so that all
 * weigh alike, a word that stands only behind it stands there twice; pairs, which are dear, once. The score is then about
 * twice that of the plain OR.
 */
function proposal(
  kept: readonly Counted[],
  { words, by, adding }: Proposing,
  others: readonly string[],
  pairs: readonly string[],
  own: readonly string[],
): Proposal {
  const [proposing, added] = [words.map(quotedWord), adding.map(quotedWord)]
  const all = [...proposing, ...added, ...others, ...pairs]
  const whole = [...kept.map(quotedWord), ...others, ...pairs].join(' OR ')
  if (whole === '') return { first: null, whole: null }
  if (words.length === kept.length && (by === 'any' || (by === 'all' && words.length === 1)))
    return { first: null, whole }
  const together = proposing.join(by === 'any' ? ' OR ' : ' AND ')
  const bringing = [by === 'own' ? `{${own.join(' ')}} : (${together})` : `(${together})`, ...others].join(' OR ')
  return { first: `(${bringing}) AND (${[...all, ...added].join(' OR ')})`, whole }
}

/** `first` is asked before `whole`, which is the plain OR; null where it would be the same. */
type Proposal = { readonly first: string | null; readonly whole: string | null }

/**
 * Naming the columns costs as much again, and only keeps words from matching the facet, whose words begin with `fp`,
 * `fs` or `fc`: so they are named where a word of the query does. Empty = any column.
 */
const columnsFor = (query: ParsedQuery, columns: Columns): readonly string[] =>
  query.words.some(({ text, term }) => isFacetLike(text) || isFacetLike(term)) ? columns.all : []

const isFacetLike = (word: string): boolean => /^f[psc]/.test(word)

export const postingsBudget = (total: number): number =>
  Math.min(Math.max(total * parameters.postingsShareMax, parameters.postingsMin), parameters.postingsMax)

/** Pairs of known words of which at least one survived pruning and one is not too common to walk, as phrases; first 8 (RET-304). */
function survivingPairs(
  pairs: ParsedQuery['pairs'],
  kept: readonly QueryWord[],
  frequencies: Frequencies,
): readonly string[] {
  const keptTexts = new Set(kept.map((word) => word.text))
  const df = (word: string): number => frequencies.of.get(word) ?? 0
  const dfMax = scoredRowsMax(frequencies.total)
  const isWorthIt = (a: string, b: string): boolean => df(a) > 0 && df(b) > 0 && Math.min(df(a), df(b)) <= dfMax
  return pairs
    .filter(([a, b]) => isWorthIt(a, b) && (keptTexts.has(a) || keptTexts.has(b)))
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

/** What the table of words itself is asked for a run: pairs where it has them, else words that begin so. */
function besideWords(run: string, { grams }: Columns): readonly string[] {
  if (grams === 'table') return []
  return grams === 'none' ? [prefix(run)] : runClauses(run).map((clause) => `grams : ${clause}`)
}

/** A string of FTS5: nothing inside it has a meaning. */
const quotedWord = (word: QueryWord): string => quoted(word.text)
const quoted = (text: string): string => `"${text.replaceAll('"', '""').replaceAll('\0', ' ')}"`
const prefix = (text: string): string => `${quoted(text)}*`

function expression(facet: string, columns: readonly string[], clauses: string): string {
  const words = columns.length === 0 ? `(${clauses})` : `{${columns.join(' ')}} : (${clauses})`
  return `${facet}${words}`
}

/** The beginning of an expression that keeps out what facets forbid; empty for none. */
export const facetClause = (facets: readonly string[], join: 'AND' | 'OR' = 'AND'): string =>
  facets.length === 0 ? '' : `facet : (${facets.map(quoted).join(` ${join} `)}) AND `

/** The expression that asks for a phrase of grams. */
export const gramExpression = (grams: string): string => expression('', ['grams'], quoted(grams))

/** The expression that asks for one word in given columns, as {@link planMatch} would; for explanations and coverage. */
export function wordExpression(word: QueryWord, isKnown: boolean, columns: readonly string[]): string {
  return expression('', columns, isKnown ? quoted(word.text) : unknownClause(word))
}

/** The expression that asks for any word of the query in the record's own columns; null when there is none in it. */
export function ownWordsExpression(query: ParsedQuery, { of }: Frequencies, columns: Columns): string | null {
  const words = query.words.map((word) => ((of.get(word.text) ?? 0) > 0 ? quoted(word.text) : unknownClause(word)))
  const clauses = [...words, ...query.runs.flatMap((run) => besideWords(run, columns))]
  return clauses.length === 0 ? null : expression('', columns.own, clauses.join(' OR '))
}

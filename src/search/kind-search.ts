import { parseTime } from '../model/times.ts'
import type { Clock } from '../platform/clock.ts'
import { contextFacet, projectFacet } from '../store/index-text.ts'
import {
  bestKindRows,
  kindRowMatches,
  kindRows,
  searchedContexts,
  type KindFilters,
  type KindRow,
  type RowOf,
  type SearchedKind,
} from '../store/kind-index.ts'
import { projectByName } from '../store/projects.ts'
import type { ReadTx } from '../store/transaction.ts'
import type { Holds } from './coverage.ts'
import type { FrequencyCache } from './frequencies.ts'
import { kindColumns, ownWordsExpression, planMatch, type Frequencies, type MatchPlan } from './match.ts'
import { parameters } from './parameters.ts'
import { parseQuery, type ParsedQuery } from './query.ts'
import { freshness, type Mixture } from './rank.ts'
import type { Period } from './time-words.ts'
import { mixUnits, wordsOnly, type CandidateScores, type MixedCandidates, type UnitMeaning } from './unit-meaning.ts'

export type KindRequest = {
  readonly text: string
  readonly filters: KindFilters
  readonly matchMode: 'any' | 'all'
  readonly order: 'relevance' | 'recent'
  readonly nowMs: number
  readonly clock: Pick<Clock, 'monotonicMs'>
  /** Of units alone: nothing else beside memories has vectors. */
  readonly meaning?: UnitMeaning | null
}

export type RankedRow<Row extends KindRow> = {
  readonly row: Row
  readonly L: number
  readonly V?: number
  readonly c?: number
  readonly factors: { readonly time: number; readonly phrase: number; readonly role: number }
  readonly S: number
}

export type KindFindings<Row extends KindRow> = {
  readonly query: ParsedQuery
  readonly frequencies: Frequencies
  readonly plan: MatchPlan
  readonly ranked: readonly RankedRow<Row>[]
  readonly tookMs: number
} & Omit<MixedCandidates, 'scores'>

const candidatesMax = 200
const weightsOf: Readonly<Record<SearchedKind, readonly number[]>> = {
  prompt: Object.values(parameters.promptWeights),
  unit: Object.values(parameters.unitWeights),
  message: Object.values(parameters.messageWeights),
}
/** More contexts than this are told apart by the join alone. */
const contextFacetsMax = 200

/**
 * What memories are searched by, for everything else that is kept: the same reading of the query, words by OR with pruning
 * and pairs, bm25 over weighted columns, time, phrases (RET-301, RET-401). One snapshot; the same list for the same store,
 * query and time.
 */
export function searchKind<K extends SearchedKind>(
  tx: ReadTx,
  cache: FrequencyCache,
  kind: K,
  request: KindRequest,
): KindFindings<RowOf[K]> {
  const startMs = request.clock.monotonicMs()
  const query = parseQuery(request.text, { authors: [], nowMs: request.nowMs })
  const scope = scopeOf(tx, cache, kind, request.filters)
  const of = new Map(
    query.words.map((word) => [word.text, scope.total === 0 ? 0 : cache.df(tx, kind, word, scope.facets, scope.total)]),
  )
  const frequencies = { total: scope.total, of }
  const plan = planMatch(query, frequencies, {
    mode: request.matchMode,
    facets: scope.isNarrow ? scope.facets : [],
    facetsJoin: 'OR',
    columns: kindColumns[kind],
  })
  const { meaning = null, filters } = request
  const isWordless = scope.total === 0 || meaning?.isSemantic === true
  const words = isWordless ? none : lexicalScores(tx, kind, plan, request)
  const where = { filters, total: scope.total, ownWords: ownWordsExpression(query, frequencies, kindColumns[kind]) }
  const mixed = kind === 'unit' && meaning !== null ? mixUnits(tx, words, where, meaning) : wordsOnly(words)
  const ranked = rankedRows(tx, kind, mixed, { plan, query, request })
  const { mixture, withoutMeaning, heldBack } = mixed
  const tookMs = request.clock.monotonicMs() - startMs
  return { query, frequencies, plan, ranked, mixture, withoutMeaning, heldBack, tookMs }
}

type KindScope = {
  readonly total: number
  /** Words one of which every row in scope has in its facet; empty = the whole store, or more than can be named. */
  readonly facets: readonly string[]
  readonly isNarrow: boolean
}

function scopeOf(tx: ReadTx, cache: FrequencyCache, kind: SearchedKind, filters: KindFilters): KindScope {
  const counts = cache.counts(tx, kind)
  const facetsOf = (): { readonly total: number; readonly facets: readonly string[] } | null => {
    if (kind !== 'unit') {
      if (filters.project === null) return null
      const number = projectByName(tx, filters.project)?.id ?? -1
      return { total: counts.byProject.get(filters.project) ?? 0, facets: [projectFacet(number)] }
    }
    const contexts = searchedContexts(tx, filters)
    if (contexts === null) return null
    const total = contexts.reduce((sum, number) => sum + (counts.byProject.get(String(number)) ?? 0), 0)
    return { total, facets: contexts.length > contextFacetsMax ? [] : contexts.map(contextFacet) }
  }
  const part = facetsOf()
  if (part === null || part.total === counts.total) return { total: counts.total, facets: [], isNarrow: false }
  return { ...part, isNarrow: part.total < counts.total * parameters.facetShareMax }
}

const none: ReadonlyMap<number, number> = new Map()

/** L of the rows that hold the words best, by id (RET-401). */
function lexicalScores(
  tx: ReadTx,
  kind: SearchedKind,
  plan: MatchPlan,
  { filters }: KindRequest,
): ReadonlyMap<number, number> {
  if (plan.words === null) return none
  const ask = (match: string) => bestKindRows(tx, kind, match, weightsOf[kind], filters, candidatesMax)
  const few = plan.fewer === null ? [] : ask(plan.fewer)
  const hits = few.length >= candidatesMax ? few : ask(plan.words)
  const best = hits.reduce((most, { s }) => Math.max(most, -s), 0)
  return new Map(hits.map(({ id, s }) => [id, best === 0 ? 0 : -s / best]))
}

type Asked = { readonly plan: MatchPlan; readonly query: ParsedQuery; readonly request: KindRequest }

function rankedRows<K extends SearchedKind>(
  tx: ReadTx,
  kind: K,
  { scores, mixture }: MixedCandidates,
  { plan, query, request }: Asked,
): readonly RankedRow<RowOf[K]>[] {
  const holdsPhrase = (id: number): boolean => plan.phrases.some((phrase) => kindRowMatches(tx, kind, phrase, id))
  const ranked = kindRows(tx, kind, [...scores.keys()]).map((row): RankedRow<RowOf[K]> => {
    const own = scores.get(row.id) ?? { L: 0 }
    const time = timeFactor(row, query.period, request.nowMs)
    const phrase = holdsPhrase(row.id) ? parameters.phrase : 1
    const role = kind === 'message' && row.author === 'tool' ? parameters.toolOutput : 1
    const S = rounded(scoreOf(own, mixture) * time * phrase * role)
    return { row, ...own, factors: { time, phrase, role }, S }
  })
  const byScore = ranked.toSorted((a, b) => b.S - a.S || (a.row.name < b.row.name ? -1 : 1))
  return request.order === 'relevance'
    ? byScore
    : byScore.toSorted((a, b) => newestFirst(a.row, b.row) || laterUnit(kind, a.row, b.row))
}

const scoreOf = ({ L, V = 0 }: CandidateScores, { words, meaning }: Mixture): number => words * L + meaning * V

/** The log tells units of one moment apart. */
const laterUnit = (kind: SearchedKind, a: KindRow, b: KindRow): number => (kind === 'unit' ? b.id - a.id : 0)

type Timed = { readonly created_at: string }

export const newestFirst = (a: Timed, b: Timed): number =>
  a.created_at === b.created_at ? 0 : a.created_at > b.created_at ? -1 : 1

const rounded = (score: number): number => Math.round(score * 1e9) / 1e9

/** Inside the period the query speaks of, else freshness (RET-405). */
function timeFactor(row: KindRow, period: Period | null, nowMs: number): number {
  const at = parseTime(row.created_at) ?? Number.NEGATIVE_INFINITY
  if (period === null) return freshness(nowMs - at)
  return at >= period.fromMs && at < period.toMs ? parameters.insidePeriod : 1
}

/** For how sure a list of this kind is (RET-701). */
export const kindHolds = (tx: ReadTx, kind: SearchedKind): Holds => ({
  columns: kindColumns[kind],
  holds: (id, match) => kindRowMatches(tx, kind, match, id),
})

import { limits } from '../model/limits.ts'
import { projectFacet, scopeFacet } from '../store/index-text.ts'
import {
  bestFilteredRows,
  bestRows,
  candidateRows,
  matchingIds,
  type CandidateRow,
  type IndexHit,
  type RecordFilters,
} from '../store/full-text-search.ts'
import { projectByName } from '../store/projects.ts'
import type { ReadTx } from '../store/transaction.ts'
import type { Counts, FrequencyCache } from './frequencies.ts'
import type { Frequencies, MatchPlan } from './match.ts'
import { parameters } from './parameters.ts'
import type { ParsedQuery } from './query.ts'

/** How the searched records are told apart in the index. */
export type SearchScope = {
  readonly filters: RecordFilters
  /** Facet words for the expression; empty when the join alone filters (RET-306). */
  readonly facets: readonly string[]
  /** Facet words for counting words: of the project whenever the store has others too (RET-303, RET-502). */
  readonly countFacets: readonly string[]
  /** Records of the searched project. */
  readonly total: number
  /** The expression alone keeps out what project and scope forbid; no other filter but expiry is asked. */
  readonly isCovered: boolean
}

/** Decides where the filters act; both ways give the same list (RET-306). */
export function searchScope(tx: ReadTx, filters: RecordFilters, counts: Counts): SearchScope {
  const { project, scope, notExpiredAt: _, ...others } = filters
  const total = project === null ? counts.total : (counts.byProject.get(project) ?? 0)
  const isWhole = total === counts.total
  const name = project === null ? null : projectFacet(projectByName(tx, project)?.id ?? -1)
  const usesFacet = name !== null && total < counts.total * parameters.facetShareMax
  const facets = usesFacet ? [name, ...(scope === undefined ? [] : [scopeFacet(scope)])] : []
  const hasOthers = Object.values(others).some((value) => value !== undefined)
  return {
    filters,
    facets,
    countFacets: name === null || isWhole ? [] : [name],
    total,
    isCovered: !hasOthers && (usesFacet || (isWhole && scope === undefined)),
  }
}

export function wordFrequencies(
  tx: ReadTx,
  cache: FrequencyCache,
  query: ParsedQuery,
  scope: SearchScope,
): Frequencies {
  const of = new Map(
    query.words.map((word) => [word.text, cache.df(tx, 'observation', word, scope.countFacets, scope.total)]),
  )
  return { total: scope.total, of }
}

/** A record proposed for the answer. `L` is its lexical score, 1 for the best (RET-401); `V` with vectors only (RET-402). */
export type Candidate = {
  readonly row: CandidateRow
  readonly L: number
  readonly V?: number
  /** The cosine itself; absent for a record without a vector. */
  readonly c?: number
  readonly hasPhrase: boolean
}

/**
 * The best lexical candidates, at most 200, with what ranking needs of them.
 *
 * @param wanted how many results the answer shows
 */
export function lexicalCandidates(
  tx: ReadTx,
  plan: MatchPlan,
  scope: SearchScope,
  wanted: number,
): readonly Candidate[] {
  const { hits, rows } = lexicalHits(tx, plan, scope, wanted)
  const best = hits.reduce((most, { s }) => Math.max(most, -s), 0)
  const withPhrase = phraseIds(tx, plan)
  return hits.flatMap(({ id, s }) => {
    const row = rows.get(id)
    return row === undefined ? [] : [{ row, L: -s / best, hasPhrase: withPhrase.has(id) }]
  })
}

const { facet, title, content, keys, before, after, day } = parameters.observationWeights
const wordWeights: readonly number[] = [facet, title, content, keys, before, after, day]
const gramWeights: readonly number[] = [0, 1]

/** Hits of one or both tables and their records' rows. */
type Hits = { readonly hits: readonly IndexHit[]; readonly rows: ReadonlyMap<number, CandidateRow> }

const none: Hits = { hits: [], rows: new Map() }

/** bm25 by record; both lists' values are added (RET-305). With `all` a record must stand in both. */
function lexicalHits(tx: ReadTx, plan: MatchPlan, scope: SearchScope, wanted: number): Hits {
  if (plan.mode === 'all' && plan.words !== null && plan.grams !== null) return hitsInBoth(tx, plan, scope)
  const words = wordHits(tx, plan, scope, wanted)
  const grams = plan.grams === null ? none : tableHits(tx, 'observation_grams', plan.grams, gramWeights, scope)
  if (grams.hits.length === 0) return words
  const sums = new Map(words.hits.map(({ id, s }) => [id, s]))
  for (const { id, s } of grams.hits) sums.set(id, (sums.get(id) ?? 0) + s)
  return { hits: bestFirst(sums), rows: new Map([...words.rows, ...grams.rows]) }
}

/** The cheap question first; the whole one when it brings too few, so that the answer never holds less (RET-303). */
function wordHits(tx: ReadTx, plan: MatchPlan, scope: SearchScope, wanted: number): Hits {
  if (plan.words === null) return none
  if (plan.fewer !== null) {
    const found = tableHits(tx, 'observation_fts', plan.fewer, wordWeights, scope)
    const isEnough = plan.isFewerSure && titlesOf(found) >= wanted
    if (isEnough || found.hits.length >= limits.searchCandidates) {
      return { ...found, hits: found.hits.map(({ id, s }) => ({ id, s: s / 2 })) }
    }
  }
  return tableHits(tx, 'observation_fts', plan.words, wordWeights, scope)
}

/** Results that stay when twins collapse into one (RET-408). */
const titlesOf = ({ hits, rows }: Hits): number => new Set(hits.map(({ id }) => rows.get(id)?.title)).size

const bestFirst = (sums: ReadonlyMap<number, number>): readonly IndexHit[] =>
  [...sums].map(([id, s]) => ({ id, s })).sort((a, b) => a.s - b.s)

function hitsInBoth(tx: ReadTx, plan: MatchPlan, scope: SearchScope): Hits {
  const inWords = requiredHits(tx, 'observation_fts', plan.words ?? '', wordWeights, scope)
  const inGrams = new Map(
    requiredHits(tx, 'observation_grams', plan.grams ?? '', gramWeights, scope).map(({ id, s }) => [id, s]),
  )
  const sums = inWords.flatMap(({ id, s }) => {
    const gram = inGrams.get(id)
    return gram === undefined ? [] : [[id, s + gram] as const]
  })
  const hits = bestFirst(new Map(sums)).slice(0, limits.searchCandidates)
  return { hits, rows: rowsOf(tx, hits) }
}

/** How many rows of each list an intersection looks at. */
const requiredMax = 100_000

const requiredHits = (
  tx: ReadTx,
  table: 'observation_fts' | 'observation_grams',
  match: string,
  weights: readonly number[],
  scope: SearchScope,
): readonly IndexHit[] => bestFilteredRows(tx, table, match, weights, scope.filters, requiredMax)

/**
 * One list, best first, equals by sync id (RET-401). Where the expression holds every condition the records are not
 * joined, which costs as much again: some more rows are read instead, for the equals at the bound. Only if those reach
 * further still, or something hidden was among them, it is asked again with the join; the answer is the same either way.
 */
function tableHits(
  tx: ReadTx,
  table: 'observation_fts' | 'observation_grams',
  match: string,
  weights: readonly number[],
  scope: SearchScope,
): Hits {
  const limit = limits.searchCandidates
  if (scope.isCovered) {
    const read = bestRows(tx, table, match, weights, limit * 2)
    const isComplete = read.length < limit * 2
    const bound = read[limit - 1]?.s ?? 0
    const wanted = isComplete ? read : read.filter(({ s }) => s <= bound)
    const rows = rowsOf(tx, wanted)
    const shown = wanted.filter(({ id }) => isShown(rows.get(id), scope.filters))
    if (isComplete || (wanted.length < read.length && shown.length === wanted.length)) {
      return { hits: bySyncId(shown, rows).slice(0, limit), rows }
    }
  }
  const hits = bestFilteredRows(tx, table, match, weights, scope.filters, limit)
  return { hits, rows: rowsOf(tx, hits) }
}

function bySyncId(hits: readonly IndexHit[], rows: ReadonlyMap<number, CandidateRow>): readonly IndexHit[] {
  const name = (hit: IndexHit): string => rows.get(hit.id)?.sync_id ?? ''
  return [...hits].sort((a, b) => a.s - b.s || (name(a) < name(b) ? -1 : 1))
}

const rowsOf = (tx: ReadTx, hits: readonly IndexHit[]): ReadonlyMap<number, CandidateRow> =>
  new Map(
    candidateRows(
      tx,
      hits.map((hit) => hit.id),
    ).map((row) => [row.id, row]),
  )

export function isShown(row: CandidateRow | undefined, { notExpiredAt }: RecordFilters): boolean {
  if (row === undefined) return false
  return notExpiredAt === undefined || row.expires_at === null || row.expires_at > notExpiredAt
}

const phraseRowsMax = 10_000

export function phraseIds(tx: ReadTx, plan: MatchPlan): ReadonlySet<number> {
  return new Set(plan.phrases.flatMap((phrase) => matchingIds(tx, 'observation_fts', phrase, phraseRowsMax)))
}

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

/** A record the index proposed. `L` is its lexical score, 1 for the best (RET-401). */
export type Candidate = { readonly row: CandidateRow; readonly L: number; readonly hasPhrase: boolean }

/** The best lexical candidates, at most 200, with what ranking needs of them. */
export function lexicalCandidates(tx: ReadTx, plan: MatchPlan, scope: SearchScope): readonly Candidate[] {
  const hits = lexicalHits(tx, plan, scope)
  const rows = candidateRows(tx, [...hits.keys()])
  const best = Math.max(...[...hits.values()].map((s) => -s))
  const withPhrase = phraseIds(tx, plan)
  return rows.map((row) => ({ row, L: -(hits.get(row.id) ?? 0) / best, hasPhrase: withPhrase.has(row.id) }))
}

const { facet, title, content, keys, before, after, day } = parameters.observationWeights
const wordWeights: readonly number[] = [facet, title, content, keys, before, after, day]
const gramWeights: readonly number[] = [0, 1]

/** bm25 by record; both lists' values are added (RET-305). With `all` a record must stand in both. */
function lexicalHits(tx: ReadTx, plan: MatchPlan, scope: SearchScope): ReadonlyMap<number, number> {
  if (plan.mode === 'all' && plan.words !== null && plan.grams !== null) return hitsInBoth(tx, plan, scope)
  const hits = new Map<number, number>()
  const lists = [
    plan.words === null ? [] : tableHits(tx, 'observation_fts', plan.words, wordWeights, scope),
    plan.grams === null ? [] : tableHits(tx, 'observation_grams', plan.grams, gramWeights, scope),
  ]
  for (const list of lists) for (const { id, s } of list) hits.set(id, (hits.get(id) ?? 0) + s)
  return new Map([...hits].sort(([, a], [, b]) => a - b).slice(0, limits.searchCandidates * 2))
}

function hitsInBoth(tx: ReadTx, plan: MatchPlan, scope: SearchScope): ReadonlyMap<number, number> {
  const everywhere = { ...scope, isCovered: false }
  const byWords = tableHits(tx, 'observation_fts', plan.words ?? '', wordWeights, everywhere, requiredMax)
  const byGrams = tableHits(tx, 'observation_grams', plan.grams ?? '', gramWeights, everywhere, requiredMax)
  const inGrams = new Map(byGrams.map(({ id, s }) => [id, s]))
  const both = byWords.flatMap(({ id, s }) => {
    const gram = inGrams.get(id)
    return gram === undefined ? [] : [[id, s + gram] as const]
  })
  return new Map(both.sort(([, a], [, b]) => a - b).slice(0, limits.searchCandidates))
}

/** How many rows of each list an intersection looks at. */
const requiredMax = 100_000

/**
 * One list, best first. Where the expression holds every condition the records are not joined; only if the bound then
 * falls between equals, or something expired was among them, it is asked again with the join, so that the answer is the
 * same either way.
 */
function tableHits(
  tx: ReadTx,
  table: 'observation_fts' | 'observation_grams',
  match: string,
  weights: readonly number[],
  scope: SearchScope,
  limit: number = limits.searchCandidates,
): readonly IndexHit[] {
  if (scope.isCovered) {
    const hits = bestRows(tx, table, match, weights, limit + 1)
    if (hits.length <= limit || hits[limit - 1]?.s !== hits[limit]?.s) {
      const first = hits.slice(0, limit)
      if (first.length < limit || !holdsHidden(tx, first, scope)) return visible(tx, first, scope)
    }
  }
  return bestFilteredRows(tx, table, match, weights, scope.filters, limit)
}

const isShown = (row: CandidateRow, filters: RecordFilters): boolean =>
  filters.notExpiredAt === undefined || row.expires_at === null || row.expires_at > filters.notExpiredAt

function holdsHidden(tx: ReadTx, hits: readonly IndexHit[], scope: SearchScope): boolean {
  const rows = candidateRows(
    tx,
    hits.map((hit) => hit.id),
  )
  return rows.length < hits.length || rows.some((row) => !isShown(row, scope.filters))
}

function visible(tx: ReadTx, hits: readonly IndexHit[], scope: SearchScope): readonly IndexHit[] {
  const rows = candidateRows(
    tx,
    hits.map((hit) => hit.id),
  )
  const shown = new Set(rows.filter((row) => isShown(row, scope.filters)).map((row) => row.id))
  return shown.size === hits.length ? hits : hits.filter((hit) => shown.has(hit.id))
}

const phraseRowsMax = 10_000

function phraseIds(tx: ReadTx, plan: MatchPlan): ReadonlySet<number> {
  return new Set(plan.phrases.flatMap((phrase) => matchingIds(tx, 'observation_fts', phrase, phraseRowsMax)))
}

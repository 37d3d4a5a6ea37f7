import { limits } from '../model/limits.ts'
import type { Clock } from '../platform/clock.ts'
import { authorsOf, namedRows, supersededBy, type CandidateRow, type RecordFilters } from '../store/full-text-search.ts'
import type { ReadTx } from '../store/transaction.ts'
import { lexicalCandidates, searchScope, wordFrequencies, type Candidate, type SearchScope } from './candidates.ts'
import type { FrequencyCache } from './frequencies.ts'
import { observationColumns, planMatch, type Frequencies, type MatchPlan } from './match.ts'
import { parseQuery, type ParsedQuery } from './query.ts'
import { collapseTwins, rank, type Group, type Ranked } from './rank.ts'

export type SearchRequest = {
  readonly text: string
  readonly filters: RecordFilters
  readonly matchMode: 'any' | 'all'
  readonly order: 'relevance' | 'recent'
  /** Twins stand as one result (RET-408). */
  readonly collapses: boolean
  readonly limit: number
  readonly nowMs: number
  readonly clock: Pick<Clock, 'monotonicMs'>
}

/** A record the query names literally; it leads the answer (MEM-603). */
export type NamedRecord = { readonly row: CandidateRow; readonly by: 'topic_key' | 'id' }

export type SearchFindings = {
  readonly query: ParsedQuery
  readonly frequencies: Frequencies
  readonly plan: MatchPlan
  readonly named: readonly NamedRecord[]
  readonly groups: readonly Group[]
  readonly tookMs: Readonly<Record<'query' | 'lexical' | 'rank', number>>
}

const authorsLookedAt = 1_000

/** Query → candidates → rank (RET-301, RET-401, RET-403): one snapshot, the same list for the same store, query and time. */
export function searchLexically(tx: ReadTx, cache: FrequencyCache, request: SearchRequest): SearchFindings {
  const startMs = request.clock.monotonicMs()
  const { filters, nowMs } = request
  const authors = authorsOf(tx, filters.project, authorsLookedAt)
  const query = parseQuery(request.text, { authors, nowMs })
  const scope = searchScope(tx, filters, cache.counts(tx, 'observation'))
  const frequencies = wordFrequencies(tx, cache, query, scope)
  const plan = planMatch(query, frequencies, {
    mode: request.matchMode,
    facets: scope.facets,
    columns: observationColumns,
  })
  const queryMs = request.clock.monotonicMs()
  const named = namedRecords(tx, query, filters, request.limit)
  const candidates = scope.total === 0 ? [] : candidatesWithout(tx, plan, scope, named)
  const lexicalMs = request.clock.monotonicMs()
  const groups = ordered(tx, candidates, query, request).slice(0, request.limit - named.length)
  const rankMs = request.clock.monotonicMs()
  return {
    query,
    frequencies,
    plan,
    named,
    groups,
    tookMs: { query: queryMs - startMs, lexical: lexicalMs - queryMs, rank: rankMs - lexicalMs },
  }
}

function namedRecords(tx: ReadTx, query: ParsedQuery, filters: RecordFilters, limit: number): readonly NamedRecord[] {
  const { topicKeys, ids, syncIds } = query.names
  if (topicKeys.length + ids.length + syncIds.length === 0) return []
  return namedRows(tx, query.names, filters, Math.min(limit, limits.searchCandidates)).map((row) => ({
    row,
    by: ids.includes(row.id) || syncIds.includes(row.sync_id) ? 'id' : 'topic_key',
  }))
}

function candidatesWithout(
  tx: ReadTx,
  plan: MatchPlan,
  scope: SearchScope,
  named: readonly NamedRecord[],
): readonly Candidate[] {
  const leading = new Set(named.map(({ row }) => row.id))
  return lexicalCandidates(tx, plan, scope).filter(({ row }) => !leading.has(row.id))
}

function ordered(
  tx: ReadTx,
  candidates: readonly Candidate[],
  query: ParsedQuery,
  request: SearchRequest,
): readonly Group[] {
  const ranked = rank(candidates, {
    nowMs: request.nowMs,
    period: query.period,
    authors: new Set(query.authors),
    supersededBy: supersedingOf(tx, candidates),
  })
  const wanted = request.order === 'recent' ? ranked.length : request.limit
  const groups = request.collapses ? collapseTwins(ranked, wanted) : ranked.map((best): Group => ({ best, twins: [] }))
  return request.order === 'recent' ? [...groups].sort((a, b) => newestFirst(a.best, b.best)) : groups
}

const newestFirst = ({ row: a }: Ranked, { row: b }: Ranked): number =>
  descending(a.created_at, b.created_at) || descending(a.hlc, b.hlc) || -descending(a.sync_id, b.sync_id)

const descending = (a: string, b: string): number => (a > b ? -1 : a < b ? 1 : 0)

function supersedingOf(tx: ReadTx, candidates: readonly Candidate[]): ReadonlyMap<string, readonly string[]> {
  const sources = new Map<string, string[]>()
  if (candidates.length === 0) return sources
  for (const edge of supersededBy(
    tx,
    candidates.map(({ row }) => row.sync_id),
  )) {
    sources.set(edge.target_id, [...(sources.get(edge.target_id) ?? []), edge.source_id])
  }
  return sources
}

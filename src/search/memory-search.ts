import { limits } from '../model/limits.ts'
import type { Clock } from '../platform/clock.ts'
import { authorsOf, namedRows, supersededBy, type CandidateRow, type RecordFilters } from '../store/full-text-search.ts'
import type { ReadTx } from '../store/transaction.ts'
import { lexicalCandidates, searchScope, wordFrequencies, type Candidate, type SearchScope } from './candidates.ts'
import type { FrequencyCache } from './frequencies.ts'
import { observationColumns, planMatch, type Frequencies, type MatchPlan } from './match.ts'
import { parameters } from './parameters.ts'
import { parseQuery, type ParsedQuery } from './query.ts'
import { fuse } from './fuse.ts'
import {
  collapseTwins,
  meaningAlone,
  rank,
  wordsAlone,
  wordsAndMeaning,
  type Group,
  type Mixture,
  type Ranked,
} from './rank.ts'
import { scanScope, type QueryMeaning } from './vector-search.ts'

export type SearchRequest = {
  readonly text: string
  readonly filters: RecordFilters
  readonly matchMode: 'any' | 'all'
  readonly order: 'relevance' | 'recent'
  /** Twins stand as one result (RET-408). */
  readonly collapses: boolean
  readonly limit: number
  /** The query's vector, where there is one. */
  readonly meaning: QueryMeaning | null
  /** By meaning alone: a record counts for nothing but its nearness (RET-409). */
  readonly isSemantic: boolean
  /** What only meaning brings must be this near; 0 = any (RET-610). */
  readonly nearnessMin: number
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
  readonly mixture: Mixture
  /** The greatest cosine in scope, 0 without vectors (RET-701). */
  readonly nearest: number
  /** Near ones that were not near enough. */
  readonly heldBack: number
  /** A vector was given and could not be used: too few of the records in scope have one, or not all are read yet. */
  readonly withoutMeaning: 'vectors_incomplete' | 'vectors_loading' | null
  readonly tookMs: Readonly<Record<'query' | 'lexical' | 'vectors' | 'rank', number>>
}

const authorsLookedAt = 1_000

/** Query → candidates → fuse → rank (RET-301, RET-401 to RET-403): one snapshot, the same list for the same store, query and time. */
export function searchMemories(tx: ReadTx, cache: FrequencyCache, request: SearchRequest): SearchFindings {
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
  const leading = new Set(named.map(({ row }) => row.id))
  const lexical = scope.total === 0 ? [] : lexicalCandidates(tx, plan, scope, request.limit)
  const lexicalMs = request.clock.monotonicMs()
  const mixed = mix(tx, lexical, plan, scope, request)
  const vectorsMs = request.clock.monotonicMs()
  const candidates = mixed.candidates.filter(({ row }) => !leading.has(row.id))
  const groups = ordered(tx, candidates, query, request, mixed.mixture).slice(0, request.limit - named.length)
  const rankMs = request.clock.monotonicMs()
  return {
    query,
    frequencies,
    plan,
    named,
    groups,
    mixture: mixed.mixture,
    nearest: mixed.nearest,
    heldBack: mixed.heldBack,
    withoutMeaning: mixed.without,
    tookMs: {
      query: queryMs - startMs,
      lexical: lexicalMs - queryMs,
      vectors: vectorsMs - lexicalMs,
      rank: rankMs - vectorsMs,
    },
  }
}

type Mixed = {
  readonly candidates: readonly Candidate[]
  readonly mixture: Mixture
  readonly without: SearchFindings['withoutMeaning']
  readonly nearest: number
  readonly heldBack: number
}

function mix(
  tx: ReadTx,
  lexical: readonly Candidate[],
  plan: MatchPlan,
  scope: SearchScope,
  { meaning, isSemantic, nearnessMin, filters }: SearchRequest,
): Mixed {
  const without = (why: Mixed['without']): Mixed => ({
    candidates: lexical,
    mixture: wordsAlone,
    without: why,
    nearest: 0,
    heldBack: 0,
  })
  if (meaning === null || scope.total === 0) return without(null)
  if (!meaning.index.refresh(tx)) return without('vectors_loading')
  const project = { project: filters.project, scope: undefined, notExpiredAtMs: null }
  if (meaning.index.count(project) < scope.total * parameters.vectorShareMin) return without('vectors_incomplete')
  const where = { scan: scanScope(tx, filters), filters }
  const all = fuse(tx, isSemantic ? [] : lexical, plan, meaning, where)
  const candidates = all.filter(({ L, c = 0 }) => L > 0 || c >= nearnessMin)
  return {
    candidates,
    mixture: isSemantic ? meaningAlone : wordsAndMeaning,
    without: null,
    nearest: all.reduce((most, { c = 0 }) => Math.max(most, c), 0),
    heldBack: all.length - candidates.length,
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

function ordered(
  tx: ReadTx,
  candidates: readonly Candidate[],
  query: ParsedQuery,
  request: SearchRequest,
  mixture: Mixture,
): readonly Group[] {
  const context = {
    nowMs: request.nowMs,
    period: query.period,
    authors: new Set(query.authors),
    supersededBy: supersedingOf(tx, candidates),
  }
  const ranked = rank(candidates, context, mixture)
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

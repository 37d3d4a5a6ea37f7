import type { Parsed } from '../api/operations.ts'
import type { HitExplanation, QueryExplanation, SearchAnswer, SearchHit } from '../api/search.ts'
import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import type { CallContext } from '../model/operation.ts'
import { confidenceOf, type Confidence } from '../search/coverage.ts'
import { explainHit, explainQuery, explanationBytesMax } from '../search/explain.ts'
import { FrequencyCache } from '../search/frequencies.ts'
import { searchMemories, type SearchFindings } from '../search/memory-search.ts'
import { searchPrompts } from '../search/prompt-search.ts'
import { snippetOf, wordFinder } from '../search/snippet.ts'
import { observationsByIds, type RecordFilters } from '../store/full-text-search.ts'
import type { ObservationRow } from '../store/rows.ts'
import type { Store } from '../store/store.ts'
import type { ReadTx } from '../store/transaction.ts'
import type { EngineDeps, Handlers } from './handler.ts'
import { placeOfRead } from './places.ts'
import { toPrompt } from './present.ts'
import { searchFilters } from './search-filters.ts'
import { askMeaning, howFound, type AskedMeaning, type How } from './search-meaning.ts'
import { toHit, withinBudget, type Finding } from './search-hits.ts'
import { findByRegex } from './search-regex.ts'

type SearchInput = Parsed<'memory.search'>

const limitDefault = 10
/** The rank of a record that the query names literally (MEM-603). */
const namedRank = -1000

/** What each open store's words were last counted as; it goes with the store. */
const caches = new WeakMap<Store, FrequencyCache>()

function cacheOf(store: Store): FrequencyCache {
  const known = caches.get(store)
  if (known !== undefined) return known
  const made = new FrequencyCache()
  caches.set(store, made)
  return made
}

export const searchHandlers: Handlers<'memory.search' | 'prompt.search'> = {
  'memory.search': async (deps, input, context) => {
    const project = await searchedProject(deps, input)
    const filters = searchFilters(input, project, deps.clock.nowMs())
    if (filters === null) return answer(input, project, [], 'none', { mode: 'lexical', mode_reason: 'no_such_scope' })
    if (input.regex === true) return regexAnswer(deps, input, filters, context)
    const asked = await askMeaning(deps, input, project)
    const found = deps.store.read((tx) => wordsAnswer(tx, deps, input, filters, asked))
    if (input.mode === 'semantic' && found.mode !== 'semantic') throw semanticUnavailable(found)
    return found
  },
  'prompt.search': async (deps, input) => {
    const { project } = await placeOfRead(deps, input)
    const request = { text: input.query, project, limit: input.limit ?? limitDefault, nowMs: deps.clock.nowMs() }
    return deps.store.read((tx) =>
      searchPrompts(tx, cacheOf(deps.store), request).map(({ row, S }) => ({ ...toPrompt(row), rank: -S })),
    )
  },
}

const semanticUnavailable = ({ mode_reason, degraded }: SearchAnswer): EngramError =>
  new EngramError(
    'semantic_unavailable',
    `Searching by meaning alone is not possible now: ${degraded ?? mode_reason ?? 'no_embedder'}.`,
    { hint: 'Use mode auto or lexical; `engram index status` says what is missing.' },
  )

/** Personal memories belong to the person: without a named project those of all projects are searched (MEM-605). */
async function searchedProject(deps: EngineDeps, input: SearchInput): Promise<string | null> {
  const isPersonal = input.scope?.trim().toLowerCase() === 'personal'
  const isNamed = [input.project, input.project_override].some((name) => name !== undefined && name.trim() !== '')
  if (isPersonal && !isNamed) return null
  return (await placeOfRead(deps, input)).project
}

function wordsAnswer(
  tx: ReadTx,
  deps: EngineDeps,
  input: SearchInput,
  filters: RecordFilters,
  asked: AskedMeaning,
): SearchAnswer {
  const startMs = deps.clock.monotonicMs()
  const nowMs = deps.clock.nowMs()
  const findings = searchMemories(tx, cacheOf(deps.store), {
    text: input.query,
    filters,
    matchMode: input.match_mode ?? 'any',
    order: input.order ?? 'relevance',
    collapses: input.collapse !== false,
    limit: input.limit ?? limitDefault,
    meaning: asked.meaning,
    isSemantic: input.mode === 'semantic',
    nowMs,
    clock: deps.clock,
  })
  const { query, frequencies, plan, named, groups, tookMs, mixture } = findings
  const how = howFound(asked, findings)
  const isNamed = named.length > 0
  const results = groups.map(({ best }) => ({ id: best.row.id, c: best.c }))
  const confidence = isNamed ? 'ok' : confidenceOf(tx, query, frequencies, results, mixture.meaning > 0)
  const hits = input.strict === true && confidence === 'low' ? [] : hitsOf(tx, findings, input.explain === true, nowMs)
  const hasWords = query.words.length + query.runs.length > 0
  const allMs = { ...tookMs, embed: asked.tookMs, all: deps.clock.monotonicMs() - startMs }
  const explained = { mode: how.mode, tookMs: allMs }
  return answer(input, filters.project, hits, confidence, {
    ...how,
    ...(hasWords || isNamed || hits.length > 0 ? {} : { reason: 'no_words' as const }),
    ...(query.isCut ? { query_cut: true } : {}),
    ...(input.explain === true ? { explanation: explainQuery(query, frequencies, plan, explained) } : {}),
  })
}

function hitsOf(tx: ReadTx, findings: SearchFindings, explains: boolean, nowMs: number): readonly SearchHit[] {
  const { query, frequencies, named, groups, mixture } = findings
  const rows = rowsById(tx, [...named.map(({ row }) => row.id), ...groups.map(({ best }) => best.row.id)])
  const finder = wordFinder(query, frequencies)
  const explained = boundedExplanations()
  const toFinding = (id: number, found: Omit<Finding, 'row' | 'snippet'>): readonly Finding[] => {
    const row = rows.get(id)
    return row === undefined ? [] : [{ ...found, row, snippet: snippetOf(row.content, finder) }]
  }
  const leading = named.flatMap(({ row, by }) => {
    const explanation = { words: [], L: -namedRank, factors: {}, S: -namedRank, exact: by }
    return toFinding(row.id, {
      rank: namedRank,
      score: -namedRank,
      twins: [],
      ...(explains ? explained(() => explanation) : {}),
    })
  })
  const following = groups.flatMap(({ best, twins }) =>
    toFinding(best.row.id, {
      rank: -best.S,
      score: best.S,
      twins,
      ...(explains ? explained(() => explainHit(tx, best, query, frequencies, mixture)) : {}),
    }),
  )
  return [...leading, ...following].map((finding) => toHit(tx, finding, nowMs))
}

/** Explanations of the first results, as many as fit the bound (RET-756). */
function boundedExplanations(): (make: () => HitExplanation) => { readonly explanation?: HitExplanation } {
  let left = explanationBytesMax
  return (make) => {
    if (left <= 0) return {}
    const explanation = make()
    left -= JSON.stringify(explanation).length
    return left < 0 ? {} : { explanation }
  }
}

const rowsById = (tx: ReadTx, ids: readonly number[]): ReadonlyMap<number, ObservationRow> =>
  new Map(observationsByIds(tx, ids).map((row) => [row.id, row]))

async function regexAnswer(
  deps: EngineDeps,
  input: SearchInput,
  filters: RecordFilters,
  context: CallContext,
): Promise<SearchAnswer> {
  const { found, isComplete } = await findByRegex(deps, input.query, filters, input.limit ?? limitDefault, context)
  return deps.store.read((tx) => {
    const rows = rowsById(
      tx,
      found.map(({ id }) => id),
    )
    const hits = found.flatMap(({ id, snippet }) => {
      const row = rows.get(id)
      if (row === undefined || row.deleted_at !== null) return []
      return [toHit(tx, { row, snippet, rank: 0, score: 0, twins: [] }, deps.clock.nowMs())]
    })
    const more = {
      mode: 'lexical',
      mode_reason: 'regex',
      ...(isComplete ? {} : { degraded: 'regex_deadline' }),
    } as const
    return answer(input, filters.project, hits, hits.length === 0 ? 'none' : 'ok', more)
  })
}

type More = How & {
  readonly reason?: 'no_words'
  readonly query_cut?: boolean
  readonly explanation?: QueryExplanation
}

function answer(
  input: SearchInput,
  project: string | null,
  found: readonly SearchHit[],
  confidence: Confidence,
  more: More,
): SearchAnswer {
  const { hits, leftOut } = withinBudget(found.slice(0, limits.searchLimitMax), {
    tokens: input.budget_tokens,
    bytes: input.max_bytes,
  })
  const isHeldBack = input.strict === true && confidence === 'low'
  return {
    hits,
    project,
    confidence,
    ...(isHeldBack ? { reason: 'low_confidence' as const } : {}),
    ...more,
    ...(leftOut === undefined ? {} : { left_out: leftOut }),
  }
}

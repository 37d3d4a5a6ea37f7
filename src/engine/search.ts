import type { Parsed } from '../api/operations.ts'
import type { HitExplanation, QueryExplanation, SearchAnswer, SearchHit } from '../api/search.ts'
import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import type { CallContext } from '../model/operation.ts'
import { confidenceNear, confidenceOf, coverageOf, observationHolds, type Confidence } from '../search/coverage.ts'
import { boundedExplanations, explainHit, explainQuery } from '../search/explain.ts'
import { searchMemories, type SearchFindings } from '../search/memory-search.ts'
import { searchKind } from '../search/kind-search.ts'
import { snippetOf, wordFinder } from '../search/snippet.ts'
import { observationsByIds, promptsByIds, type RecordFilters } from '../store/full-text-search.ts'
import type { ObservationRow } from '../store/rows.ts'
import type { ReadTx } from '../store/transaction.ts'
import { frequenciesOf } from './frequencies-of.ts'
import type { EngineDeps, Handlers } from './handler.ts'
import { placeOfRead } from './places.ts'
import { toPrompt } from './present.ts'
import { searchFilters } from './search-filters.ts'
import { askMeaning, howFound, type AskedMeaning, type How } from './search-meaning.ts'
import { entriesWithin, toHit, withinBudget, type Finding } from './search-hits.ts'
import {
  embeddedKinds,
  isMixed,
  kindsOf,
  limitDefault,
  looksAtMemories,
  memoryList,
  mergeKinds,
  messageEntry,
  namedRank,
  refuseMeaningAlone,
  refuseRegexOver,
  searchKinds,
  sureLists,
  surest,
  type KindList,
  type KindsFound,
} from './search-kinds.ts'
import { findByRegex, findMessagesByRegex, type RegexFinding } from './search-regex.ts'

type SearchInput = Parsed<'memory.search'>

export const searchHandlers: Handlers<'memory.search' | 'prompt.search'> = {
  'memory.search': async (deps, input, context) => {
    const project = await searchedProject(deps, input)
    const filters = searchFilters(input, project, deps.clock.nowMs())
    if (filters === null) return answer(input, project, [], 'none', { mode: 'lexical', mode_reason: 'no_such_scope' })
    refuseMeaningAlone(input)
    if (input.regex === true) return regexAnswer(deps, input, filters, context)
    const asked = await askMeaning(deps, input, project, embeddedKinds(input))
    if (isMixed(input)) return mixedAnswer(deps, input, filters, asked)
    const { answer: found } = deps.store.read((tx) => wordsAnswer(tx, deps, input, filters, asked))
    if (input.mode === 'semantic' && found.mode !== 'semantic') throw semanticUnavailable(found)
    return found
  },
  'prompt.search': async (deps, input) => {
    const { project } = await placeOfRead(deps, input)
    const request = {
      text: input.query,
      filters: { project },
      matchMode: 'any',
      order: 'relevance',
      nowMs: deps.clock.nowMs(),
      clock: deps.clock,
    } as const
    return deps.store.read((tx) => {
      const ranked = searchKind(tx, frequenciesOf(deps.store), 'prompt', request).ranked.slice(
        0,
        input.limit ?? limitDefault,
      )
      const rows = new Map(
        promptsByIds(
          tx,
          ranked.map(({ row }) => row.id),
        ).map((row) => [row.id, row]),
      )
      return ranked.flatMap(({ row, S }) => {
        const prompt = rows.get(row.id)
        return prompt === undefined ? [] : [{ ...toPrompt(prompt), rank: -S }]
      })
    })
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
): { readonly answer: SearchAnswer; readonly findings: SearchFindings } {
  const startMs = deps.clock.monotonicMs()
  const nowMs = deps.clock.nowMs()
  const findings = searchMemories(tx, frequenciesOf(deps.store), {
    text: input.query,
    filters,
    matchMode: input.match_mode ?? 'any',
    order: input.order ?? 'relevance',
    collapses: input.collapse !== false,
    limit: input.limit ?? limitDefault,
    meaning: asked.meaning,
    isSemantic: input.mode === 'semantic',
    nearnessMin: input.min_similarity ?? 0,
    nowMs,
    clock: deps.clock,
  })
  const { query, frequencies, plan, named, tookMs } = findings
  const how = howFound(asked, findings)
  const isNamed = named.length > 0
  const confidence = isNamed ? 'ok' : confidenceIn(tx, findings)
  const hits = input.strict === true && confidence === 'low' ? [] : hitsOf(tx, findings, input.explain === true, nowMs)
  const hasWords = query.words.length + query.runs.length > 0
  const allMs = { ...tookMs, embed: asked.tookMs, all: deps.clock.monotonicMs() - startMs }
  const explained = { mode: how.mode, tookMs: allMs }
  const more = {
    ...how,
    ...(hasWords || isNamed || hits.length > 0 ? {} : { reason: 'no_words' as const }),
    ...(query.isCut ? { query_cut: true } : {}),
    ...(input.min_similarity === undefined ? {} : { held_back: findings.heldBack }),
    ...(input.explain === true ? { explanation: explainQuery(query, frequencies, plan, explained) } : {}),
  }
  return { answer: answer(input, filters.project, hits, confidence, more), findings }
}

/**
 * Memories beside prompts, units and conversations, as one list (RET-758). The budget is that of the list; memories are
 * found as they always are, and stand in `hits` with all their keys.
 */
async function mixedAnswer(
  deps: EngineDeps,
  input: SearchInput,
  filters: RecordFilters,
  asked: AskedMeaning,
): Promise<SearchAnswer> {
  const kinds = await searchKinds(deps, frequenciesOf(deps.store), input, filters, asked)
  const { budget_tokens: tokens, max_bytes: bytes, ...unbounded } = input
  const own = { ...unbounded, limit: looksAtMemories(input) ? input.limit : 1 }
  const { memories, list } = deps.store.read((tx) => {
    const found = wordsAnswer(tx, deps, own, filters, asked)
    return { memories: found.answer, list: looksAtMemories(input) ? memoriesAsList(tx, found) : null }
  })
  const lists = sureLists([...(list === null ? [] : [list]), ...kinds.lists], input.strict === true)
  const merged = mergeKinds(lists, input.order ?? 'relevance', input.limit ?? limitDefault)
  const { entries, leftOut } = entriesWithin(merged, { tokens, bytes })
  const shown = new Set(entries.flatMap((entry) => (entry.kind === 'observation' ? (entry.id ?? []) : [])))
  const heldBack = (list === null ? 0 : (memories.held_back ?? 0)) + (kinds.units?.heldBack ?? 0)
  const confidence = surest([...(list === null ? [] : [list]), ...kinds.lists])
  const { reason, hits, ...more } = memories
  const isHeldBack = confidence === 'low' && input.strict === true
  return {
    ...wayOfAll(more, list === null ? kinds.units : null),
    ...(input.min_similarity === undefined ? {} : { held_back: heldBack }),
    hits: hits.filter((hit) => shown.has(hit.id)),
    confidence,
    ...(isHeldBack
      ? { reason: 'low_confidence' as const }
      : reason === 'no_words' && entries.length === 0
        ? { reason }
        : {}),
    ...(leftOut === undefined ? {} : { left_out: leftOut }),
    found: entries,
    ...(kinds.unread === null ? {} : { unread_transcripts: kinds.unread }),
  }
}

type OfAll = Omit<SearchAnswer, 'hits' | 'reason'>

/** Where memories are looked through, the way they were found; else that of units. */
function wayOfAll(answer: OfAll, units: KindsFound['units']): OfAll {
  if (units === null) return answer
  const { mode: _mode, mode_reason: _reason, degraded: _degraded, ...rest } = answer
  const { explanation } = rest
  return {
    ...rest,
    ...(explanation === undefined ? {} : { explanation: { ...explanation, mode: units.how.mode } }),
    ...units.how,
  }
}

type OwnAnswer = { readonly answer: SearchAnswer; readonly findings: SearchFindings }

function memoriesAsList(tx: ReadTx, { answer: { hits, confidence }, findings }: OwnAnswer): KindList {
  const { query, frequencies, groups, nearest } = findings
  const judged = { query, frequencies, ids: groups.map(({ best }) => best.row.id), record: observationHolds(tx) }
  return memoryList(hits, { confidence, strength: Math.max(coverageOf(judged), nearest) })
}

function confidenceIn(tx: ReadTx, { query, frequencies, groups, mixture, nearest }: SearchFindings): Confidence {
  const judged = { query, frequencies, ids: groups.map(({ best }) => best.row.id) }
  return mixture.meaning > 0
    ? confidenceNear(tx, judged, nearest)
    : confidenceOf({ ...judged, record: observationHolds(tx) })
}

function hitsOf(tx: ReadTx, findings: SearchFindings, explains: boolean, nowMs: number): readonly SearchHit[] {
  const { query, frequencies, named, groups, mixture } = findings
  const rows = rowsById(tx, [...named.map(({ row }) => row.id), ...groups.map(({ best }) => best.row.id)])
  const finder = wordFinder(query, frequencies)
  const explained = boundedExplanations<HitExplanation>()
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

const rowsById = (tx: ReadTx, ids: readonly number[]): ReadonlyMap<number, ObservationRow> =>
  new Map(observationsByIds(tx, ids).map((row) => [row.id, row]))

async function regexAnswer(
  deps: EngineDeps,
  input: SearchInput,
  filters: RecordFilters,
  context: CallContext,
): Promise<SearchAnswer> {
  const kinds = kindsOf(input)
  refuseRegexOver(kinds)
  const limit = input.limit ?? limitDefault
  const none = { found: [], isComplete: true }
  const own = looksAtMemories(input) ? await findByRegex(deps, input.query, filters, limit, context) : none
  const messages = kinds.includes('message')
    ? await findMessagesByRegex(deps, input.query, filters, limit, context)
    : none
  const hits = deps.store.read((tx) => regexHits(tx, own.found, deps.clock.nowMs()))
  const isComplete = own.isComplete && messages.isComplete
  const more = {
    mode: 'lexical',
    mode_reason: 'regex',
    ...(isComplete ? {} : { degraded: 'regex_deadline' }),
  } as const
  const isFound = hits.length + messages.found.length > 0
  if (!isMixed(input)) return answer(input, filters.project, hits, isFound ? 'ok' : 'none', more)
  const all = [...memoryList(hits, { confidence: 'ok', strength: 1 }).entries, ...messages.found.map(messageEntry)]
  const { entries, leftOut } = entriesWithin(all.slice(0, limit), {
    tokens: input.budget_tokens,
    bytes: input.max_bytes,
  })
  return {
    hits: hits.filter(({ id }) => entries.some((entry) => entry.kind === 'observation' && entry.id === id)),
    project: filters.project,
    confidence: isFound ? 'ok' : 'none',
    ...more,
    ...(leftOut === undefined ? {} : { left_out: leftOut }),
    found: entries,
  }
}

function regexHits(tx: ReadTx, found: readonly RegexFinding[], nowMs: number): readonly SearchHit[] {
  const rows = rowsById(
    tx,
    found.map(({ id }) => id),
  )
  return found.flatMap(({ id, snippet }) => {
    const row = rows.get(id)
    if (row === undefined || row.deleted_at !== null) return []
    return [toHit(tx, { row, snippet, rank: 0, score: 0, twins: [] }, nowMs)]
  })
}

type More = How & {
  readonly reason?: 'no_words'
  readonly query_cut?: boolean
  readonly held_back?: number
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

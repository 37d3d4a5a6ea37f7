import type { FoundEntry, SearchedPlace, SearchHit } from '../api/search.ts'
import type { Parsed } from '../api/operations.ts'
import { EngramError } from '../model/errors.ts'
import type { WorkUnit } from '../model/live.ts'
import { confidenceOf, coverageOf, type Confidence } from '../search/coverage.ts'
import { wordPlaces } from '../search/explain.ts'
import type { FrequencyCache } from '../search/frequencies.ts'
import {
  kindHolds,
  newestFirst,
  searchKind,
  type KindFindings,
  type KindRequest,
  type RankedRow,
} from '../search/kind-search.ts'
import { parameters } from '../search/parameters.ts'
import { snippetOf, wordFinder, type Snippet } from '../search/snippet.ts'
import type { UnitMeaning } from '../search/unit-meaning.ts'
import type { KindFilters, MessageRow, PromptTextRow, RowOf, SearchedKind, UnitRow } from '../store/kind-index.ts'
import type { RecordFilters } from '../store/full-text-search.ts'
import type { ReadTx } from '../store/transaction.ts'
import { unitText } from '../store/unit-index.ts'
import type { VectorKind } from '../store/vectors.ts'
import type { EngineDeps } from './handler.ts'
import { howFound, type AskedMeaning, type How } from './search-meaning.ts'
import type { MessageFinding } from './search-regex.ts'
import { catchUpTranscripts, messageAt, searchBudgetMs } from './transcript-index.ts'
import { catchUpUnits } from './unit-indexing.ts'
import { nearnessMinDefault } from './unit-meaning.ts'

type SearchInput = Parsed<'memory.search'>

export const limitDefault = 10

/** Results of one kind, best first, and how sure the best of them is. */
export type KindList = {
  readonly entries: readonly FoundEntry[]
  readonly confidence: Confidence
  /** How much of the query the best of them holds, 0 to 1; what lists of several kinds are compared by. */
  readonly strength: number
}

export type KindsFound = {
  readonly lists: readonly KindList[]
  readonly unread: number | null
  /** Which way units were found, and how many near ones were not near enough; null where none were looked for. */
  readonly units: { readonly how: How; readonly heldBack: number } | null
}

const kindOf: Readonly<Record<Exclude<SearchedPlace, 'memory'>, SearchedKind>> = {
  prompts: 'prompt',
  units: 'unit',
  transcripts: 'message',
}

/** What a call looks through beside memories. A filter that a kind knows nothing of leaves nothing of it (RET-501). */
export function kindsOf(input: SearchInput): readonly SearchedKind[] {
  const places = input.context_ids === undefined ? (input.in ?? ['memory']) : (['units'] as const)
  const isOfMemories = [input.type, input.scope, input.tool].some((filter) => filter !== undefined && filter !== '')
  if (isOfMemories) return []
  const kinds = new Set(places.flatMap((place) => (place === 'memory' ? [] : [kindOf[place]])))
  if (input.session_id !== undefined) kinds.delete('unit')
  return (['prompt', 'unit', 'message'] as const).filter((kind) => kinds.has(kind))
}

export const looksAtMemories = (input: SearchInput): boolean =>
  input.context_ids === undefined && (input.in ?? ['memory']).includes('memory')

/** Of what is looked through, that which has vectors. */
export const embeddedKinds = (input: SearchInput): readonly VectorKind[] => [
  ...(looksAtMemories(input) ? (['observation'] as const) : []),
  ...(kindsOf(input).includes('unit') ? (['unit'] as const) : []),
]

/** Whether one list of all kinds is asked for. */
export const isMixed = (input: SearchInput): boolean =>
  input.context_ids !== undefined || (input.in ?? []).some((place) => place !== 'memory')

/** Beside memories and units nothing has vectors, and of units alone `work-unit.search` makes such a list. */
export function refuseMeaningAlone(input: SearchInput): void {
  if (input.mode !== 'semantic' || !isMixed(input)) return
  throw new EngramError(
    'semantic_unavailable',
    'Of one list of all kinds only memories can be searched by meaning alone.',
    {
      hint: 'Leave out --mode, or look through memory only; `engram unit search --mode semantic` looks through units.',
    },
  )
}

/** Where no text is read through, a pattern cannot be looked for (ING-CMD-6). */
export function refuseRegexOver(kinds: readonly SearchedKind[]): void {
  if (!kinds.includes('prompt') && !kinds.includes('unit')) return
  throw new EngramError('invalid_request', 'A regular expression is looked for in memory and transcripts only.', {
    details: { field: 'in' },
  })
}

/** The lists of every kind that was asked for; nothing that is gone from its archive stands in them. */
export async function searchKinds(
  deps: EngineDeps,
  cache: FrequencyCache,
  input: SearchInput,
  filters: RecordFilters,
  asked: AskedMeaning,
): Promise<KindsFound> {
  const kinds = kindsOf(input)
  if (kinds.includes('unit')) await catchUpUnits(deps)
  const read = kinds.includes('message') ? await catchUpTranscripts(deps, searchBudgetMs) : null
  const request = requestOf(deps, input, filters, read?.without ?? [])
  const lists: KindList[] = []
  const way = wayOfUnits(input, asked)
  let units: KindsFound['units'] = null
  for (const kind of kinds) {
    const meaning = kind === 'unit' ? unitMeaningOf(deps, input, way) : null
    const { list, findings } = await searchOne(deps, cache, kind, { ...request, meaning }, input)
    lists.push(list)
    if (kind === 'unit') units = { how: howFound(way, findings), heldBack: findings.heldBack }
  }
  return { lists, unread: read?.unread ?? null, units }
}

/** As `work-unit.search` does it: who wants the newest first wants them by words, unless it says otherwise (COL-1704). */
function wayOfUnits(input: SearchInput, asked: AskedMeaning): AskedMeaning {
  const isNewestFirst = input.order === 'recent' && (input.mode ?? 'auto') === 'auto' && asked.meaning !== null
  return isNewestFirst ? { ...asked, meaning: null, why: { mode_reason: 'newest_first' } } : asked
}

const unitMeaningOf = (
  { meaning }: EngineDeps,
  input: SearchInput,
  { meaning: asked }: AskedMeaning,
): UnitMeaning | null =>
  meaning === null || asked === null
    ? null
    : {
        vector: asked.vector,
        model: asked.model,
        index: meaning.unitIndex,
        isSemantic: false,
        nearnessMin: input.min_similarity ?? nearnessMinDefault,
      }

function requestOf(
  deps: EngineDeps,
  input: SearchInput,
  filters: RecordFilters,
  withoutSources: readonly number[],
): KindRequest {
  const { author, since, until, sessionId } = filters
  // Who names rooms means them, wherever the call stands.
  const isNamed = [input.project, input.project_override].some((name) => name !== undefined && name.trim() !== '')
  const project = input.context_ids !== undefined && !isNamed ? null : filters.project
  const contexts = input.context_ids
  return {
    text: input.query,
    filters: { project, contexts, sessionId, author, since, until, withoutSources } satisfies KindFilters,
    matchMode: input.match_mode ?? 'any',
    order: input.order ?? 'relevance',
    nowMs: deps.clock.nowMs(),
    clock: deps.clock,
  }
}

async function searchOne(
  deps: EngineDeps,
  cache: FrequencyCache,
  kind: SearchedKind,
  request: KindRequest,
  input: SearchInput,
): Promise<{ readonly list: KindList; readonly findings: KindFindings<Row> }> {
  const findings = deps.store.read((tx) => searchKind(tx, cache, kind, request))
  const shown = await readable(deps, kind, findings.ranked, input.limit ?? limitDefault)
  return { list: deps.store.read((tx) => listOf(tx, kind, findings, shown, input.explain === true)), findings }
}

type Row = RowOf[SearchedKind]
type Shown = { readonly ranked: RankedRow<Row>; readonly text: string }

/** The first results whose text can be read where it is kept. */
async function readable(
  deps: EngineDeps,
  kind: SearchedKind,
  ranked: readonly RankedRow<Row>[],
  limit: number,
): Promise<readonly Shown[]> {
  const shown: Shown[] = []
  for (const one of ranked) {
    if (shown.length >= limit) break
    const text = await textOfRow(deps, kind, one.row)
    if (text !== null) shown.push({ ranked: one, text })
  }
  return shown
}

async function textOfRow(deps: EngineDeps, kind: SearchedKind, row: Row): Promise<string | null> {
  if (kind === 'prompt') return (row as PromptTextRow).content
  if (kind === 'unit') return textOfUnit(JSON.parse((row as UnitRow).body) as WorkUnit)
  const message = deps.conversations === null ? null : await messageAt(deps.conversations, row as MessageRow)
  return message === null ? null : message.content
}

const textOfUnit = (unit: WorkUnit): string => unitText(unit) || Object.values(unit.meta).join(' ')

function listOf(
  tx: ReadTx,
  kind: SearchedKind,
  { query, frequencies, mixture }: KindFindings<Row>,
  shown: readonly Shown[],
  explains: boolean,
): KindList {
  const ids = shown.map(({ ranked }) => ranked.row.id)
  const judged = { query, frequencies, ids, record: kindHolds(tx, kind) }
  const finder = wordFinder(query, frequencies)
  const entries = shown.map(({ ranked, text }): FoundEntry => {
    const { row, L, V, c, factors, S } = ranked
    const nearness = { ...(V === undefined ? {} : { V, weights: mixture }), ...(c === undefined ? {} : { c }) }
    const explained = () => ({ words: wordPlaces(tx, kind, row.id, query, frequencies), L, ...nearness, factors, S })
    return {
      ...keysOf(kind, row),
      ...placeOf(row),
      ...snippetKeys(snippetOf(text, finder)),
      rank: -S,
      score: S,
      ...(explains ? { explanation: explained() } : {}),
    }
  })
  const nearest = shown.reduce((most, { ranked }) => Math.max(most, ranked.c ?? 0), 0)
  return {
    entries,
    confidence: nearest >= parameters.nearnessLow ? 'ok' : confidenceOf(judged),
    strength: Math.max(coverageOf(judged), nearest),
  }
}

type Keys = Pick<FoundEntry, 'kind' | 'id' | 'unit_id' | 'context_id' | 'key' | 'position' | 'role'>

function keysOf(kind: SearchedKind, row: Row): Keys {
  if (kind === 'prompt') return { kind, id: row.id }
  if (kind === 'unit') {
    const { unit_id, context_id } = row as UnitRow
    return { kind, unit_id, context_id }
  }
  const { key, position, role } = row as MessageRow
  return { kind, key, position, role }
}

const placeOf = (row: Row) => ({
  project: row.project === '' ? null : row.project,
  session_id: row.session_id,
  author: row.author,
  created_at: row.created_at,
})

const snippetKeys = ({ text, matches }: Snippet) => ({ snippet: text, matches })

/** A message found by its text alone: no score tells it from others. */
export const messageEntry = (message: MessageFinding): FoundEntry => ({
  kind: 'message',
  key: message.key,
  position: message.position,
  role: message.role,
  project: message.project === '' ? null : message.project,
  session_id: message.sessionId,
  author: message.role,
  created_at: message.createdAt,
  rank: 0,
  score: 0,
  ...snippetKeys(message.snippet),
})

/** Memories as entries of the one list. */
export function memoryList(
  hits: readonly SearchHit[],
  sure: { readonly confidence: Confidence; readonly strength: number },
): KindList {
  const entries = hits.map((hit): FoundEntry => {
    const { score, snippet, matches, explanation } = hit.ext
    return {
      kind: 'observation',
      id: hit.id,
      title: hit.title,
      project: hit.project ?? null,
      session_id: hit.session_id,
      author: hit.ext.author ?? null,
      created_at: hit.created_at,
      rank: hit.rank,
      score,
      snippet,
      matches,
      ...(explanation === undefined ? {} : { explanation }),
    }
  })
  return { entries, ...sure }
}

const order = ['observation', 'prompt', 'unit', 'message'] as const

/**
 * Lists of several kinds as one. Scores of different tables are no measure of each other: each list's are divided by its
 * best one and multiplied by how much of the query that list's best results hold, so that a kind which only touches the
 * question stands behind one that answers it. What the query names literally stays in front.
 */
export function mergeKinds(lists: readonly KindList[], by: 'relevance' | 'recent', limit: number): FoundEntry[] {
  const all = lists.flatMap(({ entries, strength }) => {
    const best = entries.reduce((most, { score, rank }) => (isNamed(rank) ? most : Math.max(most, score)), 0)
    return entries.map((entry) => (isNamed(entry.rank) ? entry : weighted(entry, best === 0 ? 0 : strength / best)))
  })
  const byScore = all.toSorted((a, b) => a.rank - b.rank || order.indexOf(a.kind) - order.indexOf(b.kind))
  const ordered = by === 'relevance' ? byScore : byScore.toSorted(newestFirst)
  return ordered.slice(0, limit)
}

/** The rank of a record that the query names literally (MEM-603). */
export const namedRank = -1000
const isNamed = (rank: number): boolean => rank === namedRank

function weighted(entry: FoundEntry, kind: number): FoundEntry {
  const score = Math.round(entry.score * kind * 1e9) / 1e9
  const { explanation } = entry
  const explained =
    explanation === undefined
      ? {}
      : { explanation: { ...explanation, factors: { ...explanation.factors, kind }, S: score } }
  return { ...entry, rank: -score, score, ...explained }
}

/** Of several lists the surest. */
export const surest = (lists: readonly KindList[]): Confidence =>
  (['ok', 'low'] as const).find((one) => lists.some(({ confidence }) => confidence === one)) ?? 'none'

/** With `strict`, lists that are doubtful are not shown (RET-703). */
export const sureLists = (lists: readonly KindList[], isStrict: boolean): readonly KindList[] =>
  isStrict ? lists.filter(({ confidence }) => confidence !== 'low') : lists

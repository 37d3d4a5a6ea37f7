import type { Parsed } from '../api/operations.ts'
import type { UnitHit, UnitHits, UnitModeReason } from '../api/work-units.ts'
import type { HitExplanation } from '../api/search.ts'
import type { WorkUnit } from '../model/live.ts'
import { boundedExplanations, wordPlaces } from '../search/explain.ts'
import { searchKind, type KindFindings, type RankedRow } from '../search/kind-search.ts'
import { snippetOf, wordFinder } from '../search/snippet.ts'
import type { UnitMeaning } from '../search/unit-meaning.ts'
import type { UnitRow } from '../store/kind-index.ts'
import { lastGseq } from '../store/log.ts'
import type { ReadTx } from '../store/transaction.ts'
import { unitText } from '../store/unit-index.ts'
import { hasVectors } from '../store/vectors.ts'
import { frequenciesOf } from './frequencies-of.ts'
import type { EngineDeps } from './handler.ts'
import { isMostlyLatin } from './search-meaning.ts'
import type { UnitAsked } from './unit-asked.ts'
import { rankedCursor, type RankedPlace } from './unit-cursor.ts'

type SearchInput = Parsed<'work-unit.search'>

/** A query's vector for a search of units, or why it goes by words alone. */
export type AskedUnitMeaning = { readonly meaning: UnitMeaning } | { readonly reason: UnitModeReason }

/**
 * What only meaning brings is this near at least, unless the call says otherwise. With the turns of conversations as units
 * the list is a sixth shorter for 0.1 points of recall@10 (71.0); 0.2 costs 0.9 points, 0.35 costs 3.1 (RET-610).
 */
export const nearnessMinDefault = 0.1

export const unitModeOf = ({ settings }: EngineDeps, input: SearchInput) => input.mode ?? settings.unitSearchMode

/**
 * Asks for the vector where the mode, the machine, the language and the store allow one (RET-606 to RET-608).
 *
 * @param isGoingOn a page of a list that was found by meaning: it waits for the model, since words would give another list
 */
export async function askUnitMeaning(
  deps: EngineDeps,
  input: SearchInput,
  isGoingOn: boolean,
): Promise<AskedUnitMeaning> {
  const { meaning } = deps
  const mode = unitModeOf(deps, input)
  const text = input.query?.trim() ?? ''
  if (mode === 'keyword') return { reason: 'asked' }
  if (text === '') return { reason: 'no_query' }
  if (mode === 'auto' && input.order !== 'relevance') return { reason: 'newest_first' }
  if (meaning === null) return { reason: 'no_embedder' }
  if (!isMostlyLatin(text)) return { reason: 'language' }
  const loadsNone = meaning.use === 'when-asked'
  if (mode === 'auto' && loadsNone && !isGoingOn && meaning.state !== 'ready')
    return { reason: 'model_not_loaded_here' }
  // Without vectors the model would be loaded for nothing.
  if (!deps.store.read((tx) => hasVectors(tx, 'unit', meaning.model))) return { reason: 'no_vectors' }
  const answer = await meaning.queryVector(text, { waits: isGoingOn || (mode !== 'auto' && loadsNone) })
  if ('degraded' in answer) return { reason: answer.degraded }
  return {
    meaning: {
      vector: answer.vector,
      model: meaning.model,
      index: meaning.unitIndex,
      isSemantic: mode === 'semantic',
      nearnessMin: input.min_similarity ?? nearnessMinDefault,
    },
  }
}

/** One page of the list ranked by words and meaning, or why there is none: one snapshot (COL-1704). */
export function unitsByMeaning(
  tx: ReadTx,
  deps: EngineDeps,
  asked: UnitAsked,
  meaning: UnitMeaning,
  from: RankedPlace | null,
): UnitHits | { readonly reason: UnitModeReason } {
  const place: RankedPlace = {
    mode: meaning.isSemantic ? 'semantic' : 'hybrid',
    untilGseq: from?.untilGseq ?? lastGseq(tx),
    nowMs: from?.nowMs ?? deps.clock.nowMs(),
    offset: (from?.offset ?? 0) + asked.offset,
  }
  const unit = from === null ? asked.filter : { ...asked.filter, untilGseq: from.untilGseq }
  const found = searchKind(tx, frequenciesOf(deps.store), 'unit', {
    text: asked.text,
    filters: { project: null, contexts: asked.contexts, unit },
    matchMode: 'any',
    order: asked.input.order ?? 'relevance',
    nowMs: place.nowMs,
    clock: deps.clock,
    meaning,
  })
  if (found.withoutMeaning !== null) {
    return { reason: found.withoutMeaning === 'vectors_loading' ? 'embedder_loading' : found.withoutMeaning }
  }
  const end = place.offset + asked.limit
  const isMore = end < found.ranked.length
  return {
    hits: hitsOf(tx, found, found.ranked.slice(place.offset, end), asked.input),
    total_count: found.ranked.length,
    next_cursor: isMore ? rankedCursor(deps.contextLog.epoch, { ...place, offset: end }, asked.input) : '',
    mode: meaning.isSemantic ? 'semantic' : 'hybrid',
    degraded: false,
    held_back: found.heldBack,
  }
}

function hitsOf(
  tx: ReadTx,
  { query, frequencies, mixture }: KindFindings<UnitRow>,
  page: readonly RankedRow<UnitRow>[],
  { include_units, explain }: SearchInput,
): readonly UnitHit[] {
  const finder = wordFinder(query, frequencies)
  const explained = boundedExplanations<HitExplanation>()
  return page.map(({ row, L, V, c, factors, S }): UnitHit => {
    const unit = JSON.parse(row.body) as WorkUnit
    const nearness = { ...(V === undefined ? {} : { V }), ...(c === undefined ? {} : { c }) }
    const words = () => wordPlaces(tx, 'unit', row.id, query, frequencies)
    return {
      unit_id: unit.id,
      score: S,
      snippet: snippetOf(unitText(unit), finder).text,
      ...(c === undefined ? {} : { similarity: c }),
      ...(include_units === true ? { unit } : {}),
      ...(explain === true ? explained(() => ({ words: words(), L, ...nearness, weights: mixture, factors, S })) : {}),
    }
  })
}

import { passingUnits, kindRowMatches, searchedContexts, type KindFilters } from '../store/kind-index.ts'
import type { ReadTx } from '../store/transaction.ts'
import { countUnitsAfter } from '../store/unit-vectors.ts'
import { vectorCursor } from '../store/vectors.ts'
import { meanOf } from './fuse.ts'
import { parameters } from './parameters.ts'
import { meaningAlone, wordsAlone, wordsAndMeaning, type Mixture } from './rank.ts'
import type { ScanScope, SignIndex } from './sign-index.ts'
import { nearestInMeaning, nearnessOf, type QueryMeaning } from './vector-search.ts'

/** The query's vector, and how a search of units uses it (COL-1704). */
export type UnitMeaning = QueryMeaning & {
  /** A unit counts for nothing but its nearness. */
  readonly isSemantic: boolean
  /** What only meaning brings must be this near; 0 = any (RET-610). */
  readonly nearnessMin: number
}

/** What candidates are ranked by: L of words, V and c of meaning where there are vectors (RET-401, RET-402). */
export type CandidateScores = { readonly L: number; readonly V?: number; readonly c?: number }

export type MixedCandidates = {
  readonly scores: ReadonlyMap<number, CandidateScores>
  readonly mixture: Mixture
  /** A vector was given and could not be used: too few of the units in scope have one, or not all are read yet. */
  readonly withoutMeaning: 'vectors_incomplete' | 'vectors_loading' | null
  /** Near ones that were not near enough. */
  readonly heldBack: number
}

/** Candidates of words alone. */
export const wordsOnly = (
  words: ReadonlyMap<number, number>,
  withoutMeaning: MixedCandidates['withoutMeaning'] = null,
): MixedCandidates => ({
  scores: new Map([...words].map(([id, L]) => [id, { L }])),
  mixture: wordsAlone,
  withoutMeaning,
  heldBack: 0,
})

/**
 * Units that words found and those near in meaning as one list with both scores, as memories are fused (RET-403). What the
 * filters forbid is no candidate of either list. A unit that words found through those around it alone must be as near as one
 * that they did not find.
 *
 * @param words L by number of the unit
 * @param where `total`: units of the searched contexts; `ownWords` asks for a word of the query in the unit itself
 */
export function mixUnits(
  tx: ReadTx,
  words: ReadonlyMap<number, number>,
  where: { readonly filters: KindFilters; readonly total: number; readonly ownWords: string | null },
  meaning: UnitMeaning,
): MixedCandidates {
  if (!meaning.index.refresh(tx)) return wordsOnly(words, 'vectors_loading')
  const contexts = searchedContexts(tx, where.filters)
  if (!hasEnough(tx, meaning, contexts, where.total)) return wordsOnly(words, 'vectors_incomplete')
  const lexical = meaning.isSemantic ? new Map<number, number>() : words
  const near = nearestInMeaning(tx, meaning, scanOf(tx, where.filters, contexts))
  const ids = [...new Set([...lexical.keys(), ...near])]
  const nearness = nearnessOf(tx, meaning, ids)
  const mean = meanOf([...nearness.values()].map(({ V }) => V))
  const holdsWord = (id: number): boolean => where.ownWords !== null && kindRowMatches(tx, 'unit', where.ownWords, id)
  const scores = new Map<number, CandidateScores>()
  for (const id of ids) {
    const L = lexical.get(id) ?? 0
    const own = nearness.get(id)
    if ((own?.c ?? 0) >= meaning.nearnessMin || (L > 0 && holdsWord(id))) scores.set(id, { L, ...(own ?? { V: mean }) })
  }
  return {
    scores,
    mixture: meaning.isSemantic ? meaningAlone : wordsAndMeaning,
    withoutMeaning: null,
    heldBack: ids.length - scores.size,
  }
}

type Contexts = readonly number[] | null

const placesOf = (contexts: Contexts): ReadonlySet<string> | null =>
  contexts === null ? null : new Set(contexts.map(String))

function scanOf(tx: ReadTx, filters: KindFilters, contexts: Contexts): ScanScope {
  const { project: _project, contexts: _contexts, unit, ...others } = filters
  const { untilGseq, ...ofUnits } = unit ?? {}
  const hasOthers = [...Object.values(others), ...Object.values(ofUnits)].some((value) => value !== undefined)
  return {
    project: placesOf(contexts),
    scope: undefined,
    notExpiredAtMs: null,
    ...(untilGseq === undefined ? {} : { isAllowed: (id: number) => id <= untilGseq }),
    ...(hasOthers ? { passing: (ids: readonly number[]) => passingUnits(tx, filters, ids) } : {}),
  }
}

/**
 * Half of the units have vectors, or half were looked at: those without text never get one (RET-403). Looked at are those
 * up to the cursor within reach of it; further back, those alone that have a vector.
 */
function hasEnough(
  tx: ReadTx,
  { index, model }: { readonly index: SignIndex; readonly model: string },
  contexts: Contexts,
  total: number,
): boolean {
  const scope = { project: placesOf(contexts), scope: undefined, notExpiredAtMs: null }
  const enough = total * parameters.vectorShareMin
  const withVector = index.count(scope)
  if (withVector >= enough) return true
  const cursor = vectorCursor(tx, 'unit', model)
  const { reach } = index.source
  // Most of a long log lies out of reach, and counting costs.
  if (cursor === 0 || withVector + reach < enough) return false
  const from = cursor - reach
  const within = from <= 0 ? total : countUnitsAfter(tx, from, contexts)
  const before = from <= 0 ? 0 : index.count({ ...scope, isAllowed: (id) => id <= from })
  return within - countUnitsAfter(tx, cursor, contexts) + before >= enough
}

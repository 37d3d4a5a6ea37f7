import type { Parsed } from '../api/operations.ts'
import type { SearchAnswer } from '../api/search.ts'
import { parameters } from '../search/parameters.ts'
import type { SearchFindings } from '../search/memory-search.ts'
import type { QueryMeaning } from '../search/vector-search.ts'
import { authorsOf } from '../store/full-text-search.ts'
import { hasVectors, type VectorKind } from '../store/vectors.ts'
import type { EngineDeps } from './handler.ts'

/** Which way the answer was found, why, and what was missing (RET-409, RET-606). */
export type How = Pick<SearchAnswer, 'mode' | 'mode_reason' | 'degraded'>

/** The query's vector, or why the search goes by words alone. */
export type AskedMeaning = {
  readonly meaning: QueryMeaning | null
  readonly why: Omit<How, 'mode'>
  readonly tookMs: number
}

type SearchInput = Parsed<'memory.search'>

/**
 * Asks for the query's vector where the mode, the machine, the query's language and the store allow one. A model that is
 * not loaded is only waited for by who asks for meaning in a process that loads none by itself (RET-606 to RET-608).
 *
 * @param kinds what is looked through and has vectors
 */
export async function askMeaning(
  deps: EngineDeps,
  input: SearchInput,
  project: string | null,
  kinds: readonly VectorKind[],
): Promise<AskedMeaning> {
  const { meaning } = deps
  const reason = reasonForWords(deps, input, kinds)
  if (meaning === null || reason !== null) return { meaning: null, why: { mode_reason: reason ?? '' }, tookMs: 0 }
  const startMs = deps.clock.monotonicMs()
  const isAsked = input.mode === 'hybrid' || input.mode === 'semantic'
  const authors = deps.store.read((tx) => authorsOf(tx, project, authorsLookedAt))
  const answer = await meaning.queryVector(withoutAuthors(input.query, authors), {
    waits: isAsked && meaning.use === 'when-asked',
  })
  const tookMs = deps.clock.monotonicMs() - startMs
  if ('degraded' in answer) return { meaning: null, why: { degraded: answer.degraded }, tookMs }
  const { model, index } = meaning
  return { meaning: { vector: answer.vector, model, index }, why: {}, tookMs }
}

const authorsLookedAt = 1_000

/**
 * The query without the names of who kept the records: texts are embedded without them too, and a factor of its own lifts
 * what a named author kept (RET-404). A name nobody here bears stays, so that such a question is far from everything.
 */
export function withoutAuthors(query: string, authors: readonly string[]): string {
  const said = query.toLowerCase()
  const names = authors.filter(
    (name) => name.trim().length >= parameters.authorLettersMin && said.includes(name.trim().toLowerCase()),
  )
  const left = names.reduce((text, name) => text.replaceAll(namePattern(name), ' '), query)
  return left === query || left.trim() === '' ? query : left.replaceAll(/\s+/g, ' ').trim()
}

const namePattern = (name: string): RegExp =>
  new RegExp(`(?<![\\p{L}\\p{N}])${escaped(name.trim())}(?:['’]s)?(?![\\p{L}\\p{N}])`, 'giu')

function reasonForWords(deps: EngineDeps, input: SearchInput, kinds: readonly VectorKind[]): string | null {
  const { meaning } = deps
  const mode = input.mode ?? 'auto'
  if (mode === 'lexical') return 'asked'
  if (meaning === null) return 'no_embedder'
  if (input.match_mode === 'all') return 'match_all'
  if (!isMostlyLatin(input.query)) return 'language'
  if (mode === 'auto' && meaning.use === 'when-asked' && meaning.state !== 'ready') return 'model_not_loaded_here'
  // Without vectors the model would be loaded for nothing.
  return deps.store.read((tx) => kinds.some((kind) => hasVectors(tx, kind, meaning.model))) ? null : 'no_vectors'
}

/** The model knows English: a query mostly of other scripts is left to words (RET-802). */
export function isMostlyLatin(query: string): boolean {
  const text = query.slice(0, 1_000)
  const letters = text.match(/\p{L}/gu)?.length ?? 0
  const latin = text.match(/\p{Script=Latin}/gu)?.length ?? 0
  return letters > 0 && latin * 2 >= letters
}

/** What is said of the way: the vector may have come and yet not been used. */
export function howFound(
  asked: Pick<AskedMeaning, 'why'>,
  { mixture, withoutMeaning }: Pick<SearchFindings, 'mixture' | 'withoutMeaning'>,
): How {
  if (mixture.meaning > 0) return { mode: mixture.words > 0 ? 'hybrid' : 'semantic' }
  if (withoutMeaning === 'vectors_loading') return { mode: 'lexical', degraded: 'embedder_loading' }
  if (withoutMeaning !== null) return { mode: 'lexical', mode_reason: withoutMeaning }
  return { mode: 'lexical', ...asked.why }
}

/** Nothing in a name has a meaning in a pattern. */
const escaped = (name: string): string => name.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&')

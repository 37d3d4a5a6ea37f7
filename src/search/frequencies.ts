import { countMatches, observationCounts, termFrequency } from '../store/full-text-search.ts'
import { countKindMatches, kindCounts, kindVersion, type SearchedKind } from '../store/kind-index.ts'
import type { ReadTx } from '../store/transaction.ts'
import { facetClause, kindColumns, observationColumns } from './match.ts'
import { parameters } from './parameters.ts'
import type { QueryWord } from './query.ts'

type Kind = 'observation' | SearchedKind

/** Records of one kind by project, units by the number of their context, as they were counted. */
export type Counts = { readonly total: number; readonly byProject: ReadonlyMap<string | null, number> }

/**
 * How many records there are and how many hold a word, remembered between queries (RET-303). In stores of up to 20,000
 * records every change makes it count again, so that every process knows the same; beyond, when 5 % may have changed.
 * A word no record held is asked again each time: what was saved a moment ago must be found.
 */
export class FrequencyCache {
  readonly #words = new Map<string, { readonly df: number; readonly seq: number }>()
  readonly #counts = new Map<Kind, { readonly counts: Counts; readonly seq: number }>()

  counts(tx: ReadTx, kind: Kind): Counts {
    const seq = kindVersion(tx, kind)
    const known = this.#counts.get(kind)
    if (known !== undefined && isFresh(seq - known.seq, known.counts.total)) return known.counts
    const rows =
      kind === 'observation'
        ? observationCounts(tx).map(({ project, n }) => ({ place: project, n }))
        : kindCounts(tx, kind)
    const byProject = new Map(rows.map((row) => [row.place, row.n]))
    const counts = { total: rows.reduce((sum, row) => sum + row.n, 0), byProject }
    this.#counts.set(kind, { counts, seq })
    return counts
  }

  /** @param facets facet words of the scope; empty = the whole store */
  df(tx: ReadTx, kind: Kind, word: QueryWord, facets: readonly string[], total: number): number {
    const seq = kindVersion(tx, kind)
    const key = `${kind} ${facets.join(' ')} ${word.text}`
    const known = this.#words.get(key)
    if (known !== undefined && isFresh(seq - known.seq, total)) return known.df
    const df = countWord(tx, kind, word, facets)
    if (this.#words.size >= wordsMax) this.#words.clear()
    if (df > 0) this.#words.set(key, { df, seq })
    return df
  }
}

/** Bounds the memory of the cache: a word is about 100 bytes. */
const wordsMax = 50_000

const isFresh = (changes: number, total: number): boolean =>
  changes === 0 || (changes > 0 && total > parameters.exactCountMax && changes < total * parameters.staleShareMax)

function countWord(tx: ReadTx, kind: Kind, word: QueryWord, facets: readonly string[]): number {
  if (kind === 'observation' && facets.length === 0) return termFrequency(tx, word.term)
  if (kind === 'observation') {
    const where = `${facetClause(facets, 'AND')}{${observationColumns.all.join(' ')}} : "${word.text}"`
    return countMatches(tx, 'observation_fts', where)
  }
  return countKindMatches(tx, kind, `${facetClause(facets, 'OR')}{${kindColumns[kind].all.join(' ')}} : "${word.text}"`)
}

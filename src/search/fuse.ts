import { isShown, phraseIds, type Candidate } from './candidates.ts'
import { candidateRows, type RecordFilters } from '../store/full-text-search.ts'
import type { ReadTx } from '../store/transaction.ts'
import type { MatchPlan } from './match.ts'
import { nearestInMeaning, nearnessOf, type QueryMeaning } from './vector-search.ts'
import type { ScanScope } from './sign-index.ts'

/**
 * Words' candidates and those near in meaning as one list, each with both scores (RET-403): scores are added later, never
 * places. A candidate whose vector is not written yet gets the mean of the others, so that it neither gains nor loses.
 */
export function fuse(
  tx: ReadTx,
  lexical: readonly Candidate[],
  plan: MatchPlan,
  meaning: QueryMeaning,
  where: { readonly scan: ScanScope; readonly filters: RecordFilters },
): readonly Candidate[] {
  const found = new Set(lexical.map(({ row }) => row.id))
  const near = nearestInMeaning(tx, meaning, where.scan).filter((id) => !found.has(id))
  const withPhrase = phraseIds(tx, plan)
  const others = candidateRows(tx, near)
    .filter((row) => isShown(row, where.filters))
    .map((row): Candidate => ({ row, L: 0, hasPhrase: withPhrase.has(row.id) }))
  const all = [...lexical, ...others]
  const nearness = nearnessOf(
    tx,
    meaning,
    all.map(({ row }) => row.id),
  )
  const mean = meanOf([...nearness.values()].map(({ V }) => V))
  return all.map((candidate): Candidate => {
    const own = nearness.get(candidate.row.id)
    return own === undefined ? { ...candidate, V: mean } : { ...candidate, ...own }
  })
}

export const meanOf = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length

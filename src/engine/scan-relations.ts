import type { Parsed } from '../api/operations.ts'
import type { ScanResult } from '../api/relations.ts'
import { relationsBetween } from '../store/relations.ts'
import type { ObservationRow } from '../store/rows.ts'
import type { ReadTx, WriteTx } from '../store/transaction.ts'
import type { EngineDeps } from './handler.ts'
import { addPending, candidatesOf } from './surface-relations.ts'
import { rowsHoldingIn } from './word-rarity.ts'

const pageDefault = 100
const insertDefault = 100

type Pair = { readonly source: ObservationRow; readonly target: ObservationRow }

type Found = {
  readonly result: Omit<ScanResult, 'inserted' | 'dry_run'>
  readonly pairs: readonly Pair[]
}

/** One page of a project's observations by number, and the pairs among them worth judging (MEM-906). Writes nothing. */
export function findPairs(
  tx: ReadTx,
  deps: Pick<EngineDeps, 'store'>,
  project: string,
  input: Parsed<'relation.scan'>,
): Found {
  const rows = pageOf(tx, project, input.cursor ?? 0, input.limit ?? pageDefault)
  const insertMax = input.max_insert ?? insertDefault
  const pairs = new Map<string, Pair>()
  let candidates = 0
  let related = 0
  let capped = false
  for (const row of rows) {
    for (const { other } of candidatesOf(tx, row, rowsHoldingIn(deps.store))) {
      const name = [row.sync_id, other.sync_id].sort().join('\n')
      if (pairs.has(name)) continue
      candidates++
      if (relationsBetween(tx, row.sync_id, other.sync_id).length > 0) related++
      else if (pairs.size < insertMax) pairs.set(name, { source: row, target: other })
      else capped = true
    }
  }
  const last = rows.at(-1)
  const hasMore = last !== undefined && !capped && pageOf(tx, project, last.id, 1).length > 0
  return {
    pairs: [...pairs.values()],
    result: {
      project,
      inspected: rows.length,
      ranked_queries: rows.length,
      candidates_found: candidates,
      ...(hasMore ? { next_cursor: last.id } : {}),
      already_related: related,
      capped,
      semantic_judged: 0,
      semantic_skipped: 0,
      semantic_errors: 0,
    },
  }
}

const pageOf = (tx: ReadTx, project: string, after: number, limit: number): readonly ObservationRow[] =>
  tx.all<ObservationRow>(
    `SELECT * FROM observations WHERE project = ? AND deleted_at IS NULL AND id > ? ORDER BY id LIMIT ?`,
    project,
    after,
    limit,
  )

/** The same, with each pair noted as pending. */
export function notePairs(
  tx: WriteTx,
  deps: Pick<EngineDeps, 'clock' | 'ids' | 'store'>,
  project: string,
  input: Parsed<'relation.scan'>,
): ScanResult {
  const { pairs, result } = findPairs(tx, deps, project, input)
  for (const { source, target } of pairs) addPending(tx, deps, source, target)
  return { ...result, inserted: pairs.length, dry_run: false }
}

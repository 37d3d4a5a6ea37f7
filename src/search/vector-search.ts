import type { ReadTx } from '../store/transaction.ts'
import { eligibleIds } from '../store/observation-vectors.ts'
import { signsOf, vectorsByIds, type AroundRow } from '../store/vectors.ts'
import { parseTime } from '../model/times.ts'
import type { RecordFilters } from '../store/full-text-search.ts'
import { cosine } from './embedder.ts'
import { parameters } from './parameters.ts'
import type { ScanScope, SignIndex } from './sign-index.ts'

/** The query as a vector, with the index of what is searched, of the model that made it. */
export type QueryMeaning = { readonly vector: Float32Array; readonly model: string; readonly index: SignIndex }

export function scanScope(tx: ReadTx, filters: RecordFilters): ScanScope {
  const { project, scope, notExpiredAt, ...others } = filters
  const hasOthers = Object.values(others).some((value) => value !== undefined)
  const allowed = hasOthers ? eligibleIds(tx, filters) : null
  return {
    project,
    scope,
    notExpiredAtMs: notExpiredAt === undefined ? null : parseTime(notExpiredAt),
    ...(allowed === null ? {} : { isAllowed: (id: number) => allowed.has(id) }),
  }
}

/** Ids of the records nearest in meaning, best first: signs first, then the vectors of the best of them (RET-605). */
export function nearestInMeaning(tx: ReadTx, meaning: QueryMeaning, scope: ScanScope): readonly number[] {
  const signs = signsOf(meaning.vector)
  for (;;) {
    const ids = meaning.index.nearest(signs, scope, parameters.signsRescored)
    const vectors = vectorsByIds(tx, meaning.index.source.kind, meaning.model, ids)
    const gone = ids.filter((id) => !vectors.has(id))
    if (gone.length === 0) {
      return [...vectors]
        .map(([id, vector]) => ({ id, c: cosine(meaning.vector, vector) }))
        .sort((a, b) => b.c - a.c || a.id - b.id)
        .slice(0, parameters.vectorCandidates)
        .map(({ id }) => id)
    }
    if (gone.length * 2 > ids.length) reload(tx, meaning.index)
    else meaning.index.forget(gone)
  }
}

/** Most of what is remembered is gone, as after a rebuild: quicker read anew than met one by one. */
function reload(tx: ReadTx, index: SignIndex): void {
  index.clear()
  while (!index.refresh(tx)) continue
}

/** `c`: the cosine, never below 0 · `V`: with what stands around the record (RET-402). */
export type Nearness = { readonly c: number; readonly V: number }

/** Nearness of each of these records that has a vector. Nothing of it is kept, so nothing must be kept current. */
export function nearnessOf(tx: ReadTx, meaning: QueryMeaning, ids: readonly number[]): ReadonlyMap<number, Nearness> {
  const { source } = meaning.index
  const around = groupedByRow(source.aroundOf(tx, ids))
  const wanted = new Set([...ids, ...[...around.values()].flatMap((rows) => rows.map((row) => row.used_id))])
  const vectors = vectorsByIds(tx, source.kind, meaning.model, [...wanted])
  const cosines = new Map([...vectors].map(([id, vector]) => [id, Math.max(0, cosine(meaning.vector, vector))]))
  const lengths = source.textLengths(tx, ids)
  return new Map(
    ids.flatMap((id) => {
      const c = cosines.get(id)
      if (c === undefined) return []
      const weight = Math.min(1, parameters.smoothedLength / Math.max(1, lengths.get(id) ?? 0))
      return [[id, { c, V: smoothed(c, weight, around.get(id) ?? [], cosines) }] as const]
    }),
  )
}

/** Short records lean on what stands around them, long ones stand alone. */
function smoothed(
  c: number,
  weight: number,
  around: readonly AroundRow[],
  cosines: ReadonlyMap<number, number>,
): number {
  let [sum, norm] = [c, 1]
  for (const { used_id, distance } of withDistances(around)) {
    const theirs = cosines.get(used_id)
    if (theirs === undefined) continue
    const share = weight * (distance === 1 ? parameters.nearShare : parameters.farShare)
    sum += share * theirs
    norm += share
  }
  return sum / norm
}

/** In the order of the session: the last before and the first after are at distance 1. */
function withDistances(around: readonly AroundRow[]) {
  const before = around.filter((row) => row.isBefore)
  const after = around.filter((row) => !row.isBefore)
  return [...before.toReversed(), ...after].map((row, at) => ({
    used_id: row.used_id,
    distance: (at < before.length ? at : at - before.length) + 1,
  }))
}

function groupedByRow(rows: readonly AroundRow[]): ReadonlyMap<number, readonly AroundRow[]> {
  const groups = new Map<number, AroundRow[]>()
  for (const row of rows) {
    const group = groups.get(row.row_id)
    if (group === undefined) groups.set(row.row_id, [row])
    else group.push(row)
  }
  return groups
}

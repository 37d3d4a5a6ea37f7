import type { RelationCandidate } from '../api/observations.ts'
import { stem } from '../search/porter.ts'
import { stampChange } from '../store/change-clock.ts'
import { bestRows, observationsByIds, termFrequency } from '../store/full-text-search.ts'
import { projectFacet, scopeFacet } from '../store/index-text.ts'
import { projectByName } from '../store/projects.ts'
import { ignoreStaleRelations, insertRelation, relationsBetween } from '../store/relations.ts'
import type { ObservationRow, RelationRow } from '../store/rows.ts'
import type { ReadTx, WriteTx } from '../store/transaction.ts'
import type { EngineDeps } from './handler.ts'
import { newRelation } from './judge-relation.ts'
import { isCandidate, titleWords } from './rules/likeness.ts'

const candidatesMax = 3
/** How many rows of the index are looked at for them. */
const hitsMax = 20
/** Words of the title that are asked for: the rarest, while together they stand in no more rows than this. */
const wordsMax = 8
const postingsMax = 5_000

/**
 * After a save: the observations of the same project and scope that it may repeat, refine or contradict, each noted as a
 * pending relation (MEM-902). A pair that was judged is not brought up again.
 */
export function surfaceRelations(
  tx: WriteTx,
  deps: Pick<EngineDeps, 'clock' | 'ids'>,
  row: ObservationRow,
): readonly RelationCandidate[] {
  const found: RelationCandidate[] = []
  for (const { other, score } of candidatesOf(tx, row)) {
    if (found.length >= candidatesMax) break
    const [known] = relationsBetween(tx, row.sync_id, other.sync_id)
    if (known !== undefined && known.judgment_status !== 'pending') continue
    const relation = known ?? addPending(tx, deps, row, other)
    found.push({
      id: other.id,
      sync_id: other.sync_id,
      title: other.title,
      type: other.type,
      score,
      judgment_id: relation.sync_id,
      ...(other.topic_key === null ? {} : { topic_key: other.topic_key }),
    })
  }
  if (found.length > 0) ignoreStaleRelations(tx, row.project, deps.clock.nowMs())
  return found
}

export type Candidate = { readonly other: ObservationRow; readonly score: number }

/** Live observations of the row's project and scope that are like it, the likest first. */
export function candidatesOf(tx: ReadTx, row: ObservationRow): readonly Candidate[] {
  const scores = new Map<number, number>()
  for (const { id } of sameTopic(tx, row)) scores.set(id, 0)
  for (const hit of titleHits(tx, row)) if (!scores.has(hit.id)) scores.set(hit.id, hit.s)
  return observationsByIds(tx, [...scores.keys()])
    .filter((other) => isComparable(row, other) && isCandidate(row, other))
    .map((other) => ({ other, score: Math.abs(scores.get(other.id) ?? 0) }))
    .sort(
      (a, b) =>
        Number(isSameTopic(row, b.other)) - Number(isSameTopic(row, a.other)) ||
        b.score - a.score ||
        a.other.id - b.other.id,
    )
}

const isSameTopic = (row: ObservationRow, other: ObservationRow): boolean =>
  row.topic_key !== null && row.topic_key === other.topic_key

const isComparable = (row: ObservationRow, other: ObservationRow): boolean =>
  other.id !== row.id && other.deleted_at === null && other.project === row.project && other.scope === row.scope

const sameTopic = (tx: ReadTx, row: ObservationRow): readonly { readonly id: number }[] =>
  row.topic_key === null
    ? []
    : tx.all<{ id: number }>(
        `SELECT id FROM observations WHERE topic_key = ? AND project IS ? AND scope = ? AND deleted_at IS NULL AND id <> ?
         ORDER BY updated_at DESC LIMIT ?`,
        row.topic_key,
        row.project,
        row.scope,
        row.id,
        hitsMax,
      )

function titleHits(tx: ReadTx, row: ObservationRow) {
  const words = rarestWords(tx, titleWords(row.title))
  if (words.length === 0) return []
  const facets = [projectFacet(projectIdOf(tx, row.project)), scopeFacet(row.scope)].map((facet) => `"${facet}"`)
  // Words come from the tokeniser's own letters, so no quote can stand in them.
  const match = `facet : (${facets.join(' AND ')}) AND title : (${words.map((word) => `"${word}"`).join(' OR ')})`
  return bestRows(tx, 'observation_fts', match, [0, 1, 0, 0, 0, 0, 0], hitsMax + 1)
}

const projectIdOf = (tx: ReadTx, project: string | null): number =>
  project === null ? 0 : (projectByName(tx, project)?.id ?? 0)

/** Common words say little and cost much. */
function rarestWords(tx: ReadTx, words: readonly string[]): readonly string[] {
  const counted = words
    .map((word) => ({ word, rows: termFrequency(tx, stem(word)) }))
    .filter(({ rows }) => rows > 0)
    .sort((a, b) => a.rows - b.rows)
    .slice(0, wordsMax)
  let postings = 0
  return counted
    .filter(({ rows }, index) => {
      postings += rows
      return index < 2 || postings <= postingsMax
    })
    .map(({ word }) => word)
}

/** A pair for somebody to judge. */
export function addPending(
  tx: WriteTx,
  deps: Pick<EngineDeps, 'clock' | 'ids'>,
  source: ObservationRow,
  target: ObservationRow,
): RelationRow {
  const stamp = stampChange(tx, deps.clock.nowMs())
  const times = { created_at: stamp.at, updated_at: stamp.at }
  const change = { hlc: stamp.hlc, origin: stamp.origin, change_seq: stamp.changeSeq }
  return insertRelation(tx, { ...newRelation(deps, source, target), ...times, ...change })
}

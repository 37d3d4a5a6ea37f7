import type { RelationCandidate } from '../api/observations.ts'
import { stampChange } from '../store/change-clock.ts'
import { newestRows, observationsByIds } from '../store/full-text-search.ts'
import { ignoreStaleRelations, insertRelation, relationsBetween } from '../store/relations.ts'
import type { ObservationRow, RelationRow } from '../store/rows.ts'
import type { ReadTx, WriteTx } from '../store/transaction.ts'
import type { EngineDeps } from './handler.ts'
import { newRelation } from './judge-relation.ts'
import { isCandidate, likeness, titleWords } from './rules/likeness.ts'
import type { RowsHolding } from './word-rarity.ts'

const candidatesMax = 3
/** How many rows of the index are looked at for them, the newest first. */
const hitsMax = 20
/** Words of the title that are paired: the rarest tell most and cost least. */
const wordsMax = 3
/** A title is long only by accident; its first words name the subject. */
const wordsCountedMax = 8

/**
 * Notes what a save may repeat, refine or contradict, each as a pending relation (MEM-902). A pair that was judged is not
 * brought up again. `likest` was found before the save wrote: a search right after a write would make full text flush it.
 */
export function noteRelations(
  tx: WriteTx,
  deps: Pick<EngineDeps, 'clock' | 'ids'>,
  row: ObservationRow,
  likest: readonly Candidate[],
): readonly RelationCandidate[] {
  const found: RelationCandidate[] = []
  for (const { other, score } of likest) {
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

/** What of an observation its likeness depends on; `id` is null before it has one. */
export type Likened = Pick<ObservationRow, 'title' | 'topic_key' | 'project' | 'scope'> & { readonly id: number | null }

export type Candidate = {
  readonly other: ObservationRow
  /** Share of the titles' words that both have, 0 to 1. */
  readonly score: number
}

/** Live observations of the row's project and scope that are like it, the likest first. */
export function candidatesOf(tx: ReadTx, row: Likened, rowsHolding: RowsHolding): readonly Candidate[] {
  const ids = new Set([...sameTopic(tx, row), ...titleHits(tx, row, rowsHolding)].map(({ id }) => id))
  return observationsByIds(tx, [...ids])
    .filter((other) => isComparable(row, other) && isCandidate(row, other))
    .map((other) => ({ other, score: likeness(row.title, other.title) }))
    .sort(
      (a, b) =>
        Number(isSameTopic(row, b.other)) - Number(isSameTopic(row, a.other)) ||
        b.score - a.score ||
        b.other.id - a.other.id,
    )
}

const isSameTopic = (row: Likened, other: ObservationRow): boolean =>
  row.topic_key !== null && row.topic_key === other.topic_key

const isComparable = (row: Likened, other: ObservationRow): boolean =>
  other.id !== row.id && other.deleted_at === null && other.project === row.project && other.scope === row.scope

const sameTopic = (tx: ReadTx, row: Likened): readonly { readonly id: number }[] =>
  row.topic_key === null
    ? []
    : tx.all<{ id: number }>(
        `SELECT id FROM observations WHERE topic_key = ? AND project IS ? AND +scope = ? AND deleted_at IS NULL AND id <> ?
         ORDER BY updated_at DESC LIMIT ?`,
        row.topic_key,
        row.project,
        row.scope,
        row.id ?? -1,
        hitsMax,
      )

/**
 * Rows whose titles share two words with this one. Pairs are asked for instead of an OR with scores: their rows come
 * newest first and the reading stops at the limit, so that a save costs the same in a large store.
 */
function titleHits(tx: ReadTx, row: Likened, rowsHolding: RowsHolding): readonly { readonly id: number }[] {
  const words = rarestWords(tx, titleWords(row.title), rowsHolding)
  const [only] = words
  if (only === undefined) return []
  // Words come from the tokeniser's own letters, so no quote can stand in them.
  const wanted = words.length === 1 ? [`"${only}"`] : pairs(words).map(([a, b]) => `("${a}" AND "${b}")`)
  return newestRows(tx, 'observation_fts', `title : (${wanted.join(' OR ')})`, hitsMax + 1)
}

const pairs = (words: readonly string[]): readonly (readonly [string, string])[] =>
  words.flatMap((a, index) => words.slice(index + 1).map((b) => [a, b] as const))

/** Words nothing holds pair with nothing; common ones say little and cost much. */
function rarestWords(tx: ReadTx, words: readonly string[], rowsHolding: RowsHolding): readonly string[] {
  return words
    .slice(0, wordsCountedMax)
    .map((word) => ({ word, rows: rowsHolding(tx, word) }))
    .filter(({ rows }) => rows > 0)
    .sort((a, b) => a.rows - b.rows)
    .slice(0, wordsMax)
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

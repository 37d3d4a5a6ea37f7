import { EngramError } from '../model/errors.ts'
import type { ObservationRow, VersionRow } from '../store/rows.ts'
import {
  closeConflict,
  openConflict,
  openConflictsOf,
  openTopicConflictsOf,
  type ConflictRow,
} from '../store/conflicts.ts'
import { observationBySyncId } from '../store/observations.ts'
import { orphanRelationsOf, reviveRelationsOf } from '../store/relations.ts'
import type { ReadTx, WriteTx } from '../store/transaction.ts'
import { keepVersion, otherHeadsOf, parseNames, parseSnapshot, setHead, versionsOf } from '../store/versions.ts'
import {
  absorbedHeads,
  conflictId,
  conflictKindOf,
  shownHeads,
  topicConflictId,
  type KnownVersion,
} from './rules/merge.ts'
import { childAncestors, fingerprintOfRow } from './rules/version.ts'

/** The heads of a stored observation (MEM-504) and the open conflicts they make (MEM-509). */

/** The current version, which stands in the observation's own row. */
export const currentVersion = (row: ObservationRow): KnownVersion => ({
  version: row.version,
  ancestors: parseNames(row.ancestors),
  fingerprint: fingerprintOfRow(row),
  hlc: row.hlc,
  origin: row.origin,
  deleted: row.deleted_at !== null,
  updatedAt: row.updated_at,
})

/** The fingerprint of a version row; that of an old one is computed while its text is there, and '' afterwards. */
export function fingerprintOfVersion(row: VersionRow): string {
  const snapshot = row.fingerprint === '' ? parseSnapshot(row.snapshot) : null
  return snapshot === null ? row.fingerprint : fingerprintOfRow(snapshot)
}

/** A version row as merging sees it. */
export function storedVersion(row: VersionRow): KnownVersion {
  const snapshot = parseSnapshot(row.snapshot)
  const fingerprint = fingerprintOfVersion(row)
  return {
    version: row.version,
    ancestors: [...new Set([...parseNames(row.parents), ...parseNames(row.ancestors)])],
    // A version nobody can compare equals none.
    fingerprint: fingerprint === '' ? `pruned:${row.version}` : fingerprint,
    hlc: row.hlc,
    origin: row.origin,
    deleted: snapshot !== null && snapshot.deleted_at !== null,
    updatedAt: snapshot?.updated_at ?? '',
  }
}

/** Every version known of an observation, the current one first. */
export const knownVersions = (tx: ReadTx, row: ObservationRow): readonly KnownVersion[] => [
  currentVersion(row),
  ...versionsOf(tx, row.sync_id)
    .filter((version) => version.version !== row.version)
    .map(storedVersion),
]

/** All heads: the current version and the others. */
export const knownHeads = (tx: ReadTx, row: ObservationRow): readonly KnownVersion[] => [
  currentVersion(row),
  ...otherHeadsOf(tx, row.sync_id)
    .filter((version) => version.version !== row.version)
    .map(storedVersion),
]

/**
 * The first half of an edit: keeps the state before it, and takes in the heads it had absorbed, so that the edit counts
 * as having seen them on every machine.
 * @returns the ancestors of the edited version
 */
export function supersede(
  tx: WriteTx,
  row: ObservationRow,
  options: { readonly keep: number; readonly capturedAt: string },
): readonly string[] {
  const current = currentVersion(row)
  const absorbed = absorbedHeads([current, ...knownHeads(tx, row).slice(1)])
  keepVersion(tx, row, { ...options, fingerprint: current.fingerprint })
  for (const head of absorbed) setHead(tx, row.sync_id, head.version, false)
  return childAncestors([current, ...absorbed])
}

/** Relations rest while an end is deleted, and live again with it (MEM-905). Call it before conflicts are looked at. */
export function followDeletion(tx: WriteTx, before: ObservationRow, after: ObservationRow): void {
  if (before.deleted_at === null && after.deleted_at !== null) orphanRelationsOf(tx, after.sync_id)
  if (before.deleted_at !== null && after.deleted_at === null) reviveRelationsOf(tx, after.sync_id)
}

export type ConflictNote = {
  readonly at: string
  /** Through which remote the change came. */
  readonly remote?: string | null
  /** Who settled what closes now. */
  readonly by?: string
}

/**
 * Brings the open conflicts about an observation up to date after any change of its versions, its topic, project, scope
 * or deletion. Conflicts are a function of what is stored, so every machine lists the same ones.
 * @param before the row as it was, where it was there: whoever leaves a topic makes neighbours of those it stood between
 * @returns how many conflicts are newly listed
 */
export function refreshConflicts(
  tx: WriteTx,
  row: ObservationRow,
  note: ConflictNote,
  before: ObservationRow | null,
): number {
  const versions = refreshVersionConflicts(tx, row, note)
  return versions + refreshTopicConflicts(tx, new Set([row.sync_id]), new Topics([before]), note)
}

/** Observations whose conflicts may have changed, and the topics they stood in before. */
export class Touched {
  readonly ids = new Set<string>()
  readonly topics = new Topics()

  add(syncId: string, before: ObservationRow | null): void {
    this.ids.add(syncId)
    this.topics.add(before)
  }
}

/** As {@link refreshConflicts}, once for all that a number of arrivals have touched. */
export function refreshTouched(tx: WriteTx, touched: Touched, note: ConflictNote): number {
  let listed = 0
  for (const syncId of touched.ids) {
    const row = observationBySyncId(tx, syncId)
    if (row !== undefined) listed += refreshVersionConflicts(tx, row, note)
  }
  return listed + refreshTopicConflicts(tx, touched.ids, touched.topics, note)
}

/** The same of relations that were judged, added or taken back between two observations. */
export const refreshPair = (tx: WriteTx, ends: ReadonlySet<string>, note: ConflictNote): number =>
  refreshTopicConflicts(tx, ends, new Topics(), note)

function refreshVersionConflicts(tx: WriteTx, row: ObservationRow, note: ConflictNote): number {
  const open = openConflictsOf(tx, row.sync_id)
  const others = otherHeadsOf(tx, row.sync_id)
  if (open.length === 0 && others.length === 0) return 0
  const shown = shownHeads(knownHeads(tx, row))
  const names = shown.map((head) => head.version).sort()
  const wanted = shown.length > 1 ? conflictId(row.sync_id, names) : null
  for (const one of open) if (one.id !== wanted) close(tx, one, row.version, note)
  if (wanted === null) return 0
  const isNew = open.every((one) => one.id !== wanted)
  if (isNew) {
    openConflict(tx, {
      id: wanted,
      kind: conflictKindOf(shown),
      sync_id: row.sync_id,
      other_sync_id: null,
      project: row.project,
      heads: JSON.stringify(names),
      remote: note.remote ?? null,
      detected_at: note.at,
    })
  }
  return isNew ? 1 : 0
}

const close = (tx: WriteTx, conflict: ConflictRow, version: string | null, note: ConflictNote): void =>
  closeConflict(tx, conflict.id, { settled_version: version, settled_at: note.at, settled_by: note.by ?? 'merge' })

/** A record that is gone for ever has no versions to settle; its topic may have other members. */
export function closeConflictsOfRemoved(tx: WriteTx, row: ObservationRow, note: ConflictNote): void {
  for (const one of openConflictsOf(tx, row.sync_id)) close(tx, one, null, note)
  refreshTopicConflicts(tx, new Set([row.sync_id]), new Topics([row]), note)
}

type Topic = { readonly topic_key: string; readonly project: string | null; readonly scope: string }

/** Topics, each once. */
class Topics {
  readonly #known = new Map<string, Topic>()

  constructor(topics: readonly (ObservationRow | Topic | null)[] = []) {
    for (const topic of topics) this.add(topic)
  }

  /** The topic of a row; one without a topic adds none. */
  add(of: ObservationRow | Topic | null): void {
    if (of === null || of.topic_key === null || of.topic_key === '') return
    const { topic_key, project, scope } = of
    this.#known.set(JSON.stringify([topic_key, project, scope]), { topic_key, project, scope })
  }

  values(): readonly Topic[] {
    return [...this.#known.values()]
  }
}

/** More observations of one topic than this are no conflict a person could settle pair by pair. */
const topicMembersMax = 100

/**
 * Live observations of one topic, project and scope, none of which supersedes another: each stands in conflict with the
 * next in the order of their names (MEM-509). Settling a pair takes one of them out and makes the next pair.
 */
function refreshTopicConflicts(tx: WriteTx, syncIds: ReadonlySet<string>, left: Topics, note: ConflictNote): number {
  const touched = new Map<string, ConflictRow>()
  const names = new Set(syncIds)
  for (const syncId of syncIds) {
    for (const one of openTopicConflictsOf(tx, syncId)) {
      touched.set(one.id, one)
      names.add(one.sync_id).add(one.other_sync_id ?? one.sync_id)
    }
  }
  const topics = new Topics(left.values())
  for (const name of names) topics.add(topicOf(tx, name))
  const wanted = new Map<string, Omit<ConflictRow, 'settled_version' | 'settled_at' | 'settled_by'>>()
  for (const topic of topics.values()) {
    const members = openMembers(tx, topic)
    for (const [index, other] of members.slice(1).entries()) {
      const pair = topicPair(tx, members[index] ?? other, other, topic, note)
      if (pair !== null) wanted.set(pair.id, pair)
    }
    for (const member of members) for (const one of openTopicConflictsOf(tx, member)) touched.set(one.id, one)
  }
  for (const one of touched.values()) if (!wanted.has(one.id)) close(tx, one, null, note)
  const fresh = [...wanted.values()].filter((pair) => !touched.has(pair.id))
  for (const pair of fresh) openConflict(tx, pair)
  return fresh.length
}

/** Of a deleted one too: those around it are neighbours now. */
const topicOf = (tx: ReadTx, syncId: string): Topic | null =>
  tx.get<Topic>(
    `SELECT topic_key, project, scope FROM observations
     WHERE sync_id = ? AND topic_key IS NOT NULL AND topic_key <> ''`,
    syncId,
  ) ?? null

/** Members of a topic in the order of their names, without those that another member supersedes. */
function openMembers(tx: ReadTx, topic: Topic): readonly string[] {
  const members = tx
    .all<{ sync_id: string }>(
      `SELECT sync_id FROM observations
       WHERE topic_key = ? AND project IS ? AND +scope = ? AND deleted_at IS NULL ORDER BY sync_id LIMIT ?`,
      topic.topic_key,
      topic.project,
      topic.scope,
      topicMembersMax,
    )
    .map((row) => row.sync_id)
  if (members.length < 2) return []
  const inTopic = new Set(members)
  return members.filter((member) => !supersedersOf(tx, member).some((other) => other !== member && inTopic.has(other)))
}

const supersedersOf = (tx: ReadTx, syncId: string): readonly string[] =>
  tx
    .all<{ source_id: string }>(
      `SELECT source_id FROM relations WHERE target_id = ? AND relation = 'supersedes' AND judgment_status = 'judged'`,
      syncId,
    )
    .map((row) => row.source_id)

const settlingVerbs = `'supersedes', 'compatible', 'scoped', 'not_conflict'`

function topicPair(tx: ReadTx, a: string, b: string, topic: Topic, note: ConflictNote) {
  const isJudged = tx.get(
    `SELECT 1 FROM relations WHERE judgment_status = 'judged' AND relation IN (${settlingVerbs})
       AND ((source_id = ?1 AND target_id = ?2) OR (source_id = ?2 AND target_id = ?1))`,
    a,
    b,
  )
  if (isJudged !== undefined) return null
  const [first, second] = a < b ? [a, b] : [b, a]
  return {
    id: topicConflictId(first, second),
    kind: 'same_topic' as const,
    sync_id: first,
    other_sync_id: second,
    project: topic.project,
    heads: '[]',
    remote: note.remote ?? null,
    detected_at: note.at,
  }
}

/** A conflict nobody knows. */
export const unknownConflict = (id: string): EngramError =>
  new EngramError('not_found', `Unknown conflict ${JSON.stringify(id)}.`, { details: { id } })

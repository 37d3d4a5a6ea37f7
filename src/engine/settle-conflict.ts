import type { Parsed } from '../api/operations.ts'
import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import { cleanText, isBlank } from '../model/text.ts'
import { stampChange } from '../store/change-clock.ts'
import { closeConflict, type ConflictRow } from '../store/conflicts.ts'
import { insertObservation, observationBySyncId, updateObservation } from '../store/observations.ts'
import { relationsBetween } from '../store/relations.ts'
import type { ObservationRow } from '../store/rows.ts'
import type { ReadTx, WriteTx } from '../store/transaction.ts'
import {
  dropVersion,
  keepVersion,
  parseNames,
  parseSnapshot,
  setHead,
  snapshotOf,
  versionsOf,
  type Snapshot,
} from '../store/versions.ts'
import { ensureSession } from './arrival.ts'
import type { EngineDeps } from './handler.ts'
import { followDeletion, knownHeads, refreshConflicts } from './heads.ts'
import { newRelation, putJudgment } from './judge-relation.ts'
import { requireObservation } from './lookup-observation.ts'
import { cutText } from './rules/cut.ts'
import { normalisedHash } from './rules/dedupe.ts'
import { shownHeads } from './rules/merge.ts'
import { childAncestors, fingerprintOfRow, versionOf } from './rules/version.ts'
import { editObservation } from './edit-observation.ts'

type Choice = Parsed<'conflict.settle'>

/** Settles an open conflict; what comes of it travels, so it closes everywhere (MEM-509). */
export function settleConflict(tx: WriteTx, deps: EngineDeps, conflict: ConflictRow, choice: Choice): ObservationRow {
  switch (conflict.kind) {
    case 'edit':
    case 'edit_delete':
      return settleVersions(tx, deps, requireObservation(tx, conflict.sync_id), choice)
    case 'edited_after_delete':
      return saveAnew(tx, deps, conflict, choice)
    case 'same_topic':
      return settleTopic(tx, deps, conflict, choice)
  }
}

const settledBy = (choice: Choice): string => choice.by ?? 'user'

/** A version whose parents are all heads (MEM-502). */
function settleVersions(tx: WriteTx, deps: EngineDeps, row: ObservationRow, choice: Choice): ObservationRow {
  const heads = knownHeads(tx, row)
  const shown = shownHeads(heads)
  const parents = shown.map((head) => head.version)
  const state = chosenState(tx, deps, row, parents, choice)
  const stamp = stampChange(tx, deps.clock.nowMs(), ...heads.map((head) => head.hlc))
  const absorbed = heads.filter((head) => !parents.includes(head.version))
  const next: ObservationRow = {
    ...row,
    ...state,
    revision_count: Math.max(row.revision_count, state.revision_count) + 1,
    created_at: row.created_at,
    updated_at: stamp.at,
    version: versionOf(parents, fingerprintOfRow(state)),
    ancestors: JSON.stringify(childAncestors([...shown, ...absorbed])),
    hlc: stamp.hlc,
    origin: stamp.origin,
    change_seq: stamp.changeSeq,
  }
  for (const head of heads) setHead(tx, row.sync_id, head.version, false)
  keepVersion(tx, row, {
    keep: deps.settings.historyKept,
    capturedAt: stamp.at,
    fingerprint: fingerprintOfRow(row),
  })
  ensureSession(tx, next.session_id, next.project ?? '', deps.clock.nowMs())
  updateObservation(tx, next)
  followDeletion(tx, row, next)
  refreshConflicts(tx, next, { at: stamp.at, by: settledBy(choice) }, row)
  return next
}

/** The state taken, or the current one with the text given. */
function chosenState(
  tx: ReadTx,
  deps: EngineDeps,
  row: ObservationRow,
  heads: readonly string[],
  choice: Choice,
): Snapshot {
  if (choice.take === undefined) return { ...withText(deps, snapshotOf(row), choice), deleted_at: null }
  const version = headNamed(heads, choice.take)
  if (version === row.version) return snapshotOf(row)
  return requireState(tx, row.sync_id, version)
}

function requireState(tx: ReadTx, syncId: string, version: string): Snapshot {
  const stored = versionsOf(tx, syncId).find((one) => one.version === version)
  const snapshot = stored === undefined ? null : parseSnapshot(stored.snapshot)
  if (snapshot === null) throw new EngramError('gone', `The text of version ${version} is no longer kept.`)
  return snapshot
}

/** The head a name or a beginning of one means. */
function headNamed(heads: readonly string[], take: string): string {
  const [found, another] = heads.filter((head) => head.startsWith(take))
  if (found !== undefined && (another === undefined || heads.includes(take))) return heads.includes(take) ? take : found
  throw new EngramError(
    'invalid_request',
    `Expected one of the versions ${heads.join(', ')}, got ${JSON.stringify(take)}.`,
    {
      details: { field: 'take', versions: heads },
    },
  )
}

function withText(deps: Pick<EngineDeps, 'redactor'>, state: Snapshot, choice: Choice): Snapshot {
  const clean = (text: string, bytesMax: number): string =>
    cutText(deps.redactor.clean(cleanText(text)).text, bytesMax).text
  const content = clean(choice.content ?? '', limits.contentBytesMax)
  if (isBlank(content)) throw new EngramError('observation_content_required', 'Expected content, got only white space.')
  const title = clean(choice.title ?? '', limits.titleBytesMax).trim()
  return { ...state, content, title: title === '' ? state.title : title, normalized_hash: normalisedHash(content) }
}

/** The text of an edit that did not know of the hard delete, saved as a new record (MEM-507). */
function saveAnew(tx: WriteTx, deps: EngineDeps, conflict: ConflictRow, choice: Choice): ObservationRow {
  const heads = parseNames(conflict.heads)
  const version = choice.take === undefined ? heads[0] : headNamed(heads, choice.take)
  const kept = requireState(tx, conflict.sync_id, version ?? '')
  const state = { ...(choice.take === undefined ? withText(deps, kept, choice) : kept), deleted_at: null }
  const stamp = stampChange(tx, deps.clock.nowMs())
  ensureSession(tx, state.session_id, state.project ?? '', deps.clock.nowMs())
  const row = insertObservation(tx, {
    ...state,
    sync_id: deps.ids.record('obs'),
    revision_count: 1,
    duplicate_count: 1,
    last_seen_at: null,
    created_at: stamp.at,
    updated_at: stamp.at,
    pinned: 0,
    version: versionOf([], fingerprintOfRow(state)),
    ancestors: '[]',
    hlc: stamp.hlc,
    origin: stamp.origin,
    change_seq: stamp.changeSeq,
  })
  for (const head of heads) dropVersion(tx, conflict.sync_id, head)
  const settled = { settled_version: row.version, settled_at: stamp.at, settled_by: settledBy(choice) }
  closeConflict(tx, conflict.id, settled)
  refreshConflicts(tx, row, { at: stamp.at }, null)
  return row
}

/** One of two observations of a topic supersedes the other; both stay (MEM-509). */
function settleTopic(tx: WriteTx, deps: EngineDeps, conflict: ConflictRow, choice: Choice): ObservationRow {
  const sides = [conflict.sync_id, conflict.other_sync_id ?? ''].map((syncId) => requireObservation(tx, syncId))
  const winner = choice.take === undefined ? latest(sides) : sideNamed(sides, choice.take)
  const loser = sides.find((side) => side.id !== winner.id) ?? winner
  const [known] = relationsBetween(tx, winner.sync_id, loser.sync_id)
  const placed =
    known === undefined
      ? newRelation(deps, winner, loser)
      : { ...known, source_id: winner.sync_id, target_id: loser.sync_id }
  putJudgment(tx, deps, placed, {
    relation: 'supersedes',
    reason: placed.reason,
    evidence: placed.evidence,
    confidence: 1,
    actor: settledBy(choice),
    kind: 'user',
    model: null,
    sessionId: null,
  })
  if (choice.take !== undefined) return observationBySyncId(tx, winner.sync_id) ?? winner
  const { title, content } = withText(deps, snapshotOf(winner), choice)
  return editObservation(tx, deps, winner, { title, content, revision_count: winner.revision_count + 1 })
}

const latest = (sides: readonly ObservationRow[]): ObservationRow => {
  const [first, second] = sides
  if (first === undefined || second === undefined) throw new EngramError('internal', 'A topic conflict has two sides.')
  return first.hlc >= second.hlc ? first : second
}

/** A side by its sync id, its number or its version. */
function sideNamed(sides: readonly ObservationRow[], take: string): ObservationRow {
  const found = sides.find((side) => [side.sync_id, side.version, String(side.id), `#${side.id}`].includes(take))
  if (found !== undefined) return found
  const names = sides.map((side) => side.sync_id)
  throw new EngramError('invalid_request', `Expected one of ${names.join(', ')}, got ${JSON.stringify(take)}.`, {
    details: { field: 'take', sync_ids: names },
  })
}

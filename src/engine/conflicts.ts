import { EngramError } from '../model/errors.ts'
import type { ConflictHead, VersionConflict } from '../model/records.ts'
import { conflictById, listConflicts, type ConflictRow } from '../store/conflicts.ts'
import { observationBySyncId } from '../store/observations.ts'
import type { ObservationRow } from '../store/rows.ts'
import type { ReadTx } from '../store/transaction.ts'
import { parseNames, parseSnapshot, versionsOf, type Snapshot } from '../store/versions.ts'
import type { Handlers } from './handler.ts'
import { unknownConflict } from './heads.ts'
import { placeOfRead } from './places.ts'
import { toObservation } from './present.ts'
import { settleConflict } from './settle-conflict.ts'

const listDefault = 50

export const conflictHandlers: Handlers<'conflict.list' | 'conflict.get' | 'conflict.settle'> = {
  'conflict.list': async (deps, input) => {
    const place = await placeOfRead(deps, input)
    return deps.store.read((tx) =>
      listConflicts(tx, place.project, input.settled === true, input.limit ?? listDefault).map((row) =>
        toConflict(tx, row),
      ),
    )
  },
  'conflict.get': (deps, input) => deps.store.read((tx) => toConflict(tx, requireConflict(tx, input.id))),
  'conflict.settle': (deps, input, context) =>
    deps.store.write((tx) => {
      const conflict = requireConflict(tx, input.id)
      refuseSettled(conflict)
      if ((input.take === undefined) === (input.content === undefined)) {
        throw new EngramError('invalid_request', 'Expected either the version to take or the content, and not both.')
      }
      return toObservation(settleConflict(tx, deps, conflict, input), deps.clock.nowMs())
    }, context),
}

function requireConflict(tx: ReadTx, id: string): ConflictRow {
  const row = conflictById(tx, id)
  if (row === undefined) throw unknownConflict(id)
  return row
}

function refuseSettled(conflict: ConflictRow): void {
  if (conflict.settled_at === null) return
  const by = conflict.settled_by ?? 'merge'
  throw new EngramError('conflict', `Conflict ${conflict.id} was settled at ${conflict.settled_at} by ${by}.`, {
    details: { id: conflict.id, settled_version: conflict.settled_version },
  })
}

/** A conflict with the text of every side (MEM-509). */
export function toConflict(tx: ReadTx, row: ConflictRow): VersionConflict {
  const current = observationBySyncId(tx, row.sync_id)
  const heads = row.kind === 'same_topic' ? topicHeads(tx, row) : versionHeads(tx, row, current)
  return {
    id: row.id,
    kind: row.kind,
    sync_id: row.sync_id,
    ...(row.other_sync_id === null ? {} : { other_sync_id: row.other_sync_id }),
    ...(row.project === null ? {} : { project: row.project }),
    title: current?.title ?? heads[0]?.title ?? '',
    heads,
    detected_at: row.detected_at,
    ...(row.settled_version === null ? {} : { settled_version: row.settled_version }),
    ...(row.settled_at === null ? {} : { settled_at: row.settled_at }),
    ...(row.settled_by === null ? {} : { settled_by: row.settled_by }),
  }
}

function topicHeads(tx: ReadTx, row: ConflictRow): readonly ConflictHead[] {
  return [row.sync_id, row.other_sync_id ?? row.sync_id].flatMap((syncId) => {
    const observation = observationBySyncId(tx, syncId)
    return observation === undefined ? [] : [headOf(observation, true)]
  })
}

function versionHeads(tx: ReadTx, row: ConflictRow, current: ObservationRow | undefined): readonly ConflictHead[] {
  const names = new Set(parseNames(row.heads))
  const stored = versionsOf(tx, row.sync_id).flatMap((version): readonly ConflictHead[] => {
    const snapshot = parseSnapshot(version.snapshot)
    if (!names.has(version.version) || snapshot === null) return []
    return [headOf({ ...snapshot, ...version }, false)]
  })
  const own = current !== undefined && names.has(current.version) ? [headOf(current, true)] : []
  return [...own, ...stored.filter((head) => head.version !== current?.version)]
}

type Side = Pick<Snapshot, 'title' | 'content' | 'deleted_at' | 'author'> &
  Pick<ObservationRow, 'version' | 'sync_id' | 'origin' | 'hlc'>

const headOf = (side: Side, current: boolean): ConflictHead => ({
  version: side.version,
  sync_id: side.sync_id,
  title: side.title,
  content: side.content,
  deleted: side.deleted_at !== null,
  ...(side.author === null ? {} : { author: side.author }),
  origin: side.origin,
  hlc: side.hlc,
  current,
})

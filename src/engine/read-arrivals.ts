import type { IncomingRecord, RefusedRow } from '../model/sync.ts'
import {
  promptRow,
  readObservation,
  readRow,
  relationRow,
  sessionRow,
  tombstoneRow,
  versionRow,
} from '../protocol/record-rows.ts'
import { observationBySyncId } from '../store/observations.ts'
import type { ReadTx } from '../store/transaction.ts'
import type { Arrival, Refused } from './accept.ts'
import { toObservation } from './present.ts'
import { createLegacyIds, type LegacyIds } from './rules/legacy-id.ts'

/** Records that could be read, each beside what was read of it, and those that could not. */
export type ReadArrivals = {
  readonly records: readonly IncomingRecord[]
  readonly arrivals: readonly Arrival[]
  readonly bad: readonly RefusedRow[]
}

/** Reads the records of one chunk; those that have no name get theirs (CHK-604). */
export function readArrivals(tx: ReadTx, given: readonly IncomingRecord[]): ReadArrivals {
  const ids = createLegacyIds()
  const records: IncomingRecord[] = []
  const arrivals: Arrival[] = []
  const bad: RefusedRow[] = []
  for (const record of given) {
    const reading = readArrival(tx, ids, record)
    if ('refused' in reading) bad.push({ ...record, reason: reading.refused })
    else {
      records.push(record)
      arrivals.push(reading)
    }
  }
  return { records, arrivals, bad }
}

function readArrival(tx: ReadTx, ids: LegacyIds, { entity, value }: IncomingRecord): Arrival | Refused {
  switch (entity) {
    case 'session':
      return arrivalOf(entity, readRow(sessionRow, value))
    case 'observation': {
      const read = readObservation(completeSoftDelete(tx, value))
      return read.ok
        ? { entity, row: { ...read.row, sync_id: read.row.sync_id ?? ids.observation(read.row) } }
        : refusal(read)
    }
    case 'version':
      return arrivalOf(entity, readRow(versionRow, value))
    case 'prompt': {
      const read = readRow(promptRow, value)
      return read.ok
        ? { entity, row: { ...read.row, sync_id: read.row.sync_id ?? ids.prompt(read.row) } }
        : refusal(read)
    }
    case 'relation':
      return arrivalOf(entity, readRow(relationRow, value))
    case 'tombstone':
      return arrivalOf(entity, readRow(tombstoneRow, value))
  }
}

const arrivalOf = <E extends Arrival['entity'], R>(
  entity: E,
  read: { readonly ok: true; readonly row: R } | { readonly ok: false; readonly reason: string },
): { readonly entity: E; readonly row: R } | Refused => (read.ok ? { entity, row: read.row } : refusal(read))

const refusal = ({ reason }: { readonly reason: string }): Refused => ({ refused: reason })

/** Other programs may tell of a soft delete without the text of what they delete; ours is the text then. */
function completeSoftDelete(tx: ReadTx, value: unknown): unknown {
  const isBare =
    typeof value === 'object' &&
    value !== null &&
    'deleted_at' in value &&
    value.deleted_at != null &&
    !('content' in value)
  if (!isBare || !('sync_id' in value) || typeof value.sync_id !== 'string') return value
  const known = observationBySyncId(tx, value.sync_id)
  if (known === undefined) return value
  const { ext: _ours, ...fields } = toObservation(known, 0)
  return { ...fields, ...value }
}

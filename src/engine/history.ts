import type { ObservationHistory } from '../api/observations.ts'
import { EngramError } from '../model/errors.ts'
import { toScope, type ObservationVersion } from '../model/records.ts'
import type { ObservationRow, VersionRow } from '../store/rows.ts'
import type { ReadTx } from '../store/transaction.ts'
import { listVersions, parseSnapshot, type Snapshot } from '../store/versions.ts'

const pageDefault = 50

/** Kept states of an observation, newest first, behind an opaque cursor (MEM-510). */
export function historyOf(
  tx: ReadTx,
  row: ObservationRow,
  cursor: string | undefined,
  limit: number | undefined,
): ObservationHistory {
  const size = limit ?? pageDefault
  const rows = listVersions(tx, row.sync_id, { beforeNumber: decodeCursor(cursor), limit: size + 1 })
  const ordinals = ordinalsOf(tx, row.sync_id)
  const complete = ordinals.pruned === 0
  const last = rows.length > size ? rows[size - 1] : undefined
  return {
    versions: rows.slice(0, size).flatMap((version) => {
      const state = parseSnapshot(version.snapshot)
      return state === null ? [] : [toVersion(version, state, row, { ordinal: ordinals.of(version), complete })]
    }),
    next_cursor: last === undefined ? null : encodeCursor(last.number),
    history_complete: complete,
  }
}

/** Versions are numbered 1.. per observation, oldest lowest, whatever their row numbers are. */
function ordinalsOf(tx: ReadTx, syncId: string) {
  const rows = tx.all<{ number: number; pruned: 0 | 1 }>(
    `SELECT number, snapshot = '' AS pruned FROM observation_versions WHERE sync_id = ? ORDER BY number`,
    syncId,
  )
  const places = new Map(rows.map((row, index) => [row.number, index + 1]))
  return {
    pruned: rows.filter((row) => row.pruned === 1).length,
    of: (version: VersionRow): number => places.get(version.number) ?? 0,
  }
}

function toVersion(
  version: VersionRow,
  state: Snapshot,
  row: ObservationRow,
  place: { readonly ordinal: number; readonly complete: boolean },
): ObservationVersion {
  return {
    version_id: version.version,
    id: version.number,
    observation_id: row.id,
    session_id: state.session_id,
    type: state.type,
    title: state.title,
    content: state.content,
    ...(state.tool_name === null ? {} : { tool_name: state.tool_name }),
    ...(state.project === null ? {} : { project: state.project }),
    scope: toScope(state.scope),
    ...(state.topic_key === null ? {} : { topic_key: state.topic_key }),
    revision_count: state.revision_count,
    version: place.ordinal,
    is_baseline: place.ordinal === 1,
    history_complete: place.complete,
    captured_at: version.captured_at,
    created_at: version.captured_at,
    ext: {
      head: version.head === 1,
      hlc: version.hlc,
      origin: version.origin,
      ...(state.author === null ? {} : { author: state.author }),
    },
  }
}

const encodeCursor = (number: number): string => Buffer.from(`h1:${number}`).toString('base64url')

function decodeCursor(cursor: string | undefined): number | null {
  if (cursor === undefined || cursor === '' || cursor === '0') return null
  const number = /^h1:(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString())?.[1]
  if (number !== undefined) return Number(number)
  throw new EngramError('invalid_request', 'Expected a cursor from an earlier page.', { details: { field: 'cursor' } })
}

import type { TimelineEntry } from '../api/search.ts'
import type { ObservationRow } from '../store/rows.ts'
import { sessionById } from '../store/sessions.ts'
import type { Handlers } from './handler.ts'
import { requireObservation } from './lookup-observation.ts'
import { toObservation, toSession } from './present.ts'

const eachSideDefault = 5

/** The neighbours of an observation in its session, ordered by creation, hybrid time and id (MEM-609). */
export const timelineHandlers: Handlers<'memory.timeline'> = {
  'memory.timeline': (deps, input) =>
    deps.store.read((tx) => {
      const focus = requireObservation(tx, input.observation_id)
      const place = [focus.session_id, focus.created_at, focus.hlc, focus.id] as const
      const before = tx.all<ObservationRow>(
        `SELECT * FROM observations WHERE session_id = ? AND deleted_at IS NULL AND (created_at, hlc, id) < (?, ?, ?)
         ORDER BY created_at DESC, hlc DESC, id DESC LIMIT ?`,
        ...place,
        input.before ?? eachSideDefault,
      )
      const after = tx.all<ObservationRow>(
        `SELECT * FROM observations WHERE session_id = ? AND deleted_at IS NULL AND (created_at, hlc, id) > (?, ?, ?)
         ORDER BY created_at, hlc, id LIMIT ?`,
        ...place,
        input.after ?? eachSideDefault,
      )
      const total = tx.get<{ n: number }>(
        'SELECT count(*) AS n FROM observations WHERE session_id = ? AND deleted_at IS NULL',
        focus.session_id,
      )
      const session = sessionById(tx, focus.session_id)
      const entry = (row: ObservationRow): TimelineEntry => toEntry(row, deps.clock.nowMs())
      return {
        focus: toObservation(focus, deps.clock.nowMs()),
        before: before.toReversed().map(entry),
        after: after.map(entry),
        session_info: session === undefined ? null : toSession(session),
        total_in_range: total?.n ?? 0,
      }
    }),
}

/** Entries carry fewer keys than observations and say whether they are the focus (MEM-203). */
function toEntry(row: ObservationRow, nowMs: number): TimelineEntry {
  const { sync_id: _sync, review_after: _review, ext: _ext, ...entry } = toObservation(row, nowMs)
  return { ...entry, is_focus: false }
}

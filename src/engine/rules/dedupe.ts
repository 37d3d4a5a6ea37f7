import { sha256Hex } from '../../platform/bytes.ts'
import type { ObservationRow } from '../../store/rows.ts'
import { fingerprintOf, type VersionedFields } from './version.ts'

/** SHA-256 hex of the content in lower case with white space collapsed (MEM-301, step 7). */
export function normalisedHash(content: string): string {
  const lower = content.toLowerCase()
  // Most texts have single spaces only, and putting a space in the place of each is what costs.
  const isCollapsed = !/[^\S ]/.test(lower) && !/\s\s/.test(lower)
  return sha256Hex((isCollapsed ? lower : lower.replace(/\s+/g, ' ')).trim())
}

/** What a save wants to be there: the fields a version fixes, of a row that is not deleted. */
export type SaveState = Omit<VersionedFields, 'deleted'>

export type SaveDecision =
  | { readonly outcome: 'created' }
  | { readonly outcome: 'repeated'; readonly row: ObservationRow }
  | { readonly outcome: 'revised'; readonly row: ObservationRow }

/**
 * What a save does (MEM-303, MEM-304): a live row of the same topic is revised, or repeated when its text stays; else an
 * exact repeat is counted; else a row is created. The session alone makes no new state. A repeat that brings the first
 * topic key gives it to the row it repeats, so that the key is not lost; one of an expired row brings that row back, so
 * that what was just saved can be found.
 */
export function decideSave(
  wanted: SaveState,
  stored: { readonly byTopic: ObservationRow | undefined; readonly byRepeat: ObservationRow | undefined },
  now: string,
): SaveDecision {
  if (stored.byTopic !== undefined) {
    return { outcome: hasSameText(stored.byTopic, wanted, now) ? 'repeated' : 'revised', row: stored.byTopic }
  }
  const repeat = stored.byRepeat
  if (repeat === undefined) return { outcome: 'created' }
  if (wanted.topic_key === null || repeat.topic_key === wanted.topic_key) {
    return { outcome: isExpired(repeat, now) ? 'revised' : 'repeated', row: repeat }
  }
  return repeat.topic_key === null ? { outcome: 'revised', row: repeat } : { outcome: 'created' }
}

/** The expiry a saved-again row gets: the one given; else its own, unless that has passed. */
export const expiryAfterSave = (row: Expiring, wanted: Expiring, now: string): string | null =>
  wanted.expires_at ?? (isExpired(row, now) ? null : row.expires_at)

type Expiring = Pick<ObservationRow, 'expires_at'>

const isExpired = (row: Expiring, now: string): boolean => row.expires_at !== null && row.expires_at <= now

function hasSameText(row: ObservationRow, wanted: SaveState, now: string): boolean {
  const dates = { review_after: row.review_after, expires_at: expiryAfterSave(row, wanted, now) }
  const tool = wanted.tool_name ?? row.tool_name
  const next = { ...wanted, ...dates, tool_name: tool, session_id: row.session_id, deleted: false }
  return fingerprintOf(next) === fingerprintOf({ ...row, deleted: false })
}

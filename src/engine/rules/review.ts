import { EngramError } from '../../model/errors.ts'
import type { ObservationState } from '../../model/records.ts'
import { isBlank } from '../../model/text.ts'
import { addMonths, formatTime, isWritableTime, parseDuration, parseTime, timeOrder } from '../../model/times.ts'

/** The next review date of a type, or null for types without a period (MEM-305). */
export function reviewAfter(
  type: string,
  nowMs: number,
  reviewMonths: Readonly<Record<string, number>>,
): string | null {
  const months = Object.hasOwn(reviewMonths, type) ? (reviewMonths[type] ?? 0) : 0
  return months > 0 ? formatTime(addMonths(nowMs, months)) : null
}

/** Virtual state of an observation at a time (MEM-404). */
export function stateAt(
  dates: { readonly review_after: string | null | undefined; readonly expires_at: string | null | undefined },
  nowMs: number,
): ObservationState {
  if (dates.expires_at != null && timeOrder(dates.expires_at) <= nowMs) return 'expired'
  return dates.review_after != null && timeOrder(dates.review_after) <= nowMs ? 'needs_review' : 'active'
}

/** The stored expiry for `ttl` (a duration) or `expires_at` (a date); null when neither is given. */
export function expiryOf(
  given: { readonly ttl?: string | undefined; readonly expires_at?: string | undefined },
  nowMs: number,
): string | null {
  const field = isBlank(given.ttl) ? 'expires_at' : 'ttl'
  const text = given[field] ?? ''
  if (isBlank(text)) return null
  const duration = parseDuration(text)
  const at = duration === null ? parseTime(text) : nowMs + duration
  if (at !== null && isWritableTime(at)) return formatTime(at)
  const got = JSON.stringify(text.slice(0, 40))
  throw new EngramError('invalid_request', `Expected a duration such as 30d or a date, got ${got}.`, {
    details: { field },
  })
}

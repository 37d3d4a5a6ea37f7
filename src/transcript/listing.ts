import { EngramError } from '../model/errors.ts'
import { parseTime } from '../model/times.ts'
import { bounds } from './bounds.ts'
import type { ListOptions, SessionListing, SessionPage } from './store.ts'

/** As the store writes times itself: these compare as text. */
const isOurs = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/** The later of two RFC 3339 times, as UTC text; unreadable ones count as none. */
export function laterTime(a: string, b: string): string {
  if (isOurs.test(a) && (b === '' || isOurs.test(b))) return a > b ? a : b
  const [first, second] = [parseTime(a) ?? 0, parseTime(b) ?? 0]
  return new Date(Math.max(first, second)).toISOString()
}

export type Sort = NonNullable<ListOptions['sort']>

const valueOf = (session: SessionListing, sort: Sort): string =>
  sort === 'key' ? '' : sort === 'created' ? session.createdAt : session.updatedAt

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Newest first for times, ties and keys upwards (TRN-1301). */
function compare(a: readonly [string, string], b: readonly [string, string]): number {
  return compareText(b[0], a[0]) || compareText(a[1], b[1])
}

const placeOf =
  (sort: Sort) =>
  (session: SessionListing): readonly [string, string] => [valueOf(session, sort), session.key]

export const sortOf = (options: ListOptions): Sort => options.sort ?? 'updated'

/** All sessions in the order they are listed in. */
export function sortedSessions(all: readonly SessionListing[], sort: Sort): readonly SessionListing[] {
  const place = placeOf(sort)
  return all.toSorted((a, b) => compare(place(a), place(b)))
}

/** One page of {@link sortedSessions}; the cursor names the last one shown, so that what changes meanwhile shifts nothing. */
export function pageOfSessions(sorted: readonly SessionListing[], options: ListOptions): SessionPage {
  const sort = sortOf(options)
  const limit = options.limit ?? bounds.listPage
  const after = options.cursor === undefined ? null : readCursor(options.cursor, sort)
  const prefix = options.prefix ?? ''
  const place = placeOf(sort)
  const rest: SessionListing[] = []
  for (const session of sorted) {
    if (!session.key.startsWith(prefix) || (after !== null && compare(place(session), after) <= 0)) continue
    rest.push(session)
    if (rest.length > limit) break
  }
  const sessions = rest.slice(0, limit)
  const last = sessions.at(-1)
  return { sessions, next: rest.length > limit && last !== undefined ? writeCursor(sort, place(last)) : null }
}

const writeCursor = (sort: Sort, place: readonly [string, string]): string =>
  Buffer.from(JSON.stringify([sort, ...place]), 'utf8').toString('base64url')

function readCursor(cursor: string, sort: Sort): readonly [string, string] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    if (Array.isArray(value) && value[0] === sort && typeof value[1] === 'string' && typeof value[2] === 'string') {
      return [value[1], value[2]]
    }
  } catch {
    // Falls through: whatever is no cursor of ours is refused alike.
  }
  throw new EngramError('invalid_request', `cursor: expected the next of a page sorted by ${sort}`)
}

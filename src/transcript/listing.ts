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

type Place = Pick<SessionListing, 'key' | 'createdAt' | 'updatedAt'>

/** Newest first for times, ties and keys upwards (TRN-1301). */
const compares: Readonly<Record<Sort, (a: Place, b: Place) => number>> = {
  updated: (a, b) => compareText(b.updatedAt, a.updatedAt) || compareText(a.key, b.key),
  created: (a, b) => compareText(b.createdAt, a.createdAt) || compareText(a.key, b.key),
  key: (a, b) => compareText(a.key, b.key),
}

export const sortOf = (options: ListOptions): Sort => options.sort ?? 'updated'

/** All sessions in the order they are listed in. */
export function sortedSessions(all: readonly SessionListing[], sort: Sort): readonly SessionListing[] {
  return all.toSorted(compares[sort])
}

/** One page of {@link sortedSessions}; the cursor names the last one shown, so that what changes meanwhile shifts nothing. */
export function pageOfSessions(sorted: readonly SessionListing[], options: ListOptions): SessionPage {
  const sort = sortOf(options)
  const limit = options.limit ?? bounds.listPage
  const prefix = options.prefix ?? ''
  const rest: SessionListing[] = []
  const start = options.cursor === undefined ? 0 : firstAfter(sorted, readCursor(options.cursor, sort), compares[sort])
  for (let at = start; at < sorted.length && rest.length <= limit; at++) {
    const session = sorted[at]
    if (session?.key.startsWith(prefix) === true) rest.push(session)
  }
  const sessions = rest.slice(0, limit)
  const last = sessions.at(-1)
  return { sessions, next: rest.length > limit && last !== undefined ? writeCursor(sort, last) : null }
}

/** By halving: the pages of a long list are not found by going through all before them. */
function firstAfter(sorted: readonly Place[], place: Place, compare: (a: Place, b: Place) => number): number {
  let [start, end] = [0, sorted.length]
  while (start < end) {
    const middle = (start + end) >> 1
    const there = sorted[middle]
    if (there !== undefined && compare(there, place) <= 0) start = middle + 1
    else end = middle
  }
  return start
}

const writeCursor = (sort: Sort, last: SessionListing): string =>
  Buffer.from(JSON.stringify([sort, valueOf(last, sort), last.key]), 'utf8').toString('base64url')

function readCursor(cursor: string, sort: Sort): Place {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    if (Array.isArray(value) && value[0] === sort && typeof value[1] === 'string' && typeof value[2] === 'string') {
      return { key: value[2], createdAt: value[1], updatedAt: value[1] }
    }
  } catch {
    // Falls through: whatever is no cursor of ours is refused alike.
  }
  throw new EngramError('invalid_request', `cursor: expected the next of a page sorted by ${sort}`)
}

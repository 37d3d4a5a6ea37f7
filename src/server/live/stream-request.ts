import { EngramError } from '../../model/errors.ts'
import { limits } from '../../model/limits.ts'
import {
  liveKinds,
  loggedKinds,
  toWorkUnitType,
  workUnitTypes,
  type EventKind,
  type WorkUnitType,
} from '../../model/live.ts'
import type { FeedFilter, From, LiveFeed, SubscribeRequest } from '../../model/live-feed.ts'
import { parseTime } from '../../model/times.ts'
import type { RouteRequest } from '../route.ts'

/** `{last}`, `{since}` (RFC 3339), a cursor or a word (COL-705). */
export function fromGiven(given: string | { last: number } | { since: string } | undefined): From {
  if (given === undefined || given === '') return 'now'
  if (typeof given === 'string') return given
  return 'last' in given ? { last: given.last } : { sinceMs: timeOf(given.since) }
}

function timeOf(text: string): number {
  const ms = parseTime(text)
  if (ms === null) throw new EngramError('invalid_request', `since: ${JSON.stringify(text.slice(0, 64))} is no time.`)
  return ms
}

/** What a stream of a query begins at: the id a browser remembers beats what its address says (COL-903). */
export function fromQuery(request: RouteRequest): From {
  const id = request.header('last-event-id') ?? ''
  const cursor = id === '' ? (request.query.get('cursor') ?? '') : id
  if (cursor !== '') return cursor
  const [last, since] = [request.query.get('last'), request.query.get('since')]
  if (last !== undefined) return { last: lastOf(last) }
  return since === undefined ? 'now' : { sinceMs: timeOf(since) }
}

function lastOf(text: string): number {
  if (/^\d{1,4}$/.test(text) && Number(text) <= limits.livePageMax) return Number(text)
  throw new EngramError('invalid_request', `last: expected a number up to ${limits.livePageMax}.`)
}

/** Missing or `*` is all of them. */
export function contextsOf(ids: readonly string[]): readonly string[] | 'all' {
  if (ids.length === 0 || ids.includes('*')) return 'all'
  if (ids.length > limits.liveFilterMax || ids.some((id) => id.length > limits.contextIdBytesMax)) {
    throw new EngramError('invalid_request', `contexts: expected at most ${limits.liveFilterMax} ids.`)
  }
  return [...new Set(ids)]
}

export const listOf = (request: RouteRequest, name: string): readonly string[] =>
  request
    .queryAll(name)
    .flatMap((one) => one.split(','))
    .filter((one) => one !== '')

const kinds: readonly string[] = [...loggedKinds, ...liveKinds]

/** An unknown word never widens a stream (COL-403). */
export function kindsOf(names: readonly string[]): readonly EventKind[] | undefined {
  if (names.length === 0) return undefined
  const unknown = names.find((name) => !kinds.includes(name))
  if (unknown !== undefined) {
    throw new EngramError('invalid_request', `kinds: expected some of ${kinds.join(', ')}.`, {
      details: { field: 'kinds' },
    })
  }
  return names as readonly EventKind[]
}

export function typesOf(names: readonly (string | number)[]): readonly WorkUnitType[] {
  return names.map((name) => {
    const type = toWorkUnitType(name)
    if (type !== null) return type
    throw new EngramError('invalid_type', `Expected one of ${workUnitTypes.join(', ')}.`, {
      details: { field: 'types' },
    })
  })
}

export function filterOf(request: RouteRequest): FeedFilter | undefined {
  const [types, agents] = [typesOf(listOf(request, 'types')), listOf(request, 'agents')]
  const meta = [...request.query].flatMap(([key, value]) =>
    key.startsWith('meta.') ? [[key.slice('meta.'.length), value] as const] : [],
  )
  return {
    ...(types.length === 0 ? {} : { types }),
    ...(agents.length === 0 ? {} : { agents }),
    ...(meta.length === 0 ? {} : { meta: Object.fromEntries(meta) }),
  }
}

export type Gone = { readonly reason: string; readonly earliest: string; readonly latest: string }

/** What `cursor_gone` says, or null for any other failure. */
export function goneOf(error: unknown): Gone | null {
  if (!(error instanceof EngramError) || error.code !== 'cursor_gone') return null
  const { reason, earliest, latest } = error.details
  return { reason: String(reason), earliest: String(earliest), latest: String(latest) }
}

type Subscribed<T> = { readonly subscription: T; readonly gone: Gone | null }

/** Subscribes; where the place is gone, again from the first that is kept, or the last (COL-904). */
export async function subscribeAnyway<T>(
  subscribe: (request: SubscribeRequest) => Promise<T>,
  request: SubscribeRequest,
  onReset: 'earliest' | 'latest' | 'fail' = 'earliest',
): Promise<Subscribed<T>> {
  try {
    return { subscription: await subscribe(request), gone: null }
  } catch (error) {
    const gone = goneOf(error)
    if (gone === null || onReset === 'fail') throw error
    return { subscription: await subscribe({ ...request, from: gone[onReset] }), gone }
  }
}

export type Feed = Pick<LiveFeed, 'connect' | 'epoch'>

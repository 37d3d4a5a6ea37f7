import type { Announcement, FeedEvent, SubscribeRequest } from '../model/live-feed.ts'
import { loggedKinds, type EventKind, type Meta } from '../model/live.ts'
import type { StoredEvent } from '../model/log-store.ts'

/** An event with what each encoding made of it, once for all subscribers. */
export function feedEvent(event: StoredEvent): FeedEvent {
  return { ...event, encoded: memo() }
}

export const announcedEvent = (told: Announcement, tsMs: number): FeedEvent => ({
  kind: told.kind,
  contextId: told.contextId,
  seq: 0,
  gseq: 0,
  tsMs,
  agentId: told.agentId,
  unitType: null,
  body: JSON.stringify({ lock: told.lock }),
  encoded: memo(),
})

function memo(): FeedEvent['encoded'] {
  const made = new Map<string, unknown>()
  return function encoded<T>(this: FeedEvent, name: string, make: (event: FeedEvent) => T): T {
    // Who asks by a name asks for what that name's maker gives.
    if (made.has(name)) return made.get(name) as T
    const value = make(this)
    made.set(name, value)
    return value
  }
}

const allLogged: ReadonlySet<EventKind> = new Set(loggedKinds)

/** Whether a subscription wants the event; contexts apart, which the hub looks up. */
export function matcher({ kinds, filter }: SubscribeRequest): (event: FeedEvent) => boolean {
  const [only] = kinds ?? []
  // What nearly everybody asks for: one for all of them.
  if (filter === undefined && kinds?.length === 1 && only === 'unit.created') return isUnit
  const wanted: ReadonlySet<EventKind> = kinds === undefined ? allLogged : new Set(kinds)
  const types = filter?.types === undefined ? null : new Set(filter.types)
  const agents = filter?.agents === undefined ? null : new Set(filter.agents)
  const meta = Object.entries(filter?.meta ?? {})
  return (event) => {
    if (!wanted.has(event.kind)) return false
    if (types !== null && (event.unitType === null || !types.has(event.unitType))) return false
    if (agents !== null && !agents.has(event.agentId)) return false
    return meta.length === 0 || hasMeta(metaOf(event), meta)
  }
}

const isUnit = ({ kind }: FeedEvent): boolean => kind === 'unit.created'

const hasMeta = (meta: ReadonlyMap<string, string>, pairs: readonly (readonly [string, string])[]): boolean =>
  pairs.every(([key, value]) => meta.get(key) === value)

/** The meta of a unit, parsed once; empty for everything else. */
export const metaOf = (event: FeedEvent): ReadonlyMap<string, string> =>
  event.encoded('meta', ({ kind, body }) =>
    kind === 'unit.created' ? new Map(Object.entries((JSON.parse(body) as { readonly meta: Meta }).meta)) : new Map(),
  )

import type { HitExplanation } from '../api/search.ts'
import type { UnitHits, UnitModeReason } from '../api/work-units.ts'
import type { Fence, Meta, RelationshipType, WorkUnitType } from '../model/live.ts'
import { fromWire, toWire, type Camel } from '../protocol/member-names.ts'
import { ask, type Connection, type Request } from './http.ts'
import type { ClientContext, ClientLock, ClientUnit, Kinds } from './records.ts'
import { socketTransport } from './socket-transport.ts'
import { ownFetch } from './surroundings.ts'
import { sseTransport } from './sse-transport.ts'
import { subscribed, type StartAt, type Subscription } from './subscription.ts'
import { withLock, type AcquireOptions, type CallOptions, type HeldLock } from './with-lock.ts'

export type ClientOptions = {
  /** Who writes; `engram-client` when left out. */
  readonly agentId?: string
  readonly token?: string
  /** How long one call may take with its retries; 10 s when left out. */
  readonly timeoutMs?: number
  readonly fetch?: typeof fetch
}

/** Text, bytes, or a value that is sent as JSON. */
export type Payload = string | Uint8Array | object | number | boolean | null

export type NewWorkUnit = {
  readonly contextId: string
  readonly agentId?: string
  readonly type: WorkUnitType | number
  readonly payload?: Payload
  readonly contentType?: string
  readonly meta?: Meta
  readonly relationships?: readonly {
    readonly targetId: string
    readonly type?: RelationshipType
    readonly meta?: Meta
  }[]
  readonly id?: string
  readonly threadId?: string
  readonly replyTo?: string
  readonly fence?: Camel<Fence>
  readonly expectedLastSeq?: number
  readonly durability?: 'full' | 'normal'
  readonly createContext?: boolean
}

export type ContextChange = {
  readonly displayName?: string | null
  readonly addAgents?: readonly string[]
  readonly removeAgents?: readonly string[]
  readonly pinUnits?: readonly string[]
  readonly unpinUnits?: readonly string[]
  readonly meta?: Readonly<Record<string, string | null>>
  readonly expectedVersion?: number
}

export type ListOptions = {
  readonly limit?: number
  readonly cursor?: string
  readonly order?: 'asc' | 'desc'
  readonly types?: readonly WorkUnitType[]
  readonly agents?: readonly string[]
}

export type UnitPage = { readonly units: readonly ClientUnit[]; readonly nextCursor: string; readonly atTail: boolean }

export type SearchWish = {
  readonly query?: string
  readonly contextIds?: readonly string[]
  readonly agentIds?: readonly string[]
  readonly types?: readonly WorkUnitType[]
  readonly metaFilters?: Meta
  readonly since?: string
  readonly until?: string
  /** Units that a relation joins with this one; `in`: those that point at it, `out`: those it points at. */
  readonly relatedTo?: string
  readonly relationTypes?: readonly RelationshipType[]
  readonly direction?: 'in' | 'out' | 'both'
  /** `auto`: hybrid where best first is asked for and a model is ready, else keyword. Left out: as the server is set. */
  readonly mode?: 'auto' | 'keyword' | 'semantic' | 'hybrid'
  /** Left out: newest first by words, best first by meaning. */
  readonly order?: 'relevance' | 'recent'
  /** Cosine that a result without a word of the query must reach. */
  readonly minSimilarity?: number
  readonly limit?: number
  readonly offset?: number
  /** Goes on where an answer to the same wish ended. */
  readonly cursor?: string
  readonly includeUnits?: boolean
  readonly explain?: boolean
}

export type SearchResult = {
  readonly hits: readonly {
    readonly unitId: string
    readonly score: number
    readonly snippet: string
    /** Cosine of unit and query, where meaning was asked. */
    readonly similarity?: number
    readonly unit?: ClientUnit
    readonly explanation?: HitExplanation
  }[]
  /** By words: all that match. By meaning: the ranked list. */
  readonly totalCount: number
  readonly nextCursor: string
  /** What was done, and why by words where it was. */
  readonly mode: UnitHits['mode']
  readonly modeReason?: UnitModeReason
  /** A better mode was asked for and is not there. */
  readonly degraded: boolean
  /** Found by meaning alone and not near enough. */
  readonly heldBack?: number
}

export type SubscribeOptions = CallOptions & {
  /** `now` when left out. */
  readonly from?: StartAt
  /** `unit.created` alone when left out; `all`: every logged kind. */
  readonly kinds?: Kinds
  readonly transport?: 'ws' | 'sse'
}

/** Contexts, units, locks and streams of one server. Every call rejects with EngramError. */
export interface Client {
  createContext(
    displayName: string,
    options?: CallOptions & { readonly id?: string; readonly agentIds?: readonly string[]; readonly meta?: Meta },
  ): Promise<ClientContext>
  getContext(id: string, options?: CallOptions): Promise<ClientContext>
  listContexts(options?: CallOptions & { readonly limit?: number; readonly cursor?: string }): Promise<{
    readonly contexts: readonly ClientContext[]
    readonly nextCursor: string
  }>
  updateContext(id: string, change: ContextChange, options?: CallOptions): Promise<ClientContext>
  archiveContext(id: string, options?: CallOptions): Promise<ClientContext>
  createWorkUnit(unit: NewWorkUnit, options?: CallOptions): Promise<ClientUnit>
  getWorkUnit(id: string, options?: CallOptions): Promise<ClientUnit>
  listWorkUnits(contextId: string, options?: CallOptions & ListOptions): Promise<UnitPage>
  /** All of them, page by page, up to where the log ends now. */
  iterateWorkUnits(contextId: string, options?: CallOptions & ListOptions): AsyncIterable<ClientUnit>
  acquireLock(resourcePath: string, options?: AcquireOptions): Promise<ClientLock>
  renewLock(
    resourcePath: string,
    lockId: string,
    options?: CallOptions & { readonly ttlMs?: number },
  ): Promise<ClientLock>
  releaseLock(resourcePath: string, lockId: string, options?: CallOptions): Promise<void>
  getLock(resourcePath: string, options?: CallOptions): Promise<ClientLock>
  listLocks(
    options?: CallOptions & { readonly prefix?: string; readonly agent?: string },
  ): Promise<readonly ClientLock[]>
  /** Holds a lock while `work` runs: renews it, tells `signal` when it is lost, gives it back at the end. */
  withLock<T>(resourcePath: string, options: AcquireOptions, work: (held: HeldLock) => Promise<T>): Promise<T>
  search(wish: SearchWish, options?: CallOptions): Promise<SearchResult>
  /** Resolves when the position is fixed: what commits afterwards is delivered. */
  /** `'all'`: every one of them. */
  subscribe(contexts: string | readonly string[], options?: SubscribeOptions): Promise<Subscription>
  /** Ends every subscription made here, and those that are being made. */
  close(): void
}

export function createClient(baseUrl: string, options: ClientOptions = {}): Client {
  const connection: Connection = {
    baseUrl: baseUrl.replace(/\/+$/, ''),
    agentId: options.agentId ?? 'engram-client',
    token: options.token,
    timeoutMs: options.timeoutMs ?? 10_000,
    fetch: options.fetch ?? ownFetch,
  }
  let open = new AbortController()
  const call = async <Answer>(request: Request): Promise<Answer> => fromWire<Answer>(await ask(connection, request))
  const client: Client = {
    ...contextCalls(call, connection),
    ...unitCalls(call),
    ...lockCalls(call),
    withLock: (resource, wish, work) => withLock(client, resource, wish, work),
    subscribe: async (contexts, { from = 'now', kinds = ['unit.created'], transport = 'ws', signal } = {}) => {
      const wanted = {
        contexts: contexts === 'all' ? ('all' as const) : typeof contexts === 'string' ? [contexts] : contexts,
        kinds: kinds === 'all' ? [] : kinds,
      }
      const make = transport === 'ws' ? socketTransport : sseTransport
      return subscribed(make(connection, wanted), {
        from,
        firstMs: connection.timeoutMs,
        signal: signal === undefined ? open.signal : AbortSignal.any([open.signal, signal]),
      })
    },
    close: () => {
      open.abort()
      open = new AbortController()
    },
  }
  return client
}

type Call = <Answer>(request: Request) => Promise<Answer>
const signalOf = (options: CallOptions = {}): { readonly signal?: AbortSignal } =>
  options.signal === undefined ? {} : { signal: options.signal }
const contextPath = (id: string, rest = ''): string => `/v1/contexts/${encodeURIComponent(id)}${rest}`

function contextCalls(
  call: Call,
  { agentId }: Connection,
): Pick<Client, 'createContext' | 'getContext' | 'listContexts' | 'updateContext' | 'archiveContext'> {
  type Answer = { readonly context: ClientContext }
  return {
    createContext: async (displayName, { id, agentIds = [], meta, ...options } = {}) => {
      const agents = [...new Set([agentId, ...agentIds])]
      const body = { display_name: displayName, agents, ...toOptional({ id, meta }) }
      return (await call<Answer>({ method: 'POST', path: '/v1/contexts', body, ...signalOf(options) })).context
    },
    getContext: async (id, options) =>
      (await call<Answer>({ method: 'GET', path: contextPath(id), ...signalOf(options) })).context,
    listContexts: ({ signal, ...query } = {}) =>
      call({ method: 'GET', path: '/v1/contexts', query, ...(signal === undefined ? {} : { signal }) }),
    updateContext: async (id, change, options) =>
      (await call<Answer>({ method: 'PATCH', path: contextPath(id), body: toWire(change), ...signalOf(options) }))
        .context,
    archiveContext: async (id, options) =>
      (await call<Answer>({ method: 'POST', path: contextPath(id, '/archive'), body: {}, ...signalOf(options) }))
        .context,
  }
}

function unitCalls(
  call: Call,
): Pick<Client, 'createWorkUnit' | 'getWorkUnit' | 'listWorkUnits' | 'iterateWorkUnits' | 'search'> {
  type Answer = { readonly unit: ClientUnit }
  const list: Client['listWorkUnits'] = (contextId, { signal, ...query } = {}) =>
    call({ method: 'GET', path: contextPath(contextId, '/units'), query, ...signalOf(signal && { signal }) })
  return {
    createWorkUnit: async ({ contextId, payload, contentType, ...unit }, options) => {
      const body = { ...(toWire(unit) as object), ...payloadOf(payload, contentType) }
      return (
        await call<Answer>({ method: 'POST', path: contextPath(contextId, '/units'), body, ...signalOf(options) })
      ).unit
    },
    getWorkUnit: async (id, options) =>
      (await call<Answer>({ method: 'GET', path: `/v1/units/${encodeURIComponent(id)}`, ...signalOf(options) })).unit,
    listWorkUnits: list,
    iterateWorkUnits: async function* (contextId, options = {}) {
      for (let { cursor } = options; ;) {
        const page = await list(contextId, { ...options, ...toOptional({ cursor }) })
        yield* page.units
        if (page.atTail) return
        cursor = page.nextCursor
      }
    },
    search: (wish, options) =>
      call({ method: 'POST', path: '/v1/units/search', body: toWire(wish), ...signalOf(options) }),
  }
}

function lockCalls(call: Call): Pick<Client, 'acquireLock' | 'renewLock' | 'releaseLock' | 'getLock' | 'listLocks'> {
  type Answer = { readonly lock: ClientLock }
  return {
    acquireLock: async (resourcePath, { signal, ...wish } = {}) => {
      const body = toWire({ resourcePath, ...wish })
      const waitMs = wish.waitTimeoutMs ?? 0
      return (
        await call<Answer>({ method: 'POST', path: '/v1/locks', body, waitMs, ...signalOf(signal && { signal }) })
      ).lock
    },
    renewLock: async (resourcePath, lockId, { signal, ...wish } = {}) => {
      const body = toWire({ resourcePath, lockId, ...wish })
      return (await call<Answer>({ method: 'POST', path: '/v1/lock/renew', body, ...signalOf(signal && { signal }) }))
        .lock
    },
    releaseLock: async (resource, lockId, options) => {
      const query = { resource, lock_id: lockId }
      await call({ method: 'DELETE', path: '/v1/lock', query, ...signalOf(options) })
    },
    getLock: async (resource, options) =>
      (await call<Answer>({ method: 'GET', path: '/v1/lock', query: { resource }, ...signalOf(options) })).lock,
    listLocks: async ({ signal, ...query } = {}) =>
      (
        await call<{ readonly locks: readonly ClientLock[] }>({
          method: 'GET',
          path: '/v1/locks',
          query,
          ...signalOf(signal && { signal }),
        })
      ).locks,
  }
}

/** Members that are there. */
const toOptional = <T extends object>(members: T): Partial<T> =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Partial<T>

/** Text and bytes as they are, everything else as JSON that says so. */
function payloadOf(payload: Payload | undefined, contentType: string | undefined): object {
  const type = contentType === undefined ? {} : { content_type: contentType }
  if (payload === undefined) return type
  if (typeof payload === 'string') return { payload, ...type }
  if (payload instanceof Uint8Array) return { payload_base64: base64Of(payload), ...type }
  return { payload: JSON.stringify(payload), content_type: contentType ?? 'application/json' }
}

function base64Of(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 8_192) text += String.fromCharCode(...bytes.subarray(at, at + 8_192))
  return btoa(text)
}

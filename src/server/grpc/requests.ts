import type { Input } from '../../api/operations.ts'
import { EngramError } from '../../model/errors.ts'
import { limits } from '../../model/limits.ts'
import type { Durability } from '../../model/operation.ts'
import type { ServerSettings } from '../../model/server-settings.ts'
import { leaseMs, pageSize } from '../live/go-values.ts'
import { durabilityNamed } from '../live/write-headers.ts'
import type {
  AcquireLockRequest,
  CreateWorkUnitRequest,
  ListWorkUnitsRequest,
  ReleaseLockRequest,
  SearchRequest,
  Timestamp,
  UpdateContextRequest,
} from './messages.ts'

/** What a call says beside its message; the message wins where both speak. */
export type Identity = {
  readonly agentId: string
  readonly idempotencyKey: string
  readonly durability: string
}

export const appendInput = (request: CreateWorkUnitRequest, identity: Identity): Input<'work-unit.append'> => ({
  context_id: wanted(request.context_id, 'missing_context_id', 'Context ID is required'),
  agent_id: agentOf(request.agent_id, identity),
  type: request.type,
  payload_base64: Buffer.from(request.payload).toString('base64'),
  create_context: request.create_context ?? true,
  meta: request.meta,
  relationships: [...request.relationships],
  ...filled({
    id: request.unit_id,
    thread_id: request.thread_id,
    content_type: request.content_type,
    fence: request.fence ?? undefined,
    expected_last_seq: request.expected_last_seq,
  }),
  ...writeMembers(request, identity),
})

export const listInput = (request: ListWorkUnitsRequest): Input<'work-unit.list'> => ({
  context_id: wanted(request.context_id, 'missing_context_id', 'Context ID is required'),
  limit: pageSize(request.limit, limits.livePageDefault),
  order: request.reverse ? 'desc' : 'asc',
  ...filled({
    cursor: request.cursor,
    types: filter(request.types),
    agents: filter(request.agent_ids),
    meta: hasKeys(request.meta_filters) ? request.meta_filters : undefined,
    since: timeText(request.since, 'since'),
    until: timeText(request.until, 'until'),
  }),
})

export function updateInput(request: UpdateContextRequest, identity: Identity): Input<'context.update'> {
  const twice = request.delete_meta.find((key) => Object.hasOwn(request.meta, key))
  if (twice !== undefined) throw new EngramError('invalid_request', `meta: ${twice} is both set and deleted.`)
  if (request.clear_display_name && request.display_name !== '') {
    throw new EngramError('invalid_request', 'display_name: both given and cleared.')
  }
  return {
    id: wanted(request.id, 'missing_context_id', 'Context ID is required'),
    create_context: true,
    display_name: request.clear_display_name ? null : request.display_name,
    add_agents: [...request.add_agents],
    remove_agents: [...request.remove_agents],
    pin_units: [...request.pin_units],
    unpin_units: [...request.unpin_units],
    // Not a spread over an object: `__proto__` is a key like any other (COL-405).
    meta: Object.fromEntries([
      ...Object.entries(request.meta),
      ...request.delete_meta.map((key) => [key, null] as const),
    ]),
    ...filled({ agent_id: identity.agentId, expected_version: request.expected_version }),
    ...writeMembers(request, identity),
  }
}

const lockModes = { exclusive: 0, shared: 1 } as const

export function acquireInput(request: AcquireLockRequest, identity: Identity): Input<'lock.acquire'> {
  if (request.mode === lockModes.shared) throw new EngramError('not_built', 'mode: a lock is exclusive here.')
  if (request.mode !== lockModes.exclusive) throw unknownNumber('mode', request.mode)
  if (request.resource_paths.length > 0) {
    throw new EngramError('not_built', 'resource_paths: one resource is locked at a time here.')
  }
  return {
    resource_path: wanted(request.resource_path, 'missing_resource_path', 'Resource path is required'),
    agent_id: agentOf(request.agent_id, identity),
    meta: request.meta,
    ...filled({
      ttl_ms: request.ttl_ms === 0 ? leaseMs(request.ttl_seconds) : request.ttl_ms,
      wait_timeout_ms: request.wait_timeout_ms === 0 ? undefined : request.wait_timeout_ms,
      context_id: request.context_id,
    }),
    ...writeMembers(request, identity),
  }
}

export const releaseInput = (request: ReleaseLockRequest, identity: Identity): Input<'lock.release'> => ({
  resource_path: wanted(request.resource_path, 'missing_resource_path', 'Resource path is required'),
  agent_id: agentOf(request.agent_id, identity),
  lock_id: wanted(request.lock_id, 'missing_lock_id', 'Lock ID is required'),
  ...writeMembers({ idempotency_key: '' }, identity),
})

/** None is as the server is set, as on the un-prefixed route: by words and newest first where nothing is. */
const searchModes = [undefined, 'keyword', 'semantic', 'hybrid'] as const

export function searchInput(
  request: SearchRequest,
  { searchLimitDefault, searchLimitMax }: Pick<ServerSettings, 'searchLimitDefault' | 'searchLimitMax'>,
): Input<'work-unit.search'> {
  if (!(request.mode in searchModes)) throw unknownNumber('mode', request.mode)
  const contexts = [...(request.context_id === '' ? [] : [request.context_id]), ...request.context_ids]
  return {
    limit: Math.min(pageSize(request.limit, searchLimitDefault), searchLimitMax),
    offset: Math.max(0, request.offset),
    ...(request.include_units ? { include_units: true } : {}),
    ...filled({
      mode: searchModes[request.mode],
      query: request.query,
      context_ids: filter(contexts),
      agent_ids: filter(request.agent_ids),
      types: filter(request.types),
      meta_filters: hasKeys(request.meta_filters) ? request.meta_filters : undefined,
      cursor: request.cursor,
      since: timeText(request.since, 'since'),
      until: timeText(request.until, 'until'),
      related_to: request.related_to,
      relation_types: filter(request.relationship_types),
      min_similarity: request.min_similarity === 0 ? undefined : request.min_similarity,
    }),
  }
}

const agentOf = (given: string, { agentId }: Identity): string =>
  wanted(given === '' ? agentId : given, 'missing_agent_id', 'Agent ID is required')

type Missing = 'missing_context_id' | 'missing_agent_id' | 'missing_resource_path' | 'missing_lock_id'

function wanted(text: string, code: Missing, sentence: string): string {
  if (text === '') throw new EngramError(code, sentence)
  return text
}

function writeMembers(
  request: { readonly idempotency_key: string; readonly durability?: string },
  { idempotencyKey, durability }: Identity,
): { readonly idempotency_key?: string; readonly durability?: Durability } {
  const named = request.durability === undefined || request.durability === '' ? durability : request.durability
  return filled({
    idempotency_key: request.idempotency_key === '' ? idempotencyKey : request.idempotency_key,
    durability: named === '' ? undefined : durabilityNamed(named, 'durability'),
  })
}

const unknownNumber = (field: string, value: number): EngramError =>
  new EngramError('invalid_request', `${field}: ${value} is none of its values.`, { details: { field } })

/** The last moment that a text of ours can name. */
const secondsMax = 253_402_300_799

function timeText(time: Timestamp | null, field: string): string | undefined {
  if (time === null) return undefined
  const { seconds = 0, nanos = 0 } = time
  if (nanos < 0 || nanos > 999_999_999 || seconds < 0 || seconds > secondsMax) {
    throw new EngramError('invalid_request', `${field}: expected a time from 1970 to 9999.`, { details: { field } })
  }
  return new Date(seconds * 1_000 + Math.floor(nanos / 1_000_000)).toISOString()
}

const hasKeys = (map: object): boolean => Object.keys(map).length > 0
const filter = <T>(list: readonly T[]): T[] | undefined => (list.length === 0 ? undefined : [...list])

type Filled<Shape> = { [Key in keyof Shape]?: Exclude<Shape[Key], undefined> }

/** Without what is undefined or an empty text, which is what an absent text is in a message. */
const filled = <Shape extends object>(members: Shape): Filled<Shape> =>
  Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined && value !== ''),
  ) as Filled<Shape>

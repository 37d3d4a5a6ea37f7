import type { Input } from '../../../api/operations.ts'
import { EngramError } from '../../../model/errors.ts'
import { limits } from '../../../model/limits.ts'
import { encodingOf, parsedUnit, unitIn, type Encoding } from '../../live/encoding.ts'
import { withGoPath } from '../../live/go-path.ts'
import { pageSize } from '../../live/go-values.ts'
import { answerHeaders, writeHeaders } from '../../live/write-headers.ts'
import { bodyName, bodyText, optional, queryNumber, queryText } from '../../request-values.ts'
import type { Route, RouteRequest } from '../../route.ts'
import type { LiveDoors } from './doors.ts'
import { agentOf, bodyMembers, listIn, seed } from './seed.ts'

/** Units on the un-prefixed routes, with the words and shapes of the Go program (COL-504 … COL-506, COL-512). */
export const seedUnitRoutes = (doors: LiveDoors): readonly Route[] => [
  seed('POST', '/workunit', 'work-unit.append', {
    bodyBytesMax: doors.settings.bodyBytesMax,
    answer: async (caller, request) => {
      const given = await caller.call('work-unit.append', appendInput(request))
      const { unit, duplicate, durability, redacted } = given
      const encoding = encodingOf(request, typeof request.body?.['type'] === 'number' ? 'v3' : 'v1')
      const body = { work_unit: unitIn(unit, encoding), duplicate, durability, redacted }
      return { status: 201, body, headers: answerHeaders(given) }
    },
  }),
  seed('GET', '/workunit/{id}', 'work-unit.get', {
    answer: async (caller, request) => {
      const { unit } = await caller.call('work-unit.get', { id: request.params['id'] ?? '' })
      return { status: 200, body: { work_unit: unitIn(unit, encodingOf(request, 'v3')) } }
    },
  }),
  seed('GET', '/workunits/{contextId}', 'work-unit.list', {
    answer: async (_caller, sent) => {
      const request = withGoPath(sent, '/workunits/', 'contextId', doors.settings)
      const { texts, next_cursor } = await pageOrEmpty(doors, listInput(request))
      const text = `{"work_units":[${unitTexts(texts, encodingOf(request, 'v3'))}],"next_cursor":"${next_cursor}"}`
      return { status: 200, body: null, text }
    },
  }),
  seed('POST', '/search', 'work-unit.search', {
    bodyBytesMax: doors.settings.bodyBytesMax,
    answer: async (caller, request) => {
      const { limit, offset, ...input } = searchInput(request, doors)
      const found = await caller.call('work-unit.search', { ...input, limit, offset })
      const units = found.hits.flatMap(({ unit }) => (unit === undefined ? [] : [unit]))
      const encoding = encodingOf(request, 'v3')
      const body = {
        results: found.hits.map(({ unit_id }) => unit_id),
        total_count: found.total_count,
        limit,
        offset,
        ...(input.include_units === true ? { units: units.map((one) => unitIn(one, encoding)) } : {}),
      }
      return { status: 200, body }
    },
  }),
]

const unitTexts = (texts: readonly string[], encoding: Encoding): string =>
  (encoding === 'v1' ? texts : texts.map((text) => JSON.stringify(unitIn(parsedUnit(text), 'v3')))).join(',')

const members = ['id', 'thread_id', 'reply_to', 'content_type'] as const

function appendInput(request: RouteRequest): Input<'work-unit.append'> {
  const contextId = bodyName(request, 'context_id')
  if (contextId === undefined) throw new EngramError('missing_context_id', 'Context ID is required')
  return {
    ...bodyMembers<Input<'work-unit.append'>>(request, ['meta', 'fence', 'expected_last_seq', 'durability']),
    ...Object.assign({}, ...members.map((name) => optional(name, bodyName(request, name)))),
    context_id: contextId,
    agent_id: agentOf(request),
    type: typeIn(request) ?? 'UNKNOWN',
    create_context: true,
    ...payloadIn(request),
    ...optional('relationships', relationshipsIn(request)),
    ...writeHeaders(request),
  }
}

/** A number or a text; anything else is no type at all. */
function typeIn(request: RouteRequest): number | string | undefined {
  const type = request.body?.['type'] ?? undefined
  if (type === undefined || typeof type === 'number' || typeof type === 'string') return type
  throw new EngramError('invalid_type', 'type: expected a number or a name.')
}

/** COL-402: what says so decides, then the type: a number comes from Go, whose bytes are base64. No guessing by content. */
function payloadIn(request: RouteRequest): { readonly payload?: string } | { readonly payload_base64?: string } {
  const base64 = bodyText(request, 'payload_base64')
  if (base64 !== undefined) return { payload_base64: base64 }
  const payload = bodyText(request, 'payload')
  if (payload === undefined) return {}
  const encoding = bodyText(request, 'payload_encoding')
  if (encoding !== undefined && encoding !== 'utf8' && encoding !== 'base64') {
    throw new EngramError('invalid_payload', 'payload_encoding: expected utf8 or base64.')
  }
  const isBase64 = encoding === undefined ? typeof request.body?.['type'] === 'number' : encoding === 'base64'
  return isBase64 ? { payload_base64: payload } : { payload }
}

/** `target` is `target_id`, and no type is UNSPECIFIED (COL-404). */
function relationshipsIn(request: RouteRequest): Input<'work-unit.append'>['relationships'] {
  const list = listIn<GivenRelationship>(request, 'relationships')
  return list?.map(({ target, target_id, type, meta }) => ({
    target_id: target_id ?? target ?? '',
    ...(type == null ? {} : { type }),
    ...(meta == null ? {} : { meta }),
  }))
}

/** As it came; the operation's schema says what is wrong with it. */
type GivenRelationship = {
  readonly target?: string
  readonly target_id?: string
  readonly type?: string | number | null
  readonly meta?: Readonly<Record<string, string>> | null
}

const listInput = (request: RouteRequest): Input<'work-unit.list'> => ({
  context_id: request.params['contextId'] ?? '',
  limit: pageSize(queryNumber(request, 'limit'), limits.livePageDefault),
  order: queryText(request, 'reverse') === 'true' ? 'desc' : 'asc',
  ...optional('cursor', queryText(request, 'cursor')),
})

/** An unknown context is an empty list; the cursor is empty exactly when nothing more is there now (COL-506). */
async function pageOrEmpty({ live }: LiveDoors, input: Input<'work-unit.list'>) {
  try {
    const { texts, next_cursor, at_tail } = await live.unitTexts(input)
    return { texts, next_cursor: at_tail ? '' : next_cursor }
  } catch (error) {
    if (error instanceof EngramError && error.code === 'context_not_found') return { texts: [], next_cursor: '' }
    throw error
  }
}

function searchInput(request: RouteRequest, { settings }: LiveDoors) {
  const wanted = bodyMembers<Input<'work-unit.search'>>(request, ['agent_ids', 'types', 'meta_filters', 'mode'])
  const contextId = bodyName(request, 'context_id')
  const numberIn = (name: string): number | undefined => {
    const value = request.body?.[name]
    return typeof value === 'number' ? Math.trunc(value) : undefined
  }
  return {
    ...wanted,
    ...optional('query', bodyText(request, 'query')),
    ...(contextId === undefined ? {} : { context_ids: [contextId] }),
    ...(request.body?.['include_units'] === true ? { include_units: true } : {}),
    limit: Math.min(pageSize(numberIn('limit'), settings.searchLimitDefault), settings.searchLimitMax),
    offset: Math.max(0, numberIn('offset') ?? 0),
  }
}

import { inputJsonSchema, membersOf } from '../../../api/input-shape.ts'
import { operations, type OperationName } from '../../../api/operations.ts'
import { errorTable } from '../../../model/errors.ts'
import type { Route } from '../../route.ts'

type Json = Readonly<Record<string, unknown>>

/** `/v1/openapi.json`: made from the routes and the schemas their operations check, so it cannot say anything else. */
export function openApiRoute(routes: readonly Route[], version: string): Route {
  let made: string | null = null
  return {
    method: 'GET',
    path: '/v1/openapi.json',
    operation: null,
    guard: 'open',
    answer: () => {
      made ??= JSON.stringify(openApi(routes, version))
      return Promise.resolve({ status: 200, body: null, text: made })
    },
  }
}

export function openApi(routes: readonly Route[], version: string): Json {
  const paths = new Map<string, Record<string, Json>>()
  for (const route of routes) {
    const path = route.path.replace('...}', '}')
    const methods = paths.get(path) ?? {}
    methods[route.method.toLowerCase()] = operationOf(route)
    paths.set(path, methods)
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Engram', version, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/' }],
    paths: Object.fromEntries(paths),
    components: {
      schemas: { Error: errorSchema },
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
    security: [{}, { token: [] }],
  }
}

const errorSchema: Json = {
  type: 'object',
  required: ['error', 'code', 'request_id'],
  properties: {
    error: { type: 'string' },
    code: { type: 'string', enum: Object.keys(errorTable) },
    hint: { type: 'string' },
    details: { type: 'object' },
    request_id: { type: 'string' },
  },
}

const failureAnswer: Json = {
  description: 'A failure, with a code of the one table.',
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
}

function operationOf(route: Route): Json {
  const summary = route.operation === null ? streamSummary(route.path) : operations[route.operation].summary
  const type = isEventStream(route.path) ? 'text/event-stream' : 'application/json'
  const isUpgrade = route.path.endsWith('/stream') && !isEventStream(route.path)
  return {
    operationId: idOf(route),
    summary,
    parameters: parametersOf(route),
    ...bodyOf(route),
    responses: {
      ...(isUpgrade
        ? { '101': { description: 'A WebSocket.' } }
        : { [successOf(route)]: { description: 'Done.', content: { [type]: { schema: answerSchema(route) } } } }),
      default: failureAnswer,
    },
  }
}

const isEventStream = (path: string): boolean => ['/stream-sse', '/stream/sse', '/v1/events/stream'].includes(path)
const streamSummary = (path: string): string =>
  isEventStream(path) ? 'Events as they happen, as server-sent events' : 'Events and calls over a WebSocket'

const idOf = ({ method, path }: Route): string =>
  `${method.toLowerCase()}${path.replaceAll(/[^a-z0-9]+([a-z0-9])?/gi, (_, letter?: string) => (letter ?? '').toUpperCase())}`

const successOf = ({ method, path }: Route): string =>
  method === 'POST' && (path === '/workunit' || path === '/v1/contexts' || path === '/v1/contexts/{id}/units')
    ? '201'
    : '200'

/** What is always there; every answer may have more. */
const answerSchema = ({ path }: Route): Json => (isEventStream(path) ? { type: 'string' } : { type: 'object' })

const isV1 = ({ path }: Route): boolean => path.startsWith('/v1/')
const isInQuery = ({ method }: Route): boolean => method === 'GET' || method === 'DELETE'
const pathNames = ({ path }: Route): readonly string[] => [...path.matchAll(/\{(\w+)/g)].map(([, name = '']) => name)

/** `{id}` of a path is the context where the operation has no id of its own. */
const pathMember = (route: Route, operation: OperationName): string | null => {
  if (pathNames(route).length === 0) return null
  return Object.hasOwn(membersOf(operation), 'context_id') ? 'context_id' : 'id'
}

function parametersOf(route: Route): readonly Json[] {
  const inPath = pathNames(route).map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } }))
  return [...inPath, ...queryParameters(route)]
}

function queryParameters(route: Route): readonly Json[] {
  if (route.operation === null || !isV1(route) || !isInQuery(route)) return []
  const { properties, required } = inputJsonSchema(route.operation)
  const own = pathMember(route, route.operation)
  return Object.entries(properties)
    .filter(([name]) => name !== own && name !== 'meta')
    .map(([name, schema]) => ({
      name: name === 'resource_path' ? 'resource' : name,
      in: 'query',
      required: required.includes(name) && name !== 'agent_id',
      schema,
    }))
}

function bodyOf(route: Route): Json {
  if (route.operation === null || isInQuery(route)) return {}
  if (!isV1(route)) return { requestBody: { content: { 'application/json': { schema: { type: 'object' } } } } }
  const { properties, required } = inputJsonSchema(route.operation)
  const own = pathMember(route, route.operation)
  const members = Object.entries(properties).filter(([name]) => name !== own)
  // The agent may be named by a header instead.
  const wanted = required.filter((name) => name !== own && name !== 'agent_id')
  const schema = {
    type: 'object',
    properties: Object.fromEntries(members),
    ...(wanted.length === 0 ? {} : { required: wanted }),
    additionalProperties: false,
  }
  return { requestBody: { content: { 'application/json': { schema } } } }
}

import { EngramError } from '../../model/errors.ts'
import { limits } from '../../model/limits.ts'
import { relationVerbs, type RelationVerb } from '../../model/records.ts'
import {
  bodyFlag,
  bodyName,
  bodyNumber,
  bodyRef,
  bodyText,
  idParameter,
  oneOf,
  optional,
  queryFlag,
  queryLimit,
  queryOffset,
  queryText,
  readPlaceOf,
  required,
} from '../request-values.ts'
import { route, type Route, type RouteRequest } from '../route.ts'

const pageDefault = 50

const pageOf = (request: RouteRequest) => ({
  ...optional('status', queryText(request, 'status')),
  limit: queryLimit(request, 'limit', limits.listLimitMax) ?? pageDefault,
  offset: queryOffset(request),
})

export const relationRoutes: readonly Route[] = [
  route('GET', '/conflicts', 'relation.list', {
    guard: 'open',
    input: (request) => ({
      ...readPlaceOf(request),
      ...optional('since', queryText(request, 'since')),
      ...pageOf(request),
    }),
  }),
  route('GET', '/conflicts/stats', 'relation.stats', { guard: 'open', input: readPlaceOf }),
  route('GET', '/conflicts/deferred', 'relation.deferred', { guard: 'open', input: pageOf }),
  route('POST', '/conflicts/deferred/replay', 'relation.replay', { guard: 'open', input: () => ({}) }),
  route('GET', '/conflicts/versions', 'conflict.list', {
    guard: 'open',
    input: (request) => ({
      ...readPlaceOf(request),
      settled: queryFlag(request, 'settled'),
      limit: queryLimit(request, 'limit', limits.listLimitMax) ?? pageDefault,
    }),
  }),
  route('GET', '/conflicts/versions/{id}', 'conflict.get', {
    guard: 'open',
    input: (request) => ({ id: request.params['id'] ?? '' }),
  }),
  route('POST', '/conflicts/versions/{id}/settle', 'conflict.settle', {
    guard: 'open',
    input: (request) => ({
      id: request.params['id'] ?? '',
      ...optional('take', bodyName(request, 'take')),
      ...optional('content', bodyText(request, 'content')),
      ...optional('title', bodyText(request, 'title')),
      ...optional('by', bodyName(request, 'by')),
    }),
  }),
  route('POST', '/conflicts/judge', 'relation.judge', {
    guard: 'open',
    input: (request) => ({
      id: required(bodyRef(request, 'judgment_id') ?? bodyRef(request, 'id'), 'judgment_id is required'),
      relation: verbOf(request),
      ...optional('reason', bodyText(request, 'reason')),
      ...optional('evidence', bodyText(request, 'evidence')),
      ...optional('confidence', bodyNumber(request, 'confidence')),
      ...judgeOf(request),
    }),
    output: (relation) => ({ relation }),
  }),
  route('POST', '/conflicts/compare', 'relation.compare', {
    guard: 'open',
    input: (request) => ({
      memory_id_a: required(bodyRef(request, 'memory_id_a'), 'memory_id_a is required'),
      memory_id_b: required(bodyRef(request, 'memory_id_b'), 'memory_id_b is required'),
      relation: verbOf(request),
      confidence: required(bodyNumber(request, 'confidence'), 'confidence is required'),
      reasoning: required(bodyText(request, 'reasoning'), 'reasoning is required'),
      ...judgeOf(request),
    }),
  }),
  route('POST', '/conflicts/scan', 'relation.scan', {
    guard: 'open',
    input: (request) => ({
      ...optional('project', bodyName(request, 'project')),
      ...optional('project_override', request.projectOverride),
      ...optional('cursor', bodyNumber(request, 'cursor')),
      ...optional('limit', bodyNumber(request, 'limit')),
      ...optional('max_insert', bodyNumber(request, 'max_insert')),
      apply: bodyFlag(request, 'apply') ?? bodyFlag(request, 'dry_run') === false,
    }),
  }),
  route('GET', '/conflicts/{id}', 'relation.get', {
    guard: 'open',
    input: (request) => ({ id: idParameter(request) }),
  }),
]

const judgeOf = (request: RouteRequest) => ({
  ...optional('session_id', bodyName(request, 'session_id')),
  ...optional('actor', bodyName(request, 'actor')),
  ...optional('actor_kind', bodyName(request, 'actor_kind')),
  ...optional('model', bodyName(request, 'model')),
})

function verbOf(request: RouteRequest): RelationVerb {
  const verb = oneOf(relationVerbs, bodyText(request, 'relation'))
  if (verb !== undefined) return verb
  throw new EngramError('invalid_request', `relation: expected one of ${relationVerbs.join(', ')}.`, {
    details: { field: 'relation' },
  })
}

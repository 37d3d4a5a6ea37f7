import { limits } from '../../model/limits.ts'
import {
  bodyFlag,
  bodyName,
  bodyNumber,
  bodyText,
  oneOf,
  optional,
  queryFlag,
  queryLimit,
  readPlaceOf,
  required,
} from '../request-values.ts'
import { route, type Route } from '../route.ts'

const missing = 'id and project are required'
const recentDefault = 5

export const sessionRoutes: readonly Route[] = [
  route('POST', '/sessions', 'session.start', {
    guard: 'open',
    status: 201,
    input: (request) => ({
      id: required(bodyText(request, 'id'), missing),
      project: required(bodyText(request, 'project'), missing),
      ...optional('directory', bodyText(request, 'directory')),
      // Unknown words count as shared, as the Go server reads them (MEM-206).
      ...optional('ownership_mode', oneOf(['shared', 'project_owned'], bodyText(request, 'ownership_mode'))),
      ...optional('resume', bodyFlag(request, 'resume')),
      ...optional('isolated', bodyFlag(request, 'isolated')),
      ...optional('agent', bodyName(request, 'agent')),
      ...optional('agent_pid', bodyNumber(request, 'agent_pid')),
    }),
    output: ({ id, status, resumed_from }) => ({ id, status, ...optional('resumed_from', resumed_from) }),
  }),
  route('POST', '/sessions/{id}/end', 'session.end', {
    guard: 'open',
    input: (request) => ({ id: request.params['id'] ?? '', ...optional('summary', bodyText(request, 'summary')) }),
    // Old clients know one word for an ended session, whoever ended it.
    output: ({ id }) => ({ id, status: 'completed' }),
  }),
  route('GET', '/sessions/recent', 'session.list', {
    guard: 'open',
    input: (request) => ({
      ...readPlaceOf(request),
      limit: queryLimit(request, 'limit', limits.listLimitMax) ?? recentDefault,
      open: queryFlag(request, 'open'),
    }),
  }),
  route('GET', '/sessions/{id}', 'session.get', {
    guard: 'open',
    input: (request) => ({ id: request.params['id'] ?? '' }),
  }),
  route('DELETE', '/sessions/{id}', 'session.delete', {
    guard: 'guarded',
    input: (request) => ({ id: request.params['id'] ?? '' }),
    output: ({ id }) => ({ id, status: 'deleted' }),
  }),
]

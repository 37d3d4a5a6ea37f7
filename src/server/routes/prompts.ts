import { limits } from '../../model/limits.ts'
import {
  bodyName,
  bodyText,
  extLast,
  idParameter,
  optional,
  queryLimit,
  queryText,
  readPlaceOf,
  required,
} from '../request-values.ts'
import { route, type Route } from '../route.ts'

const missing = 'session_id and content are required'
const recentDefault = 20
const searchDefault = 10

export const promptRoutes: readonly Route[] = [
  route('POST', '/prompts', 'prompt.save', {
    guard: 'open',
    status: 201,
    input: (request) => ({
      session_id: required(bodyText(request, 'session_id'), missing),
      content: required(bodyText(request, 'content'), missing),
      ...optional('project', bodyName(request, 'project')),
      ...optional('project_override', request.projectOverride),
      ...optional('source_inbox_id', bodyName(request, 'source_inbox_id')),
      ...optional('author', bodyText(request, 'author')),
    }),
    output: ({ id, status, ...rest }) => ({ id, status: 'saved', outcome: status, ...rest }),
  }),
  route('GET', '/prompts/recent', 'prompt.list', {
    guard: 'open',
    input: (request) => ({
      ...readPlaceOf(request),
      limit: queryLimit(request, 'limit', limits.listLimitMax) ?? recentDefault,
    }),
  }),
  route('GET', '/prompts/search', 'prompt.search', {
    guard: 'open',
    input: (request) => ({
      ...readPlaceOf(request),
      query: required(queryText(request, 'q') ?? queryText(request, 'query'), 'q parameter is required'),
      limit: queryLimit(request, 'limit', limits.searchLimitMax) ?? searchDefault,
    }),
    output: (prompts) => prompts.map(extLast),
  }),
  route('DELETE', '/prompts/{id}', 'prompt.delete', {
    guard: 'guarded',
    input: (request) => ({ id: idParameter(request) }),
    output: ({ id }) => ({ id, status: 'deleted' }),
  }),
]

import type { ObservationDetail, SaveResult } from '../../api/observations.ts'
import { limits } from '../../model/limits.ts'
import {
  bodyFlag,
  bodyName,
  bodyRef,
  bodyText,
  idParameter,
  oneOf,
  optional,
  queryFlag,
  queryLimit,
  queryText,
  readPlaceOf,
  required,
} from '../request-values.ts'
import { route, type Route, type RouteRequest } from '../route.ts'

const missing = 'title and content are required'
const recentDefault = 20
const reviewDefault = 10
const sorts = ['created_at:desc', 'created_at:asc', 'updated_at:desc', 'updated_at:asc'] as const

const listInput = (request: RouteRequest) => ({
  ...readPlaceOf(request),
  ...optional('scope', queryText(request, 'scope')),
  ...optional('type', queryText(request, 'type')),
  limit: queryLimit(request, 'limit', limits.listLimitMax) ?? recentDefault,
  ...optional('sort', oneOf(sorts, queryText(request, 'sort'))),
})

/** What a save and an update may both carry. */
const fieldsOf = (request: RouteRequest) => ({
  ...optional('type', bodyText(request, 'type')),
  ...optional('project', bodyName(request, 'project')),
  ...optional('scope', bodyText(request, 'scope')),
  ...optional('topic_key', bodyText(request, 'topic_key')),
  ...optional('author', bodyText(request, 'author')),
  ...optional('ttl', bodyName(request, 'ttl')),
  ...optional('expires_at', bodyName(request, 'expires_at')),
})

export const observationRoutes: readonly Route[] = [
  route('POST', '/observations', 'observation.save', {
    guard: 'open',
    // A save that waits in the spool has no number yet (MEM-111).
    status: (saved) => (saved.outcome === 'queued' ? 202 : 201),
    input: (request) => ({
      title: required(bodyText(request, 'title'), missing),
      content: required(bodyText(request, 'content'), missing),
      ...fieldsOf(request),
      ...optional('session_id', bodyName(request, 'session_id')),
      ...optional('tool_name', bodyText(request, 'tool_name')),
      ...optional('project_override', request.projectOverride),
      ...optional('directory', bodyName(request, 'directory')),
      ...optional('operation_id', bodyName(request, 'operation_id')),
      ...optional('strict', bodyFlag(request, 'strict')),
    }),
    output: savedBody,
  }),
  route('GET', '/observations/save-result', 'observation.save-result', {
    guard: 'open',
    input: (request) => ({ operation_id: required(queryText(request, 'operation_id'), 'operation_id is required') }),
    output: savedBody,
  }),
  route('POST', '/observations/passive', 'observation.capture', {
    guard: 'open',
    input: (request) => ({
      session_id: required(bodyText(request, 'session_id'), 'session_id is required'),
      content: bodyText(request, 'content') ?? '',
      ...optional('project', bodyName(request, 'project')),
      ...optional('project_override', request.projectOverride),
      ...optional('source', bodyName(request, 'source')),
    }),
  }),
  route('GET', '/observations', 'observation.list', { guard: 'open', input: listInput }),
  route('GET', '/observations/recent', 'observation.list', { guard: 'open', input: listInput }),
  route('GET', '/observations/{id}', 'observation.get', {
    guard: 'open',
    input: (request) => ({
      id: idParameter(request),
      include_history: queryFlag(request, 'history'),
      ...optional('history_cursor', queryText(request, 'cursor')),
    }),
    output: observationBody,
  }),
  route('PATCH', '/observations/{id}', 'observation.update', {
    guard: 'open',
    input: (request) => ({
      id: idParameter(request),
      ...optional('expected_project', queryText(request, 'expected_project') ?? bodyName(request, 'expected_project')),
      ...optional('title', bodyText(request, 'title')),
      ...optional('content', bodyText(request, 'content')),
      ...optional('find', bodyText(request, 'find')),
      ...optional('replace', bodyText(request, 'replace')),
      ...fieldsOf(request),
    }),
    output: ({ observation }) => observation,
  }),
  route('DELETE', '/observations/{id}', 'observation.delete', {
    guard: 'guarded',
    input: (request) => ({
      id: idParameter(request),
      hard: queryFlag(request, 'hard'),
      ...optional('expected_project', queryText(request, 'expected_project')),
    }),
    output: ({ id, hard_delete }) => ({ id, status: 'deleted', hard_delete }),
  }),
  route('POST', '/observations/{id}/restore', 'observation.restore', {
    guard: 'open',
    input: (request) => ({ id: idParameter(request) }),
  }),
  ...(['PUT', 'DELETE'] as const).map((method) =>
    route(method, '/observations/{id}/pin', 'observation.pin', {
      guard: 'open',
      input: (request) => ({ id: idParameter(request), pinned: method === 'PUT' }),
      output: ({ id, pinned }) => ({ id, pinned }),
    }),
  ),
  route('POST', '/topic-keys/suggest', 'observation.suggest-topic', {
    guard: 'open',
    input: (request) => {
      const [title, content] = [bodyText(request, 'title'), bodyText(request, 'content')]
      required(`${title ?? ''}${content ?? ''}`, 'title or content is required')
      return {
        ...optional('type', bodyText(request, 'type')),
        ...optional('title', title),
        ...optional('content', content),
      }
    },
  }),
  route('GET', '/review', 'observation.review-due', {
    guard: 'open',
    input: (request) => ({
      ...readPlaceOf(request),
      expired: queryFlag(request, 'expired'),
      limit: queryLimit(request, 'limit', limits.listLimitMax) ?? reviewDefault,
    }),
  }),
  route('POST', '/review/mark_reviewed', 'observation.mark-reviewed', {
    guard: 'open',
    input: (request) => ({
      id: required(bodyRef(request, 'observation_id') ?? bodyRef(request, 'id'), 'observation_id is required'),
    }),
  }),
]

/** The two keys every client reads come first; what is ours follows (MEM-1303). */
function savedBody({ id, sync_id, outcome, ...rest }: SaveResult) {
  return { id, status: outcome === 'queued' ? 'queued' : 'saved', sync_id, outcome, ...rest }
}

/** The frozen shape; what stands around the observation goes into its `ext` (MEM-204). */
function observationBody({ relations, history, ...observation }: ObservationDetail) {
  return { ...observation, ext: { ...observation.ext, relations, ...optional('history', history) } }
}

import { EngramError } from '../../model/errors.ts'
import { limits } from '../../model/limits.ts'
import { bodyNumber, bodyText, oneOf, optional, queryFlag, queryLimit, queryText } from '../request-values.ts'
import { route, type Route, type RouteRequest } from '../route.ts'

/** Whole conversations (TRN-1601). Keys stand in the query, so that any key works, the empty one too. */
function keyOf(request: RouteRequest): string {
  const key = request.query.get('key')
  if (key === undefined) throw new EngramError('invalid_request', 'key is required in the query')
  return key
}

/** A position or a number of messages; unlike a limit, nonsense is refused: it would silently be another question. */
function wholeNumber(request: RouteRequest, name: string): number | undefined {
  const text = queryText(request, name)
  if (text === undefined || /^\d{1,15}$/.test(text)) return text === undefined ? undefined : Number(text)
  throw new EngramError('invalid_request', `${name}: expected a whole number from 0, got ${JSON.stringify(text)}`)
}

const sorts = ['updated', 'created', 'key'] as const
const listMax = 1_000
const pageMax = 10_000
/** A message of the greatest length, with what JSON puts around it. */
const messageBodyBytesMax = 2 * limits.transcriptLineBytesMax
const historyBodyBytesMax = 64 * 1024 * 1024

function messageOf({ body }: RouteRequest): { role: string; content: string } {
  const { role, content } = body ?? {}
  if (typeof role === 'string' && typeof content === 'string') return { ...body, role, content }
  throw new EngramError('invalid_request', 'role and content are required')
}

function messagesOf({ body }: RouteRequest): { role: string; content: string }[] {
  const messages: unknown = body?.['messages']
  // What each must be is checked with the rest of the input.
  if (Array.isArray(messages)) return messages as { role: string; content: string }[]
  throw new EngramError('invalid_request', 'messages is required and must be a list')
}

export const transcriptRoutes: readonly Route[] = [
  route('GET', '/v1/transcripts', 'transcript.list', {
    guard: 'open',
    input: (request) => ({
      ...optional('limit', queryLimit(request, 'limit', listMax)),
      ...optional('cursor', queryText(request, 'cursor')),
      ...optional('sort', oneOf(sorts, queryText(request, 'sort'))),
      ...optional('prefix', queryText(request, 'prefix')),
      counts: queryFlag(request, 'counts'),
    }),
  }),
  route('GET', '/v1/transcripts/messages', 'transcript.show', {
    guard: 'open',
    input: (request) => ({
      key: keyOf(request),
      ...optional('last', wholeNumber(request, 'last')),
      ...optional('after', wholeNumber(request, 'after')),
      ...optional('before', wholeNumber(request, 'before')),
      ...optional('limit', queryLimit(request, 'limit', pageMax)),
      summary: true,
    }),
  }),
  route('POST', '/v1/transcripts/messages', 'transcript.append', {
    guard: 'open',
    bodyBytesMax: messageBodyBytesMax,
    status: 201,
    input: (request) => ({
      key: keyOf(request),
      message: messageOf(request),
      ...optional('message_id', request.idempotencyKey),
    }),
  }),
  route('PUT', '/v1/transcripts/messages', 'transcript.replace', {
    guard: 'guarded',
    bodyBytesMax: historyBodyBytesMax,
    input: (request) => ({ key: keyOf(request), messages: messagesOf(request) }),
  }),
  route('PATCH', '/v1/transcripts', 'transcript.update', {
    guard: 'guarded',
    input: (request) => ({
      key: keyOf(request),
      ...optional('summary', bodyText(request, 'summary')),
      ...optional('keep_last', bodyNumber(request, 'keep_last')),
    }),
  }),
  route('POST', '/v1/transcripts/compact', 'transcript.compact', {
    guard: 'guarded',
    input: (request) => ({ key: keyOf(request), force: queryFlag(request, 'force') }),
    output: ({ transcripts }) => transcripts[0],
  }),
  route('DELETE', '/v1/transcripts', 'transcript.delete', {
    guard: 'guarded',
    input: (request) => ({ key: keyOf(request), purge: queryFlag(request, 'purge') }),
  }),
]

import { searchedPlaces, type SearchAnswer, type SearchedPlace } from '../../api/search.ts'
import { EngramError } from '../../model/errors.ts'
import { limits } from '../../model/limits.ts'
import {
  extLast,
  oneOf,
  optional,
  queryFlag,
  queryLimit,
  queryNumber,
  queryShare,
  queryText,
  readPlaceOf,
  recordId,
  required,
} from '../request-values.ts'
import { route, type Route, type RouteRequest } from '../route.ts'

const searchDefault = 10
const answerBytesMax = 16 * 1024 * 1024
const answerTokensMax = 1_000_000

export const searchRoutes: readonly Route[] = [
  route('GET', '/search', 'memory.search', {
    guard: 'open',
    input: (request) => ({
      ...readPlaceOf(request),
      query: required(queryText(request, 'q') ?? queryText(request, 'query'), 'q parameter is required'),
      ...optional('in', placesOf(queryText(request, 'in'))),
      ...optional('type', queryText(request, 'type')),
      ...optional('scope', queryText(request, 'scope')),
      ...optional('since', queryText(request, 'since')),
      ...optional('until', queryText(request, 'until')),
      ...optional('session_id', queryText(request, 'session')),
      ...optional('tool', queryText(request, 'tool')),
      ...optional('author', queryText(request, 'author')),
      ...optional('match_mode', oneOf(['all', 'any'], queryText(request, 'match') ?? queryText(request, 'match_mode'))),
      ...optional('mode', oneOf(['auto', 'lexical', 'semantic', 'hybrid'], queryText(request, 'mode'))),
      ...optional('min_similarity', queryShare(request, 'min_similarity')),
      ...optional('max_bytes', queryLimit(request, 'max_bytes', answerBytesMax)),
      ...optional('budget_tokens', queryLimit(request, 'budget_tokens', answerTokensMax)),
      order: queryText(request, 'order') === 'recent' ? 'recent' : 'relevance',
      include_expired: queryFlag(request, 'include_expired'),
      explain: queryFlag(request, 'explain'),
      strict: queryFlag(request, 'strict'),
      limit: queryLimit(request, 'limit', limits.searchLimitMax) ?? searchDefault,
    }),
    output: (answer) => answer.found ?? answer.hits.map(extLast),
    headers: searchHeader,
  }),
  route('GET', '/timeline', 'memory.timeline', {
    guard: 'open',
    input: (request) => ({
      observation_id: recordId(
        required(queryText(request, 'observation_id'), 'observation_id is required'),
        'observation_id',
      ),
      ...optional('before', sideOf(request, 'before')),
      ...optional('after', sideOf(request, 'after')),
    }),
  }),
  route('GET', '/context', 'memory.context', {
    guard: 'open',
    input: (request) => ({
      ...readPlaceOf(request),
      ...optional('scope', queryText(request, 'scope')),
      ...optional('sessions', queryNumber(request, 'sessions')),
      ...optional('prompts', queryNumber(request, 'prompts')),
      ...optional('observations', queryNumber(request, 'observations')),
      ...optional('pinned', queryNumber(request, 'pinned')),
      ...optional('max_bytes', queryNumber(request, 'max_bytes')),
      compact: queryFlag(request, 'compact'),
    }),
    output: ({ context }) => ({ context }),
  }),
  route('GET', '/context/compaction', 'memory.session-context', {
    guard: 'open',
    input: (request) => ({
      session_id: required(queryText(request, 'session_id'), 'session_id is required'),
      ...optional('max_bytes', queryNumber(request, 'max_bytes')),
    }),
    output: ({ context }) => ({ context }),
  }),
  route('GET', '/stats', 'memory.stats', { guard: 'open', input: readPlaceOf, failure: 'stats unavailable' }),
]

/** `in=memory,transcripts`: the list is then one of all kinds (RET-758). */
function placesOf(text: string | undefined): SearchedPlace[] | undefined {
  if (text === undefined || text.trim() === '') return undefined
  return text.split(',').map((name) => {
    const place = searchedPlaces.find((one) => one === name.trim())
    if (place !== undefined) return place
    throw new EngramError('invalid_request', `in: expected some of ${searchedPlaces.join(', ')}, got ${name.trim()}`)
  })
}

function sideOf(request: RouteRequest, name: string): number | undefined {
  const value = queryNumber(request, name)
  return value === undefined || value < 0 ? undefined : Math.min(value, limits.timelineEachSideMax)
}

/** What concerns the whole answer stands in a header: the body stays the frozen list (RET-754). */
function searchHeader(answer: SearchAnswer): Readonly<Record<string, string>> {
  const parts = {
    mode: answer.mode,
    confidence: answer.confidence,
    degraded: answer.degraded,
    left_out: answer.left_out?.count,
    reason: answer.reason,
    held_back: answer.held_back,
    unread_transcripts: answer.unread_transcripts,
    query_cut: answer.query_cut === true ? 1 : undefined,
  }
  const given = Object.entries(parts).filter(([, value]) => value !== undefined)
  return { 'Engram-Search': given.map(([name, value]) => `${name}=${headerValue(String(value))}`).join('; ') }
}

/** A header carries neither line ends nor what would end a part of it. */
const headerValue = (text: string): string => text.replaceAll(/[^\x20-\x7e]|[;"\\]/g, ' ').slice(0, 200)

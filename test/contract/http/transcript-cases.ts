import { query, type Case, type Given } from './case.ts'
import type { World } from './world.ts'

const ofKey = ({ id = '' }: Given): Given => ({ key: id })
const transcript = (world: World): Promise<Given> => world.transcript()
const noKey = { name: 'no key', status: 400, code: 'invalid_request', error: 'key' } as const satisfies Case
const missingKey: Case = { ...noKey, body: () => ({}) }
const noTranscript = {
  name: 'an unknown key',
  query: query({ key: 'nobody' }),
  status: 404,
  code: 'transcript_not_found',
  error: 'no transcript',
} as const satisfies Case
const unknownKey: Case = { ...noTranscript, body: () => ({ keep_last: 1 }) }

export const transcriptCases = {
  'GET /v1/transcripts': [
    {
      name: 'TRN-1601 the newest first',
      given: transcript,
      status: 200,
      shape: 'transcripts',
      holds: { next: null },
    },
    { name: 'by prefix', query: query({ prefix: 'nobody' }), status: 200, shape: 'transcripts' },
    {
      name: 'a cursor that is none',
      query: query({ cursor: 'x' }),
      status: 400,
      code: 'invalid_request',
      error: 'cursor',
    },
  ],
  'GET /v1/transcripts/messages': [
    {
      name: 'TRN-1601 a page',
      given: transcript,
      query: ofKey,
      status: 200,
      shape: 'transcriptPage',
      holds: {
        messages: [{ role: 'user', content: 'one' }, { content: 'two' }, { content: 'three' }],
        next: null,
        end: 3,
      },
    },
    {
      name: 'TRN-903 the last ones',
      given: transcript,
      query: (given) => ({ ...ofKey(given), last: 1 }),
      status: 200,
      shape: 'transcriptPage',
      holds: { messages: [{ content: 'three' }] },
    },
    {
      name: 'TRN-904 by position',
      given: transcript,
      query: (given) => ({ ...ofKey(given), after: 1, limit: 1 }),
      status: 200,
      shape: 'transcriptPage',
      holds: { messages: [{ content: 'two' }], next: 2 },
    },
    {
      name: 'TRN-1601 an unknown key reads as empty',
      query: query({ key: 'nobody' }),
      status: 200,
      shape: 'transcriptPage',
      holds: { messages: [], end: 0 },
    },
    {
      name: 'a position that is no number',
      query: query({ key: 'nobody', after: 'x' }),
      status: 400,
      code: 'invalid_request',
      error: 'after',
    },
    noKey,
  ],
  'POST /v1/transcripts/messages': [
    {
      name: 'TRN-1601 one more',
      given: transcript,
      query: ofKey,
      body: () => ({ role: 'assistant', content: 'four', own: { kept: 1 } }),
      status: 201,
      shape: 'transcriptAppended',
      holds: { stored: true, position: 4 },
    },
    {
      name: 'the empty key',
      query: query({ key: '' }),
      body: () => ({ role: 'user', content: 'x' }),
      status: 201,
      shape: 'transcriptAppended',
    },
    {
      name: 'no content',
      query: query({ key: 'k' }),
      body: () => ({ role: 'user' }),
      status: 400,
      code: 'invalid_request',
      error: 'role and content are required',
    },
    {
      name: 'TRN-110 a field of another type',
      query: query({ key: 'k' }),
      body: () => ({ role: 'user', content: 'x', media: 7 }),
      status: 400,
      code: 'invalid_request',
      error: 'media',
    },
    missingKey,
  ],
  'PUT /v1/transcripts/messages': [
    {
      name: 'TRN-505 replaced',
      given: transcript,
      query: ofKey,
      body: () => ({ messages: [{ role: 'user', content: 'new' }] }),
      status: 200,
      shape: 'transcriptReplaced',
      holds: { messages: 1 },
    },
    {
      name: 'no messages',
      query: query({ key: 'k' }),
      body: () => ({}),
      status: 400,
      code: 'invalid_request',
      error: 'messages',
    },
    {
      name: 'messages that are none',
      query: query({ key: 'k' }),
      body: () => ({ messages: [7] }),
      status: 400,
      code: 'invalid_request',
      error: 'messages',
    },
    missingKey,
  ],
  'PATCH /v1/transcripts': [
    {
      name: 'TRN-504 truncated',
      given: transcript,
      query: ofKey,
      body: () => ({ keep_last: 1, summary: 'so far' }),
      status: 200,
      shape: 'transcriptUpdated',
      holds: { summary: 'so far', kept: 1 },
    },
    {
      name: 'TRN-503 a summary alone makes the transcript',
      query: query({ key: 'summary-only' }),
      body: () => ({ summary: 'so far' }),
      status: 200,
      shape: 'transcriptUpdated',
    },
    {
      name: 'nothing to do',
      query: query({ key: 'k' }),
      body: () => ({}),
      status: 400,
      code: 'invalid_request',
      error: 'keep_last',
    },
    unknownKey,
    missingKey,
  ],
  'POST /v1/transcripts/compact': [
    { name: 'TRN-506', given: transcript, query: ofKey, body: () => ({}), status: 200, shape: 'transcriptCompacted' },
    unknownKey,
    missingKey,
  ],
  'DELETE /v1/transcripts': [
    {
      name: 'TRN-1303',
      given: transcript,
      query: ofKey,
      status: 200,
      shape: 'transcriptDeleted',
      holds: { purged: false },
    },
    noTranscript,
    noKey,
  ],
} satisfies Readonly<Record<string, readonly Case[]>>

import { expect } from 'vitest'
import { missingId, noSession, query, readErrors, sessionId, type Case } from './case.ts'

export const sessionCases = {
  'POST /sessions': [
    {
      name: 'MEM-706 a new one',
      body: () => ({ id: 'fresh', project: 'harbour', directory: '/srv/harbour' }),
      status: 201,
      shape: 'started',
      holds: { id: 'fresh', status: 'created' },
    },
    {
      name: 'MEM-706 again',
      body: () => ({ id: 'fresh', project: 'harbour' }),
      status: 201,
      shape: 'started',
      holds: { id: 'fresh', status: 'created' },
    },
    {
      name: 'MEM-706 an ended one, resumed',
      given: (world) => world.endedSession(),
      body: ({ id }) => ({ id, project: 'harbour', resume: true }),
      status: 201,
      shape: 'started',
      holds: { resumed_from: expect.stringContaining('session-') },
    },
    ...[{}, { id: 'x' }, { project: 'x' }, { id: ' ', project: 'x' }].map((body): Case => ({
      name: JSON.stringify(body),
      body: () => body,
      status: 400,
      code: 'invalid_request',
      error: 'id and project are required',
    })),
    {
      name: 'MEM-706 an ended one',
      given: (world) => world.endedSession(),
      body: ({ id }) => ({ id, project: 'harbour' }),
      status: 409,
      code: 'session_already_ended',
      error: 'ended',
    },
    {
      name: 'MEM-206 one of another project',
      given: async (world) => ({ id: await world.session({ ownership_mode: 'project_owned' }) }),
      body: ({ id }) => ({ id, project: 'quarry' }),
      status: 409,
      code: 'session_project_conflict',
      error: 'belongs to harbour',
      holds: { session_id: expect.any(String), owner_project: 'harbour', requested_project: 'quarry' },
    },
    {
      name: 'MEM-702 a known one, isolated',
      given: sessionId,
      body: ({ id }) => ({ id, project: 'harbour', isolated: true }),
      status: 409,
      code: 'session_isolation_conflict',
      error: 'not isolated',
    },
    {
      name: 'a number as id',
      body: () => ({ id: 7, project: 'harbour' }),
      status: 400,
      code: 'invalid_request',
      error: 'id: expected a text',
    },
    {
      name: 'MEM-110 an id over the limit',
      body: () => ({ id: 'i'.repeat(257), project: 'harbour' }),
      status: 400,
      code: 'invalid_request',
      error: 'id',
    },
  ],
  'POST /sessions/{id}/end': [
    {
      name: 'MEM-706',
      given: sessionId,
      body: () => ({ summary: 'all moored' }),
      status: 200,
      shape: 'ended',
      holds: { status: 'completed' },
    },
    { name: 'without a body', given: sessionId, status: 200, shape: 'ended' },
    {
      name: 'an ended one',
      given: (world) => world.endedSession(),
      status: 200,
      shape: 'ended',
      holds: { status: 'completed' },
    },
    noSession,
  ],
  'GET /sessions/recent': [
    { name: 'newest first', given: sessionId, status: 200, shape: 'sessionSummary', list: true },
    ...readErrors,
  ],
  'GET /sessions/{id}': [{ name: 'by id', given: sessionId, status: 200, shape: 'session' }, noSession],
  'DELETE /sessions/{id}': [
    { name: 'MEM-407 an empty one', given: sessionId, status: 200, shape: 'deleted', holds: { status: 'deleted' } },
    noSession,
    {
      name: 'MEM-407 one with observations',
      given: async (world) => {
        const id = await world.session()
        await world.save({ session_id: id })
        return { id }
      },
      status: 409,
      code: 'session_has_observations',
      error: 'has observations',
    },
    {
      name: 'MEM-1302 without the token',
      given: sessionId,
      anonymous: true,
      status: 401,
      code: 'unauthorized',
      error: 'Bearer',
    },
  ],
  'POST /prompts': [
    {
      name: 'MEM-311',
      given: sessionId,
      body: ({ id }) => ({ session_id: id, content: 'moor the boat', project: 'harbour', source_inbox_id: 'inbox-1' }),
      status: 201,
      shape: 'savedPrompt',
      holds: { id: expect.any(Number), status: 'saved' },
    },
    ...[{}, { session_id: 'x' }, { content: 'x' }].map((body): Case => ({
      name: JSON.stringify(body),
      body: () => body,
      status: 400,
      code: 'invalid_request',
      error: 'session_id and content are required',
    })),
  ],
  'GET /prompts/recent': [
    { name: 'newest first', given: (world) => world.prompt(), status: 200, shape: 'prompt', list: true },
    ...readErrors,
  ],
  'GET /prompts/search': [
    {
      name: 'MEM-608',
      given: (world) => world.prompt(),
      query: query({ q: 'anchor' }),
      status: 200,
      shape: 'promptHit',
      list: true,
    },
    { name: 'no words', status: 400, code: 'invalid_request', error: 'q parameter is required' },
  ],
  'DELETE /prompts/{id}': [
    { name: 'MEM-311', given: (world) => world.prompt(), status: 200, shape: 'deleted', holds: { status: 'deleted' } },
    ...missingId('prompt'),
  ],
} as const satisfies Readonly<Record<string, readonly Case[]>>

import { expect } from 'vitest'
import { missingId, none, readErrors, relationId, savedId, type Case } from './case.ts'

export const relationCases = {
  'GET /conflicts': [
    { name: 'newest first', given: relationId, status: 200, shape: 'relationPage', holds: { limit: 50, offset: 0 } },
    ...readErrors,
  ],
  'GET /conflicts/{id}': [
    { name: 'with both ends', given: relationId, status: 200, shape: 'relationDetail', anyOrder: true },
    ...missingId('relation'),
  ],
  'GET /conflicts/stats': [{ name: 'counts', given: relationId, status: 200, shape: 'relationStats' }, ...readErrors],
  'POST /conflicts/judge': [
    {
      name: 'MEM-904',
      given: relationId,
      body: ({ id }) => ({ judgment_id: id, relation: 'supersedes', reason: 'newer', confidence: 0.8 }),
      status: 200,
      shape: 'judged',
      holds: { relation: expect.objectContaining({ relation: 'supersedes', judgment_status: 'judged' }) },
    },
    {
      name: 'no id',
      body: () => ({ relation: 'related' }),
      status: 400,
      code: 'invalid_request',
      error: 'judgment_id',
    },
    {
      name: 'no such verb',
      given: relationId,
      body: ({ id }) => ({ judgment_id: id, relation: 'hates' }),
      status: 400,
      code: 'invalid_request',
      error: 'relation: expected one of',
    },
    {
      name: 'unknown',
      body: () => ({ judgment_id: 'rel-none', relation: 'related' }),
      status: 404,
      code: 'not_found',
      error: 'Unknown',
    },
  ],
  'POST /conflicts/compare': [
    {
      name: 'MEM-904',
      given: async (world) => ({ a: await world.save(), b: await world.save() }),
      body: ({ a, b }) => ({
        memory_id_a: a,
        memory_id_b: b,
        relation: 'related',
        confidence: 0.9,
        reasoning: 'piers',
      }),
      status: 200,
      shape: 'compared',
      holds: { sync_id: expect.stringMatching(/^rel-/) },
    },
    {
      name: 'no confidence',
      body: () => ({ memory_id_a: 1, memory_id_b: 2, relation: 'related', reasoning: 'x' }),
      status: 400,
      code: 'invalid_request',
      error: 'confidence is required',
    },
    {
      name: 'unknown',
      body: () => ({ memory_id_a: 987_654, memory_id_b: 2, relation: 'related', confidence: 1, reasoning: 'x' }),
      status: 404,
      code: 'not_found',
      error: 'Unknown',
    },
  ],
  'POST /conflicts/scan': [
    {
      name: 'MEM-906 dry unless applied',
      given: savedId,
      body: () => ({ project: 'harbour', limit: 10 }),
      status: 200,
      shape: 'scan',
      anyOrder: true,
      holds: { dry_run: true, inserted: 0 },
    },
    { name: 'a limit over 100', body: () => ({ limit: 101 }), status: 400, code: 'invalid_request', error: 'limit' },
  ],
  'GET /conflicts/deferred': [{ name: 'a page', status: 200, shape: 'deferredPage' }],
  'POST /conflicts/deferred/replay': [{ name: 'nothing waits', status: 200, shape: 'replayed', holds: { retried: 0 } }],
  'GET /conflicts/versions': [
    { name: 'MEM-509 open ones', status: 200, shape: 'versionConflict', list: true },
    ...readErrors,
  ],
  'GET /conflicts/versions/{id}': [
    { name: 'unknown', given: () => Promise.resolve({ id: none }), status: 404, code: 'not_found', error: none },
  ],
  'POST /conflicts/versions/{id}/settle': [
    {
      name: 'unknown',
      given: () => Promise.resolve({ id: none }),
      body: () => ({ take: 'x' }),
      status: 404,
      code: 'not_found',
      error: none,
    },
  ],
} as const satisfies Readonly<Record<string, readonly Case[]>>

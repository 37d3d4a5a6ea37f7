import { expect } from 'vitest'
import { query, readErrors, savedId, type Case } from './case.ts'

export const recallCases = {
  'GET /search': [
    {
      name: 'MEM-601 finds words',
      given: async (world) => ({ id: await world.save({ title: 'Zebrafish', content: 'In the tank' }) }),
      query: query({ q: 'zebrafish', project: 'harbour' }),
      status: 200,
      shape: 'searchResult',
      list: true,
    },
    {
      name: 'MEM-602 operators are data',
      query: query({ q: '"a" AND NEAR( * : -' }),
      status: 200,
      shape: 'searchResult',
      list: true,
    },
    { name: 'no words', status: 400, code: 'invalid_request', error: 'q parameter is required' },
    ...readErrors.map((one): Case => ({ ...one, query: () => ({ ...one.query(), q: 'x' }) })),
  ],
  'GET /timeline': [
    {
      name: 'MEM-609',
      given: savedId,
      query: ({ id }) => ({ observation_id: id ?? 0 }),
      status: 200,
      shape: 'timeline',
    },
    { name: 'no id', status: 400, code: 'invalid_request', error: 'observation_id is required' },
    { name: 'no number', query: query({ observation_id: 'x' }), status: 400, code: 'invalid_request', error: 'number' },
    { name: 'unknown', query: query({ observation_id: 987_654 }), status: 404, code: 'not_found', error: 'Unknown' },
  ],
  'GET /context': [
    {
      name: 'MEM-610',
      given: savedId,
      query: query({ project: 'harbour', compact: 1, pinned: 20, max_bytes: 16_384 }),
      status: 200,
      shape: 'context',
      holds: { context: expect.stringContaining('## Memory from Previous Sessions') },
    },
    { name: 'MEM-610 bad numbers fall back', query: query({ sessions: 'many' }), status: 200, shape: 'context' },
    ...readErrors,
  ],
  'GET /context/compaction': [
    {
      name: 'MEM-611',
      given: async (world) => {
        const id = await world.session()
        await world.save({ session_id: id })
        return { id }
      },
      query: ({ id }) => ({ session_id: id ?? '' }),
      status: 200,
      shape: 'context',
      holds: { context: expect.stringContaining('## Memory from This Session') },
    },
    { name: 'no session', status: 400, code: 'invalid_request', error: 'session_id is required' },
  ],
  'GET /stats': [{ name: 'counts', status: 200, shape: 'stats' }, ...readErrors],
} as const satisfies Readonly<Record<string, readonly Case[]>>

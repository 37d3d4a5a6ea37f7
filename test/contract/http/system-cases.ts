import { expect } from 'vitest'
import { none, query, readErrors, savedId, sessionId, type Case } from './case.ts'

export const systemCases = {
  'GET /health': [
    {
      name: 'says who answers',
      status: 200,
      shape: 'health',
      holds: { status: 'ok', service: 'engram', capabilities: { isolated_session_registration: true } },
    },
  ],
  'GET /export': [
    { name: 'MEM-1001', given: savedId, status: 200, shape: 'backup', holds: { version: '0.2.0' } },
    ...readErrors,
    { name: 'MEM-1302 without the token', anonymous: true, status: 401, code: 'unauthorized', error: 'Bearer' },
  ],
  'POST /import': [
    {
      name: 'MEM-1002',
      body: () => ({
        version: '0.2.0',
        exported_at: '2026-01-01 00:00:00',
        sessions: [],
        observations: [],
        prompts: [],
      }),
      status: 200,
      shape: 'imported',
    },
    {
      name: 'MEM-1002 another version',
      body: () => ({ version: '9' }),
      status: 400,
      code: 'unsupported_backup',
      error: '"9"',
    },
    { name: 'no backup', status: 400, code: 'broken_backup', error: 'backup' },
    { name: 'MEM-1302 without the token', anonymous: true, status: 401, code: 'unauthorized', error: 'Bearer' },
  ],
  'GET /status': [{ name: 'figures', status: 200, shape: 'status' }],
  'GET /doctor': [
    {
      name: 'MEM-1101 one check',
      query: query({ check: 'orphaned_observation_session' }),
      status: 200,
      shape: 'doctor',
      holds: { status: 'ok', summary: expect.objectContaining({ total: 1 }) },
    },
    {
      name: 'MEM-1101 an unknown check',
      query: query({ check: none }),
      status: 400,
      code: 'unknown_check',
      error: none,
    },
  ],
  'GET /projects': [{ name: 'all of them', given: savedId, status: 200, shape: 'projects' }],
  'GET /project/current': [
    {
      name: 'MEM-802 a directory',
      query: query({ cwd: '/tmp/engram-no-such-place' }),
      status: 200,
      shape: 'currentProject',
      holds: { project: 'engram-no-such-place', project_source: 'dir_basename' },
    },
    { name: 'no directory', status: 200, shape: 'currentProject' },
    ...['harbour', 'a\0b', `/${'d'.repeat(5_000)}`].map((cwd): Case => ({
      name: `MEM-1303 never an error: ${JSON.stringify(cwd.slice(0, 10))}`,
      query: query({ cwd }),
      status: 200,
      shape: 'currentProject',
      holds: { project: '', error_hint: expect.any(String) },
    })),
  ],
  'POST /projects/rescue-ownership': [
    {
      name: 'MEM-808',
      given: sessionId,
      body: ({ id }) => ({ target_project: 'harbour', confirmed: true, session_ids: [id], observation_ids: [] }),
      status: 200,
      shape: 'rescued',
      holds: { target_project: 'harbour' },
    },
    {
      name: 'not confirmed',
      body: () => ({ target_project: 'x' }),
      status: 400,
      code: 'invalid_request',
      error: 'confirmed',
    },
    {
      name: 'no target',
      body: () => ({ confirmed: true }),
      status: 400,
      code: 'invalid_request',
      error: 'target_project',
    },
    {
      name: 'an id that is none',
      body: () => ({ target_project: 'x', confirmed: true, session_ids: [{}] }),
      status: 400,
      code: 'invalid_request',
      error: 'session_ids',
    },
    {
      name: 'MEM-1302 without the token',
      body: () => ({}),
      anonymous: true,
      status: 401,
      code: 'unauthorized',
      error: 'Bearer',
    },
    {
      name: 'over 8 KiB',
      body: () => ({ target_project: 'x', confirmed: true, session_ids: ['s'.repeat(8_200)] }),
      status: 413,
      code: 'payload_too_large',
      error: '8192 bytes',
    },
  ],
  'POST /projects/migrate': [
    {
      name: 'v1.14 renames',
      given: async (world) => ({ id: await world.save({ project: 'canal' }) }),
      body: () => ({ old_project: 'canal', new_project: 'waterway' }),
      status: 200,
      shape: 'migrated',
      holds: { status: 'migrated', observations: 1 },
    },
    {
      name: 'v1.14 nothing to rename',
      body: () => ({ old_project: none, new_project: 'waterway' }),
      status: 200,
      shape: 'migrated',
      holds: { status: 'skipped', reason: expect.any(String) },
    },
    { name: 'no names', body: () => ({}), status: 400, code: 'invalid_request', error: 'old_project and new_project' },
    {
      name: 'MEM-808 the alias of the rescue',
      body: () => ({ target_project: 'harbour', confirmed: true }),
      status: 200,
      shape: 'rescued',
    },
    {
      name: 'MEM-1302 the alias without the token',
      body: () => ({ target_project: 'harbour', confirmed: true }),
      anonymous: true,
      status: 401,
      code: 'unauthorized',
      error: 'Bearer',
    },
  ],
} as const satisfies Readonly<Record<string, readonly Case[]>>

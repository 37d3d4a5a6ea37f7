import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { errorTable } from '../../src/model/errors.ts'
import { memoryRoutes } from '../../src/server/routes/all.ts'
import type { Case, Failure, Success } from './http/case.ts'
import { startLocalServer, type Answer, type LocalServer } from './http/local-server.ts'
import { keysOf } from './http/shapes.ts'
import { token, World } from './http/world.ts'
import { sessionCases } from './http/session-cases.ts'
import { observationCases } from './http/observation-cases.ts'
import { recallCases } from './http/recall-cases.ts'
import { systemCases } from './http/system-cases.ts'
import { relationCases } from './http/relation-cases.ts'
import { transcriptCases } from './http/transcript-cases.ts'

/** The routes of MEM-1303 as the spec lists them. `GET /sync/status` belongs to the cloud and comes with it. */
const specified = [
  'GET /health',
  'POST /sessions',
  'POST /sessions/{id}/end',
  'GET /sessions/recent',
  'GET /sessions/{id}',
  'DELETE /sessions/{id}',
  'POST /observations',
  'GET /observations/save-result',
  'POST /observations/passive',
  'GET /observations',
  'GET /observations/recent',
  'GET /observations/{id}',
  'PATCH /observations/{id}',
  'DELETE /observations/{id}',
  'PUT /observations/{id}/pin',
  'DELETE /observations/{id}/pin',
  'POST /topic-keys/suggest',
  'GET /review',
  'POST /review/mark_reviewed',
  'GET /search',
  'GET /timeline',
  'POST /prompts',
  'GET /prompts/recent',
  'GET /prompts/search',
  'DELETE /prompts/{id}',
  'GET /context',
  'GET /context/compaction',
  'GET /export',
  'POST /import',
  'GET /stats',
  'GET /doctor',
  'GET /project/current',
  'POST /projects/rescue-ownership',
  'POST /projects/migrate',
  'GET /conflicts',
  'GET /conflicts/{id}',
  'GET /conflicts/stats',
  'POST /conflicts/judge',
  'POST /conflicts/compare',
  'POST /conflicts/scan',
  'GET /conflicts/deferred',
  'POST /conflicts/deferred/replay',
  'GET /conflicts/versions',
  'POST /conflicts/versions/{id}/settle',
] as const

/** Ours beyond that table. */
const added = [
  'GET /status',
  'GET /projects',
  'POST /observations/{id}/restore',
  'GET /conflicts/versions/{id}',
  'GET /v1/transcripts',
  'GET /v1/transcripts/messages',
  'POST /v1/transcripts/messages',
  'PUT /v1/transcripts/messages',
  'PATCH /v1/transcripts',
  'POST /v1/transcripts/compact',
  'DELETE /v1/transcripts',
] as const

type RouteKey = (typeof specified)[number] | (typeof added)[number]

const cases: Readonly<Record<RouteKey, readonly Case[]>> = {
  ...sessionCases,
  ...observationCases,
  ...recallCases,
  ...systemCases,
  ...relationCases,
  ...transcriptCases,
}

let server: LocalServer
let world: World

beforeAll(async () => {
  server = await startLocalServer({ token })
  world = new World(server)
  await world.save()
})
afterAll(() => server.close())

async function ask(key: string, one: Case): Promise<Answer> {
  const [method = '', template = ''] = key.split(' ')
  const given = (await one.given?.(world)) ?? {}
  const path = template.replace('{id}', () => encodeURIComponent(given['id'] ?? ''))
  const search = new URLSearchParams(
    Object.fromEntries(Object.entries(one.query?.(given) ?? {}).map(([name, value]) => [name, String(value)])),
  ).toString()
  return server.send(method, search === '' ? path : `${path}?${search}`, {
    ...(one.body === undefined ? {} : { body: one.body(given) }),
    headers: one.anonymous === true ? {} : { Authorization: `Bearer ${token}` },
  })
}

function expectSuccess(answer: Answer, one: Success): void {
  const bodies = one.list === true ? (JSON.parse(answer.text) as readonly object[]) : [answer.json]
  expect(Array.isArray(bodies)).toBe(true)
  for (const body of bodies) {
    const [given, wanted] = [Object.keys(body), keysOf(one.shape, body)]
    if (one.anyOrder === true) expect(given.toSorted()).toEqual(wanted.toSorted())
    else expect(given).toEqual(wanted)
  }
}

/** MEM-1301: `error` is a string; the rest stands beside it. */
function expectFailure(answer: Answer, one: Failure): void {
  expect(answer.json['error']).toEqual(expect.stringContaining(one.error))
  expect(answer.json['code']).toBe(one.code)
  expect(errorTable).toHaveProperty(one.code)
  expect(answer.json['request_id']).toBe(answer.headers.get('x-request-id'))
}

describe.each(Object.entries(cases))('%s', (key, ofRoute) => {
  it.each(ofRoute.map((one) => [one.status, one.name, one] as const))('%i %s', async (status, _name, one) => {
    const answer = await ask(key, one)
    expect(`${answer.status} ${answer.status === status ? '' : answer.text}`).toBe(`${status} `)
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    if ('code' in one) expectFailure(answer, one)
    else expectSuccess(answer, one)
    if (one.holds !== undefined) expect(answer.json).toMatchObject(one.holds as object)
  })
})

describe('the table of routes', () => {
  const served = memoryRoutes.map((route) => `${route.method} ${route.path}`)

  it('MEM-1304 serves what MEM-1303 lists and what we add, nothing twice and nothing else', () => {
    expect(served.toSorted()).toEqual([...specified, ...added].toSorted())
  })

  it('MEM-1304 every route is tested with a success or says why it has none', () => {
    const without = Object.entries(cases).filter(([, ofRoute]) => !ofRoute.some((one) => one.status < 300))
    // A version conflict takes two machines; its successes are tested where they sync.
    expect(without.map(([key]) => key)).toEqual([
      'GET /conflicts/versions/{id}',
      'POST /conflicts/versions/{id}/settle',
    ])
  })

  it('MEM-1304 POST /search belongs to units', async () => {
    const answer = await server.send('POST', '/search', { body: { query: 'x' } })
    expect(answer.json).toMatchObject({ results: [], total_count: 0 })
  })

  it('an unknown path is 404, an unknown method 405 with what is allowed, HEAD is GET without a body', async () => {
    expect((await server.send('GET', '/nowhere')).json).toMatchObject({ error: 'not found', code: 'not_found' })
    const wrong = await server.send('PUT', '/observations/1')
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, PATCH, DELETE'])
    const head = await server.send('HEAD', '/health')
    expect([head.status, head.text]).toEqual([200, ''])
  })

  it('a name given twice counts once, with its first value', async () => {
    const statuses = await Promise.all(
      ['project=harbour&project=nowhere', 'project=nowhere&project=harbour'].map(
        async (search) => (await server.send('GET', `/observations?${search}`)).status,
      ),
    )
    expect(statuses).toEqual([200, 404])
  })

  it('TRN-1601 TRN-610 with an Idempotency-Key a repeat is told as one', async () => {
    const path = '/v1/transcripts/messages?key=repeated'
    const send = () =>
      server.send('POST', path, { body: { role: 'user', content: 'x' }, headers: { 'Idempotency-Key': 'once' } })
    expect((await send()).json).toMatchObject({ stored: true, duplicate: false, position: 1 })
    expect((await send()).json).toMatchObject({ stored: false, duplicate: true, position: 1 })
  })

  it('RET-758 GET /search?in= is one list of all kinds, a name nobody knows is refused', async () => {
    const saved = { session_id: 'kinds-1', project: 'harbour', content: 'Which berth has a lantern?' }
    await server.send('POST', '/prompts', { body: saved })
    const answer = await server.send('GET', '/search?q=berth%20lantern&project=harbour&in=memory,prompts,transcripts')
    const found = JSON.parse(answer.text) as readonly object[]
    expect(found[0]).toMatchObject({ kind: 'prompt', snippet: saved.content })
    expect(answer.headers.get('engram-search')).toMatch(/; unread_transcripts=0/)
    expect((await server.send('GET', '/search?q=berth&project=harbour&in=attic')).status).toBe(400)
    const near = await server.send('GET', '/search?q=berth&project=harbour&min_similarity=0.5')
    expect(near.headers.get('engram-search')).toMatch(/held_back=0/)
  })

  it('RET-754 the header of a search says how it was found', async () => {
    const answer = await server.send('GET', '/search?q=berth&project=harbour')
    expect(answer.headers.get('engram-search')).toMatch(/^mode=(lexical|hybrid|semantic); confidence=(ok|low|none)/)
  })

  it('MEM-1001 an export is an attachment', async () => {
    const answer = await server.send('GET', '/export', { headers: { Authorization: `Bearer ${token}` } })
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="engram-export.json"')
  })
})

describe('other servers', () => {
  it('MEM-1303 the rescue is 503 while no token is set, the rest of the guarded routes are open', async () => {
    const open = await startLocalServer()
    const body = { target_project: 'harbour', confirmed: true }
    for (const path of ['/projects/rescue-ownership', '/projects/migrate']) {
      expect(await open.send('POST', path, { body })).toMatchObject({ status: 503, json: { code: 'token_required' } })
    }
    expect((await open.send('GET', '/export')).status).toBe(200)
    await open.close()
  })

  it('MEM-1303 reads without a project are about the one of the server, and all_projects widens', async () => {
    const harbour = await startLocalServer({ projectOverride: 'harbour' })
    for (const project of ['harbour', 'quarry']) {
      await harbour.send('POST', '/observations', {
        body: { title: project, content: `stones of ${project}`, project },
      })
    }
    const titles = async (path: string) =>
      (JSON.parse((await harbour.send('GET', path)).text) as { title: string }[]).map((one) => one.title).toSorted()
    expect(await titles('/observations')).toEqual(['harbour'])
    expect(await titles('/observations?project=quarry')).toEqual(['quarry'])
    expect(await titles('/observations?all_projects=true')).toEqual(['harbour', 'quarry'])
    await harbour.close()
  })

  it('MEM-1303 health and stats fail with the words old clients know, and tell no more', async () => {
    const broken = await startLocalServer({
      wrap: () => ({ call: () => Promise.reject(new Error('secret of the ground')) }),
    })
    for (const [path, error] of [
      ['/health', 'health check failed'],
      ['/stats', 'stats unavailable'],
      ['/doctor', 'internal error'],
    ] as const) {
      const answer = await broken.send('GET', path)
      expect(answer).toMatchObject({ status: 500, json: { error } })
      expect(answer.text).not.toContain('secret')
    }
    expect(broken.told.filter((line) => line.includes('secret of the ground'))).toHaveLength(3)
    await broken.close()
  })

  it('MEM-1604 a published plug-in: health, session, prompt, passive capture, context, end', async () => {
    const plain = await startLocalServer()
    const post = (path: string, body: unknown) => plain.send('POST', path, { body })
    const steps = [
      await plain.send('GET', '/health'),
      await post('/sessions', { id: 'ses_1', project: 'my-app', directory: '/home/user/my app' }),
      await post('/prompts', { session_id: 'ses_1', content: 'please fix the crane', project: 'my-app' }),
      await post('/observations/passive', {
        session_id: 'ses_1',
        project: 'my-app',
        source: 'subagent-stop',
        content: '### Aprendizajes\n- La grúa necesita aceite cada semana\n',
      }),
      await plain.send('GET', '/context?project=my-app&compact=1&pinned=20&max_bytes=16384'),
      await plain.send('GET', '/observations/recent?project=my-app&limit=1'),
      await plain.send('POST', '/sessions/ses_1/end'),
    ]
    expect(steps.map((step) => step.status)).toEqual([200, 201, 201, 200, 200, 200, 200])
    expect(steps[4]?.json['context']).toContain('please fix the crane')
    expect(steps[5]?.json[0]).toMatchObject({ type: 'passive', tool_name: 'subagent-stop' })
    await plain.close()
  })
})

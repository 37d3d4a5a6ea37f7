import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseYaml } from '../../src/platform/yaml.ts'
import { openApi } from '../../src/server/routes/live/openapi.ts'
import { serverConfig } from '../../src/cli/server-config.ts'
import { startLocalServer, type Answer, type Json, type LocalServer } from './http/local-server.ts'
import { sendRaw } from './http/raw-connection.ts'

let server: LocalServer
beforeAll(async () => {
  server = await startLocalServer()
})
afterAll(() => server.close())

const post = (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
  server.send('POST', path, { body, headers })
const get = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
  server.send('GET', path, { headers })
const unitIn = (answer: Answer): Json => answer.json['work_unit'] as Json

const kindOf = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'list' : Number.isInteger(value) ? 'integer' : typeof value

/** A decoder as strict as Go's: every member it knows has its type, or the whole is refused. */
function decodeStrictly(value: unknown, shape: Readonly<Record<string, string>>): void {
  const known = Object.entries(value as Json).filter(([key]) => Object.hasOwn(shape, key))
  for (const [key, one] of known) expect(`${key} ${kindOf(one)}`).toBe(`${key} ${shape[key]}`)
  // Go matches names whatever their case: no other member may equal one of its names so.
  const lower = Object.keys(value as Json).map((key) => key.toLowerCase())
  expect(new Set(lower).size).toBe(lower.length)
}
const goUnit = {
  id: 'string',
  context_id: 'string',
  agent_id: 'string',
  type: 'integer',
  ts: 'object',
  meta: 'object',
  payload: 'string',
  relationships: 'list',
}
const goLock = { resource_path: 'string', holder_agent: 'string', expires_at: 'object', lock_id: 'string' }

describe('units on the un-prefixed routes', () => {
  it('COL-504 a unit makes its context, whose first member is its agent', async () => {
    const answer = await post('/workunit', { context_id: 'made', agent_id: 'a', type: 'MESSAGE', payload: 'Hello' })
    expect(answer.status).toBe(201)
    expect(answer.json).toMatchObject({ duplicate: false, durability: 'normal' })
    const context = await get('/contexts/made')
    expect(context.json['context']).toMatchObject({ id: 'made', agent_ids: ['a'], version: 1 })
    expect(context.headers.get('etag')).toBe('"v1"')
  })

  it.each([
    ['no context', { agent_id: 'a' }, 'missing_context_id', 'Context ID is required'],
    ['no agent', { context_id: 'made' }, 'missing_agent_id', 'Agent ID is required'],
    ['an unknown type', { context_id: 'made', agent_id: 'a', type: 'SONG' }, 'invalid_type', ''],
    ['a type that is neither', { context_id: 'made', agent_id: 'a', type: {} }, 'invalid_type', ''],
    [
      'text under a numeric type',
      { context_id: 'made', agent_id: 'a', type: 1, payload: 'Hé!' },
      'invalid_payload',
      '',
    ],
    ['meta that is no text', { context_id: 'made', agent_id: 'a', meta: { k: 1 } }, 'invalid_request', ''],
  ])('COL-504 COL-403 refuses %s', async (_name, body, code, sentence) => {
    const answer = await post('/workunit', body)
    expect([answer.status, answer.json['code']]).toEqual([400, code])
    expect(answer.json['error']).toContain(sentence)
  })

  it.each([
    ['a number means base64', { type: 1, payload: 'SGVsbG8' }, 'SGVsbG8='],
    ['four letters under a number are three bytes', { type: 1, payload: 'Test' }, 'Test'],
    ['a name means text', { type: 'MESSAGE', payload: 'SGVsbG8=' }, 'U0dWc2JHOD0='],
    ['no type means text', { payload: 'Hello' }, 'SGVsbG8='],
    ['the encoding that is named decides', { type: 1, payload: 'Hello', payload_encoding: 'utf8' }, 'SGVsbG8='],
    ['payload_base64 is what it says', { type: 'MESSAGE', payload_base64: '_w==' }, '/w=='],
    ['none is empty', { type: 1, payload: null }, undefined],
  ])('COL-402 payload: %s', async (_name, members, base64) => {
    const { id } = unitIn(await post('/workunit?encoding=v3', { context_id: 'p', agent_id: 'a', ...members }))
    expect(unitIn(await get(`/workunit/${String(id)}`))['payload']).toBe(base64)
  })

  it('COL-401 COL-406 the encoding follows the type of the request, and what is asked beats it', async () => {
    const body = { context_id: 'e', agent_id: 'a', payload: 'aGk=' }
    const number = unitIn(await post('/workunit', { ...body, type: 1 }))
    const name = unitIn(await post('/workunit', { ...body, type: 'message' }))
    const asked = unitIn(await post('/workunit', { ...body, type: 1 }, { Accept: 'application/vnd.engram.v1+json' }))
    expect([kindOf(number['type']), kindOf(number['ts'])]).toEqual(['integer', 'object'])
    expect(number).not.toHaveProperty('meta')
    expect([name['type'], kindOf(name['ts']), name['meta']]).toEqual(['MESSAGE', 'string', {}])
    expect([asked['type'], asked['payload']]).toEqual(['MESSAGE', 'hi'])
  })

  it('COL-404 COL-409 any content type, `target`, unknown members, the header as agent', async () => {
    const raw = JSON.stringify({ context_id: 'd', type: '5', relationships: [{ target: 'x' }], colour: 'red' })
    const headers = { 'X-Agent-ID': 'header-agent', 'Content-Type': 'text/plain' }
    const answer = await server.send('POST', '/workunit?encoding=v3', { raw, headers })
    const unit = unitIn(answer)
    expect(unit).toMatchObject({ agent_id: 'header-agent', type: 5 })
    expect(unit['relationships']).toEqual([{ target_id: 'x', type: 0 }])
  })

  it('COL-506 pages oldest first, an empty cursor exactly at the end, an unknown context is empty', async () => {
    for (let n = 1; n <= 5; n++) await post('/workunit', { context_id: 'list', agent_id: 'a', payload: String(n) })
    const first = await get('/workunits/list?limit=3&encoding=v1')
    const rest = await get(`/workunits/list?limit=3&encoding=v1&cursor=${String(first.json['next_cursor'])}`)
    const payloads = (answer: Answer): unknown[] => (answer.json['work_units'] as Json[]).map((one) => one['payload'])
    expect([payloads(first), payloads(rest)]).toEqual([
      ['1', '2', '3'],
      ['4', '5'],
    ])
    expect([first.json['next_cursor'] === '', rest.json['next_cursor']]).toEqual([false, ''])
    expect(payloads(await get('/workunits/list?reverse=true&limit=2&encoding=v1'))).toEqual(['5', '4'])
    expect((await get('/workunits/list?limit=-4&encoding=v1')).json['work_units']).toHaveLength(5)
    expect((await get('/workunits/nobody')).json).toEqual({ work_units: [], next_cursor: '' })
    const other = await get('/workunits/made?encoding=v1')
    const stolen = await get(`/workunits/list?cursor=${String((other.json['work_units'] as Json[])[0]?.['cursor'])}`)
    expect([stolen.status, stolen.json['code']]).toEqual([400, 'invalid_cursor'])
    expect((await get(`/workunits/list?cursor=c1_00000000_ffffffff_0000000000000001`)).status).toBeGreaterThanOrEqual(
      400,
    )
  })

  it('COL-512 COL-403 search by word; an unknown type never widens', async () => {
    await post('/workunit', { context_id: 's', agent_id: 'finder', type: 'MESSAGE', payload: 'the heron stands' })
    const found = await post('/search', { query: 'heron', context_id: 's', limit: 5, include_units: true })
    expect(found.json).toMatchObject({ total_count: 1, limit: 5, offset: 0, units: [{ agent_id: 'finder', type: 1 }] })
    const refused = await post('/search', { query: 'heron', types: ['SONG'] })
    expect([refused.status, refused.json['code']]).toEqual([400, 'invalid_type'])
    expect((await post('/search', { query: 'heron absent' })).json['total_count']).toBe(0)
  })
})

describe('COL-408 COL-C5 requests as the Go client sends them', () => {
  const go = { 'User-Agent': 'Go-http-client/1.1', 'X-Agent-ID': 'go-agent' }

  it('COL-408 the query inside the path, and only for that client', async () => {
    const body = { context_id: 'go', agent_id: 'go-agent', type: 1, payload: 'SGVsbG8=' }
    const made = await post('/workunit', body, go)
    decodeStrictly(unitIn(made), goUnit)
    await post('/workunit', body, go)
    const listed = await get('/workunits/go%3Flimit=1&cursor=', go)
    expect(listed.json['work_units']).toHaveLength(1)
    for (const unit of listed.json['work_units'] as Json[]) decodeStrictly(unit, goUnit)
    expect(listed.json['next_cursor']).not.toBe('')
    const next = await get(`/workunits/go%3Flimit=1&cursor=${String(listed.json['next_cursor'])}`, go)
    expect(next.json).toMatchObject({ work_units: [{}], next_cursor: '' })
    expect((await get('/workunits/go%3Flimit=1&cursor=')).json['work_units']).toEqual([])
    expect((await get('/workunits/go%3Fcolour=1', go)).json['work_units']).toEqual([])
  })

  it('COL-408 COL-510 locks whose paths are encoded twice', async () => {
    const made = await post('/locks', { resource_path: '/test/r', agent_id: 'go-agent', ttl_seconds: 30 }, go)
    const lock = made.json['lock'] as Json
    decodeStrictly(lock, goLock)
    expect((await get('/locks/%252Ftest%252Fr', go)).json['lock']).toMatchObject({ lock_id: lock['lock_id'] })
    expect((await get('/locks/%252Ftest%252Fr')).status).toBe(404)
    const path = `/locks/%252Ftest%252Fr%3Fagent_id=go-agent&lock_id=${String(lock['lock_id'])}`
    expect((await server.send('DELETE', path, { headers: go })).json).toEqual({ released: true })
  })
})

describe('contexts and locks', () => {
  it('COL-507 COL-508 a patch makes the context, and If-Match guards it', async () => {
    const made = await server.send('PATCH', '/contexts/room', { body: { display_name: 'Room', add_agents: ['a'] } })
    expect([made.status, made.headers.get('etag')]).toEqual([200, '"v1"'])
    const change = { body: { add_agents: ['b'] }, headers: { 'If-Match': '"v1"' } }
    expect((await server.send('PATCH', '/contexts/room', change)).headers.get('etag')).toBe('"v2"')
    expect(await server.send('PATCH', '/contexts/room', change)).toMatchObject({
      status: 412,
      json: { code: 'version_mismatch' },
    })
    expect(await get('/contexts/nobody')).toMatchObject({ status: 404, json: { error: 'Context not found' } })
  })

  it('COL-509 COL-510 COL-511 a lock with slashes, its sentences and its statuses', async () => {
    const acquire = (agent: string) => post('/locks', { resource_path: '/a//b', agent_id: agent, ttl_seconds: 0 })
    const first = (await acquire('x')).json['lock'] as Json
    expect(first).toMatchObject({ resource_path: '/a//b', holder_agent: 'x', ttl_ms: 60_000, fencing_token: 1 })
    expect((await acquire('x')).json['lock']).toMatchObject({ lock_id: first['lock_id'], fencing_token: 1 })
    const refused = await acquire('y')
    expect([refused.status, refused.json['code']]).toEqual([409, 'lock_held'])
    expect(refused.json['error']).toMatch(/^resource '\/a\/\/b' is locked by agent 'x' until \d{4}-/)
    expect((await get('/locks//a//b')).json['lock']).toMatchObject({ holder_agent: 'x' })
    const release = (query: string, headers = {}) => server.send('DELETE', `/locks//a//b?${query}`, { headers })
    const id = String(first['lock_id'])
    expect(await release(`agent_id=y&lock_id=${id}`)).toMatchObject({
      status: 400,
      json: { error: 'lock is held by another agent', code: 'lock_not_owner' },
    })
    expect(await release('agent_id=x&lock_id=other')).toMatchObject({
      status: 400,
      json: { error: 'lock ID mismatch' },
    })
    expect(await release('agent_id=x')).toMatchObject({ status: 400, json: { code: 'missing_lock_id' } })
    expect((await release(`agent_id=y&lock_id=${id}`, { 'X-Agent-ID': 'x' })).json).toEqual({ released: true })
    expect(await release(`agent_id=x&lock_id=${id}`)).toMatchObject({
      status: 404,
      json: { error: 'Lock not found or already released' },
    })
    expect(await get('/locks//a//b')).toMatchObject({ status: 404, json: { error: 'Lock not found or expired' } })
  })
})

describe('/v1', () => {
  it('COL-601 COL-602 COL-615 contexts', async () => {
    expect((await post('/v1/contexts', { id: 'v/1', display_name: 'V' })).status).toBe(201)
    expect(await post('/v1/contexts', { id: 'v/1' })).toMatchObject({ status: 409, json: { code: 'id_conflict' } })
    expect((await get('/v1/contexts/v%2F1')).json['context']).toMatchObject({ id: 'v/1', agent_ids: [], meta: {} })
    const cleared = await server.send('PATCH', '/v1/contexts/v%2F1', { body: { display_name: null, meta: { k: 'v' } } })
    expect(cleared.json['context']).toMatchObject({ display_name: '', meta: { k: 'v' } })
    expect((await get('/v1/contexts?prefix=v/')).json['contexts']).toHaveLength(1)
    expect((await post('/v1/contexts/v%2F1/archive', {})).json['context']).toMatchObject({ status: 'archived' })
    const late = await post('/v1/contexts/v%2F1/units', { type: 1, agent_id: 'a' })
    expect([late.status, late.json['code']]).toEqual([409, 'context_archived'])
    expect((await post('/v1/contexts/v%2F1/restore', {})).status).toBe(200)
    expect(await get('/v1/contexts/nobody')).toMatchObject({ status: 404, json: { code: 'context_not_found' } })
  })

  it('COL-603 COL-604 COL-605 COL-606 units and events', async () => {
    await post('/v1/contexts', { id: 'u' })
    const made = await post('/v1/contexts/u/units', { type: 'MESSAGE', payload: 'one' }, { 'X-Agent-ID': 'a' })
    expect(made).toMatchObject({ status: 201, json: { unit: { seq: 2, payload: 'one' }, duplicate: false } })
    const { id } = made.json['unit'] as Json
    expect((await get(`/v1/units/${String(id)}`)).json['unit']).toEqual(made.json['unit'])
    const list = await get('/v1/contexts/u/units?limit=1')
    expect(list.json).toMatchObject({ units: [made.json['unit']], at_tail: true })
    const later = await get(`/v1/contexts/u/units?cursor=${String(list.json['next_cursor'])}`)
    expect(later.json).toEqual({ units: [], next_cursor: list.json['next_cursor'], at_tail: true })
    const events = await get('/v1/contexts/u/events')
    expect((events.json['events'] as Json[]).map((one) => [one['seq'], one['kind']])).toEqual([
      [1, 'context.created'],
      [2, 'unit.created'],
    ])
    expect(await post('/v1/contexts/nobody/units', { type: 1, agent_id: 'a' })).toMatchObject({ status: 404 })
    expect(await get('/v1/contexts/nobody/units')).toMatchObject({ status: 404, json: { code: 'context_not_found' } })
  })

  it('COL-605 a long poll answers as soon as something comes', async () => {
    await post('/v1/contexts', { id: 'poll' })
    const waiting = get('/v1/contexts/poll/events?cursor=now&wait_ms=10000')
    await new Promise((resolve) => setTimeout(resolve, 150))
    await post('/v1/contexts/poll/units', { type: 1, agent_id: 'a', payload: 'news' })
    expect((await waiting).json['events']).toMatchObject([{ kind: 'unit.created' }])
  })

  it.each([
    ['an unknown member', '/v1/contexts/u/units', { type: 1, agent_id: 'a', colour: 1 }, 'colour'],
    [
      'one further in',
      '/v1/contexts/u/units',
      { type: 1, agent_id: 'a', relationships: [{ target_id: 'x', target: 'y' }] },
      'relationships[0].target',
    ],
    ['no type', '/v1/contexts/u/units', { agent_id: 'a' }, ''],
    ['a lease that is too short', '/v1/locks', { resource_path: 'r', agent_id: 'a', ttl_ms: 1 }, 'ttl_ms'],
    ['no resource', '/v1/locks', { agent_id: 'a' }, 'resource_path'],
  ])('COL-404 COL-1204 refuses %s', async (_name, path, body, told) => {
    const answer = await post(path, body)
    expect(answer.status).toBe(400)
    expect(answer.json['error']).toContain(told)
  })

  it('COL-404 a misspelt filter is refused, and a body must say that it is JSON', async () => {
    expect((await get('/v1/contexts/u/units?typ=ERROR')).status).toBe(400)
    expect((await get('/v1/contexts/u/units?types=SONG')).json['code']).toBe('invalid_type')
    const plain = { raw: '{}', headers: { 'Content-Type': 'text/plain' } }
    expect((await server.send('POST', '/v1/contexts', plain)).status).toBe(415)
  })

  it('COL-607 COL-608 COL-609 locks', async () => {
    const made = await post('/v1/locks', { resource_path: 'v1/r', agent_id: 'a', ttl_ms: 5_000 })
    const { lock_id: id } = made.json['lock'] as Json
    expect((await get('/v1/lock?resource=v1/r')).json['lock']).toMatchObject({ lock_id: id })
    expect((await get('/v1/locks?prefix=v1/')).json['locks']).toHaveLength(1)
    const renewed = await post('/v1/lock/renew', { resource_path: 'v1/r', agent_id: 'a', lock_id: id, ttl_ms: 9_000 })
    expect(renewed.json['lock']).toMatchObject({ ttl_ms: 9_000, fencing_token: 1 })
    const waiting = post('/v1/locks', { resource_path: 'v1/r', agent_id: 'b', wait_timeout_ms: 5_000 })
    await new Promise((resolve) => setTimeout(resolve, 100))
    const path = `/v1/lock?resource=v1/r&agent_id=a&lock_id=${String(id)}`
    expect((await server.send('DELETE', path)).json).toEqual({ released: true })
    expect((await waiting).json['lock']).toMatchObject({ holder_agent: 'b', fencing_token: 2 })
  })

  it('COL-1211 a caller that left is never granted the lock it waited for', async () => {
    const held = await post('/v1/locks', { resource_path: 'left', agent_id: 'a' })
    const leaving = new AbortController()
    const gone = fetch(`http://127.0.0.1:${server.port}/v1/locks`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ resource_path: 'left', agent_id: 'b', wait_timeout_ms: 20_000 }),
      signal: leaving.signal,
    }).catch(() => 'left')
    await new Promise((resolve) => setTimeout(resolve, 100))
    leaving.abort()
    expect(await gone).toBe('left')
    await new Promise((resolve) => setTimeout(resolve, 100))
    const { lock_id: id } = held.json['lock'] as Json
    await server.send('DELETE', `/v1/lock?resource=left&agent_id=a&lock_id=${String(id)}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect((await get('/v1/lock?resource=left')).status).toBe(404)
  })

  it('COL-1301 the same key again is the first answer, another body is refused', async () => {
    const headers = { 'Idempotency-Key': 'k-1', 'X-Agent-ID': 'a' }
    const first = await post('/v1/contexts/u/units', { type: 1, payload: 'once' }, headers)
    const again = await post('/v1/contexts/u/units', { type: 1, payload: 'once' }, headers)
    expect(again.json).toEqual(first.json)
    expect([first.headers.get('idempotent-replayed'), again.headers.get('idempotent-replayed')]).toEqual([null, 'true'])
    const other = await post('/v1/contexts/u/units', { type: 1, payload: 'twice' }, headers)
    expect([other.status, other.json['code']]).toEqual([422, 'idempotency_mismatch'])
  })

  it('COL-205 durability is asked for, and named', async () => {
    const answer = await post('/v1/contexts/u/units', { type: 1, agent_id: 'a' }, { 'X-Engram-Durability': 'full' })
    expect([answer.json['durability'], answer.headers.get('x-engram-durability')]).toEqual(['full', 'full'])
  })

  it('COL-1206 a guarded write with an old token is refused', async () => {
    const lock = { resource_path: 'guard', agent_id: 'a' }
    const { lock_id: id } = (await post('/v1/locks', lock)).json['lock'] as Json
    await server.send('DELETE', `/v1/lock?resource=guard&agent_id=a&lock_id=${String(id)}`)
    await post('/v1/locks', { ...lock, agent_id: 'b' })
    const late = { type: 1, agent_id: 'a', fence: { resource_path: 'guard', token: 1 } }
    expect(await post('/v1/contexts/u/units', late)).toMatchObject({ status: 412, json: { code: 'fenced' } })
  })

  it('COL-407 a request id is taken over when it is plain', async () => {
    expect((await get('/v1/contexts', { 'X-Request-ID': 'mine_1' })).headers.get('x-request-id')).toBe('mine_1')
    expect((await get('/v1/contexts', { 'X-Request-ID': 'no way' })).headers.get('x-request-id')).not.toBe('no way')
  })
})

describe('documents and probes', () => {
  it('COL-620 the document names every route, with the members its operation takes', async () => {
    const document = await get('/v1/openapi.json')
    const paths = document.json['paths'] as Readonly<Record<string, Readonly<Record<string, Json>>>>
    for (const [path, methods] of Object.entries(paths)) {
      for (const method of Object.keys(methods)) {
        const real = path.replaceAll(/\{\w+\}/g, 'nobody')
        const answer = path.includes('stream')
          ? { status: 200 }
          : await server.send(method.toUpperCase(), real, method === 'get' || method === 'delete' ? {} : { body: {} })
        expect(`${method} ${path} ${answer.status === 405 || answer.status >= 500}`).toBe(`${method} ${path} false`)
      }
    }
    const append = paths['/v1/contexts/{id}/units']?.['post'] as {
      requestBody: { content: Record<string, { schema: Json }> }
    }
    const { schema } = append.requestBody.content['application/json'] ?? { schema: {} }
    expect(Object.keys(schema['properties'] as Json)).toEqual(
      expect.arrayContaining(['type', 'payload', 'fence', 'meta']),
    )
    expect(Object.keys(schema['properties'] as Json)).not.toContain('context_id')
    expect(openApi([], '1')['paths']).toEqual({})
  })

  it('COL-501 COL-502 liveness and readiness', async () => {
    for (const path of ['/healthz', '/readyz']) {
      const answer = await fetch(`http://127.0.0.1:${server.port}${path}`)
      expect([answer.status, await answer.text()]).toEqual([200, 'OK'])
    }
  })

  it('COL-503 COL-2001 metrics: no name twice, no id in a label', async () => {
    await get('/workunits/secret-context')
    const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text()
    const names = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name)
    expect(new Set(names).size).toBe(names.length)
    expect(names).toEqual(
      expect.arrayContaining([
        'engram_api_requests_total',
        'engram_work_units_total',
        'engram_locks_active',
        'engram_search_queries_total',
        'engram_wal_batch_size',
        'engram_uptime_seconds',
      ]),
    )
    expect(text).toContain('path="/workunits/{contextId}"')
    expect(text).not.toContain('secret-context')
    for (const line of text.split('\n').filter((one) => one !== '' && !one.startsWith('#'))) {
      expect(line).toMatch(/^[a-z_]+(\{.*\})? (-?[\d.e+-]+|NaN|\+Inf)$/)
    }
  })

  it('COL-2001 commits are counted, and what a synced one took', async () => {
    const metric = async (name: string): Promise<number> => {
      const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text()
      return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN)
    }
    const names = ['engram_wal_batch_size_count', 'engram_wal_batch_size_sum', 'engram_wal_sync_duration_seconds_count']
    const before = await Promise.all(names.map(metric))
    const unit = { context_id: 'counted', agent_id: 'a', type: 'MESSAGE', payload: 'x' }
    const headers = { 'X-Engram-Durability': 'full' }
    for (let n = 0; n < 3; n++)
      expect((await server.send('POST', '/workunit', { body: unit, headers })).status).toBe(201)
    const after = await Promise.all(names.map(metric))
    for (const [at, count] of after.entries()) expect(count).toBeGreaterThanOrEqual((before[at] ?? Number.NaN) + 3)
  })

  it('COL-518 OPTIONS and HEAD work, an unknown method says what is allowed', async () => {
    const options = await fetch(`http://127.0.0.1:${server.port}/locks/a/b`, { method: 'OPTIONS' })
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'DELETE, GET'])
    expect((await fetch(`http://127.0.0.1:${server.port}/v1/contexts`, { method: 'HEAD' })).status).toBe(200)
    expect((await server.send('PUT', '/v1/contexts')).status).toBe(405)
  })
})

describe('COL-P11 W11 hostile input', () => {
  const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
  it.each([
    ['nesting', `{"context_id":"h","agent_id":"a","meta":${nested(40)}}`, 400],
    ['a body over the limit', `{"context_id":"h","agent_id":"a","payload":"${'x'.repeat(1_100_000)}"}`, 413],
    ['no JSON', '{"context_id":', 400],
    ['a list', '[]', 400],
    ['a NUL in an id', '{"context_id":"h\\u0000","agent_id":"a"}', 400],
    ['a lone surrogate in an id', '{"context_id":"\\ud800","agent_id":"a"}', 400],
    ['a reserved id', '{"context_id":"$locks","agent_id":"a"}', 400],
    ['a number beyond numbers', '{"context_id":"h","agent_id":"a","type":1e999}', 400],
    ['a huge sequence', '{"context_id":"h","agent_id":"a","expected_last_seq":1e300}', 400],
    [
      '65 meta keys',
      `{"context_id":"h","agent_id":"a","meta":${JSON.stringify(Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`k${at}`, 'v'])))}}`,
      400,
    ],
  ])('COL-405 COL-1901 %s', async (_name, raw, status) => {
    const answer = await server.send('POST', '/workunit', { raw, headers: { 'Content-Type': 'application/json' } })
    expect(answer.status).toBe(status)
    expect((await get('/workunits/h')).json['work_units']).toEqual([])
  })

  it('COL-405 names of prototypes are plain data', async () => {
    const raw = '{"context_id":"proto","agent_id":"a","type":"MESSAGE","meta":{"__proto__":"x","constructor":"y"}}'
    const answer = await server.send('POST', '/workunit', { raw, headers: { 'Content-Type': 'application/json' } })
    expect(answer.status).toBe(201)
    expect(answer.text).toContain('"__proto__":"x"')
    expect(({} as Json)['x']).toBeUndefined()
  })

  it.each([
    ['a percent escape that is none', 'GET /workunits/%ff HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'],
    ['an escape of a lock', 'GET /locks/%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'],
  ])('COL-P11 %s is 400', async (_name, request) => {
    expect((await sendRaw(server.port, request)).status).toBe(400)
  })

  it('COL-701 COL-704 every changed byte of a cursor is refused or gone, never a silent skip', async () => {
    await post('/v1/contexts', { id: 'cur' })
    const made = await post('/v1/contexts/cur/units', { type: 1, agent_id: 'a' })
    const cursor = String((made.json['unit'] as Json)['cursor'])
    for (let at = 0; at < cursor.length - 16; at++) {
      const changed = `${cursor.slice(0, at)}${cursor[at] === '1' ? '2' : '1'}${cursor.slice(at + 1)}`
      const { status } = await get(`/v1/contexts/cur/units?cursor=${changed}`)
      expect(`${at} ${status === 400 || status === 410}`).toBe(`${at} true`)
    }
    const ahead = await get(`/v1/contexts/cur/units?cursor=${cursor.slice(0, -4)}ffff`)
    expect([ahead.status, ahead.json['code']]).toEqual([410, 'cursor_gone'])
    expect(ahead.json['details']).toMatchObject({ reason: 'ahead' })
  })
})

describe('other servers', () => {
  it('COL-1908 a flood from one client is slowed, others are not', async () => {
    const { defaultServerSettings } = await import('../../src/model/server-settings.ts')
    const rateLimit = { perMinute: 600, perSecond: 10, socketMessagesPerSecond: 20 }
    const limited = await startLocalServer({ server: { ...defaultServerSettings, rateLimit } })
    const ask = (agent: string) => limited.send('GET', '/v1/contexts', { headers: { 'X-Agent-ID': agent } })
    const flood = await Promise.all(Array.from({ length: 40 }, () => ask('flood')))
    const refused = flood.filter(({ status }) => status === 429)
    expect(refused.length).toBeGreaterThan(20)
    expect(refused[0]?.json).toMatchObject({ code: 'rate_limited', details: { limit: 10 } })
    expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    expect((await ask('calm')).status).toBe(200)
    await limited.close()
  })

  it('COL-1502 W3 with auth every route but the probes wants the token', async () => {
    const { defaultServerSettings } = await import('../../src/model/server-settings.ts')
    const guarded = await startLocalServer({
      token: 'secret-of-this-test',
      server: { ...defaultServerSettings, isAuthRequired: true },
    })
    const bearer = { Authorization: 'Bearer secret-of-this-test' }
    expect((await guarded.send('GET', '/v1/contexts')).status).toBe(401)
    expect((await guarded.send('GET', '/v1/contexts?token=secret-of-this-test')).status).toBe(401)
    expect((await guarded.send('GET', '/v1/contexts', { headers: { Authorization: 'Bearer stolen' } })).status).toBe(
      401,
    )
    expect((await guarded.send('GET', '/metrics')).status).toBe(401)
    expect((await guarded.send('GET', '/v1/contexts', { headers: bearer })).status).toBe(200)
    expect((await fetch(`http://127.0.0.1:${guarded.port}/healthz`)).status).toBe(200)
    await guarded.close()
  })

  it('COL-1502 COL-R26 a listed site may ask and read, and no other', async () => {
    const { defaultServerSettings } = await import('../../src/model/server-settings.ts')
    const listed = await startLocalServer({
      server: { ...defaultServerSettings, corsOrigins: ['https://app.example'] },
    })
    const ask = (origin: string, method: string, more: Readonly<Record<string, string>> = {}) =>
      sendRaw(
        listed.port,
        [
          `${method} /v1/contexts HTTP/1.1`,
          'Host: localhost',
          `Origin: ${origin}`,
          'Sec-Fetch-Site: cross-site',
          ...Object.entries(more).map(([name, value]) => `${name}: ${value}`),
          'Connection: close',
          '\r\n',
        ].join('\r\n'),
      )
    const answer = await ask('https://app.example', 'GET')
    expect(answer.status).toBe(200)
    expect(answer.text.toLowerCase()).toContain('access-control-allow-origin: https://app.example')
    const preflight = await ask('https://app.example', 'OPTIONS', { 'Access-Control-Request-Method': 'POST' })
    expect(preflight.status).toBe(204)
    expect(preflight.text).toContain('X-Agent-ID')
    expect((await ask('https://evil.example', 'GET')).status).toBe(403)
    await listed.close()
  })

  it('COL-1805 a file of the Go program has effects or remarks, key by key', () => {
    const file = parseYaml(goConfig) as Readonly<Record<string, unknown>>
    const { settings, engine, warnings } = serverConfig(file)
    expect(settings).toMatchObject({
      bodyBytesMax: 2_097_152,
      heartbeatMs: 7_000,
      connectionsMax: 500,
      rateLimit: { perMinute: 60, perSecond: 2, socketMessagesPerSecond: 5 },
      metricsPath: '/m',
    })
    expect(engine).toMatchObject({ lockTtlMs: 90_000, locksPerAgentMax: 7, lockSweepMs: 10_000, walBatchSize: 64 })
    expect(warnings.join('\n')).toContain('router.max_buffer_size')
    expect(warnings.join('\n')).toContain('did you mean server.max_body_size?')
    expect(warnings.some((one) => one.startsWith('storage.data_dir'))).toBe(false)
  })
})

const goConfig = `
server: { addr: ':8080', max_body_size: 2097152, max_body_sise: 1, read_timeout: 5 }
storage: { data_dir: ./data, wal_batch_size: 64, cache_size: 10 }
router: { max_buffer_size: 100 }
notifier: { max_idle_time: 30, heartbeat_interval: 7, max_connections: 500 }
locks: { default_ttl: 90, cleanup_interval: 10, max_locks_per_agent: 7 }
search: { engine: badger, update_interval_ms: 200, default_limit: 50 }
auth: { enabled: false, jwt_secret: change-me-in-production }
logging: { level: debug, format: json }
metrics: { enabled: true, endpoint: /m, interval: 15 }
rate_limit: { enabled: true, rpm: 60, rps: 2, ws_messages_per_second: 5 }
`

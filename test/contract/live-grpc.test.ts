import { status } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { grpcClient, type Called, type CallOptions, type GrpcClient, type Message } from './grpc/go-grpc-client.ts'
import { startLocalServer, type LocalServer } from './http/local-server.ts'

const loopback = { host: '127.0.0.1', port: 0 }

let server: LocalServer
/** As a program of the Go server has it, and as one that knows what is ours. */
let kept: GrpcClient
let ours: GrpcClient
beforeAll(async () => {
  server = await startLocalServer({ grpc: loopback })
  kept = grpcClient(server.grpc, 'kept')
  ours = grpcClient(server.grpc, 'ours')
})
afterAll(async () => {
  kept.close()
  ours.close()
  await server.close()
})

async function done(client: GrpcClient, name: string, request: object, options?: CallOptions): Promise<Message> {
  const called = await client.call(name, request, options)
  if (!('message' in called)) throw new Error(`${name}: ${called.code} ${called.details}`)
  return called.message
}

async function refused(client: GrpcClient, name: string, request: object, options?: CallOptions) {
  const called: Called = await client.call(name, request, options)
  if ('message' in called) throw new Error(`${name} was not refused`)
  const [code] = called.metadata.get('engram-code')
  return { status: status[called.code], code, details: called.details }
}

const unit = (members: object = {}): object => ({
  context_id: 'c',
  agent_id: 'a',
  type: 'MESSAGE',
  payload: Buffer.from('Hello'),
  ...members,
})
type Unit = { readonly id: string; readonly seq: number; readonly cursor: string; readonly payload: Buffer }
const unitIn = (message: Message): Unit => message['unit'] as Unit

describe('the seven calls, by a client of the kept contract', () => {
  it('COL-302 COL-C3 a unit is made with its context, got and listed', async () => {
    const meta = Object.fromEntries([
      ['k', 'v'],
      ['__proto__', 'data'],
    ])
    const relationships = [{ target_id: 'elsewhere', type: 'CAUSES', meta: { why: 'x' } }]
    const made = unitIn(await done(kept, 'CreateWorkUnit', unit({ context_id: 'made', meta, relationships })))
    expect(made).toMatchObject({ context_id: 'made', agent_id: 'a', type: 1, relationships: [{ type: 2 }] })
    expect(Object.entries((made as unknown as { meta: object }).meta)).toEqual(Object.entries(meta))
    expect(made.payload.toString()).toBe('Hello')
    expect(await done(kept, 'GetWorkUnit', { id: made.id })).toEqual({ unit: made })
    expect(await done(kept, 'ListWorkUnits', { context_id: 'made' })).toEqual({ units: [made], next_cursor: '' })
    const context = await server.caller.call('context.get', { id: 'made' })
    expect(context.context).toMatchObject({ agent_ids: ['a'], version: 1 })
  })

  it('COL-302 COL-306 an enum is a number: UNKNOWN is one, another is refused', async () => {
    const unknown = unitIn(await done(kept, 'CreateWorkUnit', unit({ context_id: 'types', type: 0 })))
    expect(unknown).toMatchObject({ type: 0 })
    for (const type of [9, 99, -1]) {
      const at = { context_id: 'types', type }
      expect(await refused(kept, 'CreateWorkUnit', unit(at))).toMatchObject({
        status: 'INVALID_ARGUMENT',
        code: 'invalid_type',
      })
    }
    const related = { context_id: 'types', relationships: [{ target_id: 'x', type: 8 }] }
    expect(await refused(kept, 'CreateWorkUnit', unit(related))).toMatchObject({ code: 'invalid_type' })
    expect(await refused(kept, 'Search', { types: [12] })).toMatchObject({ code: 'invalid_type' })
    expect(await refused(ours, 'Search', { mode: 4 })).toMatchObject({ status: 'INVALID_ARGUMENT' })
    expect(await refused(ours, 'AcquireLock', { resource_path: 'r', agent_id: 'a', mode: 7 })).toMatchObject({
      status: 'INVALID_ARGUMENT',
    })
    expect((await done(kept, 'ListWorkUnits', { context_id: 'types' }))['units']).toHaveLength(1)
  })

  it('COL-302 pages forward and back by cursor; an unknown context is empty', async () => {
    for (const payload of ['1', '2', '3']) {
      await done(kept, 'CreateWorkUnit', unit({ context_id: 'pages', payload: Buffer.from(payload) }))
    }
    const walk = async (reverse: boolean): Promise<string> => {
      const read: string[] = []
      for (let cursor = ''; ;) {
        const page = await done(kept, 'ListWorkUnits', { context_id: 'pages', limit: 2, cursor, reverse })
        read.push(...(page['units'] as readonly Unit[]).map(({ payload }) => payload.toString()))
        cursor = String(page['next_cursor'])
        if (cursor === '') return read.join('')
      }
    }
    expect(await walk(false)).toBe('123')
    expect(await walk(true)).toBe('321')
    expect(await done(kept, 'ListWorkUnits', { context_id: 'nowhere' })).toEqual({ units: [], next_cursor: '' })
    expect(await refused(kept, 'ListWorkUnits', { context_id: 'pages', cursor: 'c1_x' })).toMatchObject({
      status: 'INVALID_ARGUMENT',
      code: 'invalid_cursor',
    })
  })

  it('COL-302 a context is made and changed in the order of COL-1401', async () => {
    const first = { id: 'room', display_name: 'Room', add_agents: ['a', 'b'], remove_agents: ['a'], meta: { k: '1' } }
    expect((await done(kept, 'UpdateContext', first))['context']).toMatchObject({
      display_name: 'Room',
      agent_ids: ['a', 'b'],
      meta: { k: '1' },
    })
    const second = { id: 'room', remove_agents: ['a'], meta: { l: '2' } }
    expect((await done(kept, 'UpdateContext', second))['context']).toMatchObject({
      display_name: 'Room',
      agent_ids: ['b'],
      meta: { k: '1', l: '2' },
    })
  })

  it('COL-302 a lock is acquired, refused, kept for its holder and released', async () => {
    const wish = { resource_path: '/path/with spaces', agent_id: 'a' }
    const lock = (await done(kept, 'AcquireLock', wish))['lock'] as Message
    expect(lock).toMatchObject({ holder_agent: 'a', resource_path: wish.resource_path })
    expect((await done(kept, 'AcquireLock', { ...wish, ttl_seconds: 5 }))['lock']).toMatchObject({
      lock_id: lock['lock_id'],
    })
    const other = { ...wish, agent_id: 'b' }
    expect(await refused(kept, 'AcquireLock', other)).toMatchObject({ status: 'ABORTED', code: 'lock_held' })
    const wrong = { ...wish, lock_id: 'another' }
    expect(await refused(kept, 'ReleaseLock', wrong)).toMatchObject({ code: 'lock_id_mismatch' })
    expect(await done(kept, 'ReleaseLock', { ...wish, lock_id: lock['lock_id'] })).toEqual({ released: true })
    expect(await refused(kept, 'ReleaseLock', { ...wish, lock_id: lock['lock_id'] })).toMatchObject({
      status: 'NOT_FOUND',
    })
  })

  it('COL-302 search finds by words and filters, newest first, with a total before paging', async () => {
    for (const payload of ['harbour one', 'harbour two', 'sea three']) {
      await done(kept, 'CreateWorkUnit', unit({ context_id: 'found', payload: Buffer.from(payload) }))
    }
    const found = await done(kept, 'Search', { query: 'harbour', context_id: 'found', limit: 1, offset: 1 })
    expect(found).toMatchObject({ total_results: 2 })
    const [id] = found['unit_ids'] as readonly string[]
    expect(unitIn(await done(kept, 'GetWorkUnit', { id })).payload.toString()).toBe('harbour one')
    const withUnits = await done(ours, 'Search', { query: 'sea', context_ids: ['found'], include_units: true })
    expect(withUnits['hits']).toMatchObject([{ unit: { payload: Buffer.from('sea three') } }])
  })

  it.each([
    ['CreateWorkUnit', { agent_id: 'a' }, 'missing_context_id'],
    ['CreateWorkUnit', { context_id: 'c' }, 'missing_agent_id'],
    ['CreateWorkUnit', { context_id: 'c\n', agent_id: 'a' }, 'invalid_request'],
    ['CreateWorkUnit', { context_id: '$locks', agent_id: 'a' }, 'invalid_request'],
    ['UpdateContext', {}, 'missing_context_id'],
    ['AcquireLock', { agent_id: 'a' }, 'missing_resource_path'],
    ['AcquireLock', { resource_path: 'r' }, 'missing_agent_id'],
    ['ReleaseLock', { resource_path: 'r', agent_id: 'a' }, 'missing_lock_id'],
  ])('COL-302 %s refuses %j as %s', async (name, request, code) => {
    expect(await refused(kept, name, request)).toMatchObject({ status: 'INVALID_ARGUMENT', code })
  })

  it('COL-302 COL-1903 what is not there is NOT_FOUND', async () => {
    expect(await refused(kept, 'GetWorkUnit', { id: 'none' })).toMatchObject({
      status: 'NOT_FOUND',
      code: 'unit_not_found',
    })
  })
})

describe('what is ours', () => {
  it('COL-303 answers say seq, cursor, version, token and the time of the server', async () => {
    const at = { context_id: 'more', content_type: 'text/plain', thread_id: '01a00000-0000-7000-8000-000000000000' }
    const made = await done(ours, 'CreateWorkUnit', unit(at))
    expect(made).toMatchObject({
      duplicate: false,
      durability: 'normal',
      unit: { seq: 2, content_type: at.content_type, thread_id: at.thread_id, redacted: false },
    })
    const list = await done(ours, 'ListWorkUnits', { context_id: 'more' })
    expect(list).toMatchObject({ at_tail: true, tail_cursor: unitIn(made).cursor, next_cursor: '' })
    expect((await done(ours, 'UpdateContext', { id: 'more' }))['context']).toMatchObject({
      version: 1,
      status: 0,
      last_seq: 2,
      earliest_seq: 1,
      created_by: 'a',
    })
    const wish = { resource_path: 'token', agent_id: 'a', ttl_ms: 2_500, meta: { run: '7' }, context_id: 'more' }
    expect((await done(ours, 'AcquireLock', wish))['lock']).toMatchObject({
      fencing_token: 1,
      ttl_ms: 2_500,
      context_id: 'more',
      meta: { run: '7' },
    })
  })

  it('COL-303 filters of a list hold all', async () => {
    for (const [agent_id, type, k] of [
      ['a', 1, 'x'],
      ['b', 1, 'x'],
      ['a', 2, 'y'],
    ] as const) {
      await done(ours, 'CreateWorkUnit', unit({ context_id: 'filters', agent_id, type, meta: { k } }))
    }
    const count = async (filters: object): Promise<number> => {
      const { units } = await done(ours, 'ListWorkUnits', { context_id: 'filters', ...filters })
      return (units as readonly Unit[]).length
    }
    expect(await count({ types: [1] })).toBe(2)
    expect(await count({ types: [1, 2], agent_ids: ['a'] })).toBe(2)
    expect(await count({ meta_filters: { k: 'y' } })).toBe(1)
    expect(await count({ until: { seconds: 1 } })).toBe(0)
    expect(await count({ since: { seconds: 1, nanos: 5 } })).toBe(3)
    const bad = { context_id: 'filters', since: { seconds: 1, nanos: -1 } }
    expect(await refused(ours, 'ListWorkUnits', bad)).toMatchObject({ status: 'INVALID_ARGUMENT' })
  })

  it('COL-303 conditions: expected seq and version, fence, an own id, no new context', async () => {
    const refusal = (members: object) => refused(ours, 'CreateWorkUnit', unit({ context_id: 'terms', ...members }))
    expect(await refusal({ create_context: false })).toMatchObject({ status: 'NOT_FOUND', code: 'context_not_found' })
    await done(ours, 'CreateWorkUnit', unit({ context_id: 'terms', expected_last_seq: 0 }))
    expect(await refusal({ expected_last_seq: 0 })).toMatchObject({ code: 'sequence_mismatch' })
    const fence = { resource_path: 'guarded', token: 1 }
    await done(ours, 'AcquireLock', { resource_path: fence.resource_path, agent_id: 'a' })
    await done(ours, 'CreateWorkUnit', unit({ context_id: 'terms', fence }))
    expect(await refusal({ fence: { ...fence, token: 2 } })).toMatchObject({ status: 'INVALID_ARGUMENT' })
    const version = { id: 'terms', display_name: 'x', expected_version: 7 }
    expect(await refused(ours, 'UpdateContext', version)).toMatchObject({ code: 'version_mismatch' })
    const own = unit({ context_id: 'terms', unit_id: '01a00000-0000-7000-8000-000000000009' })
    expect(await done(ours, 'CreateWorkUnit', own)).toMatchObject({ duplicate: false })
    expect(await done(ours, 'CreateWorkUnit', own)).toMatchObject({ duplicate: true })
  })

  it('COL-303 a name is cleared and a key deleted, unless both were given', async () => {
    await done(ours, 'UpdateContext', { id: 'cleared', display_name: 'x', meta: { k: '1', l: '2' } })
    const changed = await done(ours, 'UpdateContext', { id: 'cleared', clear_display_name: true, delete_meta: ['k'] })
    expect(changed['context']).toMatchObject({ display_name: '', meta: { l: '2' } })
    for (const both of [
      { clear_display_name: true, display_name: 'y' },
      { delete_meta: ['l'], meta: { l: '3' } },
    ]) {
      expect(await refused(ours, 'UpdateContext', { id: 'cleared', ...both })).toMatchObject({
        code: 'invalid_request',
      })
    }
  })

  it.each([
    ['AcquireLock', { resource_path: 'r', agent_id: 'a', mode: 'LOCK_MODE_SHARED' }],
    ['AcquireLock', { resource_path: 'r', agent_id: 'a', resource_paths: ['s'] }],
  ])('COL-303 %s says that %j is not offered, instead of leaving it out', async (name, request) => {
    expect(await refused(ours, name, request)).toMatchObject({ status: 'UNIMPLEMENTED', code: 'not_built' })
  })

  it('COL-303 COL-1705 a search by relations and by meaning goes the way of the others', async () => {
    const about = unitIn(await done(ours, 'CreateWorkUnit', unit({ context_id: 'related' })))
    const relationships = [{ target_id: about.id, type: 'RESPONDS_TO' }]
    const answer = unitIn(await done(ours, 'CreateWorkUnit', unit({ context_id: 'related', relationships })))
    const related = { related_to: about.id, context_ids: ['related'] }
    expect((await done(ours, 'Search', related))['unit_ids']).toEqual([answer.id])
    expect(await done(ours, 'Search', { ...related, relationship_types: ['CAUSES'] })).toMatchObject({ unit_ids: [] })
    expect(await refused(ours, 'Search', { relationship_types: ['CAUSES'] })).toMatchObject({ code: 'invalid_request' })
    expect(await refused(ours, 'Search', { query: 'x', min_similarity: 2 })).toMatchObject({ code: 'invalid_request' })
    expect(
      await done(ours, 'Search', { query: 'Hello', mode: 'SEARCH_MODE_HYBRID', context_ids: ['related'] }),
    ).toMatchObject({ hits: [{}, {}] })
  })

  it('COL-303 a release with the token of another lease is refused', async () => {
    const wish = { resource_path: 'leases', agent_id: 'a' }
    const lock = (await done(ours, 'AcquireLock', wish))['lock'] as Message
    const release = { ...wish, lock_id: lock['lock_id'] }
    expect(await refused(ours, 'ReleaseLock', { ...release, fencing_token: 9 })).toMatchObject({
      code: 'lock_id_mismatch',
    })
    expect(await done(ours, 'ReleaseLock', { ...release, fencing_token: 1 })).toEqual({ released: true })
  })
})

describe('who asks and how', () => {
  it('COL-305 metadata names the agent, the request and the idempotency key', async () => {
    const metadata = { 'x-agent-id': 'named', 'x-request-id': 'req-1', 'idempotency-key': 'once' }
    const request = { context_id: 'idem', payload: Buffer.from('x') }
    const [first, again] = [
      await ours.call('CreateWorkUnit', request, { metadata }),
      await ours.call('CreateWorkUnit', request, { metadata }),
    ]
    expect(first).toMatchObject({ message: { unit: { agent_id: 'named' } } })
    expect(again).toMatchObject({ message: { unit: { seq: 2 } } })
    expect(first.metadata.get('x-request-id')).toEqual(['req-1'])
    expect(first.metadata.get('idempotent-replayed')).toEqual([])
    expect(again.metadata.get('idempotent-replayed')).toEqual(['true'])
    const other = { ...request, payload: Buffer.from('y') }
    expect(await refused(ours, 'CreateWorkUnit', other, { metadata })).toMatchObject({ code: 'idempotency_mismatch' })
  })

  it('COL-305 a message above the limit of a body is refused before it is read', async () => {
    const large = unit({ context_id: 'large', payload: Buffer.alloc(2 * 1024 * 1024) })
    expect(await kept.call('CreateWorkUnit', large)).toMatchObject({ code: status.RESOURCE_EXHAUSTED })
    expect(await done(kept, 'ListWorkUnits', { context_id: 'large' })).toMatchObject({ units: [] })
  })

  it('COL-305 a deadline ends a wait, and nothing is granted to who is gone', async () => {
    await done(ours, 'AcquireLock', { resource_path: 'line', agent_id: 'first' })
    const wish = { resource_path: 'line', agent_id: 'second', wait_timeout_ms: 20_000 }
    expect(await ours.call('AcquireLock', wish, { deadlineMs: 150 })).toMatchObject({ code: status.DEADLINE_EXCEEDED })
    const gone = new AbortController()
    const cancelled = ours.call('AcquireLock', { ...wish, agent_id: 'third' }, { signal: gone.signal })
    await waiting('line', 'third')
    gone.abort()
    expect(await cancelled).toMatchObject({ code: status.CANCELLED })
    const { lock } = await server.caller.call('lock.get', { resource_path: 'line' })
    await server.caller.call('lock.release', { resource_path: 'line', agent_id: 'first', lock_id: lock.lock_id })
    const { lock: next } = await server.caller.call('lock.acquire', { resource_path: 'line', agent_id: 'fourth' })
    expect(next).toMatchObject({ holder_agent: 'fourth', fencing_token: 2 })
  })

  /** Seen by a call of its own: whoever does not wait is refused as one of a line. */
  async function waiting(resource: string, agent: string): Promise<void> {
    for (;;) {
      const said = await server.caller
        .call('lock.acquire', { resource_path: resource, agent_id: `look-${agent}` })
        .then(() => 0)
        .catch((error: unknown) => (error as { readonly details: { readonly position?: number } }).details.position)
      if ((said ?? 0) > 0) return
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  it('COL-305 COL-1501 COL-1502 where the settings want the token, metadata carries it', async () => {
    const { defaultServerSettings } = await import('../../src/model/server-settings.ts')
    const guarded = await startLocalServer({
      grpc: loopback,
      token: 'sesame',
      server: { ...defaultServerSettings, isAuthRequired: true },
    })
    const client = grpcClient(guarded.grpc, 'kept')
    expect(await refused(client, 'CreateWorkUnit', unit())).toMatchObject({ status: 'UNAUTHENTICATED' })
    const wrong = { metadata: { authorization: 'Bearer open' } }
    expect(await refused(client, 'CreateWorkUnit', unit(), wrong)).toMatchObject({ code: 'unauthorized' })
    await done(client, 'CreateWorkUnit', unit(), { metadata: { authorization: 'Bearer sesame' } })
    client.close()
    await guarded.close()
  })

  it('COL-1501 an address others can reach wants a token before anything listens', async () => {
    const open = startLocalServer({ grpc: { host: '0.0.0.0', port: 0 } })
    await expect(open).rejects.toMatchObject({ code: 'token_required' })
  })

  it('COL-302 an address in use is named, and nothing stays open', async () => {
    const port = Number(server.grpc.split(':').at(-1))
    await expect(startLocalServer({ grpc: { host: '127.0.0.1', port } })).rejects.toMatchObject({
      code: 'address_in_use',
    })
    const elsewhere = startLocalServer({ grpc: { host: '192.0.2.1', port: 0 }, token: 'sesame' })
    await expect(elsewhere).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('COL-1908 HTTP and gRPC take from one allowance', async () => {
    const { defaultServerSettings } = await import('../../src/model/server-settings.ts')
    const rateLimit = { perSecond: 2, perMinute: 2, socketMessagesPerSecond: 20 }
    const limited = await startLocalServer({ grpc: loopback, server: { ...defaultServerSettings, rateLimit } })
    const client = grpcClient(limited.grpc, 'kept')
    const metadata = { 'x-agent-id': 'one' }
    await limited.send('GET', '/contexts/none', { headers: metadata })
    await done(client, 'CreateWorkUnit', unit(), { metadata })
    const third = await client.call('CreateWorkUnit', unit(), { metadata })
    expect(third).toMatchObject({ code: status.RESOURCE_EXHAUSTED })
    expect(third.metadata.get('engram-code')).toEqual(['rate_limited'])
    client.close()
    await limited.close()
  })

  it('COL-2001 calls are counted beside requests', async () => {
    await done(kept, 'CreateWorkUnit', unit({ context_id: 'counted' }))
    const told = await fetch(`http://127.0.0.1:${server.port}/metrics`)
    expect(await told.text()).toMatch(
      /engram_api_requests_total\{method="GRPC",path="\/engram\.v3\.EngramService\/CreateWorkUnit"/,
    )
  })
})

describe('the end of a server', () => {
  it('COL-305 COL-2103 a call that waits is told, and the address is free', async () => {
    const stopping = await startLocalServer({ grpc: loopback })
    const client = grpcClient(stopping.grpc, 'ours')
    await done(client, 'AcquireLock', { resource_path: 'r', agent_id: 'a' })
    const wish = { resource_path: 'r', agent_id: 'b', wait_timeout_ms: 20_000 }
    const waits = client.call('AcquireLock', wish)
    await new Promise((resolve) => setTimeout(resolve, 100))
    await stopping.close()
    const told = await waits
    expect(told).toMatchObject({ code: status.UNAVAILABLE })
    expect(told.metadata.get('engram-code')).toEqual(['draining'])
    client.close()
    const again = await startLocalServer({ grpc: { ...loopback, port: Number(stopping.grpc.split(':').at(-1)) } })
    await again.close()
  })
})

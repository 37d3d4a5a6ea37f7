import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultServerSettings } from '../../src/model/server-settings.ts'
import { startLocalServer, type LocalServer } from './http/local-server.ts'
import { sendRaw } from './http/raw-connection.ts'
import { greeted, hear, type Frame } from './http/stream-clients.ts'

let server: LocalServer
const settings = { ...defaultServerSettings, heartbeatMs: 200 }
beforeAll(async () => {
  server = await startLocalServer({ server: settings })
})
afterAll(() => server.close())

const at = (path: string): string => `ws://127.0.0.1:${server.port}${path}`
const post = (contextId: string, payload: string, more: object = {}) =>
  server.caller.call('work-unit.append', {
    context_id: contextId,
    agent_id: 'writer',
    type: 'MESSAGE',
    payload,
    create_context: true,
    ...more,
  })
const isUnit = (frame: Frame): boolean => typeof frame['context_id'] === 'string' && frame['op'] === undefined
const isEvent = ({ op }: Frame): boolean => op === 'event'
const textOf = (unit: Frame): string => Buffer.from(String(unit['payload']), 'base64').toString()

describe('the WebSocket of the Go program', () => {
  it('COL-801 COL-802 connected first, bare units, none missed after it', async () => {
    const heard = hear(at('/stream?context=legacy'))
    await heard.until(({ event }) => event === 'connected')
    expect(heard.frames[0]).toMatchObject({ event: 'connected', type: 'connected', client_id: expect.any(String) })
    for (let n = 0; n < 20; n++) await post('legacy', String(n))
    await post('other', 'not for you')
    await post('legacy', 'end')
    const units = await heard.until(isUnit, 21)
    expect(units.map(textOf)).toEqual([...Array.from({ length: 20 }, (_, n) => String(n)), 'end'])
    expect(units[0]).toMatchObject({ type: 1, ts: { seconds: expect.any(Number) } })
    await heard.until(({ type }) => type === 'heartbeat')
    heard.close()
  })

  it('COL-802 units after a cursor, then live', async () => {
    const { unit } = await post('resume', 'one')
    await post('resume', 'two')
    const heard = hear(at(`/stream?context=resume&cursor=${unit.cursor}&encoding=v1`))
    await heard.until(isUnit)
    await post('resume', 'three')
    expect((await heard.until(isUnit, 2)).map(({ payload }) => payload)).toEqual(['two', 'three'])
    heard.close()
  })

  it.each([
    [{ type: 'heartbeat' }, { type: 'heartbeat_ack' }],
    [
      { type: 'subscribe', contexts: ['a'] },
      { type: 'subscribe_ack', contexts: ['a'] },
    ],
    [
      { type: 'subscribe', contexts: 'a' },
      { type: 'error', error: 'Invalid contexts format for subscribe' },
    ],
    [
      { type: 'subscribe', contexts: [1] },
      { type: 'error', error: 'Invalid context ID in list' },
    ],
    [{ type: 'sing' }, { type: 'error', error: 'Unknown message type' }],
    [{}, { type: 'error', error: 'Missing or invalid message type' }],
    ['not json', { type: 'error', error: 'Invalid message format' }],
  ])('COL-801 %j', async (sent, answer) => {
    const heard = hear(at('/stream?context=frames'))
    await heard.until(({ event }) => event === 'connected')
    heard.socket.send(Buffer.from([1, 2, 3]))
    heard.send(sent)
    const [first] = await heard.until(({ type }) => type !== 'heartbeat' && type !== 'connected')
    expect(first).toEqual(answer)
    expect(heard.socket.readyState).toBe(heard.socket.OPEN)
    heard.close()
  })

  it('COL-801 subscribe replaces the contexts; an empty list is nothing', async () => {
    const heard = hear(at('/stream?context=first'))
    await heard.until(({ event }) => event === 'connected')
    heard.send({ type: 'subscribe', contexts: ['second'] })
    await heard.until(({ type }) => type === 'subscribe_ack')
    await post('first', 'no')
    await post('second', 'yes')
    expect((await heard.until(isUnit)).map(textOf)).toEqual(['yes'])
    heard.send({ type: 'subscribe', contexts: [] })
    await heard.until(({ type, contexts }) => type === 'subscribe_ack' && (contexts as unknown[]).length === 0)
    await post('second', 'no')
    heard.send({ action: 'subscribe', context_ids: ['third'] })
    heard.send({ type: 'heartbeat' })
    await heard.until(({ type }) => type === 'heartbeat_ack')
    await post('third', 'older form')
    expect((await heard.until(isUnit, 2)).map(textOf)).toEqual(['yes', 'older form'])
    heard.close()
  })

  it('COL-706 a place that is gone is told, and the stream goes on', async () => {
    const { unit } = await post('gone', 'one')
    const ahead = `${unit.cursor.slice(0, -4)}ffff`
    const heard = hear(at(`/stream?context=gone&cursor=${ahead}&encoding=v1`))
    expect(await heard.until(({ type }) => type === 'reset')).toMatchObject([{ reason: 'ahead' }])
    expect((await heard.until(isUnit)).map(({ payload }) => payload)).toEqual(['one'])
    heard.close()
  })
})

describe('engram.v1', () => {
  it('COL-803 hello, calls, one answer each, the agent of hello', async () => {
    const heard = await greeted(at('/v1/stream'), { agent_id: 'w' })
    expect(heard.socket.protocol).toBe('engram.v1')
    const input = { context_id: 'calls', type: 'MESSAGE', payload: 'x', create_context: true }
    heard.send({ op: 'call', id: 'a', operation: 'work-unit.append', input, idempotency_key: 'k' })
    heard.send({ op: 'call', id: 'b', operation: 'context.get', input: { id: 'nobody' } })
    heard.send({ op: 'call', id: 'c', operation: 'no.such', input: {} })
    heard.send({ op: 'call', id: 'd', operation: 'work-unit.append', input: { ...input, colour: 1 } })
    heard.send({ op: 'sing', id: 'e' })
    heard.send({ op: 'ping', id: 'f' })
    await heard.until(({ id }) => typeof id === 'string', 6)
    const answers = Object.fromEntries(
      heard.frames.flatMap((one) => (typeof one['id'] === 'string' ? [[one['id'], one]] : [])),
    )
    expect(answers).toMatchObject({
      a: { op: 'result', output: { unit: { agent_id: 'w', seq: 2 } } },
      b: { op: 'error', code: 'context_not_found' },
      c: { op: 'error', code: 'invalid_request' },
      d: { op: 'error', code: 'invalid_request' },
      e: { op: 'error', code: 'invalid_request' },
      f: { op: 'pong' },
    })
    heard.close()
  })

  it('COL-705 COL-804 snapshot and stream without a seam; n counts; live once; heartbeats with cursors', async () => {
    for (let n = 0; n < 5; n++) await post('seam', String(n))
    const heard = await greeted(at('/stream'))
    heard.send({ op: 'subscribe', id: 1, sub: 's', contexts: ['seam'], from: 'begin' })
    await heard.until(({ op }) => op === 'result')
    await post('seam', 'after')
    const events = await heard.until(isEvent, 7)
    expect(events.map(({ n, seq }) => [n, seq])).toEqual(
      Array.from({ length: 7 }, (_, index) => [index + 1, index + 1]),
    )
    expect(events.at(-1)).toMatchObject({ sub: 's', kind: 'unit.created', data: { unit: { payload: 'after' } } })
    expect(await heard.until(({ op }) => op === 'live')).toHaveLength(1)
    await new Promise((resolve) => setTimeout(resolve, 250))
    const beats = await heard.until(({ op }) => op === 'heartbeat', 2)
    expect(beats.at(-1)?.['subs']).toEqual({ s: events.at(-1)?.['cursor'] })
    heard.send({ op: 'subscribe', id: 2, sub: 's', contexts: ['seam'] })
    expect(await heard.until(({ id }) => id === 2)).toMatchObject([{ op: 'error', code: 'conflict' }])
    heard.close()
  })

  it('COL-708 COL-R20 filters, kinds and all contexts', async () => {
    const heard = await greeted(at('/v1/stream'))
    const filter = { types: ['ERROR'], agents: ['writer'], meta: { k: 'v' } }
    heard.send({ op: 'subscribe', id: 1, sub: 'all', contexts: '*', kinds: ['unit.created'], filter })
    heard.send({ op: 'subscribe', id: 2, sub: 'locks', contexts: ['$locks'], kinds: ['lock.acquired', 'lock.renewed'] })
    await heard.until(({ op }) => op === 'result', 2)
    await post('f1', 'no')
    await post('f2', 'yes', { type: 'ERROR', meta: { k: 'v' } })
    const { lock } = await server.caller.call('lock.acquire', { resource_path: 'heard', agent_id: 'x' })
    await server.caller.call('lock.renew', { resource_path: 'heard', agent_id: 'x', lock_id: lock.lock_id })
    const events = await heard.until(isEvent, 3)
    expect(events).toMatchObject([
      { sub: 'all', n: 1, context_id: 'f2', cursor: expect.stringMatching(/^g1_/) },
      { sub: 'locks', kind: 'lock.acquired' },
      { sub: 'locks', kind: 'lock.renewed' },
    ])
    heard.send({ op: 'subscribe', id: 3, sub: 'x', contexts: ['f1'], filter: { types: ['SONG'] } })
    expect(await heard.until(({ id }) => id === 3)).toMatchObject([{ op: 'error', code: 'invalid_type' }])
    heard.close()
  })

  it('COL-1102 credits bound what is under way', async () => {
    for (let n = 0; n < 10; n++) await post('credit', String(n))
    const heard = await greeted(at('/v1/stream'))
    heard.send({ op: 'subscribe', id: 1, sub: 's', contexts: ['credit'], from: 'begin', credits: 3 })
    await heard.until(isEvent, 3)
    heard.send({ op: 'ping', id: 'p' })
    await heard.until(({ op }) => op === 'pong')
    expect(heard.frames.filter(isEvent)).toHaveLength(3)
    heard.send({ op: 'credit', sub: 's', n: 100 })
    expect(await heard.until(isEvent, 11)).toHaveLength(11)
    heard.close()
  })

  it('COL-805 COL-706 reset ends the subscription, which can be made again', async () => {
    const { unit } = await post('reset', 'one')
    const heard = await greeted(at('/v1/stream'))
    heard.send({ op: 'subscribe', id: 1, sub: 's', contexts: ['reset'], from: `${unit.cursor.slice(0, -4)}ffff` })
    const [reset] = await heard.until(({ op }) => op === 'reset')
    expect(reset).toMatchObject({ sub: 's', reason: 'ahead', latest: unit.cursor })
    expect(await heard.until(({ id }) => id === 1)).toMatchObject([{ op: 'error', code: 'cursor_gone' }])
    heard.send({ op: 'subscribe', id: 2, sub: 's', contexts: ['reset'], from: reset?.['earliest'] })
    expect(await heard.until(isEvent, 2)).toMatchObject([{ seq: 1 }, { seq: 2 }])
    heard.close()
  })

  it('COL-803 COL-808 another frame before hello is 4400', async () => {
    const heard = hear(at('/v1/stream'), ['engram.v1'])
    heard.socket.on('open', () => heard.send({ op: 'ping', id: 1 }))
    expect(await heard.closed).toMatchObject({ code: 4400 })
  })

  it('COL-806 a quiet client is kept, one that answers no ping is not', async () => {
    const quiet = await greeted(at('/v1/stream'))
    expect(await deafSocket()).toBe('closed')
    expect(quiet.socket.readyState).toBe(quiet.socket.OPEN)
    quiet.close()
  })

  it('COL-807 a frame over the limit is 1009, and others do not notice', async () => {
    const [big, other] = [await greeted(at('/v1/stream')), await greeted(at('/v1/stream'))]
    big.send(`{"op":"ping","id":"${'x'.repeat(1_100_000)}"}`)
    expect(await big.closed).toMatchObject({ code: 1009 })
    other.send({ op: 'ping', id: 1 })
    await other.until(({ op }) => op === 'pong')
    other.close()
  })

  it.each([
    ['an unmasked frame', [0x81, 0x02, 0x7b, 0x7d]],
    ['a reserved opcode', [0x83, 0x80, 0, 0, 0, 0]],
    ['a reserved bit', [0xc1, 0x80, 0, 0, 0, 0]],
    ['a ping that is too long', [0x89, 0xfe, 0x00, 0x7e, 0, 0, 0, 0]],
    ['a fragment of nothing', [0x80, 0x80, 0, 0, 0, 0]],
    ['text that is no UTF-8', [0x81, 0x81, 0, 0, 0, 0, 0xff]],
    ['a length of 2^63', [0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
  ])('W12 %s closes that socket alone', async (_name, bytes) => {
    const other = await greeted(at('/v1/stream'))
    expect(await rawSession(Buffer.from(bytes))).toBe('closed')
    other.send({ op: 'ping', id: 1 })
    await other.until(({ op }) => op === 'pong')
    other.close()
  })
})

/** A WebSocket by hand, so that its bytes can be wrong. Resolves when the server has closed it. */
function rawSession(bytes: Buffer): Promise<'closed'> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, '127.0.0.1')
    const lines = ['GET /stream HTTP/1.1', 'Host: localhost', 'Connection: Upgrade', 'Upgrade: websocket']
    socket.write(
      [...lines, 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', '\r\n'].join('\r\n'),
    )
    socket.once('data', () => socket.write(bytes))
    socket.on('data', () => undefined)
    socket.on('close', () => resolve('closed'))
    socket.on('error', () => resolve('closed'))
    setTimeout(() => reject(new Error('the socket stayed open')), 8_000).unref()
  })
}

/** Takes every byte and answers none. */
const deafSocket = (): Promise<'closed'> => rawSession(Buffer.alloc(0))

describe('who may come in', () => {
  const upgrade = (path: string, headers: readonly string[]): string =>
    [
      `GET ${path} HTTP/1.1`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      ...headers,
      '\r\n',
    ].join('\r\n')

  it.each([
    ['a page of another site', '/stream', ['Host: localhost', 'Origin: http://evil.test'], 403],
    ['a name that is not ours', '/stream', ['Host: evil.test'], 403],
    ['a path without a socket', '/workunit', ['Host: localhost'], 404],
  ])('COL-809 W10 W1 %s is refused before the upgrade', async (_name, path, headers, status) => {
    expect((await sendRaw(server.port, upgrade(path, headers))).status).toBe(status)
  })

  it('COL-513 a path for sockets, asked without an upgrade, is 426', async () => {
    expect((await server.send('GET', '/stream')).status).toBe(426)
  })

  it('COL-809 COL-808 W3 the token in the header, or in hello; never in the address', async () => {
    const guarded = await startLocalServer({ token: 't-of-this-test', server: { ...settings, isAuthRequired: true } })
    const url = (path: string): string => `ws://127.0.0.1:${guarded.port}${path}`
    const refused = hear(url('/stream?token=t-of-this-test'))
    expect((await refused.closed).code).toBe(1006)
    const legacy = hear(url('/stream'), [], { Authorization: 'Bearer t-of-this-test' })
    await legacy.until(({ event }) => event === 'connected')
    const inHello = await greeted(url('/v1/stream'), { token: 't-of-this-test' })
    const wrong = hear(url('/v1/stream'), ['engram.v1'])
    wrong.socket.on('open', () => wrong.send({ op: 'hello', id: 1, token: 'stolen' }))
    expect(await wrong.closed).toMatchObject({ code: 4401 })
    expect(wrong.frames).toMatchObject([{ op: 'error', id: 1, code: 'unauthorized' }])
    for (const one of [legacy, inHello]) one.close()
    await guarded.close()
  })

  it('COL-803 a socket opens no door that is shut elsewhere', async () => {
    const guarded = await startLocalServer({ token: 't-of-this-test', server: settings })
    const heard = await greeted(`ws://127.0.0.1:${guarded.port}/v1/stream`)
    for (const operation of ['backup.export', 'project.rescue', 'ingest.run']) {
      heard.send({ op: 'call', id: operation, operation, input: {} })
    }
    const answers = await heard.until(({ id }) => id !== undefined, 3)
    expect(answers.map(({ op }) => op)).toEqual(['error', 'error', 'error'])
    heard.close()
    await guarded.close()
  })

  it('COL-803 W11 frames of bytes, operations nobody knows and inputs that do not fit are answered, and the socket stays', async () => {
    const heard = await greeted(at('/v1/stream'))
    heard.socket.send(Buffer.from([1, 2, 3]))
    for (const [id, frame] of [
      { op: 'sing' },
      { op: 'call', operation: 'constructor', input: {} },
      {
        op: 'call',
        operation: 'work-unit.append',
        input: { context_id: 'w', agent_id: 'a', type: 'NOPE', payload: '' },
      },
      { op: 'call', operation: 'work-unit.search', input: { types: ['NOPE'] } },
      { op: 'subscribe', sub: 's', contexts: ['w'], filter: { types: ['NOPE'] } },
      { op: 'unsubscribe', sub: 'none' },
    ].entries()) {
      heard.send({ ...frame, id })
    }
    const answers = await heard.until(({ op }) => op === 'error', 7)
    expect(new Set(answers.map(({ id }) => id))).toEqual(new Set([undefined, 0, 1, 2, 3, 4, 5]))
    expect(new Set(answers.map(({ code }) => code))).toEqual(new Set(['invalid_request', 'invalid_type']))
    heard.send({ op: 'ping', id: 'still' })
    await heard.until(({ op }) => op === 'pong')
    heard.close()
  })

  it('COL-807 COL-808 a socket that floods is told so, closed with 1008 and hears nothing after', async () => {
    const rateLimit = { perMinute: 600, perSecond: 10, socketMessagesPerSecond: 5 }
    const limited = await startLocalServer({ server: { ...settings, rateLimit } })
    const heard = await greeted(`ws://127.0.0.1:${limited.port}/v1/stream`)
    for (let id = 0; id < 200; id++) heard.send({ op: 'ping', id })
    expect(await heard.closed).toMatchObject({ code: 1008 })
    const errors = heard.frames.filter(({ op }) => op === 'error')
    expect(errors).toMatchObject([{ code: 'rate_limited' }])
    expect(heard.frames.at(-1)).toBe(errors[0])
    await limited.close()
  })

  it('COL-1805 COL-808 above the number of streams nobody more comes in', async () => {
    const small = await startLocalServer({ server: { ...settings, connectionsMax: 2 } })
    const [a, b] = [
      await greeted(`ws://127.0.0.1:${small.port}/v1/stream`),
      await greeted(`ws://127.0.0.1:${small.port}/v1/stream`),
    ]
    expect((await small.send('GET', '/stream-sse')).status).toBe(503)
    a.close()
    await new Promise((resolve) => setTimeout(resolve, 100))
    const again = await greeted(`ws://127.0.0.1:${small.port}/v1/stream`)
    for (const one of [b, again]) one.close()
    await small.close()
  })

  it('COL-2103 COL-801 COL-P16 a stop tells everyone where to go on, and waits for nobody', async () => {
    const stopping = await startLocalServer({ server: settings })
    const url = `ws://127.0.0.1:${stopping.port}`
    const { caller } = stopping
    await caller.call('work-unit.append', { context_id: 'c', agent_id: 'a', type: 1, create_context: true })
    const session = await greeted(`${url}/v1/stream`)
    session.send({ op: 'subscribe', id: 1, sub: 's', contexts: ['c'], from: 'begin' })
    const [, last] = await session.until(isEvent, 2)
    const legacy = hear(`${url}/stream`)
    await legacy.until(({ event }) => event === 'connected')
    await caller.call('lock.acquire', { resource_path: 'r', agent_id: 'a' })
    const waiting = stopping.send('POST', '/v1/locks', {
      body: { resource_path: 'r', agent_id: 'b', wait_timeout_ms: 60_000 },
    })
    await new Promise((resolve) => setTimeout(resolve, 100))
    const started = performance.now()
    await stopping.close()
    expect(performance.now() - started).toBeLessThan(3_000)
    expect(await session.closed).toMatchObject({ code: 1001 })
    expect(session.frames.find(({ op }) => op === 'goaway')).toMatchObject({ cursors: { s: last?.['cursor'] } })
    expect(await legacy.closed).toEqual({ code: 1001, reason: 'Server shutting down' })
    expect(await waiting).toMatchObject({ status: 503, json: { code: 'draining' } })
  })
})

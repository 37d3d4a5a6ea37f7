import { spawn } from 'node:child_process'
import { EventSource } from 'eventsource'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultServerSettings } from '../../src/model/server-settings.ts'
import { startLocalServer, type LocalServer } from './http/local-server.ts'

let server: LocalServer
const settings = { ...defaultServerSettings, heartbeatMs: 200 }
beforeAll(async () => {
  server = await startLocalServer({ server: settings })
})
afterAll(() => server.close())

const at = (path: string): string => `http://127.0.0.1:${server.port}${path}`
const post = (contextId: string, payload: string) =>
  server.caller.call('work-unit.append', {
    context_id: contextId,
    agent_id: 'writer',
    type: 'MESSAGE',
    payload,
    create_context: true,
  })

/** The bytes of a stream, until they hold what is waited for. */
async function read(path: string, until: (text: string) => boolean, headers: Readonly<Record<string, string>> = {}) {
  const stop = new AbortController()
  const answer = await fetch(at(path), { headers, signal: stop.signal })
  let text = ''
  const timer = setTimeout(() => stop.abort(), 8_000)
  try {
    for await (const part of answer.body ?? []) {
      text += Buffer.from(part).toString()
      if (until(text)) break
    }
  } finally {
    clearTimeout(timer)
    stop.abort()
  }
  return { status: answer.status, headers: answer.headers, text }
}

const idsIn = (text: string): readonly string[] => [...text.matchAll(/^id: (\S+)$/gm)].map(([, id = '']) => id)

describe('server-sent events', () => {
  it('COL-902 first bytes at once, retry once, headers that keep proxies from buffering', async () => {
    const { headers, text } = await read('/v1/events/stream?contexts=none', (got) => got.includes('event: live'))
    expect(headers.get('content-type')).toBe('text/event-stream')
    expect(headers.get('cache-control')).toBe('no-cache')
    expect(headers.get('x-accel-buffering')).toBe('no')
    expect(text.startsWith(':')).toBe(true)
    expect(text.match(/^retry: 1000$/gm)).toHaveLength(1)
  })

  it.each([
    ['/stream-sse', undefined],
    ['/stream/sse', 'workunit'],
    ['/stream-sse?event=workunit', 'workunit'],
  ])('COL-901 %s: connected first, then units as the Go program writes them', async (path, name) => {
    const context = `units of ${path}`
    await post(context, 'Hello')
    const separator = path.includes('?') ? '&' : '?'
    const { text } = await read(`${path}${separator}context=${encodeURIComponent(context)}&cursor=begin`, (got) =>
      got.includes('SGVsbG8='),
    )
    const blocks = text.split('\n\n')
    const first = blocks.find((one) => one.includes('event:')) ?? ''
    expect(first).toContain('event: connected')
    const told = JSON.parse(/^data: (.*)$/m.exec(first)?.[1] ?? '') as Readonly<Record<string, string>>
    expect(told).toMatchObject({ client_id: expect.any(String), resumed: true, server_time: expect.any(String) })
    expect([told['earliest']?.slice(-2), told['latest']?.slice(-2)]).toEqual(['00', '02'])
    const unit = blocks.find((one) => one.includes('SGVsbG8=')) ?? ''
    expect(/^event: (\w+)$/m.exec(unit)?.[1]).toBe(name)
    expect(JSON.parse(/^data: (.*)$/m.exec(unit)?.[1] ?? '')).toMatchObject({ context_id: context, type: 1 })
  })

  it('COL-903 COL-P1 resume after any id that was sent misses nothing and repeats nothing', async () => {
    for (let n = 0; n < 6; n++) await post('ids', String(n))
    const whole = await read('/v1/events/stream?contexts=ids&cursor=begin', (got) => got.includes('"payload":"5"'))
    const ids = idsIn(whole.text)
    const seqsIn = (text: string): number[] =>
      [...text.matchAll(/"seq":(\d+),"gseq":\d+,"cursor":"[^"]*","ts"/g)].map(([, n]) => Number(n))
    for (const [index, id] of ids.entries()) {
      const rest = await read('/v1/events/stream?contexts=ids', (got) => got.includes('event: live'), {
        'Last-Event-ID': id,
      })
      expect(seqsIn(rest.text)).toEqual(Array.from({ length: 7 - index }, (_, n) => index + n + 1))
    }
  })

  it('COL-903 progress while idle: ids move past what the filter left out', async () => {
    await post('idle', 'x')
    const v1 = await read('/v1/events/stream?contexts=idle&kinds=lock.acquired&cursor=begin', (got) =>
      got.includes('event: heartbeat'),
    )
    expect(idsIn(v1.text).at(-1)).toMatch(/0002$/)
    const seed = await read('/stream-sse?context=idle', (got) => got.includes(': still here'))
    expect(seed.text.split('\n\n').find((one) => one.includes(': still here'))).not.toContain('data:')
  })

  it('COL-904 a place that is gone: reset, and on from the first kept; fail is 410', async () => {
    const { unit } = await post('lost', 'one')
    const ahead = `${unit.cursor.slice(0, -4)}ffff`
    const path = `/v1/events/stream?contexts=lost&cursor=${ahead}`
    const { text } = await read(path, (got) => got.includes('event: live'))
    expect(text).toMatch(/event: reset\ndata: \{"reason":"ahead"/)
    expect(text).toContain('"payload":"one"')
    const latest = await read(`${path}&on_reset=latest`, (got) => got.includes('event: live'))
    expect(latest.text).not.toContain('"payload":"one"')
    expect((await server.send('GET', `${path}&on_reset=fail`)).status).toBe(410)
  })

  it('COL-905 204 only at the end of an archived context', async () => {
    const { unit } = await post('over', 'one')
    await server.caller.call('context.archive', { id: 'over' })
    const before = await read('/v1/events/stream?contexts=over', (got) => got.includes('context.archived'), {
      'Last-Event-ID': unit.cursor,
    })
    expect(before.status).toBe(200)
    const end = idsIn(before.text).at(-1) ?? ''
    expect((await fetch(at('/v1/events/stream?contexts=over'), { headers: { 'Last-Event-ID': end } })).status).toBe(204)
  })

  it.each([
    ['/v1/events/stream?kinds=unit.sung', 'invalid_request'],
    ['/v1/events/stream?types=SONG', 'invalid_type'],
    ['/v1/events/stream?cursor=nonsense', 'invalid_cursor'],
    ['/stream-sse?context=ids&cursor=c1_00000000_00000000_0000000000000001', 'invalid_cursor'],
  ])('COL-403 COL-704 %s is 400', async (path, code) => {
    expect(await server.send('GET', path)).toMatchObject({ status: 400, json: { code } })
  })

  it('COL-C1 the `eventsource` package: units as messages, in order', async () => {
    const source = new EventSource(at('/stream-sse?context=es&encoding=v1'))
    const got: string[] = []
    source.addEventListener('message', ({ data }) =>
      got.push((JSON.parse(String(data)) as { payload: string }).payload),
    )
    await new Promise((resolve) => source.addEventListener('connected', resolve))
    for (let n = 0; n < 50; n++) await post('es', String(n))
    await expect.poll(() => got.length).toBe(50)
    expect(got).toEqual(Array.from({ length: 50 }, (_, n) => String(n)))
    source.close()
  })

  it('COL-518 HEAD ends at once', async () => {
    const answer = await fetch(at('/v1/events/stream'), { method: 'HEAD', signal: AbortSignal.timeout(2_000) })
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
  })

  it('COL-C1 curl -N', async () => {
    const curl = spawn('curl', ['-sN', at('/stream-sse?context=curl&encoding=v1')])
    let text = ''
    curl.stdout.on('data', (part: Buffer) => (text += part.toString()))
    await expect.poll(() => text).toContain('event: connected')
    await post('curl', 'through a pipe')
    await expect.poll(() => text).toContain('"payload":"through a pipe"')
    curl.kill()
  })

  it('COL-905 a stop says goaway with the place, and ends', async () => {
    const stopping = await startLocalServer({ server: settings })
    const answer = await fetch(`http://127.0.0.1:${stopping.port}/v1/events/stream?contexts=c`)
    const text = answer.text()
    await new Promise((resolve) => setTimeout(resolve, 100))
    await stopping.close()
    expect(await text).toMatch(/event: goaway\ndata: \{"cursor":"c1_/)
  })
})

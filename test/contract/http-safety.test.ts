import { Agent, request, type IncomingHttpHeaders } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { limits } from '../../src/model/limits.ts'
import { startLocalServer, type LocalServer } from './http/local-server.ts'
import { rawRequest, sendRaw } from './http/raw-connection.ts'
import { routeSamples, takesBody, type RouteSample } from './http/route-samples.ts'

let server: LocalServer

beforeAll(async () => {
  server = await startLocalServer()
  await server.send('POST', '/observations', {
    body: { title: 'Kept', content: 'What must not change', project: 'harbour' },
  })
})
afterAll(() => server.close())

/** All that is kept, so that any change shows. */
async function state(of: LocalServer): Promise<unknown> {
  const { exported_at: _at, ...backup } = await of.caller.call('backup.export', { all_projects: true })
  return { ...backup, counts: (await of.caller.call('system.status', {})).counts }
}

const statusesIn = (text: string): readonly number[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]))

describe('W1 Host and Origin', () => {
  const hosts = (port: number): Readonly<Record<string, boolean>> => ({
    [`127.0.0.1:${port}`]: true,
    '127.0.0.1': true,
    localhost: true,
    [`LOCALHOST:${port}`]: true,
    [`[::1]:${port}`]: true,
    'evil.test': false,
    [`evil.test:${port}`]: false,
    '127.0.0.1.nip.io': false,
    '127.0.0.1.': false,
    'localhost.': false,
    'localhost.evil.test': false,
    'evil.test@localhost': false,
    '0.0.0.0': false,
    '[::]': false,
    '[::ffff:127.0.0.1]': false,
    '2130706433': false,
    '127.1': false,
    '': false,
  })
  const origins = (host: string): Readonly<Record<string, boolean>> => ({
    [`http://${host}`]: true,
    null: false,
    'https://evil.test': false,
    'http://localhost:1': host === 'localhost:1',
    'file://': false,
    [`http://${host}.evil.test`]: false,
    '': false,
  })

  const combinations = (port: number): readonly (readonly [headers: readonly string[], allowed: boolean])[] =>
    Object.entries(hosts(port)).flatMap(([host, hostAllowed]) => [
      [[`Host: ${host}`], hostAllowed] as const,
      ...Object.entries(origins(host)).map(
        ([origin, sameOrigin]) => [[`Host: ${host}`, `Origin: ${origin}`], hostAllowed && sameOrigin] as const,
      ),
    ])

  it.each(routeSamples.map((sample) => [sample.key, sample] as const))('W1 %s', async (_key, sample) => {
    const all = combinations(server.port)
    const requests = all.map(([headers], index) =>
      [
        `${sample.method} ${sample.path} HTTP/1.1`,
        ...headers,
        `Connection: ${index === all.length - 1 ? 'close' : 'keep-alive'}`,
        ...(takesBody(sample) ? ['Content-Length: 0'] : []),
        '\r\n',
      ].join('\r\n'),
    )
    const answer = await sendRaw(server.port, requests.join(''))
    const refused = statusesIn(answer.text).map((status) => status === 403)
    expect(all.map(([headers], index) => [headers, refused[index]])).toEqual(
      all.map(([headers, allowed]) => [headers, !allowed]),
    )
  })

  it.each([
    ['two Host headers', '/health', ['Host: localhost', 'Host: evil.test']],
    ['two equal Host headers', '/health', ['Host: localhost', 'Host: localhost']],
    ['no Host header', '/health', []],
    [
      'a second Host header behind a hundred others',
      '/health',
      ['Host: localhost', ...manyHeaders(97), 'Host: evil.test'],
    ],
    ['an absolute target', 'http://localhost/health', ['Host: localhost']],
    ['an absolute target of another host', 'http://evil.test/health', ['Host: localhost']],
    ['another host in the target than in the header', 'http://localhost/health', ['Host: evil.test']],
    ['an asterisk', '*', ['Host: localhost']],
    ['two Origin headers', '/health', ['Host: localhost', 'Origin: http://localhost', 'Origin: http://evil.test']],
    ['an upgrade', '/health', ['Host: evil.test', 'Connection: Upgrade', 'Upgrade: websocket']],
    ['a page of another site', '/health', ['Host: localhost', 'Sec-Fetch-Site: cross-site']],
    ['a page of another port', '/health', ['Host: localhost', 'Sec-Fetch-Site: same-site']],
  ] as const)('W1 %s is refused', async (_name, target, headers) => {
    const answer = await sendRaw(server.port, rawRequest(target, headers))
    expect(answer.status).toBe(403)
    expect(answer.text).toContain('"code":"origin_refused"')
  })

  it('W1 HTTP/1.0 without a Host is refused, with one it passes', async () => {
    expect((await sendRaw(server.port, 'GET /health HTTP/1.0\r\n\r\n')).status).toBe(403)
    expect((await sendRaw(server.port, 'GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n')).status).toBe(200)
  })

  it('W1 a configured name passes, and nothing else does', async () => {
    const named = await startLocalServer({ allowedHosts: ['Memory.Example'] })
    const ask = async (host: string): Promise<number> =>
      (await sendRaw(named.port, rawRequest('/health', [`Host: ${host}`]))).status
    expect([await ask('memory.example:80'), await ask('MEMORY.example'), await ask('evil.test')]).toEqual([
      200, 200, 403,
    ])
    await named.close()
  })
})

describe('W2 other sites', () => {
  const types = [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'text/json',
    'application/jsonx',
  ]
  const writing = routeSamples.filter(takesBody)
  const body =
    '{"id":"x","project":"x","title":"x","content":"x","session_id":"x","old_project":"harbour","new_project":"x"}'

  it.each(writing.map((sample) => [sample.key, sample] as const))(
    'W2 %s takes nothing but JSON',
    async (_key, sample) => {
      const before = await state(server)
      for (const type of [...types, undefined]) {
        const headers = type === undefined ? [] : [`Content-Type: ${type}`]
        const answer = await sendRaw(
          server.port,
          rawRequest(sample.path, ['Host: localhost', ...headers], sample.method, body),
        )
        expect([type, answer.status]).toEqual([
          type,
          sample.guard === 'token' && !sample.key.includes('migrate') ? 503 : 415,
        ])
      }
      expect(await state(server)).toEqual(before)
    },
  )

  it.each(['application/json', 'Application/JSON; charset=utf-8', 'application/merge-patch+json'])(
    'W2 %s is JSON',
    async (type) => {
      const answer = await server.send('POST', '/topic-keys/suggest', {
        raw: '{"title":"x"}',
        headers: { 'Content-Type': type },
      })
      expect(answer.status).toBe(200)
    },
  )

  it('W2 a compressed body is refused unread', async () => {
    const headers = { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' }
    expect((await server.send('POST', '/observations', { raw: 'x', headers })).status).toBe(415)
  })

  it('W2 no answer invites another site, a preflight neither', async () => {
    for (const sample of routeSamples) {
      for (const method of [sample.method, 'OPTIONS']) {
        const preflight = ['Access-Control-Request-Method: POST', 'Access-Control-Request-Headers: content-type']
        const text = (await sendRaw(server.port, rawRequest(sample.path, ['Host: localhost', ...preflight], method)))
          .text
        expect(text.split('\r\n\r\n')[0]).not.toMatch(/^access-control|^set-cookie/im)
      }
    }
  })

  it('W2 no GET changes state', async () => {
    const before = await state(server)
    const query =
      'id=1&observation_id=1&q=kept&operation_id=x&session_id=x&project=new-one&apply=true&hard=true&cwd=/tmp'
    for (const { path } of routeSamples.filter((sample) => sample.method === 'GET')) {
      await server.send('GET', `${path}?${query}`)
      await server.send('GET', path.replace('424242', '1'))
    }
    expect(await state(server)).toEqual(before)
  })
})

describe('W3 tokens', () => {
  const token = 'correct-horse-battery-staple'
  const wrong = {
    none: {},
    'of the same length': { authorization: `Bearer ${'x'.repeat(token.length)}` },
    'all but the last character': { authorization: `Bearer ${token.slice(0, -1)}` },
    'with one more character': { authorization: `Bearer ${token}x` },
    'in other letters': { authorization: `Bearer ${token.toUpperCase()}` },
    'an empty one': { authorization: 'Bearer ' },
    'twice in one header': { authorization: `Bearer ${token}, Bearer ${token}` },
    'without its scheme': { authorization: token },
    'as a password': { authorization: `Basic ${Buffer.from(`:${token}`).toString('base64')}` },
    'as a cookie': { cookie: `token=${token}` },
    'in another header': { 'x-engram-token': token },
  } as const
  const right = { authorization: `Bearer ${token}` }
  let local: LocalServer
  let reachable: LocalServer

  beforeAll(async () => {
    local = await startLocalServer({ token })
    reachable = await startLocalServer({ token, host: '0.0.0.0' })
  })
  afterAll(async () => {
    expect([...local.told, ...reachable.told].filter((line) => line.includes(token.slice(0, -1)))).toEqual([])
    await local.close()
    await reachable.close()
  })

  const statusOf = async (
    of: LocalServer,
    sample: RouteSample,
    headers: Readonly<Record<string, string>>,
    query = '',
  ) =>
    (
      await of.send(
        sample.method,
        `${sample.path}${query}`,
        takesBody(sample) ? { body: sample.body, headers } : { headers },
      )
    ).status

  it.each(routeSamples.map((sample) => [sample.key, sample] as const))('W3 %s', async (_key, sample) => {
    const isGuarded = sample.guard !== 'open'
    for (const [name, headers] of Object.entries(wrong)) {
      expect([name, (await statusOf(local, sample, headers)) === 401]).toEqual([name, isGuarded])
      expect([name, await statusOf(reachable, sample, headers)]).toEqual([name, 401])
    }
    for (const query of [`?token=${token}`, `?access_token=${token}`, `?authorization=Bearer%20${token}`]) {
      expect((await statusOf(local, sample, {}, query)) === 401).toBe(isGuarded)
      expect(await statusOf(reachable, sample, {}, query)).toBe(401)
    }
    expect(await statusOf(local, sample, right)).not.toBe(401)
    expect(await statusOf(reachable, sample, right)).not.toBe(401)
  })

  it('MEM-1302 guards what the spec names, and nothing published plug-ins need', () => {
    expect(routeSamples.filter((sample) => sample.guard !== 'open').map((sample) => sample.key)).toEqual([
      'GET /export',
      'POST /import',
      'POST /projects/rescue-ownership',
      'POST /projects/migrate',
      'POST /projects/migrate (rescue)',
      'DELETE /sessions/{id}',
      'DELETE /observations/{id}',
      'DELETE /prompts/{id}',
      'PUT /v1/transcripts/messages',
      'PATCH /v1/transcripts',
      'POST /v1/transcripts/compact',
      'DELETE /v1/transcripts',
    ])
  })

  it('W3 where others can reach it, an unknown path tells nothing either', async () => {
    expect((await reachable.send('GET', '/nowhere')).status).toBe(401)
    expect((await reachable.send('GET', '/nowhere', { headers: right })).status).toBe(404)
  })

  it('W1 where others can reach it, the address a connection came in by is a good name, and no other', async () => {
    const ask = async (of: LocalServer, name: string): Promise<number> => {
      const headers = [`Host: ${name}`, `Authorization: Bearer ${token}`]
      return (await sendRaw(of.port, rawRequest('/health', headers), { host: '127.0.0.2' })).status
    }
    expect(await ask(reachable, `127.0.0.2:${reachable.port}`)).toBe(200)
    expect([await ask(reachable, '192.0.2.1'), await ask(reachable, 'evil.test')]).toEqual([403, 403])
    expect(await ask(reachable, '0.0.0.0')).toBe(403)
  })
})

describe('W8 prototypes', () => {
  const poison = '{"polluted":true,"id":"p","project":"p","title":"p","content":"p","session_id":"p","confirmed":true}'
  const bodies = [
    `{"__proto__":${poison}}`,
    `{"constructor":{"prototype":${poison}}}`,
    `{"__proto__":${poison},"session_ids":{"__proto__":[1]},"observations":[{"__proto__":${poison}}],"version":"0.2.0"}`,
  ]

  it('W8 neither bodies nor queries reach a prototype, and what a prototype holds is no field', async () => {
    const names = Object.getOwnPropertyNames(Object.prototype)
    for (const sample of routeSamples) {
      await server.send(sample.method, `${sample.path}?__proto__=x&constructor=y&__proto__[polluted]=1&q=x`)
      for (const raw of takesBody(sample) ? bodies : []) {
        await server.send(sample.method, sample.path, { raw, headers: { 'Content-Type': 'application/json' } })
      }
    }
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(names)
    for (const path of ['/sessions', '/observations', '/prompts', '/observations/passive']) {
      const sent = { raw: bodies[0] ?? '', headers: { 'Content-Type': 'application/json' } }
      expect((await server.send('POST', path, sent)).status).toBe(400)
    }
  })
})

describe('R5 and R6 sizes', () => {
  const json = ['Host: localhost', 'Content-Type: application/json']

  it('R5 a body of the limit passes, one byte more is 413, by length and by chunks', async () => {
    const padded = (bytes: number): string => `{"title":"${'x'.repeat(bytes - 12)}"}`
    const post = (raw: string) =>
      server.send('POST', '/topic-keys/suggest', { raw, headers: { 'Content-Type': 'application/json' } })
    expect((await post(padded(limits.httpBodyBytesMax))).status).toBe(200)
    expect(await post(padded(limits.httpBodyBytesMax + 1))).toMatchObject({
      status: 413,
      json: { code: 'payload_too_large', details: { limit_bytes: limits.httpBodyBytesMax } },
    })
    const chunk = padded(limits.httpBodyBytesMax + 1)
    const answer = await sendRaw(
      server.port,
      `POST /topic-keys/suggest HTTP/1.1\r\n${json.join('\r\n')}\r\nTransfer-Encoding: chunked\r\n\r\n` +
        `${chunk.length.toString(16)}\r\n${chunk}\r\n0\r\n\r\n`,
      { forMs: 2_000 },
    )
    expect(answer.status).toBe(413)
  })

  it.each([
    ['/observations', limits.httpBodyBytesMax],
    ['/import', limits.httpImportBytesMax],
    ['/projects/migrate', limits.httpRescueBytesMax],
  ])('R5 %s is answered on a declared length of %i and one bytes before they are sent', async (path, max) => {
    const head = [`POST ${path} HTTP/1.1`, ...json, `Content-Length: ${max + 1}`, '\r\n']
    const answer = await sendRaw(server.port, head.join('\r\n'), { forMs: 3_000 })
    expect([answer.status, answer.closed]).toEqual([413, true])
    expect(answer.tookMs).toBeLessThan(2_000)
  })

  it('R5 a body of chunks without end is 413 and its connection closed', async () => {
    const part = `10000\r\n${'x'.repeat(0x1_0000)}\r\n`
    let sent = 0
    const answer = await sendRaw(
      server.port,
      `POST /observations HTTP/1.1\r\n${json.join('\r\n')}\r\nTransfer-Encoding: chunked\r\n\r\n`,
      {
        during: (socket) => {
          const more = (): void => {
            while (!socket.destroyed && socket.write(part)) sent += part.length
            sent += part.length
          }
          socket.on('drain', more)
          more()
        },
      },
    )
    expect([answer.status, answer.closed]).toEqual([413, true])
    expect(sent).toBeLessThan(200 * 1024 * 1024)
  })

  it.each([
    ['a header of 17 KiB', '/health', [`X-Long: ${'x'.repeat(17 * 1024)}`]],
    ['20,000 headers', '/health', manyHeaders(20_000)],
    ['101 headers', '/health', manyHeaders(101)],
    ['an address of 1 MiB', `/${'x'.repeat(1024 * 1024)}`, []],
  ])('R5 %s is 431', async (_name, target, headers) => {
    const answer = await sendRaw(server.port, rawRequest(target, ['Host: localhost', ...headers]))
    expect(answer.status).toBe(431)
    expect(answer.text).toContain('"code":"invalid_request"')
  })

  it.each([
    ['10,000 levels', '['.repeat(10_000) + ']'.repeat(10_000)],
    [
      'a level over the limit',
      `${'{"a":'.repeat(limits.httpJsonDepthMax + 1)}1${'}'.repeat(limits.httpJsonDepthMax + 1)}`,
    ],
    ['a million open brackets', '['.repeat(1_000_000)],
    ['a million braces in a string that never ends', `{"a":"${'{'.repeat(1_000_000)}`],
    ['a list', '[1]'],
    ['a number', '1'],
    ['two objects', '{}{}'],
    ['NaN', '{"confidence":NaN}'],
  ])('R6 %s is 400 within 250 ms', async (_name, raw) => {
    const tookMs: number[] = []
    for (let attempt = 0; attempt < 3; attempt++) {
      const started = performance.now()
      const answer = await server.send('POST', '/observations', {
        raw,
        headers: { 'Content-Type': 'application/json' },
      })
      tookMs.push(performance.now() - started)
      expect([answer.status, answer.json['code']]).toEqual([400, 'invalid_request'])
      expect(answer.json['error']).toMatch(/levels|valid JSON|JSON object/)
    }
    // The best of three: a busy machine is not what is measured.
    expect(Math.min(...tookMs)).toBeLessThan(250)
  })

  it('R6 brackets in strings and levels up to the limit are no matter', async () => {
    const deep = `${'['.repeat(limits.httpJsonDepthMax - 1)}${']'.repeat(limits.httpJsonDepthMax - 1)}`
    const raw = `{"title":"${'[{\\"'.repeat(1_000)}","more":${deep}}`
    const headers = { 'Content-Type': 'application/json' }
    expect((await server.send('POST', '/topic-keys/suggest', { raw, headers })).status).toBe(200)
  })
})

describe('broken requests', () => {
  it.each([
    ['no HTTP at all', 'hello\r\n\r\n', 400],
    ['a version from elsewhere', 'GET /health HTTP/9.9\r\nHost: localhost\r\n\r\n', 400],
    ['a length and chunks', smuggled('Content-Length: 5', 'Transfer-Encoding: chunked'), 400],
    ['two lengths', smuggled('Content-Length: 5', 'Content-Length: 6'), 400],
    ['a negative length', smuggled('Content-Length: -1'), 400],
    ['an unknown coding', smuggled('Transfer-Encoding: xchunked'), 400],
    ['NUL in a header', 'GET /health HTTP/1.1\r\nHost: localhost\r\nX: \0\r\n\r\n', 400],
    ['a space in the path', 'GET /heal th HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
    [
      'a backslash in the path',
      'GET /\\evil.test/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
      400,
    ],
    ['a path of two slashes', rawRequest('//evil.test/health', ['Host: localhost']), 404],
    ['a percent sign alone', rawRequest('/sessions/%', ['Host: localhost']), 404],
    ['bytes that are no UTF-8', rawRequest('/sessions/%ff%fe', ['Host: localhost']), 404],
    ['NUL as id', rawRequest('/sessions/%00', ['Host: localhost']), 400],
    ['dots as id', rawRequest('/sessions/%2e%2e%2f%2e%2e%2fetc%2fpasswd', ['Host: localhost']), 404],
    ['a method nobody knows', rawRequest('/health', ['Host: localhost'], 'PROPFIND'), 405],
    ['TRACE', rawRequest('/health', ['Host: localhost'], 'TRACE'), 405],
    ['an expectation', rawRequest('/health', ['Host: localhost', 'Expect: tea']), 417],
  ])('%s', async (_name, bytes, status) => {
    const answer = await sendRaw(server.port, bytes, { forMs: 3_000 })
    expect(answer.status).toBe(status)
    if (status !== 417)
      expect(JSON.parse(answer.text.split('\r\n\r\n')[1] ?? '')).toMatchObject({ error: expect.any(String) })
  })

  it('CONNECT gets nothing', async () => {
    expect((await sendRaw(server.port, 'CONNECT evil.test:80 HTTP/1.1\r\nHost: localhost\r\n\r\n')).text).toBe('')
  })

  it('requests in one go are answered in order', async () => {
    const paths = Array.from({ length: 500 }, (_, index) => (index % 2 === 0 ? '/health' : '/nowhere'))
    const bytes = paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`).join('')
    const answer = await sendRaw(server.port, bytes + rawRequest('/health', ['Host: localhost']))
    expect(statusesIn(answer.text)).toEqual([...paths.map((path) => (path === '/health' ? 200 : 404)), 200])
  })
})

describe('keeping a connection', () => {
  it('an answer to a POST leaves the connection usable', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const seen: (string | undefined)[] = []
    for (let count = 0; count < 3; count++) seen.push((await postOn(agent)).connection)
    expect(seen).toEqual(['keep-alive', 'keep-alive', 'keep-alive'])
    expect(Object.values(agent.freeSockets).flat()).toHaveLength(1)
    agent.destroy()
  })

  function postOn(agent: Agent) {
    return new Promise<IncomingHttpHeaders>((resolve, reject) => {
      const asking = request(
        {
          port: server.port,
          host: '127.0.0.1',
          method: 'POST',
          path: '/topic-keys/suggest',
          agent,
          headers: { 'content-type': 'application/json' },
        },
        (answer) => {
          answer.resume()
          answer.on('end', () => resolve(answer.headers))
        },
      )
      asking.on('error', reject)
      asking.end('{"title":"x"}')
    })
  }
})

function manyHeaders(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `X-${index}: y`)
}

function smuggled(...headers: readonly string[]): string {
  return ['POST /observations HTTP/1.1', 'Host: localhost', ...headers, '', '{}'].join('\r\n')
}

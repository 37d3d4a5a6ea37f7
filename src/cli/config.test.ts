import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readConfig, splitAddress, type GlobalFlags } from './config.ts'

const places = { home: '' }
beforeEach(() => {
  places.home = mkdtempSync(join(tmpdir(), 'engram-config-'))
  mkdirSync(join(places.home, '.engram'))
})
afterEach(() => rmSync(places.home, { recursive: true, force: true }))

const file = (text: string): void => writeFileSync(join(places.home, '.engram', 'config.yaml'), text)

const read = (flags: GlobalFlags = {}, environment: Record<string, string> = {}, forServer = false) =>
  readConfig({ environment, directory: '/somewhere', homeDir: places.home }, flags, { forServer })

describe('MEM-1404 flags beat environment beats config.yaml beats default', () => {
  it.each([
    ['default', {}, {}, '', { value: 'info', source: 'default' }],
    ['file', {}, {}, 'log_level: warn', { value: 'warn', source: 'config.yaml' }],
    ['environment', {}, { ENGRAM_LOG_LEVEL: 'error' }, 'log_level: warn', { value: 'error', source: 'environment' }],
    [
      'flag',
      { logLevel: 'debug' },
      { ENGRAM_LOG_LEVEL: 'error' },
      'log_level: warn',
      { value: 'debug', source: 'flag' },
    ],
    ['blank environment is none', {}, { ENGRAM_LOG_LEVEL: ' ' }, '', { value: 'info', source: 'default' }],
  ])('%s', async (_name, flags, environment, text, expected) => {
    file(text)
    expect((await read(flags, environment)).logLevel).toMatchObject(expected)
  })

  it.each([
    [{}, '', 7437, 'default'],
    [{ ENGRAM_PORT: '8080' }, '', 8080, 'environment'],
    [{ ENGRAM_PORT: '0' }, '', 7437, 'default'],
    [{ ENGRAM_PORT: '70000' }, 'server: {port: 9000}', 9000, 'config.yaml'],
    [{ ENGRAM_PORT: 'abc' }, '', 7437, 'default'],
  ])('port with %o and %j', async (environment, text, value, source) => {
    file(text)
    expect((await read({}, environment)).port).toMatchObject({ value, source })
  })

  it('a port that was typed and is none is an error', async () => {
    await expect(read({ port: 'abc' })).rejects.toMatchObject({ code: 'usage' })
  })

  it('settings of the engine come from the file', async () => {
    file('dedupe_window: 15m\nhistory: {keep: 7}\ndurability: normal\nreview: {decision: 2mo, bugfix: 1}\n')
    const { settings } = await read()
    expect(settings).toMatchObject({ dedupeWindowMs: 900_000, historyKept: 7, durability: 'normal' })
    expect(settings.reviewMonths).toMatchObject({ decision: 2, bugfix: 1, policy: 12 })
  })

  it('RET-607 the model is switched off by search.embedder: none', async () => {
    expect((await read()).settings.embedder).toBe('bundled')
    file('search: {embedder: none}\n')
    expect((await read()).settings.embedder).toBe('none')
  })

  it('ING-RED-6 what is redacted besides comes from the file, and is never half understood', async () => {
    file('redact:\n  extra: [{name: ticket, pattern: "TCK-[0-9]{6}"}]\n  allow: [abc]\n  emails: true\n')
    expect((await read()).redact).toEqual({
      extra: [{ name: 'ticket', pattern: 'TCK-[0-9]{6}' }],
      allow: ['abc'],
      emails: true,
      homePaths: false,
    })
    for (const text of [
      'redact: yes please',
      'redact: {extras: []}',
      'redact: {extra: x}',
      'redact: {extra: [{name: a}]}',
      'redact: {emails: 1}',
    ]) {
      file(text)
      await expect(read()).rejects.toMatchObject({
        code: 'usage',
        message: expect.stringContaining('redact') as string,
      })
    }
  })

  it.each(['a: [', '- a list', 'just text', 'a: &x [*x'])('a broken file is said: %j', async (text) => {
    file(text)
    await expect(read()).rejects.toMatchObject({ code: 'usage' })
  })

  it('a file nobody may read is said, not passed over', async (context) => {
    file('log_level: warn')
    chmodSync(join(places.home, '.engram', 'config.yaml'), 0o000)
    if (process.getuid?.() === 0) return context.skip('root may read everything')
    await expect(read()).rejects.toMatchObject({ code: 'usage' })
  })
})

describe('MEM-101 the data dir', () => {
  it('is ~/.engram, or what is named', async () => {
    expect((await read()).dataDir.value).toBe(join(places.home, '.engram'))
    expect((await read({}, { ENGRAM_DATA_DIR: '/data' })).dataDir).toMatchObject({
      value: '/data',
      source: 'environment',
    })
    expect((await read({}, { ENGRAM_DATA_DIR: '  ' })).dataDir.source).toBe('default')
  })

  it('relative is refused, except by the server', async () => {
    await expect(read({ dataDir: 'here' })).rejects.toMatchObject({ code: 'usage' })
    await expect(read({}, { ENGRAM_DATA_DIR: 'here' })).rejects.toMatchObject({ code: 'usage' })
    expect((await read({ dataDir: 'here' }, {}, true)).dataDir.value).toBe('/somewhere/here')
  })
})

describe('addresses', () => {
  it.each([
    ['127.0.0.1:80', { host: '127.0.0.1', port: 80 }],
    [':8080', { host: '', port: 8080 }],
    ['8080', { host: '127.0.0.1', port: 8080 }],
    ['[::1]:7437', { host: '::1', port: 7437 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
    [undefined, null],
    ['', null],
  ])('%j', (text, address) => expect(splitAddress(text, '--addr')).toEqual(address))

  it.each(['host', 'a:b', ':70000', 'http://x:80', '::1:80', 'x y:1'])('%j is none', (text) =>
    expect(() => splitAddress(text, '--addr')).toThrow(
      `--addr: expected host:port or :port, such as 127.0.0.1:7437, got ${JSON.stringify(text)}.`,
    ),
  )

  it.each([
    ['--addr', { addr: 'a:b' }, {}, ''],
    ['--grpc-addr', { grpcAddr: 'a:b' }, {}, ''],
    ['--port', { port: 'b' }, {}, ''],
    ['ENGRAM_ADDR', {}, { ENGRAM_ADDR: 'a:b', ENGRAM_SERVER_ADDR: ':1' }, ''],
    ['ENGRAM_SERVER_ADDR', {}, { ENGRAM_SERVER_ADDR: 'a:b' }, ''],
    ['ENGRAM_GRPC_ADDR', {}, { ENGRAM_GRPC_ADDR: 'a:b' }, 'server: { grpc_addr: c:d }'],
    ['server.addr in ~/.engram/config.yaml', {}, {}, 'server: { addr: a:b }'],
    ['server.grpc_addr in ~/.engram/config.yaml', {}, {}, 'server: { grpc_addr: a:b }'],
  ])(
    'COL-1802 an address that is none is told from where it stands, with an example: %s',
    async (name, flags, variables, text) => {
      file(text)
      const told = name.replace('~', places.home)
      const failed = read(flags, variables, true)
      await expect(failed).rejects.toMatchObject({ code: 'usage' })
      await expect(failed).rejects.toThrow(`${told}: expected `)
      await expect(failed).rejects.toThrow(/such as (?:127\.0\.0\.1:)?7437, got "/)
    },
  )

  it('COL-1501 without a host it is loopback, and every address once a token guards it', async () => {
    expect((await read({ addr: ':8080' }, {}, true)).host.value).toBe('127.0.0.1')
    expect((await read({ addr: ':8080' }, { ENGRAM_HTTP_TOKEN: 'sesame' }, true)).host.value).toBe('0.0.0.0')
  })

  it('COL-302 gRPC has an address of its own, off until set, by the same rule', async () => {
    expect((await read({}, {}, true)).grpcAddress.value).toBeNull()
    const set = { ENGRAM_GRPC_ADDR: ':7438' }
    expect((await read({}, set, true)).grpcAddress).toMatchObject({
      value: { host: '127.0.0.1', port: 7438 },
      source: 'environment',
    })
    expect((await read({}, set)).grpcAddress.value).toBeNull()
    const guarded = { ...set, ENGRAM_HTTP_TOKEN: 'sesame' }
    expect((await read({ grpcAddr: ':1' }, guarded, true)).grpcAddress.value).toEqual({ host: '0.0.0.0', port: 1 })
  })

  it('one of the environment stops no command but the server', async () => {
    const environment = { ENGRAM_ADDR: 'garbage' }
    expect((await read({}, environment)).port.value).toBe(7437)
    await expect(read({}, environment, true)).rejects.toMatchObject({ code: 'usage' })
  })
})

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { createClient } from '../../src/client.ts'
import { configFromYaml, createEngine, defaultConfig, EngramError, type Config, type Engine } from '../../src/index.ts'
import { newPlace, ServedProcess } from './served-process.ts'

const root = resolve(import.meta.dirname, '../..')
const dirs: string[] = []
afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true })
})

function engineWith(config: Partial<Config>): Engine {
  const dataDir = mkdtempSync(join(tmpdir(), 'engram-embed-'))
  dirs.push(dataDir)
  return createEngine({ ...defaultConfig(), dataDir, logLevel: 'error', ...config })
}

describe('the embedded engine', () => {
  it('COL-2101 COL-2105 without a port: calls and streams in camelCase', async () => {
    const engine = engineWith({ serverAddr: null })
    await expect(engine.call('context.get', { id: 'c' })).rejects.toMatchObject({ code: 'store_closed' })
    await engine.start()
    expect(engine.addresses).toEqual([])
    const input = {
      contextId: 'c',
      agentId: 'a',
      type: 'MESSAGE',
      payload: 'Hello',
      createContext: true,
      meta: { a_b: 'x' },
    }
    const { unit } = await engine.call('work-unit.append', input)
    expect(unit).toMatchObject({ contextId: 'c', agentId: 'a', seq: 2, meta: { a_b: 'x' } })
    const events = []
    for await (const event of engine.subscribe('c', { from: 'begin', kinds: 'all' })) {
      events.push(event)
      if (event.kind === 'stream.live') break
    }
    expect(events.map(({ kind, seq }) => [kind, seq])).toEqual([
      ['context.created', 1],
      ['unit.created', 2],
      ['stream.live', 0],
    ])
    expect(events[1]?.unit).toEqual(unit)
    await engine.shutdown({ timeoutMs: 10_000 })
    await engine.shutdown()
    await expect(engine.start()).rejects.toBeInstanceOf(EngramError)
  })

  it('COL-2105 two engines in one process, each with its own metrics; an aborted signal is a shutdown', async () => {
    const [a, b] = [engineWith({ serverAddr: '127.0.0.1:0' }), engineWith({ serverAddr: '127.0.0.1:0' })]
    const stop = new AbortController()
    await Promise.all([a.start({ signal: stop.signal }), b.start()])
    const url = `http://${a.addresses[0] ?? ''}`
    await createClient(url).createContext('A', { id: 'only-a' })
    await expect(createClient(`http://${b.addresses[0] ?? ''}`).getContext('only-a')).rejects.toMatchObject({
      code: 'context_not_found',
    })
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('engram_contexts_total 1')
    stop.abort()
    await expect
      .poll(() =>
        fetch(`${url}/healthz`).then(
          () => 'up',
          () => 'down',
        ),
      )
      .toBe('down')
    await b.shutdown()
  })

  it('COL-2101 what cannot work is refused before anything is touched', () => {
    expect(() => engineWith({ serverAddr: 'nowhere' })).toThrow(EngramError)
    expect(() => engineWith({ walBatchSize: 0 })).toThrow('walBatchSize')
    expect(defaultConfig()).not.toBe(defaultConfig())
    expect(configFromYaml('server: {addr: ":8080"}\nlocks: {default_ttl: 90}\n')).toMatchObject({
      serverAddr: ':8080',
      defaultLockTtlSeconds: 90,
      walBatchSize: 64,
    })
    expect(() => engineWith({ notifier: { maxConnections: -1 } })).toThrow('notifier.max_connections')
    expect(() => configFromYaml('logging: {format: xml}')).toThrow('logging.format')
    expect(() => configFromYaml('storage: {data_dir: 5}')).toThrow('dataDir')
    expect(() => configFromYaml('server: {addr: [1]}')).toThrow('serverAddr')
    expect(() => engineWith({ auth: { enabled: true } })).toThrow('token')
    expect(engineWith({ auth: { enabled: true }, token: 'secret' }).addresses).toEqual([])
    expect(engineWith({ search: { engine: 'weaviate' } }).addresses).toEqual([])
  })

  it('COL-2102 a file and a program say the same, by the same places', () => {
    const file = `
server: {addr: ':8080', grpc_addr: '127.0.0.1:0', read_timeout: 9, cors_origins: ['https://app.example']}
storage: {data_dir: ./data, wal_batch_size: 8, max_wal_size_mb: 32, cache_size: 7}
notifier: {max_idle_time: 20, max_connections: 3}
search: {vector: {enabled: false, max_units: 9}}
rate_limit: {enabled: true, ws_messages_per_second: 5}
logging: {level: warn, global_fields: {app_name: x}}
`
    expect(configFromYaml(file)).toEqual({
      ...defaultConfig(),
      serverAddr: ':8080',
      dataDir: './data',
      walBatchSize: 8,
      maxIdleConnectionSeconds: 20,
      logLevel: 'warn',
      server: { grpcAddr: '127.0.0.1:0', readTimeout: 9, corsOrigins: ['https://app.example'] },
      storage: { maxWalSizeMb: 32 },
      notifier: { maxConnections: 3 },
      search: { vector: { enabled: false, maxUnits: 9 } },
      rateLimit: { enabled: true, wsMessagesPerSecond: 5 },
      logging: { globalFields: { app_name: 'x' } },
    })
  })

  it('COL-2102 what it says holds: one stream, and no more', async () => {
    const engine = engineWith({ serverAddr: '127.0.0.1:0', notifier: { maxConnections: 1 } })
    await engine.start()
    const url = `http://${engine.addresses[0] ?? ''}/v1/events/stream?contexts=c`
    await engine.call('context.create', { id: 'c' })
    const stop = new AbortController()
    const first = await fetch(url, { signal: stop.signal })
    expect([first.status, (await fetch(url)).status]).toEqual([200, 503])
    stop.abort()
    await engine.shutdown()
  })

  it('COL-2102 gRPC stands beside HTTP, and nowhere without it', () => {
    expect(() => engineWith({ serverAddr: null, server: { grpcAddr: ':0' } })).toThrow('server.grpcAddr')
    expect(() => engineWith({ server: { grpcAddr: 'nowhere' } })).toThrow(
      'server.grpcAddr: expected host:port or :port, such as 127.0.0.1:7437, got "nowhere".',
    )
  })

  it('COL-2104 started and stopped twenty times, no handle is left', { timeout: 60_000 }, async () => {
    const handles = (): number => process.getActiveResourcesInfo().filter((one) => one !== 'Immediate').length
    const before = handles()
    for (let n = 0; n < 20; n++) {
      const engine = engineWith({ serverAddr: '127.0.0.1:0', server: { grpcAddr: '127.0.0.1:0' } })
      await engine.start()
      expect(engine.addresses).toHaveLength(2)
      await engine.call('work-unit.append', { contextId: 'c', agentId: 'a', type: 1, createContext: true })
      await engine.shutdown()
    }
    await expect.poll(handles).toBeLessThanOrEqual(before + 1)
  })
})

describe('the quick start', () => {
  it('COL-2201 COL-C6 with curl, against a fresh server with a file of settings', { timeout: 60_000 }, async () => {
    const place = newPlace()
    const served = new ServedProcess(place, ['--addr=127.0.0.1:0', `--config=${join(root, 'config.example.yaml')}`])
    try {
      const url = `http://localhost:${await served.port()}`
      const { stdout } = await promisify(execFile)('sh', [join(root, 'examples/quick-start.sh')], {
        env: { ...process.env, ENGRAM_URL: url },
      })
      expect(stdout.startsWith('OK\n')).toBe(true)
      expect(stdout).toContain('"display_name":"Demo"')
      expect(stdout.match(/"payload":"Hello, Engram!"/g)).toHaveLength(3)
      expect(stdout).toMatch(/"resource_path":"\/demo\/file"[^\n]*\n[^\n]*"resource_path":"\/demo\/file"/)
      expect(stdout).toContain('"total_count":1')
      expect(stdout).toContain('event: connected')
    } finally {
      await served.end()
      place.remove()
    }
  })

  it('COL-1804 a file that was named and is missing, or is no YAML, is a misuse', async () => {
    const place = newPlace()
    for (const path of [join(place.home, 'none.yaml'), join(root, 'LICENSE')]) {
      const served = new ServedProcess(place, ['--port', '0', '--config', path])
      expect((await served.exit).code).toBe(2)
    }
    place.remove()
  })

  it('COL-1501 COL-1503 auth without a token makes one that only its owner reads', async () => {
    const place = newPlace()
    const served = new ServedProcess(place, [
      '--addr',
      '127.0.0.1:0',
      '--create-token',
      '--config',
      join(root, 'test/e2e/live/auth.yaml'),
    ])
    try {
      const url = `http://127.0.0.1:${await served.port()}`
      const { readFileSync, statSync } = await import('node:fs')
      const token = readFileSync(join(place.dataDir, 'token'), 'utf8').trim()
      expect(statSync(join(place.dataDir, 'token')).mode & 0o777).toBe(0o600)
      await expect(createClient(url).getContext('c')).rejects.toMatchObject({ code: 'unauthorized' })
      const client = createClient(url, { token })
      await client.createContext('C', { id: 'c' })
      const heard = await client.subscribe('c', { from: 'begin', kinds: 'all', transport: 'sse' })
      for await (const { kind } of heard.events) {
        expect(kind).toBe('context.created')
        break
      }
      client.close()
      expect(served.told).not.toContain(token)
    } finally {
      await served.end()
      place.remove()
    }
  })
})

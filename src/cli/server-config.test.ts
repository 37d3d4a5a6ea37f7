import { describe, expect, it } from 'vitest'
import { knownKeys, serverConfig } from './server-config.ts'
import { parseYaml } from '../platform/yaml.ts'

const read = (text: string, environment: Readonly<Record<string, string>> = {}) =>
  serverConfig(parseYaml(text) as Readonly<Record<string, unknown>>, (name) => environment[name])

describe('COL-1805 each key has its effect', () => {
  it('times, sizes and numbers', () => {
    const { settings, engine, warnings } = read(`
server: { read_timeout: 30, write_timeout: 2.5, idle_timeout: 60 }
storage: { wal_batch_size: 16, wal_sync_interval_ms: 7, max_wal_size_mb: 128, durability: normal }
locks: { cleanup_interval: 4, default_ttl: 0.5 }
search: { engine: sqlite, update_interval_ms: 500, max_batch_size: 10, vector: { enabled: false, max_units: 500 } }
`)
    expect(warnings).toEqual([])
    expect(settings.timeouts).toEqual({ readMs: 30_000, writeMs: 2_500, idleMs: 60_000 })
    expect(engine).toEqual({
      walBatchSize: 16,
      walSyncMs: 7,
      walBytesForced: 128 * 1024 * 1024,
      durability: 'normal',
      lockSweepMs: 4_000,
      lockTtlMs: 500,
      unitSearchMode: 'keyword',
      unitIndexMs: 500,
      unitIndexBatch: 10,
      unitVectorsMax: 500,
      embedder: 'none',
    })
  })

  it('what is not said hides no default', () => {
    expect(read('server: {}').engine).toEqual({})
  })

  it('the log', () => {
    const { log, warnings } = read(`
logging: { format: console, include_caller: true, global_fields: { service: live, shard: 3 } }
`)
    expect(log).toEqual({ format: 'console', includeCaller: true, fields: { service: 'live', shard: 3 } })
    expect(warnings).toEqual([])
  })
})

describe('COL-1805 or a remark', () => {
  it.each([
    [
      'server: { read_timeout: soon }',
      'server.read_timeout: expected a number above 0, got "soon"; the default stands',
    ],
    ['locks: { default_ttl: -1 }', 'locks.default_ttl: expected a number above 0, got -1; the default stands'],
    ['logging: { format: xml }', 'logging.format: expected json or console, got "xml"; the default stands'],
    ['logging: { level: loud }', 'logging.level: expected debug or info or warn or error or silent, got "loud"'],
    ['logging: { global_fields: [1] }', 'logging.global_fields: expected names and values'],
    ['logging: { global_fields: { deep: { x: 1 } } }', 'logging.global_fields.deep.x: expected text, a number'],
    ['search: { engine: lucene }', 'search.engine lucene is another program; units are searched by the words here'],
    ['search: { vector: { provider: x } }', 'search.vector.provider waits for an embedder over HTTP; it has no effect'],
    [
      'storage: { wal_batch_sise: 1 }',
      'nothing is called storage.wal_batch_sise; did you mean storage.wal_batch_size?',
    ],
  ])('%s', (text, remark) => {
    const { warnings, engine } = read(text)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain(remark)
    expect(engine).toEqual({})
  })

  it.each([
    ['weaviate', {}, 'hybrid'],
    ['qdrant', { vector: { enabled: true } }, 'hybrid'],
    ['badger', {}, 'keyword'],
    ['sqlite', { vector: { enabled: true } }, undefined],
    [undefined, { vector: { enabled: true } }, undefined],
  ])('COL-1704 search.engine %s, %j: units are searched by %s', (engine, more, mode) => {
    const made = read(JSON.stringify({ search: { ...(engine === undefined ? {} : { engine }), ...more } }))
    expect(made.engine.unitSearchMode).toBe(mode)
    const remarks = mode === 'hybrid' ? [expect.stringMatching(/by words and by meaning with the model here$/)] : []
    expect(made.warnings).toEqual(remarks)
  })

  it('what cannot be is told apart from what has no effect', () => {
    expect(read('search: { engine: weaviate }').wrong).toEqual([])
    expect(read('locks: { default_ttl: x }').wrong).toHaveLength(1)
  })

  it('what no timer can hold is the longest that one can', () => {
    expect(read('server: { idle_timeout: 1.0e12 }').settings.timeouts.idleMs).toBe(2_147_483_647)
  })

  it('every key is known once', () => {
    expect(new Set(knownKeys).size).toBe(knownKeys.length)
  })
})

describe('COL-1802 variables beat the file', () => {
  it('by their values', () => {
    const { engine, log, warnings } = read('storage: { wal_batch_size: 16 }\nlogging: { format: json }', {
      ENGRAM_STORAGE_WAL_BATCH_SIZE: '8',
      ENGRAM_STORAGE_WAL_SYNC_INTERVAL_MS: '20',
      ENGRAM_LOG_FORMAT: 'console',
    })
    expect(engine).toEqual({ walBatchSize: 8, walSyncMs: 20 })
    expect(log.format).toBe('console')
    expect(warnings).toEqual([])
  })

  it('one that is none is remarked, and of two names that differ the first counts', () => {
    const { engine, warnings } = read('{}', {
      ENGRAM_STORAGE_WAL_BATCH_SIZE: 'many',
      ENGRAM_ADDR: ':1',
      ENGRAM_SERVER_ADDR: ':2',
    })
    expect(engine).toEqual({})
    expect(warnings).toEqual([
      'ENGRAM_STORAGE_WAL_BATCH_SIZE: storage.wal_batch_size: expected a number above 0, got "many"; the default stands',
      'ENGRAM_ADDR and ENGRAM_SERVER_ADDR differ; ENGRAM_ADDR counts',
    ])
  })
})

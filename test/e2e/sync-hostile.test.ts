import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { constants, crc32, deflateRawSync, gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openMachine, type Machine } from '../../src/engine/testing/machine.ts'
import type { ChunkImportResult } from '../../src/model/sync.ts'
import { sha256Hex } from '../../src/platform/bytes.ts'
import { encodeManifest } from '../../src/protocol/manifest.ts'
import { Syncer } from '../../src/sync/syncer.ts'
import { syncDoors } from '../../src/sync-doors.ts'

/** What a stranger may put into a folder of chunks. */

/** `npm run test:long`: every position Y5 asks for. */
const isLong = process.env['ENGRAM_LONG'] !== undefined
const positions = isLong ? 10_000 : 400

const gzipHeader = Buffer.from('1f8b08000000000000ff', 'hex')

let work = ''
let machine: Machine
beforeEach(async () => {
  work = mkdtempSync(join(tmpdir(), 'engram-hostile-'))
  mkdirSync(join(work, 'sync', 'chunks'), { recursive: true })
  machine = await openMachine(1)
})
afterEach(async () => {
  await machine.close()
  rmSync(work, { recursive: true, force: true })
})

const file = (id: string): string => join(work, 'sync', 'chunks', `${id}.jsonl.gz`)
const manifestPath = (): string => join(work, 'sync', 'manifest.json')

/** A chunk under the name its document has. */
function put(document: string | Buffer): string {
  const id = sha256Hex(document).slice(0, 8)
  writeFileSync(file(id), gzipSync(document))
  return id
}

/** What the manifest says each chunk holds: from some thousands on, another thread makes them ready (CHK-613). */
let memories = 0

function list(ids: readonly string[]): void {
  const entry = { created_by: 'ana', created_at: '2026-09-20T09:30:00Z', sessions: 0, memories, prompts: 0 }
  writeFileSync(manifestPath(), encodeManifest({ version: 1, chunks: ids.map((id) => ({ id, ...entry })) }))
}

const importAll = (options = {}): Promise<ChunkImportResult> =>
  new Syncer({ sync: async () => syncDoors(machine.deps) }, join(work, 'sync')).import(options)

const row = (number: number, more: object = {}): object => ({
  id: number,
  sync_id: `obs-${number}`,
  session_id: 'ses-1',
  type: 'decision',
  title: `Title ${number}`,
  content: `Content ${number}`,
  project: 'acme',
  scope: 'project',
  revision_count: 1,
  duplicate_count: 1,
  created_at: '2026-09-20 09:10:00',
  updated_at: '2026-09-20 09:10:00',
  ...more,
})

const session = { id: 'ses-1', project: 'acme', directory: '/home/ana', started_at: '2026-09-20 09:00:00' }
const chunk = (...observations: readonly unknown[]): string =>
  JSON.stringify({ sessions: [session], observations, prompts: [] })

const contents = (): readonly string[] =>
  machine.store.read((tx) =>
    tx.all<{ c: string }>('SELECT content AS c FROM observations ORDER BY sync_id').map(({ c }) => c),
  )

const reasonsOf = (result: ChunkImportResult): Readonly<Record<string, string>> =>
  Object.fromEntries((result.quarantined ?? []).map(({ id, reason }) => [id, reason]))

/** One stored block of zeros after the other, packed: ten thousand times what it weighs. */
function bomb(membersOf64MiB: number): Buffer {
  const zeros = Buffer.alloc(64 * 1024 * 1024)
  const member = gzipSync(zeros, { level: 9 })
  return Buffer.concat(Array.from({ length: membersOf64MiB }, () => member))
}

/** 4 GiB of zeros as one member: each piece goes on where the one before it ended. Its sums are never looked at. */
function longBomb(): Buffer {
  const piece = deflateRawSync(Buffer.alloc(64 * 1024 * 1024), { level: 9, finishFlush: constants.Z_SYNC_FLUSH })
  const pieces = Array.from({ length: 64 }, () => piece)
  return Buffer.concat([gzipHeader, ...pieces, Buffer.from('0300', 'hex'), Buffer.alloc(8)])
}

describe.each([0, 10_000])('CHK-703, CHK-613 where the manifest says %i records a chunk', (said) => {
  beforeEach(() => {
    memories = said
  })

  it('R6, CHK-701, CHK-703 gzip bombs are refused in little time and memory, and the good chunk is in', () => {
    const good = put(chunk(row(1)))
    writeFileSync(file('aaaaaaaa'), bomb(160))
    writeFileSync(file('bbbbbbbb'), gzipSync(Buffer.alloc(300 * 1024 * 1024), { level: 9 }))
    writeFileSync(file('cccccccc'), '')
    truncateSync(file('cccccccc'), 33 * 1024 * 1024)
    writeFileSync(file('ffffffff'), longBomb())
    // Small as files go; what a parser makes of them is fifty times as large.
    const dense = [
      `{"observations":[${'{},'.repeat(2_700_000)}{}]}`,
      `{"observations":[${'[[[1]]],'.repeat(1_000_000)}{}]}`,
    ]
    list(['aaaaaaaa', 'bbbbbbbb', 'cccccccc', 'ffffffff', ...dense.map(put), good])
    const worker = join(import.meta.dirname, 'sync-hostile-worker.ts')
    const run = spawnSync(process.execPath, [worker, join(work, 'data'), join(work, 'sync')], { encoding: 'utf8' })
    expect(run.stderr).toBe('')
    const told = JSON.parse(run.stdout) as { ms: number; rssKib: number; result: ChunkImportResult }
    expect(told.result).toMatchObject({ chunks_imported: 1, observations_imported: 1 })
    const bombs = ['aaaaaaaa', 'bbbbbbbb', 'cccccccc', 'ffffffff', ...dense.map(put)]
    expect(reasonsOf(told.result)).toEqual(Object.fromEntries(bombs.map((id) => [id, 'too_large'])))
    expect(told.ms).toBeLessThan(5_000)
    expect(told.rssKib).toBeLessThan(300 * 1024)
  }, 60_000)

  it('R6, CHK-703 ten megabytes of brackets, a million rows too many, a text over every limit: named, and nothing else is harmed', async () => {
    const deep = put('['.repeat(5_000_000) + ']'.repeat(5_000_000))
    const rows = put(`{"sessions":[],"observations":[${'{},'.repeat(1_000_000)}{}]}`)
    const long = put(chunk(row(1, { content: 'a'.repeat(9 * 1024 * 1024) }), row(2)))
    const good = put(chunk(row(3)))
    list([deep, rows, long, good])
    const result = await importAll()
    expect(reasonsOf(result)).toEqual({ [deep]: 'too_large', [rows]: 'too_large' })
    expect(result.rows_quarantined).toBe(1)
    expect(contents()).toEqual(['Content 2', 'Content 3'])
  }, 60_000)

  it('CHK-608, CHK-703 hundreds of thousands of bad rows are counted, the first thousand kept, and the good one is in', async () => {
    const id = put(`{"sessions":[],"observations":[${'{},'.repeat(300_000)}${JSON.stringify(row(1))}]}`)
    list([id])
    const startMs = performance.now()
    const result = await importAll()
    expect(performance.now() - startMs).toBeLessThan(20_000)
    expect(result).toMatchObject({ rows_quarantined: 300_000, observations_imported: 1 })
    expect(result.quarantined_rows).toHaveLength(1_000)
    const kept = machine.store.read((tx) => tx.get<{ n: number }>('SELECT count(*) AS n FROM deferred'))
    expect(kept).toEqual({ n: 1_000 })
  }, 60_000)

  it('CHK-105 no id and no link leads out of the folder', async () => {
    writeFileSync(join(work, 'secret.jsonl.gz'), gzipSync(chunk(row(9))))
    symlinkSync(join(work, 'secret.jsonl.gz'), file('dddddddd'))
    mkdirSync(file('eeeeeeee'))
    list(['../../secret', '/etc/passwd', 'dddddddd', 'eeeeeeee', 'ABCDEF00', '', '__proto__'])
    const result = await importAll()
    expect(reasonsOf(result)).toEqual({
      '../../secret': 'bad_chunk_id',
      '/etc/passwd': 'bad_chunk_id',
      dddddddd: 'not_a_file',
      eeeeeeee: 'not_a_file',
      ABCDEF00: 'bad_chunk_id',
      ['__proto__']: 'bad_chunk_id',
    })
    expect(contents()).toEqual([])
  })

  it('CHK-608 rows of every wrong shape are set aside alone, with their names', async () => {
    const mutation = (more: object): object => ({
      entity: 'prompt',
      entity_key: 'p',
      op: 'upsert',
      payload: '{}',
      ...more,
    })
    const id = put(
      JSON.stringify({
        sessions: [session, null, 7, { id: '' }, { id: ['x'] }],
        observations: [
          row(1),
          'text',
          row(2, { session_id: 5 }),
          row(3, { content: null }),
          row(4, { sync_id: 'a\0b' }),
        ],
        prompts: [[], { sync_id: 'prompt-1', session_id: 'ses-1', content: { $gt: '' } }],
        mutations: [
          null,
          mutation({ payload: 'not json' }),
          mutation({ payload: '{"sync_id":"other","session_id":"ses-1","content":"x"}' }),
          mutation({ entity_key: '', payload: '{"content":"x"}' }),
          mutation({ entity: 'planet' }),
          mutation({ op: 'explode' }),
          mutation({ entity: 'relation', entity_key: 'rel-1', payload: '{"sync_id":"rel-1","relation":"loves"}' }),
        ],
      }),
    )
    list([id])
    const result = await importAll()
    expect(contents()).toEqual(['Content 1'])
    expect(result).toMatchObject({ chunks_imported: 1, chunks_quarantined: 0, sessions_imported: 1 })
    expect(result.quarantined_rows?.map(({ entity, reason }) => `${entity}: ${reason.split(':')[0]}`))
      .toMatchInlineSnapshot(`
      [
        "session: not an object",
        "session: not an object",
        "session: sync_session_identity_invalid",
        "session: sync_session_identity_invalid",
        "observation: not an object",
        "prompt: not an object",
        "tombstone: not an object",
        "prompt: undecodable payload",
        "prompt: the key is not that of the payload",
        "prompt: sync_prompt_identity_invalid",
        "tombstone: unknown entity "planet"",
        "prompt: unknown op "explode"",
        "observation: session_id",
        "observation: content",
        "observation: sync_id",
        "prompt: content",
        "relation: source_id",
      ]
    `)
    const waiting = machine.store.read((tx) => tx.all('SELECT sync_id FROM deferred WHERE apply_status = ?', 'dead'))
    expect(waiting).toHaveLength(result.rows_quarantined)
    expect(await importAll()).toMatchObject({ rows_quarantined: 0, chunks_imported: 0 })
  })

  it.each([
    ['not JSON at all', 'hello', 1],
    ['a list', '[1,2]', 1],
    ['nothing', '', 1],
    ['NUL bytes', '\0\0\0\0', 1],
    ['entries that are none', '{"version":"x","chunks":[1,null,{"id":5},{"ID":"x"}]}', 1],
    ['brackets without end', '{'.repeat(1_000_000), 1],
    ['nested objects', '{"a":'.repeat(200_000), 1],
  ])('CHK-406 a manifest that is %s: the chunks are found by their files', async (_name, text, chunks) => {
    put(chunk(row(1)))
    writeFileSync(manifestPath(), text)
    const startMs = performance.now()
    expect(await importAll()).toMatchObject({ chunks_imported: chunks, observations_imported: 1 })
    expect(performance.now() - startMs).toBeLessThan(3_000)
  })

  it('CHK-105, CHK-406, CHK-703 a manifest that is a link, or beyond every size, is not read', async () => {
    put(chunk(row(1)))
    writeFileSync(join(work, 'elsewhere'), '{"version":1,"chunks":[{"id":"aaaaaaaa"}]}')
    symlinkSync(join(work, 'elsewhere'), manifestPath())
    expect(await importAll()).toMatchObject({ chunks_imported: 1, chunks_missing: 0 })
    rmSync(manifestPath())
    put(chunk(row(2)))
    writeFileSync(manifestPath(), '')
    truncateSync(manifestPath(), 9 * 1024 * 1024)
    expect(await importAll()).toMatchObject({ chunks_imported: 1, chunks_skipped: 1 })
  })

  it('CHK-701 a chunk that was set aside is read again when its file changes, or when asked', async () => {
    const document = chunk(row(1))
    const id = put(document)
    const whole = gzipSync(document)
    writeFileSync(file(id), whole.subarray(0, whole.length - 9))
    list([id])
    expect(reasonsOf(await importAll())).toEqual({ [id]: 'truncated' })
    expect(reasonsOf(await importAll())).toEqual({ [id]: 'truncated' })
    expect(reasonsOf(await importAll({ retryQuarantined: true }))).toEqual({ [id]: 'truncated' })
    writeFileSync(file(id), whole)
    expect(await importAll()).toMatchObject({ chunks_imported: 1, chunks_quarantined: 0 })
    expect(await importAll()).toMatchObject({ chunks_imported: 0, chunks_skipped: 1 })
  })

  it('CHK-602 a chunk that comes later is read later', async () => {
    const document = chunk(row(1))
    const id = sha256Hex(document).slice(0, 8)
    list([id])
    expect(await importAll()).toMatchObject({ chunks_missing: 1, chunks_skipped: 1, chunks_imported: 0 })
    expect(await importAll()).toMatchObject({ chunks_missing: 1 })
    put(document)
    expect(await importAll()).toMatchObject({ chunks_missing: 0, chunks_imported: 1 })
  })

  it('CHK-102 one document under two names, and repeated ids: taken in once', async () => {
    const document = chunk(row(1))
    const hash = sha256Hex(document)
    const id = put(document)
    writeFileSync(file(hash.slice(0, 16)), gzipSync(document))
    list([id, hash.slice(0, 16), id, id])
    expect(await importAll()).toMatchObject({ chunks_imported: 1, chunks_skipped: 1, observations_imported: 1 })
    expect(await importAll()).toMatchObject({ chunks_imported: 0, chunks_skipped: 2 })
  })

  it('Y5, CHK-701 swapped names, a second document behind the first, a cut and a foreign tail: each is named', async () => {
    const [one, two] = [chunk(row(1)), chunk(row(2))]
    const ids = [one, two].map((document) => sha256Hex(document).slice(0, 8))
    const [first = '', second = ''] = ids
    list([first, second])
    writeFileSync(file(first), gzipSync(two))
    writeFileSync(file(second), gzipSync(one))
    expect(reasonsOf(await importAll())).toEqual({ [first]: 'hash_mismatch', [second]: 'hash_mismatch' })
    writeFileSync(file(first), Buffer.concat([gzipSync(one), gzipSync(one)]))
    writeFileSync(file(second), Buffer.concat([gzipSync(two), gzipSync(' '.repeat(20))]))
    expect(reasonsOf(await importAll())).toEqual({ [first]: 'not_json', [second]: 'hash_mismatch' })
    expect(contents()).toEqual([])
    writeFileSync(file(first), gzipSync(one))
    writeFileSync(file(second), gzipSync(two))
    expect(await importAll()).toMatchObject({ chunks_imported: 2, observations_imported: 2 })
  })

  it('Y5, CHK-701 one flipped bit anywhere in the packed document: refused before a row is written', async () => {
    const document = chunk(...Array.from({ length: isLong ? 120 : 40 }, (_, index) => row(index)))
    const id = sha256Hex(document).slice(0, 8)
    const packed = withHeader(document)
    list([id])
    // Behind the header, whose ten bytes say nothing about the document but how it is packed.
    const bits = (packed.length - 10) * 8
    const step = Math.max(1, Math.floor(bits / positions))
    expect(bits).toBeGreaterThanOrEqual(positions)
    let same = 0
    for (let bit = 0; bit < bits; bit += step) {
      const damaged = Buffer.from(packed)
      const at = 10 + Math.floor(bit / 8)
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (bit % 8))
      writeFileSync(file(id), damaged)
      const result = await importAll({ retryQuarantined: true, dryRun: true })
      expect(result.chunks_imported + result.chunks_quarantined).toBe(1)
      // Two packings of one document: its hash says that nothing is damaged.
      same += result.chunks_imported
    }
    expect(same).toBeLessThan(positions / 100)
    expect(contents()).toEqual([])
    writeFileSync(file(id), packed)
    expect(await importAll({ retryQuarantined: true })).toMatchObject({ chunks_imported: 1 })
  }, 600_000)

  it('CHK-701, CHK-702, R6 all of it at once, through the program: each is named, the rest is in, and memory stays small', () => {
    const good = chunk(row(1))
    const [goodId, twin] = [put(good), put(chunk(row(2)))]
    writeFileSync(file('aaaaaaaa'), longBomb())
    const deep = put('['.repeat(5_000_000) + ']'.repeat(5_000_000))
    writeFileSync(file('bbbbbbbb'), gzipSync(chunk(row(3))))
    const types = put(chunk(row(4, { session_id: 5 }), row(5, { content: ['x'] }), row(6)))
    const climbing = put(chunk(row(7, { sync_id: '../../etc/passwd' }), row(7, { sync_id: '../../etc/passwd' })))
    const document = chunk(row(8))
    const cut = sha256Hex(document).slice(0, 8)
    writeFileSync(file(cut), gzipSync(document).subarray(0, -9))
    list([goodId, goodId, 'aaaaaaaa', deep, 'bbbbbbbb', types, climbing, cut, '../../secret', 'cccccccc', twin, goodId])
    const first = program('sync', '--import', '--dir', join(work, 'sync'))
    expect(first.status).toBe(1)
    expect(first.stdout).toBe(
      'Imported 4 new chunk(s) from .engram/\n  Sessions:     1\n  Observations: 4\n  Prompts:      0\n',
    )
    expect(first.told.filter((line) => !line.startsWith('note:')).sort()).toEqual(
      [
        'warning: 1 listed chunk not there yet: cccccccc',
        'set aside: chunk ../../secret: bad_chunk_id',
        'set aside: chunk aaaaaaaa: too_large',
        `set aside: chunk ${deep}: too_large`,
        'set aside: chunk bbbbbbbb: hash_mismatch',
        `set aside: chunk ${cut}: truncated`,
        `set aside: observation obs-4 of chunk ${types}: session_id: Invalid input: expected string, received number`,
        `set aside: observation obs-5 of chunk ${types}: content: Invalid input: expected string, received array`,
        'Look at them with `engram sync --verify`; the rest was taken in.',
        'Look at them with `engram conflicts deferred --status dead`; the rest was taken in.',
      ].sort(),
    )
    expect(first.rssKib).toBeLessThan(300 * 1024)
    expect(program('export', join(work, 'all.json'), '--all').status).toBe(0)
    const kept = JSON.parse(readFileSync(join(work, 'all.json'), 'utf8')) as { observations: { title: string }[] }
    const titles = kept.observations.map(({ title }) => title)
    expect(titles.sort()).toEqual(['Title 1', 'Title 2', 'Title 6', 'Title 7'])
    put(chunk(row(9)))
    writeFileSync(manifestPath(), 'no manifest at all')
    const second = program('sync', '--import', '--dir', join(work, 'sync'))
    expect([second.status, second.stdout.split('\n')[0]]).toEqual([1, 'Imported 1 new chunk(s) from .engram/'])
    expect(second.told).toContain('note: The manifest cannot be read; the chunks were found by their files.')
  }, 120_000)

  it('CHK-702 exit codes: 1 for what was set aside, 0 for what is only missing', () => {
    const good = put(chunk(row(1)))
    list([good, 'aaaaaaaa'])
    const program = join(import.meta.dirname, '../../bin/engram.js')
    const run = (...more: readonly string[]) =>
      spawnSync(
        process.execPath,
        [program, 'sync', '--import', '--dir', join(work, 'sync'), '--data-dir', join(work, 'data'), ...more],
        { encoding: 'utf8', cwd: work },
      )
    const missing = run()
    expect([missing.status, missing.stdout]).toEqual([
      0,
      'Imported 1 new chunk(s) from .engram/\n  Sessions:     1\n  Observations: 1\n  Prompts:      0\n',
    ])
    expect(missing.stderr).toContain('warning: 1 listed chunk not there yet: aaaaaaaa')
    writeFileSync(file('aaaaaaaa'), 'no gzip')
    const damaged = run()
    expect([damaged.status, damaged.stdout]).toEqual([
      1,
      'Already up to date — no new chunks to import.\n  (1 chunks already imported)\n',
    ])
    expect(damaged.stderr).toContain('set aside: chunk aaaaaaaa: unreadable_gzip')
    expect(damaged.stderr).toContain('engram sync --verify')
  }, 60_000)
})

type Ran = {
  readonly status: number | null
  readonly stdout: string
  readonly told: readonly string[]
  readonly rssKib: number
}

/** The program itself, and the most memory it ever held. */
function program(...words: readonly string[]): Ran {
  const weigh = 'data:text/javascript,process.on("exit",()=>console.error(`rss ${process.resourceUsage().maxRSS}`))'
  const run = spawnSync(
    process.execPath,
    ['--import', weigh, join(import.meta.dirname, '../../bin/engram.js'), ...words, '--data-dir', join(work, 'data')],
    { encoding: 'utf8', cwd: work },
  )
  const lines = run.stderr.split('\n').filter((line) => line !== '')
  const rssKib = Number(lines.find((line) => line.startsWith('rss '))?.slice(4))
  return { status: run.status, stdout: run.stdout, told: lines.filter((line) => !line.startsWith('rss ')), rssKib }
}

/** As any packer writes it, without a checksum of the header. */
function withHeader(document: string): Buffer {
  const bytes = Buffer.from(document)
  const tail = Buffer.alloc(8)
  tail.writeUInt32LE(crc32(bytes), 0)
  tail.writeUInt32LE(bytes.length, 4)
  return Buffer.concat([gzipHeader, deflateRawSync(bytes), tail])
}

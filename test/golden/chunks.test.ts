import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openMachine, type Machine } from '../../src/engine/testing/machine.ts'
import type { ChunkImportResult, Manifest } from '../../src/model/sync.ts'
import { sha256Hex } from '../../src/platform/bytes.ts'
import { gzip } from '../../src/platform/gzip.ts'
import { encodeDocument, type ChunkData } from '../../src/protocol/chunk-document.ts'
import { encodeGoJson, type GoJson } from '../../src/protocol/go-json.ts'
import { decodeManifest, encodeManifest } from '../../src/protocol/manifest.ts'
import { Syncer } from '../../src/sync/syncer.ts'
import { syncDoors } from '../../src/sync-doors.ts'

/** Sync dirs as programs of several eras leave them; `damaged` and `conflicted-manifest` as accidents do. */
const samples = join(import.meta.dirname, 'chunks')
const folders = readdirSync(samples).sort()
const chunkFiles = folders.flatMap((folder) =>
  readdirSync(join(samples, folder, 'chunks')).map((file) => [folder, file] as const),
)
const sound = chunkFiles.filter(([folder, file]) => folder !== 'damaged' || file.startsWith('f540838b'))

let work = ''
let machine: Machine
beforeEach(async () => {
  work = mkdtempSync(join(tmpdir(), 'engram-golden-'))
  machine = await openMachine(1, { startMs: Date.UTC(2026, 10, 1) })
})
afterEach(async () => {
  await machine.close()
  rmSync(work, { recursive: true, force: true })
})

const importFrom = (directory: string): Promise<ChunkImportResult> =>
  new Syncer({ sync: async () => syncDoors(machine.deps) }, directory).import()

/** The sample, with the entries of its manifest in the order given or reversed. */
function copyOf(folder: string, order: 'listed' | 'reversed'): string {
  const directory = join(work, `${folder}-${order}`)
  cpSync(join(samples, folder), directory, { recursive: true })
  if (order === 'listed') return directory
  const path = join(directory, 'manifest.json')
  const { manifest } = decodeManifest(readFileSync(path, 'utf8'))
  writeFileSync(path, encodeManifest({ ...manifest, chunks: manifest.chunks.toReversed() }))
  return directory
}

type Row = Readonly<Record<string, string | number | null>>
const rows = (sql: string): readonly Row[] => machine.store.read((tx) => tx.all<Row>(sql))

const state = () => ({
  sessions: rows('SELECT id, directory, ended_at, summary FROM sessions ORDER BY id'),
  observations: rows(
    'SELECT sync_id, revision_count, duplicate_count, review_after, deleted_at FROM observations ORDER BY sync_id',
  ),
  prompts: rows('SELECT sync_id, content FROM prompts ORDER BY sync_id'),
  relations: rows(
    `SELECT sync_id, judgment_status FROM relations WHERE judgment_status <> 'orphaned' ORDER BY sync_id`,
  ),
  tombstones: rows('SELECT entity, entity_key FROM tombstones ORDER BY entity, entity_key'),
  waiting: rows('SELECT sync_id, apply_status FROM deferred ORDER BY sync_id'),
})

const observation = (syncId: string, more: Row = {}): Row => ({
  sync_id: syncId,
  revision_count: 1,
  duplicate_count: 1,
  review_after: null,
  deleted_at: null,
  ...more,
})
/** The folder the samples speak of. */
const home = ['', 'home', 'ana', 'src', 'acme-api'].join('/')
const acme = {
  id: 'ses-7c1f0a52',
  directory: home,
  ended_at: '2026-09-20 10:02:41',
  summary: 'Moved token checks into one middleware',
}
const plain = {
  sessions: [acme],
  observations: [
    observation('obs-3f9a1c5be07d2418', { revision_count: 2, review_after: '2027-03-20 09:31:22' }),
    observation('obs-a80be4417c9d6f05'),
  ],
  prompts: [{ sync_id: 'prompt-5d2277b1c0e4f9aa', content: 'why do expired tokens give a 500?' }],
  relations: [{ sync_id: 'rel-0c6e41d99b3f7a28', judgment_status: 'judged' }],
  tombstones: [],
  waiting: [],
}
const paging = { id: 'ses-11aa', directory: home, ended_at: null, summary: null }
const firstOfHistory = {
  sessions: [paging],
  observations: [observation('obs-aaaaaaaaaaaaaaaa'), observation('obs-bbbbbbbbbbbbbbbb')],
  prompts: [{ sync_id: 'prompt-cccccccccccccccc', content: 'how do we page?' }],
  relations: [],
  tombstones: [],
  waiting: [],
}
const ended = { ...paging, ended_at: '2026-09-20 11:00:00', summary: 'Paging done' }
const owned = { id: 'manual-save-acme-api', directory: '', ended_at: null, summary: null }

const wanted: Readonly<Record<string, unknown>> = {
  'v3-plain': plain,
  'manifest-2': plain,
  'v1.7-no-sync-id': {
    ...plain,
    observations: [
      observation('obs-0e2f955df0ab3ec5e47cb64456841e4c'),
      observation('obs-7c29ab22297167747c27ce9d097203da', { revision_count: 2 }),
    ],
    prompts: [{ sync_id: 'prompt-5ee67b65d896bd5696684e49276e207b', content: 'why do expired tokens give a 500?' }],
    relations: [],
  },
  'v3-owned': {
    ...firstOfHistory,
    sessions: [owned],
    observations: [observation('obs-eeeeeeeeeeeeeeee', { duplicate_count: 3 })],
    prompts: [],
  },
  history: {
    sessions: [ended],
    observations: [observation('obs-aaaaaaaaaaaaaaaa', { revision_count: 2 })],
    prompts: [],
    relations: [],
    tombstones: [
      { entity: 'observation', entity_key: 'obs-bbbbbbbbbbbbbbbb' },
      { entity: 'prompt', entity_key: 'prompt-cccccccccccccccc' },
    ],
    waiting: [],
  },
  odd: {
    sessions: [{ id: 'ses-gone', directory: '(recovered-missing-session)', ended_at: null, summary: null }],
    observations: [observation('obs-9999999999999999'), observation('obs-9d708d003acfec4fb8d778d9fd4c4bfd')],
    prompts: [{ sync_id: 'prompt-8888888888888888', content: 'double encoded' }],
    relations: [],
    tombstones: [],
    waiting: [{ sync_id: 'rel-7777777777777777', apply_status: 'deferred' }],
  },
  'conflicted-manifest': {
    sessions: [owned, ended],
    observations: [
      observation('obs-aaaaaaaaaaaaaaaa', { revision_count: 2 }),
      observation('obs-bbbbbbbbbbbbbbbb'),
      observation('obs-eeeeeeeeeeeeeeee', { duplicate_count: 3 }),
    ],
    prompts: firstOfHistory.prompts,
    relations: [{ sync_id: 'rel-dddddddddddddddd', judgment_status: 'judged' }],
    tombstones: [],
    waiting: [],
  },
  damaged: firstOfHistory,
  ours: firstOfHistory,
}

describe('CHK-1201', () => {
  it('CHK-1201 every sample has an expectation', () => {
    expect(Object.keys(wanted).sort()).toEqual(folders)
  })

  it.each(folders.flatMap((folder) => [[folder, 'listed'] as const, [folder, 'reversed'] as const]))(
    'CHK-1201 %s, %s: it imports to what it holds, and a second time to nothing more',
    async (folder, order) => {
      const directory = copyOf(folder, order)
      await importFrom(directory)
      expect(state()).toEqual(wanted[folder])
      const again = await importFrom(directory)
      expect(again).toMatchObject({ chunks_imported: 0, observations_imported: 0, rows_quarantined: 0 })
      expect(state()).toEqual(wanted[folder])
    },
  )

  it.each(sound)('CHK-1201, CHK-102 %s/%s: encoded again it has the same bytes, id and head', async (folder, file) => {
    const packed = readFileSync(join(samples, folder, 'chunks', file))
    const text = gunzipSync(packed).toString('utf8')
    expect(encodeGoJson(JSON.parse(text) as GoJson)).toBe(text)
    expect(sha256Hex(text).slice(0, 8)).toBe(file.slice(0, 8))
    const again = Buffer.from(await gzip(new TextEncoder().encode(text)))
    expect(again.subarray(0, 10).toString('hex')).toBe(packed.subarray(0, 10).toString('hex'))
  })

  it('CHK-301, CHK-1201 without its extras our document is byte for byte that of a Go program', () => {
    const read = (folder: string, id: string): string =>
      gunzipSync(readFileSync(join(samples, folder, 'chunks', `${id}.jsonl.gz`))).toString('utf8')
    const document = JSON.parse(read('ours', 'ca2f4c06')) as ChunkData & Readonly<Record<string, unknown>>
    const bare = JSON.parse(
      JSON.stringify(document, (key, value: unknown) => (key === 'ext' ? undefined : value)),
    ) as ChunkData
    expect(new TextDecoder().decode(encodeDocument(bare))).toBe(read('history', 'f540838b'))
    const ours = rowsOf(document)
    expect(ours).toHaveLength(2)
  })

  it('CHK-301 versions travel with our own chunks', async () => {
    await importFrom(copyOf('ours', 'listed'))
    expect(rows('SELECT version, author FROM observations ORDER BY sync_id')).toEqual([
      { version: 'e414bfd83436c300331107255b71502e', author: 'ana' },
      { version: '4bede6f03247eccd0aa80e9c89ca8c2e', author: 'ana' },
    ])
  })

  it('CHK-701, CHK-602 of a damaged folder each chunk is named with its reason, and the good one is in', async () => {
    const result = await importFrom(copyOf('damaged', 'listed'))
    expect(result).toMatchObject({
      chunks_imported: 1,
      chunks_quarantined: 6,
      chunks_missing: 1,
      missing: ['aaaaaaaa'],
    })
    expect(result.quarantined).toEqual([
      { id: 'fda4ca1f', reason: 'truncated' },
      { id: '0badc0de', reason: 'unreadable_gzip' },
      { id: '13740204', reason: 'not_json' },
      { id: 'deadbeef', reason: 'hash_mismatch' },
      { id: '18017085', reason: 'bad_schema' },
      { id: '../../../etc/passwd', reason: 'bad_chunk_id' },
    ])
  })

  it('CHK-406 a manifest with the marks of an unfinished merge gives all its entries', () => {
    const text = readFileSync(join(samples, 'conflicted-manifest', 'manifest.json'), 'utf8')
    const { manifest, isSound, isLost } = decodeManifest(text)
    expect(manifest.chunks.map(({ id }) => id)).toEqual(['f540838b', 'fda4ca1f', 'dd7cb562'])
    expect({ isSound, isLost }).toEqual({ isSound: false, isLost: false })
  })

  it.each(folders.filter((folder) => folder !== 'conflicted-manifest' && folder !== 'damaged'))(
    'CHK-206 %s: its manifest written again has the same bytes',
    (folder) => {
      const text = readFileSync(join(samples, folder, 'manifest.json'), 'utf8')
      const manifest: Manifest = decodeManifest(text).manifest
      expect(encodeManifest(manifest)).toBe(text)
    },
  )

  it('CHK-406 chunks that no manifest lists are read too', async () => {
    const directory = join(work, 'unlisted')
    mkdirSync(directory)
    cpSync(join(samples, 'history', 'chunks'), join(directory, 'chunks'), { recursive: true })
    const result = await importFrom(directory)
    expect(result.chunks_imported).toBe(4)
    expect(state()).toEqual(wanted['history'])
  })
})

const rowsOf = (document: ChunkData): readonly unknown[] =>
  Array.isArray(document.observations) ? document.observations : []

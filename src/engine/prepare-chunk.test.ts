import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { AcceptedChunk, KnownChunk, PreparedChunk } from '../model/sync.ts'
import { recordsOf } from '../protocol/chunk-records.ts'
import type { ChunkDocument } from '../protocol/chunk-document.ts'
import { splitDocument } from '../protocol/split-document.ts'
import type { ReadTx } from '../store/transaction.ts'
import { acceptEach } from './accept.ts'
import { prepareChunk } from './prepare-chunk.ts'
import { acceptChunk, acceptPrepared } from './sync-accept.ts'
import { emptyMachine } from './testing/deeds.ts'
import { openMachine, type Machine } from './testing/machine.ts'

/** Two machines that are alike: one takes chunks in record by record, the other as they were prepared. */
let plain: Machine
let prepared: Machine
beforeAll(async () => {
  ;[plain, prepared] = [await openMachine(1), await openMachine(1)]
  for (const { store } of [plain, prepared])
    await store.write((tx) => {
      for (const table of ['observation_fts', 'observation_grams'])
        tx.run(`CREATE VIRTUAL TABLE ${table}_places USING fts5vocab (${table}, instance)`)
    })
})
afterAll(() => Promise.all([plain.close(), prepared.close()]))
beforeEach(() => Promise.all([emptyMachine(plain), emptyMachine(prepared)]))

type Row = Readonly<Record<string, unknown>>

const observation = (number: number, more: Row = {}): Row => ({
  id: number,
  sync_id: `obs-${number}`,
  session_id: `session-${number % 3}`,
  type: 'decision',
  title: `A door, number ${number}`,
  content: `text ${number}`,
  project: 'acme',
  scope: 'project',
  created_at: '2026-06-01 10:00:00',
  updated_at: '2026-06-01 10:00:00',
  ...more,
})

const documentOf = (observations: readonly Row[], more: Partial<ChunkDocument> = {}): ChunkDocument => ({
  sessions: [{ id: 'session-1', project: 'acme', directory: '/work', started_at: '2026-06-01 09:00:00' }],
  observations,
  prompts: [],
  mutations: [],
  ext: {},
  ...more,
})

const remote = 'a folder'
const chunkOf = (id: string): KnownChunk => ({ id, hash: id, state: 'imported', reason: '', mark: '' })

const takenPlain = (document: ChunkDocument, id = 'c1'): Promise<AcceptedChunk> => {
  const { records, refused } = recordsOf(document, '2026-06-01 10:00:00')
  return plain.store.write((tx) => acceptChunk(tx, plain.deps, remote, chunkOf(id), records, refused))
}

function ready(document: ChunkDocument, id = 'c1'): PreparedChunk | null {
  const split = splitDocument(new TextEncoder().encode(JSON.stringify(document)))
  return split && prepareChunk(prepared.deps, id, split, '2026-06-01 10:00:00')
}

/** Null where it must be taken in record by record. */
async function takenPrepared(document: ChunkDocument, id = 'c1'): Promise<AcceptedChunk | null> {
  const chunk = ready(document, id)
  return chunk && prepared.store.write((tx) => acceptPrepared(tx, prepared.deps, remote, chunkOf(id), chunk))
}

/** Every row of every table of ours, and every word of the index with its place. */
function everything({ store }: Machine): Readonly<Record<string, readonly Row[]>> {
  return store.read((tx) => Object.fromEntries([...tablesOf(tx)].map((name) => [name, tx.all<Row>(rowsOf(name))])))
}

const tablesOf = (tx: ReadTx): readonly string[] =>
  tx.texts(
    `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
       AND name NOT LIKE 'transcript%' AND name NOT LIKE 'unit_%'
       AND (sql NOT LIKE 'CREATE VIRTUAL%' OR name LIKE '%_places') AND name NOT GLOB '*_fts_*' AND name NOT GLOB '*_grams_*'
     UNION SELECT name FROM sqlite_schema WHERE name GLOB '*_places' ORDER BY name`,
  )
const rowsOf = (table: string): string => `SELECT * FROM ${table} ORDER BY 1, 2`

const text = fc.oneof(
  fc.constantFrom(
    'plain words of a door',
    'getHTTPName and someIdentifier',
    'Ünïcode ﬁne 日本語のテキスト mixed修复getName',
    'password = hunter2hunter2hunter2',
    '<private>nobody</private> reads this',
    'nul \0 and half \ud83d of a pair',
    '"quoted" \\u0000 \\ back',
    'x'.repeat(300),
  ),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
)
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 })
const ext = fc.record(
  {
    version: fc.uuid().map((id) => id.replaceAll('-', '')),
    hlc: fc.integer({ min: 1, max: 0xffff }).map((at) => `0197${at.toString(16).padStart(12, '0')}`),
    origin: fc.constantFrom('0123456789abcdef', 'fedcba9876543210'),
    author: text,
    expires_at: fc.constant('2027-01-01 00:00:00'),
    confidence: fc.constantFrom(0, 0.5, 1),
    provenance: fc.constant({ files: ['src/door.ts'], rule: 'x' }),
  },
  { requiredKeys: ['version', 'hlc', 'origin'] },
)
const row = fc.record({
  title: text,
  content: text,
  type: fc.constantFrom('decision', 'bugfix'),
  scope: fc.constantFrom('project', 'personal', 'global'),
  project: maybe(fc.constantFrom('acme', 'Other/Path', 'acme')),
  topic_key: maybe(fc.constantFrom('door/one', 'door/two')),
  tool_name: maybe(text),
  deleted_at: maybe(fc.constant('2026-06-02 10:00:00')),
  review_after: maybe(fc.constant('2026-09-01 10:00:00')),
  revision_count: maybe(fc.nat({ max: 5 })),
  duplicate_count: maybe(fc.nat({ max: 5 })),
  created_at: fc.constantFrom('2026-06-01 10:00:00', '2026-05-01T10:00:00Z', 'nonsense'),
  ext: maybe(ext),
})

describe('CHK-613', () => {
  it('CHK-613 a prepared chunk leaves the store as one that is taken in record by record, to the last word of the index', async () => {
    let count = 0
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 12 }), fc.nat({ max: 4 }), async (rows, known) => {
        await Promise.all([emptyMachine(plain), emptyMachine(prepared)])
        const before = documentOf(Array.from({ length: known }, (_, number) => observation(100 + number)))
        const document = documentOf(
          rows.map((more, number) => observation(number, more)),
          { prompts: [{ sync_id: 'prompt-1', session_id: 'session-2', content: 'why?', project: 'acme' }] },
        )
        for (const [one, id] of [
          [before, 'c0'],
          [document, 'c1'],
        ] as const) {
          const told = await takenPrepared(one, id)
          if (told === null) return
          expect(told).toEqual(await takenPlain(one, id))
        }
        count++
        expect(everything(prepared)).toEqual(everything(plain))
      }),
      { numRuns: 150 },
    )
    expect(count).toBeGreaterThan(75)
  })

  it('CHK-613, MEM-1702 what is masked in one is masked in the other', async () => {
    const chunk = ready(documentOf([observation(1, { content: 'password = hunter2hunter2hunter2' })]))
    expect(new TextDecoder().decode(chunk?.observations.rows)).not.toContain('hunter2')
    expect(chunk?.observations.redacted).toBe(1)
  })

  const left = (name: string, document: ChunkDocument): void => {
    it(`CHK-613 ${name} is left to be taken in record by record`, () => expect(ready(document)).toBeNull())
  }
  left('a chunk without observations', documentOf([]))
  left('one with a row that has no name', documentOf([observation(1), observation(2, { sync_id: '' })]))
  left('one with a row that does not fit', documentOf([observation(1), observation(2, { content: 7 })]))
  left('one with a row without text', documentOf([observation(1), observation(2, { content: '  ' })]))
  left('one with a project that is none', documentOf([observation(1), observation(2, { project: 'a\0b' })]))
  left('one with a row that is no object', documentOf([observation(1)], { sessions: [7] }))
  left(
    'one with a soft delete without its text',
    documentOf([{ ...observation(1), content: undefined, deleted_at: 'x' }]),
  )

  const mutation = (op: string, key: string, payload: Row, entity = 'observation'): Row => ({
    entity,
    entity_key: key,
    op,
    payload: JSON.stringify(payload),
    occurred_at: '2026-06-03 10:00:00',
  })
  const two = [observation(1), observation(2)]
  left(
    'one that edits one of its own rows',
    documentOf(two, { mutations: [mutation('upsert', 'obs-2', { title: 'x' })] }),
  )
  left('one that edits another', documentOf(two, { mutations: [mutation('upsert', 'obs-8', { title: 'x' })] }))
  left(
    'one with more projects than a chunk of ours has',
    documentOf(Array.from({ length: 1_002 }, (_, number) => observation(number, { project: `p${number}` }))),
  )
  left(
    'one with more rows than a chunk of ours has',
    documentOf(Array.from({ length: 10_001 }, (_, number) => observation(number))),
  )
  left(
    'one that deletes one of its own rows for ever',
    documentOf(two, { mutations: [mutation('delete', 'obs-2', { hard_delete: true })] }),
  )

  it('CHK-613 what else stands in a prepared chunk is taken in as ever: deletes of others, relations', async () => {
    const before = documentOf([observation(7), observation(8)])
    const relation = {
      sync_id: 'rel-1',
      source_id: 'obs-1',
      target_id: 'obs-8',
      relation: 'related',
      judgment_status: 'judged',
      created_at: '2026-06-02 10:00:00',
      updated_at: '2026-06-02 10:00:00',
    }
    const document = documentOf(two, {
      mutations: [
        mutation('delete', 'obs-7', { hard_delete: true, deleted_at: '2026-06-03 10:00:00' }),
        mutation('upsert', 'rel-1', relation, 'relation'),
        mutation('upsert', 'rel-2', { ...relation, sync_id: 'rel-2', source_id: 'nobody' }, 'relation'),
      ],
    })
    for (const [one, id] of [
      [before, 'c0'],
      [document, 'c1'],
    ] as const) {
      const told = await takenPrepared(one, id)
      expect(told).not.toBeNull()
      expect(told).toEqual(await takenPlain(one, id))
    }
    expect(everything(prepared)).toEqual(everything(plain))
    expect(prepared.store.read((tx) => tx.texts('SELECT title FROM observations ORDER BY sync_id'))).toEqual([
      'A door, number 1',
      'A door, number 2',
      'A door, number 8',
    ])
  })

  it('CHK-613, MEM-807 names that hold what stands between names are told apart', async () => {
    for (const { store } of [plain, prepared])
      await store.write((tx) =>
        tx.run(
          `INSERT INTO projects (name, merged_into, created_at) VALUES ('b' || char(10) || 'c', 'goal', '2026-06-01 12:00:00')`,
        ),
      )
    const pair = documentOf([
      observation(1, { session_id: 'a\nb', project: 'c' }),
      observation(2, { session_id: 'a', project: 'b\nc' }),
    ])
    expect(await takenPrepared(pair)).toBeNull()
    const alike = documentOf([
      observation(3, { session_id: 'x\ny', project: 'z', author: 'u' }),
      observation(4, { session_id: 'x', project: 'y\nz' }),
      observation(5, { session_id: 'u', project: 'z' }),
    ])
    expect(await takenPrepared(alike)).toEqual(await takenPlain(alike))
    expect(everything(prepared)).toEqual(everything(plain))
  })

  it.each(['. .x', 'a/. .b', '.. .x', '\ufeff. .x/'])(
    'CHK-613, MEM-803 a project named %j is filed where it is record by record',
    async (project) => {
      const document = documentOf([observation(1, { project }), observation(2)])
      expect(await takenPrepared(document)).toEqual(await takenPlain(document))
      expect(everything(prepared)).toEqual(everything(plain))
    },
  )

  const refused = async (document: ChunkDocument): Promise<void> => {
    const before = everything(prepared)
    expect(await takenPrepared(document, 'c2')).toBeNull()
    expect(everything(prepared)).toEqual(before)
  }

  it('CHK-613 one with an observation that is here already changes nothing', async () => {
    await takenPrepared(documentOf([observation(1), observation(2)]))
    await refused(documentOf([observation(8), observation(2, { content: 'other' }), observation(9)]))
  })

  it('CHK-613, MEM-507 one with an observation that was deleted here for ever changes nothing', async () => {
    await prepared.store.write((tx) =>
      acceptEach(
        tx,
        prepared.deps,
        [
          {
            entity: 'tombstone',
            row: { entity: 'observation', entity_key: 'obs-2', deleted_at: '2026-06-01 12:00:00' },
          },
        ],
        { remote },
      ),
    )
    await refused(documentOf([observation(1), observation(2)]))
  })

  it('CHK-613, MEM-807 one of a project that was merged into another here changes nothing', async () => {
    await prepared.store.write((tx) =>
      tx.run(`INSERT INTO projects (name, merged_into, created_at) VALUES ('old', 'new', '2026-06-01 12:00:00')`),
    )
    await refused(documentOf([observation(1), observation(2, { project: 'old' })]))
  })

  it('CHK-613, MEM-503 one from a clock we do not learn from changes nothing', async () => {
    const far = { version: 'v', hlc: '0fffffffffff0000', origin: '0123456789abcdef' }
    await refused(documentOf([observation(1, { ext: far })]))
  })

  it('CHK-613, CHK-612 what came prepared is not given back, what was changed here is', async () => {
    await takenPrepared(documentOf([observation(1), observation(2)]))
    const heard = prepared.store.read((tx) => tx.all<Row>('SELECT * FROM remote_heard'))
    expect(heard).toEqual([{ remote, from_seq: 0, to_seq: prepared.store.read(lastSeq) }])
  })
})

const lastSeq = (tx: ReadTx): number =>
  tx.get<{ seq: number }>(
    'SELECT max(change_seq) AS seq FROM (SELECT change_seq FROM observations UNION SELECT change_seq FROM sessions)',
  )?.seq ?? 0

import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openMachine, type Machine } from './testing/machine.ts'
import { observationRow, promptRow, readRow, relationRow, sessionRow, tombstoneRow } from '../protocol/record-rows.ts'
import { changeSeqNow, metaValue } from '../store/change-clock.ts'
import { deferredBySyncId } from '../store/deferred.ts'
import { observationBySyncId } from '../store/observations.ts'
import { sessionById } from '../store/sessions.ts'
import { refreshIndex } from '../search/indexer.ts'
import { matchingIds } from '../store/full-text-search.ts'
import { acceptAlone, acceptEach, acceptRecord, type Arrival } from './accept.ts'
import { exportBackup } from './export-backup.ts'
import { emptyMachine } from './testing/deeds.ts'
import { replayRelations } from './accept-relation.ts'
import type { Accepted, AcceptOptions } from './arrival.ts'
import { knownHeads } from './heads.ts'
import { shownHeads } from './rules/merge.ts'

let here: Machine
beforeEach(async () => {
  here = await openMachine(1)
})
afterEach(() => here.close())

function must<T>(reading: { readonly ok: true; readonly row: T } | { readonly ok: false; readonly reason: string }): T {
  if (reading.ok) return reading.row
  throw new Error(reading.reason)
}

const observation = (more: Readonly<Record<string, unknown>> = {}): Arrival => ({
  entity: 'observation',
  row: must(
    readRow(observationRow, {
      sync_id: 'obs-1',
      session_id: 'session-1',
      type: 'decision',
      title: 'One door',
      content: 'first',
      project: 'acme',
      scope: 'project',
      created_at: '2026-06-01 10:00:00',
      updated_at: '2026-06-01 10:00:00',
      ...more,
    }),
  ),
})

const session = (more: Readonly<Record<string, unknown>> = {}): Arrival => ({
  entity: 'session',
  row: must(
    readRow(sessionRow, {
      id: 'session-1',
      project: 'acme',
      directory: '/work',
      started_at: '2026-06-01 09:00:00',
      ...more,
    }),
  ),
})

const relation = (more: Readonly<Record<string, unknown>> = {}): Arrival => ({
  entity: 'relation',
  row: must(
    readRow(relationRow, {
      sync_id: 'rel-1',
      source_id: 'obs-1',
      target_id: 'obs-2',
      relation: 'related',
      judgment_status: 'judged',
      marked_by_actor: 'agent',
      updated_at: '2026-06-01 10:00:00',
      ...more,
    }),
  ),
})

const tombstone = (entity: string, key: string, at: string): Arrival => ({
  entity: 'tombstone',
  row: must(readRow(tombstoneRow, { entity, entity_key: key, deleted_at: at })),
})

const prompt = (sync_id: string, more: Readonly<Record<string, unknown>> = {}): Arrival => ({
  entity: 'prompt',
  row: must(
    readRow(promptRow, {
      sync_id,
      session_id: 'session-1',
      content: `asked ${sync_id}`,
      created_at: '2026-06-01 10:00:00',
      ...more,
    }),
  ),
})

const take = (
  arrivals: readonly Arrival[],
  options: AcceptOptions = { remote: 'test' },
  on: Machine = here,
): Promise<readonly Accepted[]> =>
  on.store.write((tx) => arrivals.map((arrival) => acceptRecord(tx, here.deps, arrival, options)))

const outcomes = async (...arrivals: readonly Arrival[]) => (await take(arrivals)).map((one) => one.outcome)

describe('many at once', () => {
  const words = (on: Machine): unknown =>
    on.store.read((tx) => [
      tx.all('SELECT * FROM observation_words ORDER BY term'),
      tx.all('SELECT * FROM observation_gram_words ORDER BY term'),
      tx.all('SELECT used_id, row_id FROM observation_context ORDER BY used_id, row_id'),
      tx.all('SELECT * FROM project_authors ORDER BY project, author'),
    ])

  const catchUp = (on: Machine): Promise<void> =>
    on.store.write((tx) => {
      const budget = { rowsMax: 1_000, budgetMs: 10_000, clock: on.deps.clock }
      while (!refreshIndex(tx, budget).done) continue
    })

  const rows = (on: Machine): unknown => {
    const backup = on.store.read((tx) => exportBackup(tx, on.deps, null))
    return JSON.parse(JSON.stringify({ ...backup, ext: { ...backup.ext, origin: '' } }))
  }

  const one = fc.record({
    id: fc.constantFrom('obs-1', 'obs-2', 'obs-3', 'obs-4'),
    minute: fc.nat({ max: 59 }),
    content: fc.constantFrom('red apple', 'green pear tree', 'getHTTPName', '修复登录', '   '),
    topic: fc.option(fc.constantFrom('a/topic', 'b/topic'), { nil: undefined }),
    session: fc.constantFrom('session-1', 'session-2'),
    scope: fc.constantFrom('project', 'personal'),
    deleted: fc.boolean(),
    kind: fc.constantFrom('plain', 'plain', 'named', 'gone', 'prompt'),
  })

  const arrivalOf = ({ id, minute, content, topic, session: session_id, scope, deleted, kind }: Made): Arrival => {
    const at = `2026-06-01 10:${String(minute).padStart(2, '0')}:00`
    if (kind === 'gone') return tombstone('observation', id, at)
    if (kind === 'prompt') return prompt(`prompt-${id}`, { session_id, project: 'acme' })
    return observation({
      sync_id: id,
      session_id,
      content,
      topic_key: topic,
      scope,
      created_at: at,
      updated_at: at,
      ...(deleted ? { deleted_at: at } : {}),
      ...(kind === 'named'
        ? {
            ext: {
              version: `v${minute}${content.length}`,
              hlc: `019e830e41${String(minute).padStart(6, '0')}`,
              origin: 'o1',
            },
          }
        : {}),
    })
  }
  type Made = typeof one extends fc.Arbitrary<infer T> ? T : never

  it('CHK-603, RET-203 they leave what each alone leaves, and are found by the same words', async () => {
    const [together, alone] = [await openMachine(4), await openMachine(4)]
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(one, { minLength: 1, maxLength: 12 }), async (made) => {
          for (const on of [together, alone]) await emptyMachine(on)
          const arrivals = made.map(arrivalOf)
          const options = { remote: 'test' }
          const results = await together.store.write((tx) => acceptEach(tx, together.deps, arrivals, options))
          const singly = await alone.store.write((tx) =>
            arrivals.map((arrival) => acceptAlone(tx, alone.deps, arrival, options)),
          )
          expect(results).toEqual(singly)
          expect(rows(together)).toEqual(rows(alone))
          for (const on of [together, alone]) await catchUp(on)
          expect(words(together)).toEqual(words(alone))
        }),
        { numRuns: 150 },
      )
    } finally {
      await together.close()
      await alone.close()
    }
  })

  it('CHK-603, RET-103 each is found by its own words at once', async () => {
    const many = Array.from({ length: 50 }, (_, index) =>
      observation({ sync_id: `obs-${index}`, content: `only${index}word`, title: `titled${index}` }),
    )
    await here.store.write((tx) => acceptEach(tx, here.deps, many, { remote: 'test' }))
    const found = (match: string) => here.store.read((tx) => [...matchingIds(tx, 'observation_fts', match, 10)].length)
    expect(many.map((_, index) => found(`content : only${index}word`))).toEqual(many.map(() => 1))
    expect(many.map((_, index) => found(`title : titled${index}`))).toEqual(many.map(() => 1))
  })

  it('CHK-608 where the store refuses one, what was remembered of those before it is forgotten with them', async () => {
    // The two names are one to the store: half a character becomes the sign for none.
    const twins = ['x\ud800', 'x\ufffd'].map((sync_id) => observation({ sync_id, session_id: 'session-9' }))
    const many = [
      observation({ session_id: 'session-9' }),
      ...twins,
      observation({ sync_id: 'obs-2', session_id: 'session-9', project: 'new' }),
    ]
    const results = await here.store.write((tx) => acceptEach(tx, here.deps, many, { remote: 'test' }))
    expect(results.map((result) => ('refused' in result ? 'refused' : result.outcome))).toEqual([
      'inserted',
      'inserted',
      'unchanged',
      'inserted',
    ])
    const kept = here.store.read((tx) => [
      tx.all('SELECT id FROM sessions'),
      tx.all('SELECT name FROM projects ORDER BY name'),
      tx.get('SELECT count(*) AS n FROM observation_fts_docsize'),
    ])
    expect(kept).toEqual([[{ id: 'session-9' }], [{ name: 'acme' }, { name: 'new' }], { n: 3 }])
  })
})

describe('records without a version', () => {
  it.each<[string, Readonly<Record<string, unknown>>, string, string]>([
    ['the same state again', {}, 'unchanged', 'first'],
    ['only counters', { duplicate_count: 4, updated_at: '2026-06-01 11:00:00' }, 'noted', 'first'],
    ['a later text', { content: 'second', updated_at: '2026-06-02 10:00:00' }, 'updated', 'second'],
    ['an earlier text', { content: 'second', updated_at: '2026-05-02 10:00:00' }, 'noted', 'first'],
  ])('MEM-505 %s', async (_name, change, outcome, content) => {
    await take([observation()])
    expect(await outcomes(observation(change))).toEqual([outcome])
    expect(here.store.read((tx) => observationBySyncId(tx, 'obs-1'))).toMatchObject({ content })
  })

  it('MEM-505 our own older state coming back is ignored', async () => {
    await take([observation(), observation({ content: 'second', updated_at: '2026-06-02 10:00:00' })])
    expect(await outcomes(observation({ updated_at: '2026-06-01 10:00:00' }))).toEqual(['unchanged'])
  })

  it('CHK-304 a missing review date stays, null clears it, a date sets it', async () => {
    const dateAfter = async (change: Readonly<Record<string, unknown>>) => {
      await take([observation(change)])
      return here.store.read((tx) => observationBySyncId(tx, 'obs-1')?.review_after)
    }
    expect(await dateAfter({ review_after: '2026-12-01 00:00:00' })).toBe('2026-12-01 00:00:00')
    expect(await dateAfter({ content: 'second', updated_at: '2026-06-02 00:00:00' })).toBe('2026-12-01 00:00:00')
    expect(await dateAfter({ content: 'third', updated_at: '2026-06-03 00:00:00', review_after: null })).toBeNull()
  })

  it('MEM-505 rows with and without versions, in any order: the same text, no conflict among the plain ones', async () => {
    const other = await openMachine(2)
    const plain = fc.record({ at: fc.integer({ min: 0, max: 50 }), versioned: fc.constant(false) })
    const named = fc.record({ at: fc.integer({ min: 0, max: 50 }), versioned: fc.constant(true) })
    let run = 0
    try {
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(fc.oneof(plain, named), { selector: (one) => one.at, minLength: 1, maxLength: 6 }),
          fc.nat(),
          async (rows, turn) => {
            const sync_id = `obs-run-${run++}`
            const arrivals = rows.map(({ at, versioned }) => {
              const time = `2026-06-01 10:00:${String(at % 60).padStart(2, '0')}`
              const hlc = (Date.parse('2026-06-01T10:00:00Z') + at * 1_000).toString(16).padStart(12, '0')
              const ext = versioned
                ? { ext: { version: `version${at}`, ancestors: [], hlc: `${hlc}0000`, origin: 'one' } }
                : {}
              return observation({ sync_id, content: `text ${at}`, updated_at: time, ...ext })
            })
            const from = turn % arrivals.length
            await take(arrivals)
            await take(
              [...arrivals.slice(from), ...arrivals.slice(0, from), ...arrivals].toReversed(),
              { remote: 'test' },
              other,
            )
            const [ours, theirs] = [here, other].map((machine) =>
              machine.store.read((tx) => {
                const row = observationBySyncId(tx, sync_id)
                const shown = row === undefined ? [] : shownHeads(knownHeads(tx, row)).map((head) => head.version)
                return { content: row?.content, version: row?.version, shown }
              }),
            )
            expect(theirs).toEqual(ours)
            expect(ours?.content).toBe(`text ${Math.max(...rows.map((one) => one.at))}`)
            if (rows.every((one) => !one.versioned)) expect(ours?.shown).toHaveLength(1)
          },
        ),
        { numRuns: 60 },
      )
    } finally {
      await other.close()
    }
  })
})

describe('one version from several machines', () => {
  const named = (version: string, content: string, hlc: string, origin: string): Arrival =>
    observation({ content, ext: { version, ancestors: version === 'base' ? [] : ['base'], hlc, origin } })
  const base = named('base', 'first', '019e830e35f00000', 'o1')
  const greatest = named('top', 'other', '019e830e35f90000', 'o2')
  const made = ['o1', 'o3', 'o2'].map((origin) => named('same', 'alike', '019e830e35f50001', origin))

  it.each([
    ['beside the current one', [base, greatest]],
    ['before it', [base, ...made.slice(0, 1), greatest]],
    ['as the current one', [base]],
  ])('MEM-508 made at one time, the greatest origin counts whichever came first: %s', async (_name, before) => {
    const origins: unknown[] = []
    for (const copies of [made, made.toReversed()]) {
      await emptyMachine(here)
      await take([...before, ...copies])
      const { observations, ext } = here.store.read((tx) => exportBackup(tx, here.deps, null))
      const kept = ext?.['versions'] as readonly { readonly version: string }[]
      origins.push([...observations.map((row) => row.ext), ...kept].find((one) => one?.version === 'same'))
    }
    expect(origins[0]).toMatchObject({ version: 'same', origin: 'o3' })
    expect(origins[1]).toMatchObject({ origin: 'o3' })
  })
})

describe('hostile and broken records', () => {
  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['a session id over its limit', { session_id: 's'.repeat(257) }],
    ['NUL in a sync id', { sync_id: 'obs-\0' }],
    ['a type over its limit', { type: 't'.repeat(65) }],
    ['a project over its limit', { project: 'p'.repeat(101) }],
    ['white space for content', { content: ' \n' }],
  ])('CHK-608 %s is refused alone', async (_name, change) => {
    const result = await here.store.write((tx) => {
      const read = readRow(observationRow, { sync_id: 'obs-1', session_id: 's', title: 't', content: 'c', ...change })
      if (!read.ok) return { refused: read.reason }
      return acceptAlone(tx, here.deps, { entity: 'observation', row: read.row }, { remote: null })
    })
    expect(result).toHaveProperty('refused')
    expect(here.store.read((tx) => tx.all('SELECT 1 FROM observations UNION ALL SELECT 1 FROM sessions'))).toEqual([])
  })

  it.each([
    ['a hybrid time beyond all times', { version: 'v', hlc: 'ffffffffffffffff', origin: 'x' }],
    ['a version that is no name', { version: '../../x', hlc: '019e807aefe80000', origin: 'x' }],
    ['no object', 'ext'],
  ])('CHK-301 an ext with %s is as none', async (_name, ext) => {
    await take([observation({ ext })])
    expect(here.store.read((tx) => observationBySyncId(tx, 'obs-1'))).toMatchObject({ origin: 'legacy' })
  })

  it('MEM-503 a clock far ahead orders its record and does not move ours', async () => {
    const ahead = (here.deps.clock.nowMs() + 3_600_000).toString(16).padStart(12, '0')
    await take([observation({ ext: { version: 'v', ancestors: [], hlc: `${ahead}0000`, origin: 'x' } })])
    expect(here.store.read((tx) => metaValue(tx, 'hlc')) ?? '').not.toContain(ahead)
    expect(here.store.read((tx) => observationBySyncId(tx, 'obs-1')?.hlc)).toBe(`${ahead}0000`)
  })

  it('MEM-110 text over its limit is cut once, however often it travels', async () => {
    await take([observation({ content: 'x'.repeat(60_000) })])
    const cut = here.store.read((tx) => observationBySyncId(tx, 'obs-1')?.content) ?? ''
    expect(cut).toHaveLength(50_000 + '... [truncated]'.length)
    expect(await outcomes(observation({ content: cut }))).toEqual(['unchanged'])
  })
})

describe('sessions', () => {
  it('CHK-605 a missing session is a stub until it comes, and then it is complete', async () => {
    await take([observation()])
    expect(here.store.read((tx) => sessionById(tx, 'session-1'))).toMatchObject({
      directory: '(recovered-missing-session)',
      project: 'acme',
    })
    await take([session()])
    expect(here.store.read((tx) => sessionById(tx, 'session-1'))).toMatchObject({
      directory: '/work',
      started_at: '2026-06-01 09:00:00',
    })
  })

  it.each([
    ['no directory', { directory: undefined }],
    ['null', { directory: null }],
    ['a blank one', { directory: '' }],
  ])('CHK-605 a session with %s is taken', async (_name, change) => {
    expect(await outcomes(session(change))).toEqual(['inserted'])
  })

  it.each([
    ['before the tombstone', '2026-06-01 09:00:00', undefined],
    ['after it', '2026-06-05 09:00:00', '/work'],
  ])('MEM-507 a session that started %s', async (_name, started_at, directory) => {
    const arrivals = [session({ started_at }), tombstone('session', 'session-1', '2026-06-03 00:00:00')]
    await take(arrivals)
    expect(here.store.read((tx) => sessionById(tx, 'session-1')?.directory)).toBe(directory)
    await take(arrivals.toReversed())
    expect(here.store.read((tx) => sessionById(tx, 'session-1')?.directory)).toBe(directory)
  })

  it('MEM-507 a deleted session that a record points to is a stub, and goes with it', async () => {
    await take([session(), observation(), tombstone('session', 'session-1', '2026-06-03 00:00:00')])
    expect(here.store.read((tx) => sessionById(tx, 'session-1')?.directory)).toBe('(recovered-missing-session)')
    await take([tombstone('observation', 'obs-1', '2026-06-03 00:00:00')])
    expect(here.store.read((tx) => sessionById(tx, 'session-1'))).toBeUndefined()
  })
})

describe('hard deletes', () => {
  it('MEM-507 earlier and later states stay away; a later one of a program without versions is answered again', async () => {
    await take([observation(), tombstone('observation', 'obs-1', '2026-06-03 00:00:00')])
    const seq = () =>
      here.store.read((tx) => tx.get<{ change_seq: number }>('SELECT change_seq FROM tombstones')?.change_seq)
    const first = seq()
    expect(
      await outcomes(
        observation(),
        observation({ ext: { version: 'v', ancestors: [], hlc: '01ffffffffff0000', origin: 'x' } }),
      ),
    ).toEqual(['buried', 'buried'])
    expect(seq()).toBe(first)
    expect(await outcomes(observation({ content: 'later', updated_at: '2026-06-09 00:00:00' }))).toEqual(['buried'])
    expect(seq()).toBe(here.store.read(changeSeqNow))
  })

  it('MEM-311 a deleted prompt does not come back', async () => {
    expect(
      await outcomes(prompt('prompt-1'), tombstone('prompt', 'prompt-1', '2026-06-03 00:00:00'), prompt('prompt-1')),
    ).toEqual(['inserted', 'updated', 'buried'])
  })

  it.each([[['prompt-1', 'prompt-2']], [['prompt-2', 'prompt-1']]])(
    'MEM-311 of two prompts of one inbox id the same one keeps it: %j',
    async (order) => {
      await take(order.map((sync_id) => prompt(sync_id, { source_inbox_id: 'inbox-1' })))
      const rows = here.store.read((tx) => tx.all('SELECT sync_id, source_inbox_id FROM prompts ORDER BY sync_id'))
      expect(rows).toEqual([
        { sync_id: 'prompt-1', source_inbox_id: 'inbox-1' },
        { sync_id: 'prompt-2', source_inbox_id: null },
      ])
    },
  )
})

describe('relations', () => {
  it('MEM-907 one whose end is missing waits, and never dies of trying', async () => {
    expect(await outcomes(observation(), relation())).toEqual(['inserted', 'deferred'])
    for (let tries = 0; tries < 12; tries++)
      await here.store.write((tx) => replayRelations(tx, here.deps, { remote: null }))
    expect(here.store.read((tx) => deferredBySyncId(tx, 'rel-1'))).toMatchObject({
      apply_status: 'deferred',
      retry_count: 12,
    })
    await take([observation({ sync_id: 'obs-2' })])
    const replayed = await here.store.write((tx) => replayRelations(tx, here.deps, { remote: null }))
    expect(replayed).toMatchObject({ retried: 1, succeeded: 1 })
    expect(here.store.read((tx) => deferredBySyncId(tx, 'rel-1'))).toBeUndefined()
  })

  it('MEM-506 a later judgment that waited is not lost when an earlier state comes with both ends', async () => {
    const judged = relation({ relation: 'supersedes', updated_at: '2026-06-02 10:00:00' })
    const noted = relation({ judgment_status: 'pending' })
    await take([observation(), judged, observation({ sync_id: 'obs-2' }), noted])
    const found = here.store.read((tx) => tx.get('SELECT relation, judgment_status FROM relations'))
    expect(found).toEqual({ relation: 'supersedes', judgment_status: 'judged' })
  })

  it('CHK-606 one whose end was hard-deleted is named and kept as orphaned, whichever came first', async () => {
    const results = await take([observation(), tombstone('observation', 'obs-2', '2026-06-03 00:00:00'), relation()])
    expect(results[2]).toMatchObject({
      outcome: 'dropped',
      reason: 'relation rel-1 obs-1->obs-2: referenced observation missing permanently',
    })
    const kept = here.store.read((tx) => tx.get<object>('SELECT * FROM relations'))
    const other = await openMachine(2)
    const [first, second] = [observation(), observation({ sync_id: 'obs-2' })]
    await take([first, second, relation(), tombstone('observation', 'obs-2', '2026-06-03 00:00:00')], undefined, other)
    expect(other.store.read((tx) => tx.get('SELECT * FROM relations'))).toEqual({
      ...kept,
      change_seq: expect.any(Number),
    })
    expect(kept).toMatchObject({ judgment_status: 'orphaned' })
    expect(await outcomes(relation())).toEqual(['unchanged'])
    await other.close()
  })

  it('MEM-506 the later judgment stays, in either order', async () => {
    const later = relation({ relation: 'supersedes', updated_at: '2026-06-02 10:00:00' })
    await take([observation(), observation({ sync_id: 'obs-2' }), relation(), later, relation()])
    expect(here.store.read((tx) => tx.get('SELECT relation FROM relations'))).toEqual({ relation: 'supersedes' })
  })

  it('MEM-905 a relation is orphaned while an end is deleted, and lives again with it', async () => {
    const status = () =>
      here.store.read(
        (tx) => tx.get<{ judgment_status: string }>('SELECT judgment_status FROM relations')?.judgment_status,
      )
    await take([observation(), observation({ sync_id: 'obs-2' }), relation()])
    await take([observation({ deleted_at: '2026-06-02 00:00:00', updated_at: '2026-06-02 00:00:00' })])
    expect(status()).toBe('orphaned')
    await take([observation({ updated_at: '2026-06-03 00:00:00', content: 'back' })])
    expect(status()).toBe('judged')
  })
})

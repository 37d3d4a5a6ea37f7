import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { observationRow, readRow, sessionRow, tombstoneRow } from '../protocol/record-rows.ts'
import { matchingIds } from '../store/full-text-search.ts'
import { observationIndexDifferences } from '../store/full-text-state.ts'
import { acceptEach, type Arrival } from './accept.ts'
import { openMachine, type Machine } from './testing/machine.ts'

let here: Machine
beforeEach(async () => {
  here = await openMachine(1)
})
afterEach(() => here.close())

const minute = (at: number): string => `2026-06-01 10:${String(at).padStart(2, '0')}:00`

function observation(name: string, at: number, more: Readonly<Record<string, unknown>> = {}): Arrival {
  const read = readRow(observationRow, {
    sync_id: `obs-${name}`,
    session_id: 'session-1',
    title: `titled${name}`,
    content: `only${name}word`,
    project: 'acme',
    scope: 'project',
    created_at: minute(at),
    updated_at: minute(at),
    ...more,
  })
  if (!read.ok) throw new Error(read.reason)
  return { entity: 'observation', row: read.row }
}

function gone(name: string, at: number): Arrival {
  const read = readRow(tombstoneRow, { entity: 'observation', entity_key: `obs-${name}`, deleted_at: minute(at) })
  if (!read.ok) throw new Error(read.reason)
  return { entity: 'tombstone', row: read.row }
}

const takeIn = (arrivals: readonly Arrival[]): Promise<readonly string[]> =>
  here.store.write((tx) =>
    acceptEach(tx, here.deps, arrivals, { remote: 'test' }).map((one) =>
      'refused' in one ? one.refused : one.outcome,
    ),
  )

const found = (match: string): number =>
  here.store.read((tx) => [...matchingIds(tx, 'observation_fts', match, 5_000)].length)

const differences = (): unknown => here.store.read((tx) => observationIndexDifferences(tx, 10))

const rowsOf = (table: string): number =>
  here.store.read((tx) => tx.get<{ n: number }>(`SELECT count(*) AS n FROM ${table}_docsize`)?.n ?? -1)

describe('index rows of records that arrive together', () => {
  it('CHK-603, RET-103 more than wait at once are all there when the transaction ends, each once', async () => {
    const many = Array.from({ length: 2_300 }, (_, index) => observation(String(index), index % 60))
    await takeIn(many)
    expect([rowsOf('observation_fts'), rowsOf('observation_grams')]).toEqual([2_300, 2_300])
    expect(differences()).toEqual({ orphaned: [], missing: [] })
    for (const name of ['0', '999', '1000', '1999', '2000', '2299']) {
      expect(found(`content : only${name}word`), name).toBe(1)
      expect(found(`title : titled${name}`), name).toBe(1)
    }
  })

  it('CHK-603, RET-103 one that changes or goes behind those that wait leaves none of its words', async () => {
    const outcomes = await takeIn([
      observation('a', 1),
      observation('b', 1),
      observation('c', 1),
      observation('a', 2, { content: 'newer text' }),
      gone('b', 3),
      observation('c', 4, { deleted_at: minute(4) }),
      observation('d', 5),
    ])
    expect(outcomes).toEqual(['inserted', 'inserted', 'inserted', 'updated', 'updated', 'updated', 'inserted'])
    expect(differences()).toEqual({ orphaned: [], missing: [] })
    const words = ['onlyaword', 'newer', 'onlybword', 'onlycword', 'onlydword']
    expect(words.map((word) => [word, found(`content : ${word}`)])).toEqual([
      ['onlyaword', 0],
      ['newer', 1],
      ['onlybword', 0],
      ['onlycword', 0],
      ['onlydword', 1],
    ])
  })

  it('RET-106 the words of all that come with one chunk make one segment of the index', async () => {
    const words = (of: number): string => Array.from({ length: 200 }, (_, at) => `w${(of + at * 7) % 2_000}`).join(' ')
    await takeIn(Array.from({ length: 2_500 }, (_, index) => observation(String(index), 1, { content: words(index) })))
    const segments = here.store.read((tx) =>
      tx.get('SELECT count(DISTINCT id >> 37) AS n FROM observation_fts_data WHERE id >= 1 << 37'),
    )
    expect(segments).toEqual({ n: 1 })
  })

  it('RET-206 the author is known, by name or by the session', async () => {
    const session = readRow(sessionRow, { id: 'session-1', project: 'acme', directory: '/work', ext: { author: 'bo' } })
    if (!session.ok) throw new Error(session.reason)
    const mine = observation('a', 1, { ext: { author: 'ana' } })
    await takeIn([{ entity: 'session', row: session.row }, mine, observation('b', 1)])
    const authors = here.store.read((tx) => tx.all('SELECT project, author FROM project_authors ORDER BY author'))
    expect(authors).toEqual([
      { project: 'acme', author: 'ana' },
      { project: 'acme', author: 'bo' },
    ])
  })

  it('CHK-608 a row that cannot be kept stands among those that wait and stops none of them', async () => {
    const outcomes = await takeIn([observation('a', 1), observation('b', 1, { content: '  ' }), observation('c', 1)])
    expect(outcomes).toEqual(['inserted', 'Expected content, got only white space.', 'inserted'])
    expect([found('content : onlyaword'), found('content : onlycword')]).toEqual([1, 1])
  })
})

import { spawn } from 'node:child_process'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nextChangeSeq } from '../store/change-clock.ts'
import { matchingIds } from '../store/full-text-search.ts'
import { indexState, observationIndexDifferences, promptIndexDifferences } from '../store/full-text-state.ts'
import { rewriteContextOf, usedBy } from '../store/full-text.ts'
import { observationById, removeObservation, updateObservation } from '../store/observations.ts'
import { removePrompt } from '../store/prompts.ts'
import type { ObservationRow } from '../store/rows.ts'
import { addObservation, addPrompt, openInventedStore, type InventedStore } from '../store/testing/invented-store.ts'
import type { ReadTx, WriteTx } from '../store/transaction.ts'
import { rebuildIndex, refreshIndex, type IndexBudget } from './indexer.ts'

let opened: InventedStore
beforeEach(() => {
  opened = openInventedStore()
})
afterEach(() => opened.close())

const budget = (): IndexBudget => ({ rowsMax: 200, budgetMs: 20, clock: opened.clock })
const matches = (tx: ReadTx, match: string): readonly number[] => [...matchingIds(tx, 'observation_fts', match, 1_000)]
const found = (match: string): readonly number[] => opened.store.read((tx) => matches(tx, match))

async function catchUp(): Promise<void> {
  for (let step = 0; step < 200; step++) {
    if ((await opened.store.write((tx) => refreshIndex(tx, budget()))).done) return
  }
  throw new Error('the index never caught up')
}

function change(tx: WriteTx, id: number, fields: Partial<ObservationRow>): void {
  const row = observationById(tx, id)
  if (row !== undefined) updateObservation(tx, { ...row, ...fields, change_seq: nextChangeSeq(tx) })
}

/** Records a minute apart in one session, content = the words given. */
const series = (words: readonly string[]): Promise<readonly number[]> =>
  opened.store.write((tx) => words.map((content, minute) => addObservation(tx, { content, minute }).id))

describe('a save', () => {
  it('RET-103/is found at once by what only it contains, also in another process', async () => {
    const words = Array.from({ length: 1_000 }, (_, index) => `only${index}word`)
    for (const [index, content] of words.entries()) {
      await opened.store.write((tx) => addObservation(tx, { content, minute: index }))
    }
    const script = `
      const Database = (await import('better-sqlite3')).default
      const db = new Database(${JSON.stringify(opened.store.path)}, { readonly: true })
      const find = db.prepare("SELECT count(*) AS n FROM observation_fts WHERE observation_fts MATCH 'content : ' || ?")
      console.log(${JSON.stringify(words)}.filter((word) => find.get(word).n === 1).length)`
    expect(await output(script)).toBe('1000')
  })

  it('RET-102/keys, day and facet stand in their columns', async () => {
    await opened.store.write((tx) =>
      addObservation(tx, { topic_key: 'bug/token-cache', tool_name: 'Edit', title: 'parseHTTPHeader', type: 'bugfix' }),
    )
    for (const match of [
      'keys : token',
      'keys : edit',
      'day : monday',
      'day : 2026',
      'facet : fp1',
      'facet : fsp',
      'title : http',
    ]) {
      expect([match, found(match)]).toEqual([match, [1]])
    }
    expect(found('bugfix')).toEqual([])
  })

  it('RET-202/two on each side, at most an hour a step, same project, scope and session', async () => {
    const [first] = await opened.store.write((tx) => [
      addObservation(tx, { content: 'aa', minute: 0 }),
      addObservation(tx, { content: 'bb', minute: 50 }),
      addObservation(tx, { content: 'cc', minute: 100 }),
      addObservation(tx, { content: 'dd', minute: 101 }),
      addObservation(tx, { content: 'ee', minute: 200 }),
      addObservation(tx, { content: 'ff', minute: 100, project: 'beta' }),
      addObservation(tx, { content: 'gg', minute: 100, scope: 'personal' }),
      addObservation(tx, { content: 'hh', minute: 100, session_id: 's-2' }),
    ])
    await catchUp()
    expect(first?.id).toBe(1)
    const used = (id: number): readonly number[] => opened.store.read((tx) => usedBy(tx, id))
    expect([1, 2, 3, 4, 5, 6, 7, 8].map(used)).toEqual([[2, 3], [1, 3, 4], [1, 2, 4], [2, 3], [], [], [], []])
    expect(found('before : aa')).toEqual([2, 3])
    expect(found('after : dd')).toEqual([2, 3])
  })

  it('RET-202/a neighbour counts with its first 300 code points', async () => {
    await series([`${'x '.repeat(147)}last beyond`, 'second'])
    expect(found('before : last')).toEqual([2])
    expect(found('before : beyond')).toEqual([])
  })
})

describe('upkeep', () => {
  it('RET-203/what came after is added by the indexer, not by the save', async () => {
    await series(['one', 'two', 'three'])
    expect(found('after : three')).toEqual([])
    await catchUp()
    expect(found('after : three')).toEqual([1, 2])
    expect(found('after : two')).toEqual([1])
  })

  it('RET-204/edit, move, restore and late arrival reach the neighbours', async () => {
    const [, second] = await series(['one', 'two', 'three'])
    await catchUp()
    await opened.store.write((tx) => change(tx, second ?? 0, { content: 'changed' }))
    expect(found('content : changed')).toEqual([2])
    await catchUp()
    expect(found('changed')).toEqual([1, 2, 3])
    expect(found('two')).toEqual([])

    await opened.store.write((tx) => change(tx, second ?? 0, { scope: 'personal' }))
    await catchUp()
    expect(found('changed')).toEqual([2])
    expect(found('before : one')).toEqual([3])

    await opened.store.write((tx) => change(tx, second ?? 0, { scope: 'project', deleted_at: '2026-01-05 10:00:00' }))
    await catchUp()
    expect(found('changed')).toEqual([])
    await opened.store.write((tx) => change(tx, second ?? 0, { deleted_at: null }))
    await catchUp()
    expect(found('changed')).toEqual([1, 2, 3])

    await opened.store.write((tx) => addObservation(tx, { content: 'late', minute: 0, hlc: 'ffffffffffffffff' }))
    await catchUp()
    expect(found('late')).toEqual([1, 2, 3, 4])
  })

  it('RET-204/after a hard delete no query finds the text, also not through neighbours', async () => {
    const [, second] = await series(['one', 'uniqueword', 'three'])
    await catchUp()
    expect(found('uniqueword')).toEqual([1, 2, 3])
    await opened.store.write((tx) => {
      const row = observationById(tx, second ?? 0)
      if (row !== undefined) removeObservation(tx, row)
    })
    expect(found('uniqueword')).toEqual([])
    expect(found('before : one')).toEqual([3])
  })

  it('RET-204/a redaction reaches the neighbours in its own transaction', async () => {
    const [first] = await series(['secretword', 'two'])
    await catchUp()
    await opened.store.write((tx) => {
      change(tx, first ?? 0, { content: 'masked' })
      rewriteContextOf(tx, first ?? 0)
    })
    expect(found('secretword')).toEqual([])
    expect(found('masked')).toEqual([1, 2])
  })

  it('RET-104/stops at its bounds and goes on from there', async () => {
    await series(Array.from({ length: 120 }, (_, index) => `word${index}`))
    const rows: number[] = []
    for (let done = false; !done;) {
      const step = await opened.store.write((tx) => refreshIndex(tx, { ...budget(), rowsMax: 10 }))
      rows.push(step.rows)
      done = step.done
      expect(rows.length).toBeLessThan(100)
    }
    expect(Math.max(...rows)).toBeLessThanOrEqual(15)
    expect(found('after : word119')).toEqual([118, 119])
    expect(opened.store.read((tx) => indexState(tx, 'observation')?.cursor)).toBeGreaterThan(0)
  })

  it('RET-106/many small segments end as one', async () => {
    for (let index = 0; index < 40; index++) {
      await opened.store.write((tx) => addObservation(tx, { content: `word${index}`, minute: index * 100 }))
    }
    await catchUp()
    const segments = opened.store.read(
      (tx) => tx.get<{ n: number }>('SELECT count(DISTINCT segid) AS n FROM observation_fts_idx')?.n,
    )
    expect(segments).toBeLessThan(12)
  })

  it('RET-105/rows built by other rules are rebuilt, answering meanwhile', async () => {
    const ids = await series(['one', 'two'])
    await catchUp()
    await opened.store.write((tx) => {
      tx.run(`UPDATE index_state SET built_with = 'older'`)
      tx.run('DELETE FROM observation_fts WHERE rowid = ?', ids[0] ?? 0)
    })
    expect(found('content : two')).toEqual([2])
    await catchUp()
    expect(found('content : one')).toEqual([1])
  })
})

describe('prompts', () => {
  it('RET-204/a deleted prompt is found nowhere', async () => {
    const rows = await opened.store.write((tx) =>
      ['first wish', 'second wish', 'third'].map((content, minute) => addPrompt(tx, { content, minute })),
    )
    const prompts = (match: string): readonly number[] =>
      opened.store.read((tx) => [...matchingIds(tx, 'prompt_fts', match, 10)])
    expect(prompts('before : first')).toEqual([2, 3])
    await opened.store.write((tx) => {
      if (rows[0] !== undefined) removePrompt(tx, rows[0])
    })
    expect(prompts('first')).toEqual([])
    expect(prompts('before : second')).toEqual([3])
  })
})

type Action = {
  readonly kind: 'add' | 'edit' | 'move' | 'scope' | 'delete' | 'hard' | 'refresh'
  readonly pick: number
}

const action = fc.record({
  kind: fc.constantFrom('add', 'add', 'add', 'add', 'edit', 'move', 'scope', 'delete', 'hard', 'refresh', 'refresh'),
  pick: fc.nat(1_000),
}) as fc.Arbitrary<Action>

function apply(tx: WriteTx, { kind, pick }: Action, serial: number): void {
  const rows = tx.all<ObservationRow>('SELECT * FROM observations ORDER BY id')
  const row = rows[pick % Math.max(1, rows.length)]
  if (kind === 'add' || row === undefined) {
    addObservation(tx, {
      content: `text${serial}`,
      minute: pick % 90,
      session_id: `s-${pick % 7 === 0 ? 2 : 1}`,
      project: pick % 6 === 0 ? 'beta' : 'alpha',
      scope: pick % 5 === 0 ? 'personal' : 'project',
    })
  } else if (kind === 'edit') change(tx, row.id, { content: `text${serial}` })
  else if (kind === 'move') change(tx, row.id, { project: row.project === 'beta' ? 'alpha' : 'beta' })
  else if (kind === 'scope') change(tx, row.id, { scope: row.scope === 'personal' ? 'project' : 'personal' })
  else if (kind === 'delete') change(tx, row.id, { deleted_at: row.deleted_at === null ? '2026-01-05 10:00:00' : null })
  else if (kind === 'hard') removeObservation(tx, row)
}

/** Everything the index holds, readable: which column of which row holds which word. */
const contents = (tx: ReadTx): readonly unknown[] => [
  ...tx.all('SELECT term, doc, col, offset FROM temp.index_words ORDER BY doc, col, offset'),
  ...tx.all('SELECT used_id, row_id FROM observation_context ORDER BY used_id, row_id'),
]

describe('random histories', () => {
  it('RET-104, RET-205/kept up step by step equals built anew; no text crosses scopes or projects', async () => {
    await opened.store.write((tx) =>
      tx.run('CREATE VIRTUAL TABLE temp.index_words USING fts5vocab (main, observation_fts, instance)'),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 8, maxLength: 40, size: 'max' }), async (actions) => {
        await opened.store.write((tx) => tx.run('DELETE FROM observations'))
        await opened.store.write((tx) => rebuildIndex(tx, { ...budget(), drop: true }))
        await catchUp()
        for (const [serial, one] of actions.entries()) {
          await opened.store.write((tx) =>
            one.kind === 'refresh' ? refreshIndex(tx, budget()) : apply(tx, one, serial),
          )
        }
        await catchUp()
        const kept = opened.store.read(contents)
        opened.store.read((tx) => {
          expect(crossing(tx)).toEqual([])
          expect(observationIndexDifferences(tx, 100)).toEqual({ orphaned: [], missing: [] })
          expect(promptIndexDifferences(tx, 100)).toEqual({ orphaned: [], missing: [] })
        })
        while (!(await opened.store.write((tx) => rebuildIndex(tx, { ...budget(), drop: true }))).done) continue
        expect(opened.store.read(contents)).toEqual(kept)
      }),
      { numRuns: 60 },
    )
  })
})

/** Words in context columns that belong to a record of another project or scope. */
const crossing = (tx: ReadTx): readonly unknown[] =>
  tx.all(
    `SELECT w.term, w.doc FROM temp.index_words w JOIN observations row ON row.id = w.doc
     WHERE w.col IN ('before', 'after') AND NOT EXISTS (
       SELECT 1 FROM observations o WHERE o.content = w.term AND o.project IS row.project AND o.scope = row.scope
         AND o.session_id = row.session_id AND o.deleted_at IS NULL)`,
  )

function output(script: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
    child.on('error', reject)
    child.on('close', () => resolve(text.trim()))
  })
}

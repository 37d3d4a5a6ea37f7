import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Observation } from '../model/records.ts'
import { openTestEngine, type TestEngine } from './testing/test-engine.ts'

/**
 * Whatever is done to a store, in whatever order: what belongs to one project is never read as another's, and no id is
 * given twice. Every text says which record it belongs to, so that it is recognised wherever it turns up.
 */
const projects = ['alpha', 'beta', 'gamma'] as const

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('save' as const),
      project: fc.constantFrom(...projects),
      scope: fc.constantFrom('project', 'project', 'personal', 'global'),
      topic: fc.option(fc.constantFrom('t1', 't2'), { nil: undefined }),
      session: fc.option(fc.constantFrom('s1', 's2'), { nil: undefined }),
      type: fc.constantFrom('decision', 'bugfix', 'preference', 'manual'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('repeat' as const), pick: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('prompt' as const),
      project: fc.constantFrom(...projects),
      session: fc.constantFrom('s1', 's2'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('move' as const), pick: fc.nat(), project: fc.constantFrom(...projects) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), pick: fc.nat(), hard: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restore' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pin' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('update' as const), pick: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('clear' as const),
      project: fc.constantFrom(...projects),
      hard: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('end' as const), session: fc.constantFrom('s1', 's2') }) },
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

type World = { readonly test: TestEngine; readonly ids: Set<number>; readonly syncIds: Set<string>; made: number }

const pickId = (world: World, pick: number): number => {
  const rows = world.test.deps.store.read((tx) => tx.all<{ id: number }>('SELECT id FROM observations ORDER BY id'))
  return rows[pick % Math.max(1, rows.length)]?.id ?? 0
}

/** Refusals are answers like others; everything else is a defect. */
async function allowed(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!(error instanceof Error) || !('code' in error) || error.code === 'internal') throw error
  })
}

async function act(world: World, one: Step): Promise<void> {
  const { engine } = world.test
  switch (one.do) {
    case 'save': {
      const mark = `mark${++world.made}x`
      const saved = await engine.call('observation.save', {
        project: one.project,
        title: mark,
        content: `Text of ${mark}`,
        scope: one.scope,
        type: one.type,
        topic_key: one.topic,
        session_id: one.session,
      })
      if (saved.outcome === 'created') {
        // Neither the number nor the name has been seen before, whatever was deleted since.
        expect([world.ids.has(saved.id ?? 0), world.syncIds.has(saved.sync_id)]).toEqual([false, false])
      }
      world.ids.add(saved.id ?? 0)
      world.syncIds.add(saved.sync_id)
      return
    }
    case 'repeat': {
      const row = world.test.deps.store.read((tx) =>
        tx.get<Observation>('SELECT * FROM observations WHERE id = ?', pickId(world, one.pick)),
      )
      if (row === undefined) return
      const { title, content, scope, type, project } = row
      return allowed(engine.call('observation.save', { title, content, scope, type, project }))
    }
    case 'prompt':
      return void (await engine.call('prompt.save', {
        project: one.project,
        session_id: one.session,
        content: `Ask mark${++world.made}x`,
      }))
    case 'move':
      return allowed(engine.call('observation.move', { ids: [pickId(world, one.pick) || 1], to: one.project }))
    case 'delete':
      return allowed(engine.call('observation.delete', { id: pickId(world, one.pick) || 1, hard: one.hard }))
    case 'restore':
      return allowed(engine.call('observation.restore', { id: pickId(world, one.pick) || 1 }))
    case 'pin':
      return allowed(engine.call('observation.pin', { id: pickId(world, one.pick) || 1, pinned: true }))
    case 'update': {
      const mark = `mark${++world.made}x`
      return allowed(
        engine.call('observation.update', {
          id: pickId(world, one.pick) || 1,
          title: mark,
          content: `Text of ${mark}`,
        }),
      )
    }
    case 'clear':
      return allowed(engine.call('project.delete', { project: one.project, hard: one.hard }))
    case 'end':
      return allowed(engine.call('session.end', { id: one.session }))
  }
}

type Marks = { readonly all: readonly string[]; readonly personal: readonly string[] }

/** The marks of one project's records as they stand, what is global set aside: that belongs to every project. */
function marksOf(world: World, project: string): Marks {
  return world.test.deps.store.read((tx) => {
    const rows = tx.all<{ title: string; scope: string }>(
      `SELECT title, scope FROM observations WHERE project = ?1 OR scope = 'global'`,
      project,
    )
    const prompts = tx.all<{ content: string }>('SELECT content FROM prompts WHERE project = ?', project)
    return {
      all: [...rows.map((row) => row.title), ...prompts.map((row) => row.content.replace('Ask ', ''))],
      personal: rows.filter((row) => row.scope === 'personal').map((row) => row.title),
    }
  })
}

const found = (value: unknown): readonly string[] => [...new Set(JSON.stringify(value).match(/mark\d+x/g) ?? [])]

/** Every way to read one project, by what it is called. */
async function readings(world: World, project: string): Promise<readonly (readonly [string, unknown])[]> {
  const { engine } = world.test
  const call = async (name: string, work: Promise<unknown>) => [name, await work.catch(() => null)] as const
  return Promise.all([
    call('observation.list', engine.call('observation.list', { project, limit: 500 })),
    call('prompt.list', engine.call('prompt.list', { project, limit: 500 })),
    call('session.list', engine.call('session.list', { project })),
    call('memory.search', engine.call('memory.search', { project, query: 'text', limit: 100 })),
    call('prompt.search', engine.call('prompt.search', { project, query: 'ask', limit: 100 })),
    call('memory.context', engine.call('memory.context', { project })),
    call('memory.recall', engine.call('memory.recall', { project })),
    call('memory.lookup', engine.call('memory.lookup', { project, query: 'mark' })),
    call('observation.review-due', engine.call('observation.review-due', { project })),
    call('relation.list', engine.call('relation.list', { project })),
    call('export json', engine.call('project.export', { project, format: 'json' })),
    call('export markdown', engine.call('project.export', { project, format: 'markdown' })),
  ])
}

async function inWorld(steps: readonly Step[], check: (world: World) => Promise<void>): Promise<void> {
  const world: World = { test: openTestEngine(), ids: new Set(), syncIds: new Set(), made: 0 }
  try {
    for (const one of steps) {
      await act(world, one)
      world.test.clock.advance(700)
    }
    await check(world)
  } finally {
    await world.test.close()
  }
}

describe('whatever is done', () => {
  it('MEM-607 MEM-1703 no reading of one project shows a record of another, and no export what is personal', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), (steps) =>
        inWorld(steps, async (world) => {
          for (const project of projects) {
            const own = marksOf(world, project)
            for (const [name, answer] of await readings(world, project)) {
              expect([name, found(answer).filter((mark) => !own.all.includes(mark))]).toEqual([name, []])
              const leaves = name.startsWith('export')
                ? found(answer).filter((mark) => own.personal.includes(mark))
                : []
              expect([name, leaves]).toEqual([name, []])
            }
          }
        }),
      ),
      { numRuns: 40 },
    )
  }, 60_000)

  it('MEM-201 MEM-504 ids are never used again, and what is stored agrees with itself', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), (steps) =>
        inWorld(steps, async (world) => {
          const { checks } = await world.test.engine.call('doctor.report', {})
          const wrong = checks.filter(
            (one) => ['integrity', 'orphaned_observation_session'].includes(one.check_id) && one.result !== 'ok',
          )
          expect(wrong).toEqual([])
          const { store } = world.test.deps
          const seqs = store
            .read((tx) => tx.all<{ seq: number }>('SELECT change_seq AS seq FROM observations'))
            .map((row) => row.seq)
          expect(new Set(seqs).size).toBe(seqs.length)
          const live = store.read((tx) =>
            tx.all('SELECT entity_key FROM tombstones JOIN observations ON sync_id = entity_key'),
          )
          expect(live).toEqual([])
        }),
      ),
      { numRuns: 30 },
    )
  }, 60_000)
})

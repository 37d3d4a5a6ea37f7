import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { act, mixer, textsOf, type Deed } from '../../src/engine/testing/deeds.ts'
import { pullChunks } from '../../src/sync/pull.ts'
import { pushChanges } from '../../src/sync/push.ts'
import { type Branch, closeMachines, everything, freshPeople, memoryOf, type Person } from './chunk-world.ts'

/**
 * CHK-1203, MEM-508 through chunks only: two or three people save, edit, delete, judge and settle while apart; they
 * export, merge each other's branches, import, and are killed between any two writes. In the end everybody has every
 * branch, in an order of its own, and all hold the same; so does somebody who comes new.
 */
type Step =
  | { readonly do: 'deed'; readonly deed: Deed }
  | { readonly do: 'export'; readonly cut: number }
  | { readonly do: 'import'; readonly cut: number }
  | { readonly do: 'merge'; readonly from: number }

type Turn = { readonly who: number; readonly step: Step }

/** `npm run test:long`: longer schedules, and more of them. */
const isLong = process.env['ENGRAM_LONG'] !== undefined

const small = fc.nat({ max: 5 })
const cut = fc.oneof({ weight: 3, arbitrary: fc.constant(99) }, { weight: 1, arbitrary: fc.nat({ max: 3 }) })
const deed = (...kinds: readonly Deed['do'][]) =>
  fc.record({
    do: fc.constant('deed' as const),
    deed: fc.record({ do: fc.constantFrom(...kinds), pick: small, text: small }),
  })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: deed('save') },
  { weight: 6, arbitrary: deed('edit', 'edit', 'edit', 'delete', 'restore') },
  { weight: 2, arbitrary: deed('settle', 'judge', 'destroy') },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('export' as const), cut }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('merge' as const), from: small }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('import' as const), cut }) },
)
const turns = fc.array(fc.record({ who: small, step }), { minLength: 3, maxLength: isLong ? 26 : 9, size: 'max' })

/** So that there is something to disagree about. */
const opening: readonly Turn[] = [
  { who: 0, step: { do: 'deed', deed: { do: 'save', pick: 1, text: 0 } } },
  { who: 1, step: { do: 'deed', deed: { do: 'save', pick: 0, text: 1 } } },
  { who: 0, step: { do: 'export', cut: 99 } },
  { who: 1, step: { do: 'merge', from: 0 } },
  { who: 1, step: { do: 'import', cut: 99 } },
]

const numRuns = isLong ? 10_000 : 2_000
const seed = process.env['ENGRAM_SEED'] === undefined ? {} : { seed: Number(process.env['ENGRAM_SEED']) }

afterAll(closeMachines)

describe('CHK-1203', () => {
  it(
    'CHK-1203, CHK-1206, MEM-508, CHK-603, CHK-613 any schedule of changes, exports, merges, imports and kills ends in one memory, and no text is lost',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(2, 2, 3), turns, fc.nat(), async (count, plan, mixSeed) => {
          const isVisited = mixSeed % 4 === 0
          const all = await freshPeople(isVisited ? count + 1 : count)
          const people = all.slice(0, count)
          const world: World = { people, written: new Set(), destroyed: new Set() }
          for (const turn of [...opening, ...plan]) await take(world, turn)
          await meet(people, mixSeed)
          const [first, ...others] = await Promise.all(people.map(memoryOf))
          for (const other of others) expect(other).toBe(first)
          await expectNothingLost(world)
          const newcomer = all[count]
          if (newcomer === undefined) return
          newcomer.branch.mergeFrom(people[0]?.branch ?? newcomer.branch)
          await pull(newcomer)
          expect(await memoryOf(newcomer)).toBe(first)
          expect(await push(newcomer)).toMatchObject({ is_empty: true })
        }),
        { numRuns, endOnFailure: true, ...seed },
      )
    },
    isLong ? 3_600_000 : 300_000,
  )
})

type World = { readonly people: readonly Person[]; readonly written: Set<string>; readonly destroyed: Set<string> }

async function take({ people, written, destroyed }: World, { who, step: doing }: Turn): Promise<void> {
  const index = who % people.length
  const person = people[index]
  if (person === undefined) return
  person.machine.deps.clock.advance(1_000)
  switch (doing.do) {
    case 'deed':
      await person.machine.store.write((tx) => {
        act(tx, person.machine, index, doing.deed)
        for (const { content, sync_id } of tx.all<{ content: string; sync_id: string }>(
          'SELECT sync_id, content FROM observations',
        ))
          written.add(`${sync_id}\n${content}`)
        for (const { entity_key } of tx.all<{ entity_key: string }>('SELECT entity_key FROM tombstones'))
          destroyed.add(entity_key)
      })
      return
    case 'export':
      return cutShort(person.branch, doing.cut, () => push(person))
    case 'merge':
      return person.branch.mergeFrom(people[doing.from % people.length]?.branch ?? person.branch)
    case 'import':
      await pull(person)
  }
}

/** Killed before the write after the first so many; the process that comes next finds what was written. */
async function cutShort(branch: Branch, writes: number, work: () => Promise<unknown>): Promise<void> {
  branch.cutAfter = writes
  try {
    await work()
  } catch (error) {
    expect(error).toMatchObject({ code: 'ECRASHED' })
  } finally {
    branch.cutAfter = Number.POSITIVE_INFINITY
  }
}

const push = ({ store, branch, machine }: Person) =>
  pushChanges(store, branch, machine.deps.clock, {
    createdBy: 'somebody',
    selection: everything,
    partBytes: machine.deps.clock.nowMs() % 4_000 === 0 ? 900 : 20_000,
  })

const pull = ({ store, branch, preparer }: Person) => pullChunks(store, branch, { preparer })

/** Until nobody has anything to say: merging may bring something to say. */
async function meet(people: readonly Person[], mixSeed: number): Promise<void> {
  for (let round = 0, isNews = true; isNews; round++) {
    expect(round).toBeLessThan(6)
    isNews = round === 0
    for (const person of people) if (!(await push(person)).is_empty) isNews = true
    if (!isNews) return
    for (const person of people) for (const other of people) person.branch.mergeFrom(other.branch)
    for (const [index, person] of people.entries()) {
      person.branch.reorder(mixer(mixSeed + index + round * 10))
      await pull(person)
    }
  }
}

async function expectNothingLost({ people, written, destroyed }: World): Promise<void> {
  const held = new Set(people.flatMap(({ machine }) => machine.store.read(textsOf)))
  const lost = [...written].filter((text) => !held.has(text) && !destroyed.has(text.split('\n')[0] ?? ''))
  expect(lost).toEqual([])
}

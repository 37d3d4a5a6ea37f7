import { describe, expect, it } from 'vitest'
import type { PendingChunk } from './plan.ts'
import type { PackedFile, PreparerDoor } from './preparer.ts'
import { preparingOf } from './preparing.ts'

const pending = (...memories: readonly number[]): readonly PendingChunk[] =>
  memories.map((count, index) => ({
    entry: { id: `c${index}`, created_by: 'ana', created_at: 'then', sessions: 0, memories: count, prompts: 0 },
    known: null,
    isListed: true,
  }))

function watchedDoor(): Watched {
  const asked: PackedFile[] = []
  const here: string[] = []
  let starts = 0
  const start: PreparerDoor['start'] = () => {
    starts++
    return { prepare: (file) => (asked.push(file), Promise.resolve(null)), stop: () => Promise.resolve() }
  }
  const prepareHere: PreparerDoor['prepareHere'] = (file) => (here.push(file.id), Promise.resolve(null))
  const bounds = { recordsMin: 10, recordsTogetherMin: 40, beginsBehind: 1 }
  return { door: { start, prepareHere, ...bounds }, asked, here, starts: () => starts }
}

type Watched = {
  readonly door: PreparerDoor
  readonly asked: PackedFile[]
  readonly here: string[]
  readonly starts: () => number
}

describe('CHK-613', () => {
  it('CHK-613 large chunks are made ready, the first here and the others by the thread', () => {
    const { door, asked, here } = watchedDoor()
    const chunks = pending(50, 30, 9, 10)
    const preparing = preparingOf(door, chunks)
    for (const chunk of chunks) void preparing?.prepare(chunk, new Uint8Array())
    expect(asked.map(({ id, createdAt }) => [id, createdAt])).toEqual([
      ['c1', 'then'],
      ['c3', 'then'],
    ])
    expect(here).toEqual(['c0'])
    const [, second] = chunks
    expect(second && preparing?.prepare(second, new Uint8Array(5 * 1024 * 1024))).toBeNull()
  })

  it.each([
    ['nothing', []],
    ['one large chunk', [10_000]],
    ['many small ones', [9, 9, 9, 9, 9, 9, 9]],
    ['too few records behind the first', [50, 30, 9]],
  ])('CHK-613 for %s no thread is begun', (_name, memories) => {
    const { door, starts } = watchedDoor()
    expect([preparingOf(door, pending(...memories)), starts()]).toEqual([null, 0])
  })

  it('CHK-613 without a door none is', () => expect(preparingOf(undefined, pending(50, 50))).toBeNull())
})

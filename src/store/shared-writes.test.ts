import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EngramError } from '../model/errors.ts'
import { systemClock } from '../platform/clock.ts'
import { systemRandom } from '../platform/random.ts'
import { Turns, type Turn } from '../platform/turns.ts'
import { Connection } from './driver.ts'
import { migrations } from './migrations/index.ts'
import { Store } from './store.ts'
import type { WriteTx } from './transaction.ts'

/** Stores at one file, each as a process has it, and the line they stand in. */
let dataDir = ''
let stores: Store[] = []
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'engram-shared-'))
})
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close()
  rmSync(dataDir, { recursive: true, force: true })
})

/** Adds a word to a list, and answers how many words are there. */
function add(tx: WriteTx, word: string): { readonly words: number; readonly by: string } {
  if (word === 'refused') throw new EngramError('invalid_request', 'This word is refused.')
  tx.run('INSERT INTO words (word) VALUES (?)', word)
  return { words: tx.get<{ n: number }>('SELECT COUNT(*) AS n FROM words')?.n ?? 0, by: word }
}

function openStore(dialect = 'same'): Store {
  const store = Store.open({ dataDir, migrations, clock: systemClock, random: systemRandom })
  store.offer(dialect, { add })
  stores.push(store)
  return store
}

const write = (store: Store, word: string): Promise<{ readonly words: number }> =>
  store.write((tx) => add(tx, word), { shared: () => ({ kind: 'add', input: word }) })

const wordsOf = (store: Store): readonly string[] =>
  store.read((tx) => tx.all<{ word: string }>('SELECT word FROM words ORDER BY rowid')).map(({ word }) => word)
const rowsOf = (store: Store): number =>
  store.read((tx) => tx.get<{ n: number }>('SELECT COUNT(*) AS n FROM shared_writes'))?.n ?? -1
const queue = (): readonly string[] => readdirSync(join(dataDir, 'queue')).toSorted()

/** Somebody in front, so that whoever writes must stand in line. */
async function inFront(): Promise<Turn> {
  return new Turns(join(dataDir, 'queue'), systemRandom).take(1_000)
}

async function openSome(count: number): Promise<readonly Store[]> {
  const some = Array.from({ length: count }, () => openStore())
  await some[0]?.write((tx) => tx.run('CREATE TABLE words (word TEXT)'))
  // Its turn lasts a moment longer, and what came then would not stand in line.
  await pause(20)
  return some
}

/** Until so many stand in line. */
async function lined(count: number): Promise<void> {
  while (queue().filter((name) => !name.includes('.')).length < count) await pause(2)
}

describe('writes that processes do for each other', () => {
  it('L1 whoever has the turn does what the others ask, in one commit, and each has its own answer', async () => {
    const [first, second, third] = await openSome(3)
    if (first === undefined || second === undefined || third === undefined) throw new Error('no stores')
    const commits: number[] = []
    first.watchCommits(({ jobs }) => commits.push(jobs))
    const turn = await inFront()
    const one = write(first, 'one')
    await lined(2)
    const others = [write(second, 'two'), write(third, 'three')]
    await lined(4)
    turn.release()
    expect([await one, ...(await Promise.all(others))]).toEqual([
      { words: 1, by: 'one' },
      { words: 2, by: 'two' },
      { words: 3, by: 'three' },
    ])
    expect(commits).toEqual([3])
    expect(wordsOf(second)).toEqual(['one', 'two', 'three'])
    await expect.poll(queue).toEqual([])
  })

  it('L1 what fails is left to its owner, who learns why; the others are done', async () => {
    const [first, second, third] = await openSome(3)
    if (first === undefined || second === undefined || third === undefined) throw new Error('no stores')
    const turn = await inFront()
    const writes = [write(first, 'one')]
    await lined(2)
    writes.push(write(second, 'refused'))
    await lined(3)
    writes.push(write(third, 'three'))
    await lined(4)
    turn.release()
    const [one, two, three] = await Promise.allSettled(writes)
    expect(one).toMatchObject({ value: { words: 1 } })
    expect(two).toMatchObject({ reason: { code: 'invalid_request', message: 'This word is refused.' } })
    expect(three).toMatchObject({ value: { words: 2 } })
    expect(wordsOf(first)).toEqual(['one', 'three'])
  })

  it.each([
    ['speaks another dialect', 'other', true],
    ['is asked for what nobody offers', 'same', false],
  ])('L1 a process that %s leaves it alone', async (_what, dialect, isKnown) => {
    const [first] = await openSome(1)
    if (first === undefined) throw new Error('no store')
    const commits: number[] = []
    first.watchCommits(({ jobs }) => commits.push(jobs))
    const second = openStore(dialect)
    const turn = await inFront()
    const one = write(first, 'one')
    await lined(2)
    const kind = isKnown ? 'add' : 'subtract'
    const two = second.write((tx) => add(tx, 'two'), { shared: () => ({ kind, input: 'two' }) })
    await lined(3)
    turn.release()
    expect(await Promise.all([one, two])).toMatchObject([{ words: 1 }, { words: 2 }])
    expect(commits).toEqual([1])
  })

  it('L1 what is nobody else’s is asked of nobody', async () => {
    const [first, second] = await openSome(2)
    if (first === undefined || second === undefined) throw new Error('no stores')
    const turn = await inFront()
    const plain = second.write((tx) => add(tx, 'plain'))
    await lined(2)
    const turns = new Turns(join(dataDir, 'queue'), systemRandom)
    const next = turns.take(5_000)
    await lined(3)
    expect(turn.letters()).toEqual([])
    expect(turn.asked()).toBe('turns')
    turn.release()
    await plain
    ;(await next).release()
    expect(wordsOf(first)).toEqual(['plain'])
  })

  it('L1 an answer that could not be handed over is found by its owner: done once, whoever died', async () => {
    const [first, second] = await openSome(2)
    if (first === undefined || second === undefined) throw new Error('no stores')
    const turn = await inFront()
    const one = write(first, 'one')
    await lined(2)
    const two = write(second, 'two')
    await lined(3)
    const ticket = queue().at(-1) ?? ''
    // As if the one that did it were gone before it could say so: nothing can be laid down here.
    mkdirSync(join(dataDir, 'queue', `${ticket}.answer`))
    turn.release()
    expect(await Promise.all([one, two])).toMatchObject([{ words: 1 }, { words: 2 }])
    expect(wordsOf(first)).toEqual(['one', 'two'])
    expect(rowsOf(first)).toBe(1)
  })

  it('L1 what somebody did who died before it could say so is answered by the next one', async () => {
    const [first, second] = await openSome(2)
    if (first === undefined || second === undefined) throw new Error('no stores')
    const turn = await inFront()
    const one = write(first, 'one')
    await lined(2)
    const between = new Turns(join(dataDir, 'queue'), systemRandom).take(5_000)
    await lined(3)
    const placeBetween = queue().at(-1)
    const two = write(second, 'two')
    await lined(4)
    const row = [queue().at(-1) ?? '', systemClock.nowMs(), '[{"words":7}]']
    const aside = Connection.open(first.path, { access: 'read-write', busyTimeoutMs: 1_000 })
    aside.run('INSERT INTO shared_writes (ticket, at_ms, answer) VALUES (?, ?, ?)', row)
    aside.close()
    turn.release()
    expect(await Promise.all([one, two])).toEqual([{ words: 1, by: 'one' }, { words: 7 }])
    // The one between still has its turn: nobody had to pass it.
    expect(queue()).toContain(placeBetween)
    ;(await between).release()
    expect(wordsOf(first)).toEqual(['one'])
  })

  it('L1 others have their share of each commit, however long its own writes take', async () => {
    const [first, second] = await openSome(2)
    if (first === undefined || second === undefined) throw new Error('no stores')
    const commits: number[] = []
    first.watchCommits(({ jobs }) => commits.push(jobs))
    const turn = await inFront()
    const one = first.write((tx) => {
      const untilMs = performance.now() + 50
      while (performance.now() < untilMs);
      return add(tx, 'one')
    })
    await lined(2)
    const two = write(second, 'two')
    await lined(3)
    turn.release()
    expect(await Promise.all([one, two])).toMatchObject([{ words: 1 }, { words: 2 }])
    expect(commits).toEqual([2])
  })

  it('L1 who waits for the end of its own writes does not wait for those of others', async () => {
    const [first, second, third] = await openSome(3)
    if (first === undefined || second === undefined || third === undefined) throw new Error('no stores')
    const [each, done] = [150, { count: 0 }]
    const writing = async (store: Store): Promise<void> => {
      for (let n = 0; n < each; n++) {
        await write(store, `${n}`)
        done.count++
      }
    }
    const turn = await inFront()
    const own = write(first, 'own')
    await lined(2)
    const others = [writing(second), writing(third)]
    await lined(4)
    turn.release()
    await own
    await first.drain()
    expect(done.count).toBeLessThan(each)
    await Promise.all(others)
    expect(wordsOf(first)).toHaveLength(2 * each + 1)
  })

  it('L1 rows go with the next commit for others, letters and answers with their owners', async () => {
    const [first, second, third] = await openSome(3)
    if (first === undefined || second === undefined || third === undefined) throw new Error('no stores')
    for (const word of ['a', 'b', 'c', 'd', 'e']) {
      await pause(20)
      const turn = await inFront()
      const one = write(first, `${word} one`)
      await lined(2)
      const others = [write(second, `${word} two`), write(third, `${word} three`)]
      await lined(4)
      turn.release()
      await Promise.all([one, ...others])
    }
    expect(wordsOf(first)).toHaveLength(15)
    // Two of each process's last commit for others at the most, of ten that there were.
    expect(rowsOf(first)).toBeLessThanOrEqual(6)
    await expect.poll(queue).toEqual([])
  })

  it('L1 what the dead left behind is swept away when the next one opens', async () => {
    await openSome(1)
    const dead = '00000000000000000001-4194303-1-aa'
    writeFileSync(join(dataDir, 'queue', `${dead}.answer`), '[]')
    writeFileSync(join(dataDir, 'queue', `${dead}.new`), '{}')
    openStore()
    await expect.poll(queue).toEqual([])
  })

  it.each([
    ['no JSON', 'not json'],
    ['JSON of another shape', '[1,2]'],
    ['writes that are none', '{"dialect":"same","isFull":true,"writes":[{"kind":"add"}]}'],
    [
      'too many writes',
      `{"dialect":"same","isFull":true,"writes":[${'{"kind":"add","input":"x"},'.repeat(9).slice(0, -1)}]}`,
    ],
  ])('L1 a letter that holds %s harms nobody', async (_what, text) => {
    const [first] = await openSome(1)
    if (first === undefined) throw new Error('no store')
    const turns = new Turns(join(dataDir, 'queue'), systemRandom)
    const turn = await inFront()
    const one = write(first, 'one')
    await lined(2)
    const stranger = turns.take(5_000, text)
    await lined(3)
    turn.release()
    expect(await one).toMatchObject({ words: 1 })
    const taken = await stranger
    if ('release' in taken) taken.release()
    expect(wordsOf(first)).toEqual(['one'])
  })
})

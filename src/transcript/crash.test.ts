import { describe, expect, it } from 'vitest'
import { SimulatedClock } from '../platform/clock.ts'
import { FaultyFiles, isChange } from '../platform/faulty-files.ts'
import type { Fault } from '../platform/faulty-files.ts'
import { createMemoryLocks } from '../platform/file-lock.ts'
import type { Files } from '../platform/files.ts'
import { seededRandom } from '../platform/random.ts'
import { JsonlStore } from './jsonl-store.ts'
import type { LayoutName } from './layout.ts'
import { MemoryFiles } from './memory-files.ts'

/**
 * The crash matrix of TRN-701: each call is stopped at every operation that changes the disk, before it, after it and in
 * the middle of a write, as a dying process and as a power cut; then the directory is opened again.
 */

const open = (files: Files, seed: number, layout: LayoutName = 'native'): Promise<JsonlStore> =>
  JsonlStore.open('/data/transcripts', {
    files,
    clock: new SimulatedClock(),
    random: seededRandom(seed),
    locks: createMemoryLocks(),
    layout,
  })

type State = { readonly history: readonly string[]; readonly summary: string; readonly exists: boolean }

async function stateOf(store: JsonlStore): Promise<State> {
  const history = (await store.getHistory('k')).map((message) => message.content)
  return { history, summary: await store.getSummary('k'), exists: await store.exists('k') }
}

const texts = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, n) => `message ${from + n}`)
const add = async (store: JsonlStore, all: readonly string[]): Promise<void> => {
  for (const text of all) await store.addMessage('k', 'user', text)
}

type Scenario = {
  readonly name: string
  readonly layout: LayoutName
  readonly before: (store: JsonlStore) => Promise<void>
  readonly call: (store: JsonlStore) => Promise<unknown>
  /** Appends answer before and after alike; what they add may also be there in part. */
  readonly adds?: readonly string[]
}

const some = (store: JsonlStore): Promise<void> => add(store, texts(0, 6))
const truncated = async (store: JsonlStore): Promise<void> => {
  await some(store)
  await store.setSummary('k', 'old summary')
  await store.truncateHistory('k', 3)
}
const item = (text: string): { message: { role: string; content: string }; messageId: string } => ({
  message: { role: 'user', content: text },
  messageId: text,
})

const inBoth: readonly Omit<Scenario, 'layout'>[] = [
  { name: 'add, new directory', before: () => Promise.resolve(), call: (s) => add(s, ['new']), adds: ['new'] },
  { name: 'add', before: some, call: (s) => add(s, ['new']), adds: ['new'] },
  {
    name: 'batch',
    before: some,
    call: (s) => s.appendBatch('k', [item('b1'), item('b2'), item('b3')]),
    adds: ['b1', 'b2', 'b3'],
  },
  { name: 'setSummary', before: truncated, call: (s) => s.setSummary('k', 'new summary') },
  { name: 'setSummary, new session', before: () => Promise.resolve(), call: (s) => s.setSummary('k', 'new summary') },
  { name: 'truncate', before: truncated, call: (s) => s.truncateHistory('k', 1) },
  {
    name: 'setHistory',
    before: truncated,
    call: (s) =>
      s.setHistory('k', [
        { role: 'user', content: 'x' },
        { role: 'user', content: 'y' },
      ]),
  },
  {
    name: 'setHistory, shorter and alike',
    before: truncated,
    call: (s) => s.setHistory('k', [{ role: 'user', content: 'message 0' }]),
  },
  { name: 'setHistory, empty', before: truncated, call: (s) => s.setHistory('k', []) },
  {
    name: 'setHistory, new session',
    before: () => Promise.resolve(),
    call: (s) => s.setHistory('k', [{ role: 'user', content: 'x' }]),
  },
  { name: 'compact', before: truncated, call: (s) => s.compact('k') },
  { name: 'rewindHistory', before: truncated, call: (s) => s.rewindHistory('k', 4) },
  { name: 'deleteSession', before: truncated, call: (s) => s.deleteSession('k') },
  { name: 'deleteSession, purge', before: truncated, call: (s) => s.deleteSession('k', { purge: true }) },
]

const scenarios = (['native', 'compat'] as const).flatMap((layout) => inBoth.map((one) => ({ ...one, layout })))

/** How the machine stops, and what of the unsynced survives. */
const ends = {
  'process killed': (files: FaultyFiles) => files.killProcess(),
  'power cut, all unsynced lost': (files: FaultyFiles) => files.cutPower(),
  'power cut, half of it lost': (files: FaultyFiles) =>
    files.cutPower(
      (bytes) => Math.floor(bytes / 2),
      (entries) => Math.floor(entries / 2),
    ),
  'power cut, bytes lost, names kept': (files: FaultyFiles) =>
    files.cutPower(
      () => 0,
      (entries) => entries,
    ),
} as const

const stops: readonly Omit<Fault, 'at' | 'kind'>[] = [{}, { isDone: true }, { partBytes: 20 }]

async function prepared(scenario: Scenario): Promise<{ readonly base: MemoryFiles; readonly old: State }> {
  const base = new MemoryFiles()
  const store = await open(base, 1, scenario.layout)
  await scenario.before(store)
  const old = await stateOf(store)
  await store.close()
  return { base, old }
}

/** Runs the call with a fault; true when it answered. */
async function run(files: FaultyFiles, scenario: Scenario): Promise<boolean> {
  try {
    await scenario.call(await open(files, 2, scenario.layout))
    return true
  } catch {
    return false
  }
}

async function changesOf(
  base: MemoryFiles,
  scenario: Scenario,
): Promise<{ readonly kinds: readonly string[]; readonly next: State }> {
  const disk = base.copy()
  const files = new FaultyFiles(disk)
  await run(files, scenario)
  await files.killProcess()
  return { kinds: files.operations.filter(isChange).map((one) => one.kind), next: await settled(disk, scenario.layout) }
}

async function settled(disk: MemoryFiles, layout: LayoutName = 'native'): Promise<State> {
  const store = await open(disk, 3, layout)
  const state = await stateOf(store)
  await store.close()
  return state
}

/** Old or new, nothing else; acknowledged means new. Appends may be there up to any message. */
function allowed(scenario: Scenario, old: State, next: State, isAnswered: boolean): State[] {
  if (scenario.adds === undefined || isAnswered) return isAnswered ? [next] : [old, next]
  const states = scenario.adds.map((_, n) => ({
    ...next,
    history: [...old.history, ...(scenario.adds ?? []).slice(0, n)],
  }))
  return [old, ...states, next]
}

async function checkAfter(disk: MemoryFiles, states: readonly State[], layout: LayoutName): Promise<void> {
  const found = await settled(disk, layout)
  expect(states).toContainEqual(found)
  // A writer finishes what was begun; nothing visible changes by it, and it can go on.
  const store = await open(disk, 4, layout)
  await store.addMessage('k', 'user', 'afterwards')
  await store.addMessage('k', 'user', 'and on')
  expect((await stateOf(store)).history).toEqual([...found.history, 'afterwards', 'and on'])
  await store.close()
  expect((await settled(disk, layout)).history).toEqual([...found.history, 'afterwards', 'and on'])
}

describe('TRN-P2 crash at every operation', () => {
  it.for(scenarios)('TRN-701 $layout, $name: old or new', async (scenario) => {
    const { base, old } = await prepared(scenario)
    const { kinds, next } = await changesOf(base, scenario)
    expect(kinds.length).toBeGreaterThan(2)
    for (const [index, kind] of kinds.entries()) {
      for (const stop of stops.filter((one) => one.partBytes === undefined || kind === 'write')) {
        for (const end of Object.values(ends)) {
          const disk = base.copy()
          const files = new FaultyFiles(disk, { at: index + 1, kind: 'crash', matches: isChange, ...stop })
          const isAnswered = await run(files, scenario)
          expect(files.hasStruck).toBe(true)
          await end(files)
          await checkAfter(disk, allowed(scenario, old, next, isAnswered), scenario.layout)
        }
      }
    }
  })

  const replacing = scenarios.filter(({ name }) => /^(setHistory|compact|deleteSession)$/.test(name))
  it.for(replacing)('TRN-701 $layout, $name: a second crash during recovery changes nothing', async (scenario) => {
    const { base, old } = await prepared(scenario)
    const { kinds, next } = await changesOf(base, scenario)
    for (let at = 1; at <= kinds.length; at++) {
      const broken = base.copy()
      const files = new FaultyFiles(broken, { at, kind: 'crash', matches: isChange })
      await run(files, scenario)
      await files.cutPower(
        () => 0,
        (entries) => entries,
      )
      for (let second = 1, isOver = false; !isOver; second++) {
        const disk = broken.copy()
        const again = new FaultyFiles(disk, { at: second, kind: 'crash', matches: isChange })
        // Any write makes the store finish what was begun.
        const store = await open(again, 5, scenario.layout).catch(() => null)
        await store?.setNotes('k', { scope: { s: 1 } }).catch(() => undefined)
        isOver = !again.hasStruck
        await again.cutPower()
        expect([old, next, { ...next, exists: true }]).toContainEqual(await settled(disk, scenario.layout))
      }
    }
  })
})

describe('a failing disk', () => {
  const codes = [
    ['EIO', 'storage_failed'],
    ['ENOSPC', 'storage_full'],
    ['EMFILE', 'storage_failed'],
    ['EACCES', 'storage_failed'],
    ['EROFS', 'read_only'],
  ] as const
  /** Everything a session goes through; answers what was acknowledged and what failed. */
  async function live(
    files: Files,
    layout: LayoutName,
  ): Promise<{ kept: string[]; failures: unknown[]; store: JsonlStore | null }> {
    const failures: unknown[] = []
    const kept: string[] = ['message 3', 'message 4', 'message 5']
    const attempt = async (work: () => Promise<unknown>, done: () => void): Promise<void> => {
      await work().then(done, (error: unknown) => failures.push(error))
    }
    const store = await open(files, 6, layout).catch((error: unknown) => {
      failures.push(error)
      return null
    })
    if (store === null) return { kept, failures, store }
    for (const text of ['n1', 'n2', 'n3'])
      await attempt(
        () => store.addMessage('k', 'user', text),
        () => kept.push(text),
      )
    await attempt(
      () => store.getHistory('k'),
      () => undefined,
    )
    await attempt(
      () => store.compact('k'),
      () => undefined,
    )
    await attempt(
      () => store.addMessage('k', 'user', 'n4'),
      () => kept.push('n4'),
    )
    return { kept, failures, store }
  }

  const inLayouts = (['native', 'compat'] as const).flatMap((layout) => codes.map((one) => [layout, ...one] as const))
  it.for(inLayouts)(
    'TRN-607 TRN-609 %j at any operation: typed, nothing acknowledged lost, the store goes on',
    async ([layout, code, expected]) => {
      const { base } = await prepared({ name: '', layout, before: truncated, call: () => Promise.resolve() })
      const counting = new FaultyFiles(base.copy())
      await live(counting, layout)
      expect(counting.operations.length).toBeGreaterThan(50)
      for (let at = 1; at <= counting.operations.length; at++) {
        const disk = base.copy()
        const files = new FaultyFiles(disk, { at, kind: 'fail', code, partBytes: 7 })
        const { kept, failures, store } = await live(files, layout)
        // Work in the background may have come later than in the run that was counted.
        files.arm(null)
        expect(failures.length).toBeLessThanOrEqual(1)
        for (const failure of failures) {
          const isOpening = failure instanceof Error && failure.message.startsWith('create directory')
          expect(failure).toMatchObject({ name: 'EngramError', code: isOpening ? 'storage_failed' : expected })
        }
        const seen = (await store?.getHistory('k'))?.map((message) => message.content) ?? kept
        expect(seen.filter((text) => kept.includes(text))).toEqual(kept)
        await store?.close()
        const { history } = await settled(disk, layout)
        expect(history).toEqual(seen)
      }
    },
  )
})

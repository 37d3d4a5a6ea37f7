import {
  closeSync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { JsonlStore } from '../src/transcript/jsonl-store.ts'
import {
  benchOptions,
  median,
  percentile,
  report,
  temporaryDirectory,
  timed,
  timedAsync,
  type Figure,
} from './harness.ts'

/**
 * TRN-B1–B6: appending alone and by 64 at once, the last messages of a long transcript, whole transcripts, and lists of
 * many, each beside the same work done bare in the same run.
 */
const options = benchOptions()
const scratch = temporaryDirectory()
const wants = (name: string): boolean => options.only.length === 0 || options.only.includes(name)
const few = (count: number, quick: number): number => (options.quick ? quick : count)

/** One KiB as it stands in the file. */
const text = 'x'.repeat(920)
const line = `${JSON.stringify({ role: 'user', content: text, created_at: '2026-01-01T00:00:00.000Z', crc: '00000000' })}\n`
const bareName = 'append + fdatasync'

function bareAppends(path: string, samples: number): number[] {
  const file = openSync(path, 'a')
  const bytes = Buffer.from(line)
  const times = Array.from({ length: samples }, () =>
    timed(() => {
      writeSync(file, bytes)
      fdatasyncSync(file)
    }),
  )
  closeSync(file)
  return times
}

const figureOf = (figure: Partial<Figure> & Pick<Figure, 'name' | 'value' | 'unit' | 'goal'>): Figure => ({
  baseline: null,
  baselineName: '',
  durability: '',
  ...figure,
})

/** Ours and bare in turns, so that both see the same moods of the disk. */
async function appends(): Promise<Figure[]> {
  const store = await JsonlStore.open(join(scratch.path, 'append'))
  const [ours, bare, lazy]: [number[], number[], number[]] = [[], [], []]
  await store.addMessage('k', 'user', text)
  // Long slices: a pause lets the session's lock go, and taking it anew is not what is measured.
  for (let slice = 0; slice < few(6, 3); slice++) {
    for (let n = 0; n < 500; n++) ours.push(await timedAsync(() => store.addMessage('k', 'user', text)))
    bare.push(...bareAppends(join(scratch.path, 'bare'), 500))
  }
  for (let n = 0; n < few(2_000, 500); n++) {
    lazy.push(await timedAsync(() => store.addMessage('lazy', 'user', text, { durability: 'normal' })))
  }
  const writers = 64
  const each = few(60, 20)
  const crowd: number[] = []
  const started = performance.now()
  await Promise.all(
    Array.from({ length: writers }, async () => {
      for (let n = 0; n < each; n++) crowd.push(await timedAsync(() => store.addMessage('crowd', 'user', text)))
    }),
  )
  const perSecond = (writers * each) / ((performance.now() - started) / 1_000)
  await store.close()
  const barePerSecond = 1_000 / (bare.reduce((sum, one) => sum + one, 0) / bare.length)
  const disk = { unit: 'ms', durability: 'disk', baselineName: bareName }
  return [
    figureOf({ ...disk, name: 'append 1 KiB, p50', value: median(ours), baseline: median(bare), goal: '' }),
    figureOf({
      ...disk,
      name: 'append 1 KiB, p99',
      value: percentile(ours, 0.99),
      baseline: percentile(bare, 0.99),
      goal: 'TRN-B1 ≤ 1.5 x',
    }),
    figureOf({ ...disk, name: '64 at once, p50', value: median(crowd), baseline: median(bare), goal: '' }),
    figureOf({
      ...disk,
      name: '64 at once, p99',
      value: percentile(crowd, 0.99),
      baseline: percentile(bare, 0.99),
      goal: '',
    }),
    figureOf({
      name: '64 at once, rate',
      value: perSecond,
      unit: '/s',
      baseline: barePerSecond,
      baselineName: `${bareName}, one by one`,
      durability: 'disk',
      goal: 'TRN-B2 ≥ 10 x',
    }),
    figureOf({
      name: 'append 1 KiB, p99',
      value: percentile(lazy, 0.99),
      unit: 'ms',
      durability: 'os',
      goal: 'TRN-B3 ≤ 0.2 ms',
    }),
  ]
}

/** Whole lines without sums, written at once: what a store would hold after years. */
function writeLong(directory: string, lines: number): string {
  mkdirSync(join(directory, '.engram'), { recursive: true })
  writeFileSync(join(directory, '.engram/format.json'), '{"format":"engram-transcripts","version":1,"layout":"native"}')
  const path = join(directory, 's-long.jsonl')
  const file = openSync(path, 'a')
  for (let n = 0; n < lines; n += 1_000) {
    const block = Array.from({ length: 1_000 }, (_, i) =>
      JSON.stringify({
        role: 'user',
        content: `message ${n + i} ${'x'.repeat(200)}`,
        created_at: '2026-01-01T00:00:00Z',
      }),
    )
    writeSync(file, `${block.join('\n')}\n`)
  }
  closeSync(file)
  return path
}

async function lastMessages(): Promise<Figure[]> {
  const lines = few(1_000_000, 100_000)
  const directory = join(scratch.path, 'long')
  const path = writeLong(directory, lines)
  const count = timed(() => {
    const bytes = readFileSync(path)
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1));
  })
  const first: number[] = []
  for (let n = 0; n < 20; n++) {
    const store = await JsonlStore.open(directory, { readOnly: true })
    first.push(await timedAsync(() => store.getHistory('long', { last: 20 })))
    await store.close()
  }
  const store = await JsonlStore.open(directory)
  const truncation = await timedAsync(() => store.truncateHistory('long', 500))
  const warm: number[] = []
  for (let n = 0; n < 200; n++) warm.push(await timedAsync(() => store.getHistory('long', { last: 20 })))
  await store.close()
  const cold = await JsonlStore.open(directory, { readOnly: true })
  const hidden = await timedAsync(() => cold.getHistory('long', { last: 20 }))
  await cold.close()
  const of = `of ${lines.toLocaleString('en')}`
  const counting = { unit: 'ms', baseline: count, baselineName: 'read and count newlines' }
  return [
    figureOf({ name: `last 20 ${of}, just opened, p50`, value: median(first), unit: 'ms', goal: '≤ 5 ms' }),
    figureOf({ name: `last 20 ${of}, warm, p50`, value: median(warm), unit: 'ms', goal: '' }),
    figureOf({ name: `last 20 ${of}, just opened, p99`, value: percentile(first, 0.99), unit: 'ms', goal: '≤ 5 ms' }),
    figureOf({ name: `last 20 ${of}, warm, p99`, value: percentile(warm, 0.99), unit: 'ms', goal: 'TRN-B4 ≤ 2 ms' }),
    figureOf({ ...counting, name: `last 20 ${of}, truncated, no index`, value: hidden, goal: 'TRN-B4 ≤ 1.5 x' }),
    figureOf({ ...counting, name: `truncate ${of}, no index`, value: truncation, goal: '' }),
  ]
}

async function whole(): Promise<Figure[]> {
  const directory = join(scratch.path, 'whole')
  const store = await JsonlStore.open(directory)
  const figures: Figure[] = []
  for (const count of [100, 1_000]) {
    const key = `k${count}`
    await store.setHistory(
      key,
      Array.from({ length: count }, () => ({ role: 'user', content: text })),
    )
    const [ours, bare]: [number[], number[]] = [[], []]
    for (let n = 0; n < few(100, 30); n++) {
      ours.push(await timedAsync(() => store.getHistory(key)))
      bare.push(
        timed(() => {
          const lines = readFileSync(join(directory, `s-${key}.jsonl`), 'utf8').split('\n')
          for (const one of lines) if (one !== '') JSON.parse(one)
        }),
      )
    }
    figures.push(
      figureOf({
        name: `all of ${count}, p50`,
        value: median(ours),
        unit: 'ms',
        baseline: median(bare),
        baselineName: 'readFile + JSON.parse',
        goal: 'TRN-B5 ≤ 1.5 x',
      }),
    )
  }
  await store.close()
  return figures
}

async function lists(): Promise<Figure[]> {
  const sessions = few(50_000, 5_000)
  const directory = join(scratch.path, 'many')
  mkdirSync(join(directory, '.engram/locks'), { recursive: true })
  writeFileSync(join(directory, '.engram/format.json'), '{"format":"engram-transcripts","version":1,"layout":"native"}')
  for (let n = 0; n < sessions; n++) {
    const at = new Date(Date.UTC(2026, 0, 1) + n * 60_000).toISOString()
    const meta = {
      key: `chat${n}`,
      summary: `about ${n}`,
      skip: 0,
      count: 1,
      created_at: at,
      updated_at: at,
      format: 1,
    }
    writeFileSync(join(directory, `s-chat${n}.meta.json`), JSON.stringify(meta, null, 2))
    writeFileSync(join(directory, `s-chat${n}.jsonl`), '{"role":"user","content":"x"}\n')
  }
  const bare = timed(() => {
    for (const name of readdirSync(directory))
      if (name.endsWith('.meta.json')) JSON.parse(readFileSync(join(directory, name), 'utf8'))
  })
  await settled()
  const first = await JsonlStore.open(directory)
  const cold = await timedAsync(() => first.listSessions())
  await first.close()
  const opened = await justOpened(directory)
  const store = await JsonlStore.open(directory)
  await store.listSessions()
  const warm: number[] = []
  for (let n = 0; n < 30; n++) warm.push(await timedAsync(() => store.listSessions({ limit: 1_000 })))
  const all = await timedAsync(() => everyPage(store))
  await store.addMessage('chat1', 'user', 'more')
  const changed = await timedAsync(() => store.listSessions())
  for (let n = 0; n < 20; n++) await store.addMessage(`chat${n * 7}`, 'user', 'more')
  await store.close()
  const openedAfter = await justOpened(directory)
  const of = `of ${sessions.toLocaleString('en')}`
  const metas = { unit: 'ms', baseline: bare, baselineName: 'read and parse all metas' }
  const goal = '≤ 200 ms'
  return [
    figureOf({
      name: `1,000 ${of} sessions, warm, p99`,
      value: percentile(warm, 0.99),
      unit: 'ms',
      goal: 'TRN-B6 ≤ 20 ms',
    }),
    figureOf({ name: `all ${of} sessions, warm`, value: all, unit: 'ms', goal }),
    figureOf({ ...metas, name: `first page ${of}, after a write`, value: changed, goal: '' }),
    figureOf({ ...metas, name: `first page ${of}, just opened`, value: opened.page, goal }),
    figureOf({ ...metas, name: `all ${of}, just opened`, value: opened.all, goal }),
    figureOf({ ...metas, name: `first page ${of}, just opened after 20 writes`, value: openedAfter.page, goal }),
    figureOf({ ...metas, name: `first page ${of}, never listed before`, value: cold, goal: 'TRN-B6 ≤ 2 x' }),
  ]
}

/** Until a directory's time tells of the next change. */
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2_100))

async function everyPage(store: JsonlStore): Promise<void> {
  let next: string | undefined
  do {
    const page = await store.listSessions({ limit: 1_000, ...(next === undefined ? {} : { cursor: next }) })
    next = page.next ?? undefined
  } while (next !== undefined)
}

/** Medians over stores that list once, opening included. */
async function justOpened(directory: string): Promise<{ readonly page: number; readonly all: number }> {
  const once = (list: (store: JsonlStore) => Promise<unknown>) => async (): Promise<void> => {
    const store = await JsonlStore.open(directory, { readOnly: true })
    await list(store)
    await store.close()
  }
  const [page, all]: [number[], number[]] = [[], []]
  for (let n = 0; n < 5; n++) {
    page.push(await timedAsync(once((store) => store.listSessions())))
    all.push(await timedAsync(once(everyPage)))
  }
  return { page: median(page), all: median(all) }
}

const parts = { append: appends, last: lastMessages, whole, list: lists } as const

const figures: Figure[] = []
try {
  for (const [name, part] of Object.entries(parts)) if (wants(name)) figures.push(...(await part()))
} finally {
  scratch.remove()
}
report('transcripts', figures, options)

import { join } from 'node:path'
import { openEngine } from '../src/open-engine.ts'
import { bareLog } from './bare-log.ts'
import { alternate, median, percentile, timedAsync, type Figure } from './harness.ts'
import { pacedBeside } from './paced.ts'

/** Commits of several units, beside as many rows in one bare transaction; and appends at a steady rate (COL-2602). */
const sizes = [1, 8, 16, 32, 64, 128, 256] as const
const words = { normal: 'os', full: 'disk' } as const
type Durability = keyof typeof words
/** A third of what one writer reaches at `full` here: the log is busy, and not behind. */
const perSecond = 500

export async function commitFigures(directory: string, quick: boolean): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  for (const durability of ['normal', 'full'] as const) {
    const place = await openPlace(directory, durability)
    for (const size of sizes) figures.push(await commitsOf(place, size, quick))
    figures.push(...(await steadily(place, quick)))
    await place.close()
  }
  return figures
}

type Place = {
  readonly durability: Durability
  readonly append: (size: number) => Promise<unknown>
  readonly insert: (size: number) => Promise<unknown>
  readonly close: () => Promise<void>
}

const payload = 'the quick brown fox jumps over the lazy dog '.repeat(22)

async function openPlace(directory: string, durability: Durability): Promise<Place> {
  const engine = await openEngine({
    dataDir: join(directory, `commits-${durability}`),
    settings: { durability },
    isServer: true,
  })
  const bare = bareLog(join(directory, `bare-commits-${durability}.db`), durability)
  const row = bare.prepare('INSERT INTO rows (body) VALUES (?)')
  let serial = 0
  const rows = bare.transaction((size: number) => {
    for (let n = 0; n < size; n++) row.run(JSON.stringify({ payload: `${serial++} ${payload}` }))
  })
  return {
    durability,
    append: (size) => {
      const steps = Array.from({ length: size }, () => {
        const unit = {
          id: engine.deps.ids.uuid(),
          isOwnId: false,
          type: 'MESSAGE',
          meta: {},
          relationships: [],
        } as const
        return { kind: 'unit', unit: { ...unit, payload: `${serial++} ${payload}` } } as const
      })
      return engine.deps.contextLog.append({ contextId: 'bench', context: 'upsert', agentId: 'ada', steps, durability })
    },
    insert: async (size) => rows(size),
    close: async () => {
      bare.close()
      await engine.close()
    },
  }
}

async function commitsOf({ durability, append, insert }: Place, size: number, quick: boolean): Promise<Figure> {
  const ours = (): Promise<number> => timedAsync(() => append(size))
  const bare = (): Promise<number> => timedAsync(() => insert(size))
  await alternate(ours, bare, 1, 20)
  const run = await alternate(ours, bare, quick ? 6 : 20, quick ? 20 : 50)
  return {
    name: `commit of ${size} units, ${durability}, p50`,
    value: median(run.ours),
    unit: 'ms',
    baseline: median(run.bare),
    ratio: run.ratio,
    baselineName: `${size} rows in one transaction`,
    durability: words[durability],
    goal: '',
  }
}

async function steadily({ durability, append, insert }: Place, quick: boolean): Promise<readonly Figure[]> {
  const run = await pacedBeside(
    perSecond,
    quick ? 2 : 10,
    () => append(1),
    () => insert(1),
  )
  const told = { unit: 'ms', baselineName: 'one-row SQLite commit', durability: words[durability], goal: '' }
  const name = `append at ${perSecond}/s, ${durability}, from its intended time`
  return [
    { ...told, name: `${name}, p50`, value: median(run.ours), baseline: median(run.bare) },
    { ...told, name: `${name}, p99`, value: percentile(run.ours, 0.99), baseline: percentile(run.bare, 0.99) },
  ]
}

import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ChunkImportResult } from '../src/model/sync.ts'
import { openEngine, type OpenedEngine } from '../src/open-engine.ts'
import { decodeManifest } from '../src/protocol/manifest.ts'
import { nextChangeSeq } from '../src/store/change-clock.ts'
import { Syncer } from '../src/sync/syncer.ts'
import {
  bytesOf,
  insertAndRebuild,
  insertAndWords,
  jsonObjects,
  plainInsert,
  sameTables,
  stringified,
  type BareImport,
} from './chunk-baselines.ts'
import { fillStore } from './chunk-rows.ts'
import {
  benchOptions,
  inTurns,
  median,
  ratioByRound,
  report,
  temporaryDirectory,
  timedAsync,
  type Figure,
} from './harness.ts'

/** What it costs to carry a memory through chunks: all of it once, nothing, and a little more each day. */
const options = benchOptions()
const total = options.quick ? 20_000 : 100_000
const rounds = 5
const figures: Figure[] = []

const figure = (name: string, value: number, unit: string, more: Partial<Figure> = {}): Figure => ({
  name,
  value,
  unit,
  baseline: null,
  baselineName: '',
  durability: '',
  goal: '',
  ...more,
})

/** Highest resident memory above where it stood, in MiB, while the work runs. */
async function peakOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage.rss()
  let peak = before
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }, 5)
  await work()
  clearInterval(timer)
  return (Math.max(peak, process.memoryUsage.rss()) - before) / 1024 / 1024
}

const place = temporaryDirectory()
let names = 0
/** A path that nothing stands at yet. */
const newPath = (name: string): string => join(place.path, `${name}-${++names}`)
const open = (path: string): Promise<OpenedEngine> => openEngine({ dataDir: path, settings: { durability: 'normal' } })

const author = await open(newPath('author'))
await fillStore(author, total)
const bytes = bytesOf(author)

type Times = readonly number[]
/** `rateGoal`: what is promised of the rate beside this way. */
type Beside = { readonly times: Times; readonly name: string; readonly goal?: string; readonly rateGoal?: string }

/** Times beside those of bare ways, and the rate beside those that something is promised of. */
function addTimes(name: string, durability: string, ours: Times, bareWays: readonly Beside[]): void {
  const rate = (ms: number): number => bytes / 1e6 / (ms / 1_000)
  for (const { times, name: baselineName, rateGoal } of bareWays) {
    if (rateGoal === undefined) continue
    figures.push(
      figure(`${name} ${total}`, rate(median(ours)), 'MB/s', {
        baseline: rate(median(times)),
        baselineName,
        ratio: ratioByRound(times, ours),
        durability,
        goal: rateGoal,
      }),
    )
  }
  for (const { times, name: baselineName, goal = '' } of bareWays) {
    figures.push(
      figure(`${name}, time`, median(ours), 'ms', {
        baseline: median(times),
        baselineName,
        ratio: ratioByRound(ours, times),
        durability,
        goal,
      }),
    )
  }
}

// ── once ──

const syncDir = newPath('sync')
const out = new Syncer(author, syncDir)
// Memory first, in a process that has not grown yet by what is measured after it.
const exportPeakMiB = await peakOf(() => out.export('ana', 'bench'))

/** Observations of each chunk of the whole export: one transaction each. */
const transactions = decodeManifest(readFileSync(join(syncDir, 'manifest.json'), 'utf8')).manifest.chunks.map(
  (chunk) => chunk.memories,
)

async function imported(reader: OpenedEngine): Promise<ChunkImportResult> {
  const result = await new Syncer(reader, syncDir).import()
  if (result.observations_imported !== total) throw new Error(`expected ${total}, got ${JSON.stringify(result)}`)
  return result
}

const reader = await open(newPath('reader'))
const importPeakMiB = await peakOf(() => imported(reader))

// ── out ──

const exports = await inTurns(
  {
    ours: () => timedAsync(() => new Syncer(author, newPath('sync')).export('ana', 'bench')),
    stringified: () => stringified(author),
    jsonObjects: () => jsonObjects(author),
  },
  rounds,
)
addTimes('export', 'disk', exports.ours, [
  { times: exports.stringified, name: 'stringify + gzip', rateGoal: '≥ 60 % of bare' },
  { times: exports.jsonObjects, name: 'json_object + gzip', goal: 'G13: ≤ 1.2 x' },
])
figures.push(figure('export, peak memory above', exportPeakMiB, 'MiB', { goal: 'G13: ≤ 64 MiB' }))

// ── in ──

const bare = (name: string, way: BareImport) => (): Promise<number> => way(author, newPath(name), transactions)

const imports = await inTurns(
  {
    ours: async () => {
      const other = await open(newPath('reader'))
      const ms = await timedAsync(() => imported(other))
      await other.close()
      return ms
    },
    plain: bare('plain', plainInsert),
    words: bare('words', insertAndWords),
    rebuilt: bare('rebuilt', insertAndRebuild),
    same: async () => {
      const path = newPath('same')
      await (await open(path)).close()
      return sameTables(author, join(path, 'engram.db'), transactions)
    },
  },
  rounds,
)
addTimes('import', 'os', imports.ours, [
  { times: imports.same, name: 'the same rows, tables and words', rateGoal: '≥ 60 % of bare' },
  { times: imports.words, name: 'two columns and their words', rateGoal: '≥ 60 % of bare, read strictly' },
  { times: imports.plain, name: 'two columns' },
  { times: imports.rebuilt, name: 'two columns + rebuild', goal: 'G12: ≤ 1.15 x' },
])
const input = new Syncer(reader, syncDir)
figures.push(
  figure('import, peak memory above', importPeakMiB, 'MiB'),
  figure('import of nothing new', await timedAsync(() => input.import()), 'ms', { goal: '< 30 ms' }),
  figure('export after import', await timedAsync(() => input.export('bo', 'bench')), 'ms', {
    goal: 'nothing goes back',
  }),
)
const twinDir = newPath('twin')
cpSync(syncDir, twinDir, { recursive: true })
const twin = new Syncer(reader, twinDir)
figures.push(
  figure('the same chunks through another folder', await timedAsync(() => twin.import()), 'ms', {
    goal: 'G12: ≤ 350 ms',
  }),
  figure('status', await timedAsync(() => input.status('bench')), 'ms', { goal: '< 50 ms' }),
)

// ── a little more each day ──

for (let again = 0; again < 3; again++) await out.export('ana', 'bench')
figures.push(
  figure('export of nothing new', await timedAsync(() => out.export('ana', 'bench')), 'ms', {
    goal: '≤ 50 ms at 100k, no chunk touched',
  }),
)
for (const changes of [1, 10, 100, 1_000]) {
  await author.deps.store.write((tx) => {
    for (let id = 1; id <= changes; id++) {
      const sql = 'UPDATE observations SET change_seq = ?, content = content || ? WHERE id = ?'
      tx.run(sql, nextChangeSeq(tx), ' more', id)
    }
  })
  figures.push(figure(`export of ${changes} changed`, await timedAsync(() => out.export('ana', 'bench')), 'ms'))
}

await author.close()
await reader.close()
place.remove()
report('chunks', figures, options, { observations: total, rounds, transactions })

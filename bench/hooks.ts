import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { openEngine } from '../src/open-engine.ts'
import { formatTime } from '../src/model/times.ts'
import { stampChange } from '../src/store/change-clock.ts'
import { addObservation } from '../src/store/testing/invented-store.ts'
import { fileUnder } from '../src/store/projects.ts'
import { benchOptions, percentile, report, temporaryDirectory, timed, type Figure } from './harness.ts'
import { inventMemory, randomFrom } from './invented-text.ts'

/** MEM-1601: what a hook costs an agent: whole processes beside `node -e 0`, in turns, on a store of 100k memories. */
const options = benchOptions()
const count = options.quick ? 10_000 : 100_000
const rounds = options.quick ? 20 : 60
const program = resolve(import.meta.dirname, '../bin/engram.js')
const temporary = temporaryDirectory()
const home = temporary.path
const dataDir = join(home, 'data')
const directory = join(home, 'shop')
mkdirSync(directory)

const opened = await openEngine({ dataDir, homeDir: home })
const random = randomFrom(1)
for (let from = 0; from < count; from += 5_000) {
  await opened.deps.store.write((tx) => {
    const nowMs = opened.deps.clock.nowMs()
    fileUnder(tx, 'shop', formatTime(nowMs))
    for (let index = from; index < from + 5_000; index++) {
      const { hlc, origin, changeSeq } = stampChange(tx, nowMs)
      const row = { ...inventMemory(random, index), project: 'shop', hlc, origin, change_seq: changeSeq }
      addObservation(tx, { ...row, sync_id: `obs-${index.toString(16).padStart(16, '0')}`, minute: index % 500_000 })
    }
  })
}
await opened.close()

const env = { PATH: process.env['PATH'] ?? '', HOME: home, ENGRAM_DATA_DIR: dataDir }
const bare = (): number => timed(() => spawnSync(process.execPath, ['-e', '0'], { env }))

function hook(event: string, extra: Readonly<Record<string, unknown>>): number {
  const input = JSON.stringify({ session_id: 'a-session', cwd: directory, ...extra })
  return timed(() => {
    const done = spawnSync(process.execPath, [program, 'hook', 'claude-code', event], { env, input })
    if (done.status !== 0 || done.stderr.length > 0) throw new Error(`${event}: ${done.stderr.toString()}`)
  })
}

const figures: Figure[] = []
const events: readonly (readonly [string, (round: number) => Readonly<Record<string, unknown>>])[] = [
  ['session-start', () => ({ source: 'startup' })],
  ['user-prompt-submit', (round) => ({ prompt: `How large is the pool in round ${round}?` })],
  ['pre-tool-use', () => ({ tool_name: 'mcp__engram__mem_save', tool_input: { title: 'a', content: 'b' } })],
  ['stop', () => ({})],
]
for (const [event, extra] of events) {
  hook(event, extra(-1))
  const [ours, theirs]: [number[], number[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    theirs.push(bare())
    ours.push(hook(event, extra(round)))
  }
  for (const [name, share] of [
    ['p50', 0.5],
    ['p95', 0.95],
  ] as const) {
    figures.push({
      name: `${event} ${name}, ${count} memories`,
      value: percentile(ours, share),
      unit: 'ms',
      baseline: percentile(theirs, share),
      baselineName: 'node -e 0',
      durability: event === 'pre-tool-use' ? '' : 'os',
      goal: 'p95 at most 60 ms above node -e 0 and 150 ms in all',
    })
  }
}
report('hooks', figures, options)
temporary.remove()

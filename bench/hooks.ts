import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { openEngine } from '../src/open-engine.ts'
import { formatTime } from '../src/model/times.ts'
import { stampChange } from '../src/store/change-clock.ts'
import { addObservation } from '../src/store/testing/invented-store.ts'
import { fileUnder } from '../src/store/projects.ts'
import { benchOptions, percentile, report, temporaryDirectory, timed, type Figure } from './harness.ts'
import { inventMemory, randomFrom } from './invented-text.ts'

/**
 * MEM-1601: what each hook costs an agent, in a clone: whole processes beside `node -e 0`, in turns, on stores of 10,000
 * and 100,000 memories. `--quick` takes the smaller store and fewer rounds.
 */
const options = benchOptions()
const sizes = options.quick ? [10_000] : [10_000, 100_000]
const rounds = options.quick ? 20 : 60
const program = resolve(import.meta.dirname, '../bin/engram.js')
const temporary = temporaryDirectory()
const home = temporary.path
const directory = join(home, 'shop')
mkdirSync(directory)
execFileSync('git', ['init', '-q', directory])

async function fill(dataDir: string, count: number): Promise<void> {
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
}

type Extra = Readonly<Record<string, unknown>>

const toolCall = (tool_name: string, tool_input: Extra): Extra => ({ tool_name, tool_input })
const learning = (round: number): string => `## Key Learnings:\n\n- In round ${round} the pool was found too small.\n`

/** Every event that set-up writes, and each way its hook can go. */
const events: readonly { readonly name: string; readonly event: string; readonly extra: (round: number) => Extra }[] = [
  { name: 'session-start', event: 'session-start', extra: () => ({ source: 'startup' }) },
  { name: 'session-start (compact)', event: 'session-start', extra: () => ({ source: 'compact' }) },
  {
    name: 'user-prompt-submit',
    event: 'user-prompt-submit',
    extra: (round) => ({ prompt: `How large is the pool in round ${round}?` }),
  },
  {
    name: 'pre-tool-use (memory)',
    event: 'pre-tool-use',
    extra: () => toolCall('mcp__engram__mem_save', { title: 'a', content: 'b' }),
  },
  {
    name: 'pre-tool-use (edit)',
    event: 'pre-tool-use',
    extra: () => toolCall('Edit', { file_path: join(directory, 'a.ts') }),
  },
  {
    name: 'subagent-stop',
    event: 'subagent-stop',
    extra: (round) => ({ last_assistant_message: learning(round) }),
  },
  { name: 'stop', event: 'stop', extra: () => ({}) },
  { name: 'session-end', event: 'session-end', extra: () => ({ reason: 'exit' }) },
]

const figures: Figure[] = []
for (const count of sizes) {
  const dataDir = join(home, `data-${count}`)
  await fill(dataDir, count)
  measure(dataDir, count)
}
report('hooks', figures, options)
temporary.remove()

/** All hooks in turns, each beside a bare process, so that they see the same moods of the machine. */
function measure(dataDir: string, count: number): void {
  const env = { PATH: process.env['PATH'] ?? '', HOME: home, ENGRAM_DATA_DIR: dataDir }
  const bare = (): number => timed(() => spawnSync(process.execPath, ['-e', '0'], { env }))
  const hook = (event: string, extra: Extra): number => {
    const input = JSON.stringify({ session_id: 'a-session', cwd: directory, ...extra })
    return timed(() => {
      const done = spawnSync(process.execPath, [program, 'hook', 'claude-code', event], { env, input })
      if (done.status !== 0 || done.stderr.length > 0) throw new Error(`${event}: ${done.stderr.toString()}`)
    })
  }
  for (const { event, extra } of events) hook(event, extra(-1))
  const samples = events.map(() => ({ ours: [] as number[], theirs: [] as number[] }))
  for (let round = 0; round < rounds; round++) {
    for (const [at, { event, extra }] of events.entries()) {
      samples[at]?.theirs.push(bare())
      samples[at]?.ours.push(hook(event, extra(round)))
    }
  }
  for (const [at, { name }] of events.entries()) addFigures(`${name}, ${count} memories`, samples[at])
}

function addFigures(name: string, samples: { readonly ours: number[]; readonly theirs: number[] } | undefined): void {
  if (samples === undefined) return
  for (const [title, share] of [
    ['p50', 0.5],
    ['p95', 0.95],
  ] as const) {
    figures.push({
      name: `${name} ${title}`,
      value: percentile(samples.ours, share),
      unit: 'ms',
      baseline: percentile(samples.theirs, share),
      baselineName: 'node -e 0',
      durability: name.startsWith('pre-tool-use') ? '' : 'os',
      goal: 'p95 at most 60 ms above node -e 0 and 150 ms in all',
    })
  }
}

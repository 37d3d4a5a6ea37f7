import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Caller } from '../api/caller.ts'
import { toEngramError } from '../model/errors.ts'
import type { Config } from './config.ts'
import type { ProgramPort } from './program-port.ts'

export const suites = ['memory', 'privacy', 'backup', 'integrity'] as const
export type Suite = (typeof suites)[number]

export type StepResult = {
  readonly suite: Suite
  readonly name: string
  readonly ok: boolean
  readonly ms: number
  readonly problem?: string
}

/** What the steps hand on to each other. */
type Bench = {
  readonly caller: Caller
  /** A second, empty store beside the first. */
  readonly openSecond: () => Promise<{ readonly caller: Caller; close(): Promise<void> }>
  id: number
}

type Step = {
  readonly suite: Suite
  readonly name: string
  /** Takes longer than a glance; left out by `--quick`. */
  readonly isLong?: boolean
  readonly run: (bench: Bench) => Promise<void>
}

const place = { project: 'self-test' }
const manySaves = 200

/** Real work on a throw-away data dir; later steps build on what the first saved. */
const steps: readonly Step[] = [
  {
    suite: 'memory',
    name: 'save',
    run: async (bench) => {
      const saved = await bench.caller.call('observation.save', {
        ...place,
        title: 'Pool size',
        content: 'The connection pool holds ten connections because more starve the replica.',
        type: 'decision',
      })
      expect(saved.outcome === 'created' && saved.id !== null, `outcome ${saved.outcome}`)
      bench.id = saved.id ?? 0
    },
  },
  { suite: 'memory', name: 'search', run: (bench) => expectFound(bench, 'how many connections', true) },
  {
    suite: 'memory',
    name: 'repeat is counted',
    run: async ({ caller, id }) => {
      const before = await caller.call('observation.get', { id })
      const { title, content, type } = before
      const again = await caller.call('observation.save', { ...place, title, content, type })
      expect(again.outcome === 'repeated' && again.id === id, `outcome ${again.outcome}`)
    },
  },
  {
    suite: 'memory',
    name: 'edit keeps the state before',
    run: async ({ caller, id }) => {
      await caller.call('observation.update', { id, find: 'ten', replace: 'twenty' })
      const history = await caller.call('observation.history', { id })
      expect(history.observation.content.includes('twenty'), 'the new text is not there')
      expect(
        history.versions.some((one) => one.content.includes('ten conn')),
        'the old text is not kept',
      )
    },
  },
  {
    suite: 'memory',
    name: 'delete and restore',
    run: async (bench) => {
      await bench.caller.call('observation.delete', { id: bench.id })
      await expectFound(bench, 'connections', false)
      await bench.caller.call('observation.restore', { id: bench.id })
      await expectFound(bench, 'connections', true)
    },
  },
  {
    suite: 'memory',
    name: `${manySaves} saves, each found`,
    isLong: true,
    run: async ({ caller }) => {
      for (let n = 0; n < manySaves; n++) {
        await caller.call('observation.save', {
          ...place,
          title: `Figure ${n}`,
          content: `Reading number${n} of the meter.`,
        })
      }
      for (const n of [0, 99, manySaves - 1]) {
        const { hits } = await caller.call('memory.search', { ...place, query: `number${n}`, limit: 5 })
        expect(
          hits.some((hit) => hit.title === `Figure ${n}`),
          `number${n} was not found`,
        )
      }
    },
  },
  {
    suite: 'privacy',
    name: 'secrets and private text stay out',
    run: async ({ caller }) => {
      // Put together here, so that no file of the program holds anything of that shape.
      const secret = ['ghp', 'a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8'].join('_')
      const saved = await caller.call('observation.save', {
        ...place,
        title: 'Access',
        content: `The token is ${secret}. <private>my own affair</private> That is all there is to say.`,
      })
      const { content } = await caller.call('observation.get', { id: saved.id ?? 0 })
      expect(!content.includes(secret), 'the secret was kept')
      expect(!content.includes('affair'), 'the private text was kept')
      expect(saved.redacted.count > 0, 'the answer does not tell of it')
    },
  },
  {
    suite: 'backup',
    name: 'export and import lose nothing',
    run: async ({ caller, openSecond }) => {
      const backup = await caller.call('backup.export', { all_projects: true })
      const second = await openSecond()
      try {
        const result = await second.caller.call('backup.import', {
          backup: JSON.parse(JSON.stringify(backup)) as unknown,
        })
        expect(result.skipped.length === 0, `${result.skipped.length} rows were set aside`)
        const again = await second.caller.call('backup.export', { all_projects: true })
        const shape = ({ observations, sessions, prompts }: typeof backup): string =>
          JSON.stringify([
            observations.map((one) => [one.sync_id, one.title, one.content]),
            sessions.length,
            prompts.length,
          ])
        expect(shape(again) === shape(backup), 'the copy differs')
      } finally {
        await second.close()
      }
    },
  },
  {
    suite: 'backup',
    name: 'a copy of the file is whole',
    isLong: true,
    run: async ({ caller }) => {
      const file = await caller.call('backup.create', {})
      const checked = await caller.call('backup.verify', { path: file.path })
      expect(checked.ok === true, (checked.problems ?? []).join('; '))
    },
  },
  {
    suite: 'integrity',
    name: 'the doctor finds nothing broken',
    run: async ({ caller }) => {
      const report = await caller.call('doctor.report', { all_projects: true })
      const bad = report.checks.filter((check) => check.result === 'error' || check.result === 'blocked')
      expect(bad.length === 0, bad.map((check) => `${check.check_id}: ${check.message}`).join('; '))
    },
  },
]

function expect(holds: boolean, problem: string): asserts holds {
  if (!holds) throw new Error(problem)
}

async function expectFound({ caller, id }: Bench, query: string, wanted: boolean): Promise<void> {
  const { hits } = await caller.call('memory.search', { ...place, query })
  expect(hits.some((hit) => hit.id === id) === wanted, wanted ? 'it was not found' : 'it is still found')
}

/** Runs the steps one after the other; what they need of earlier ones is run too. The data dirs are gone afterwards. */
export async function runSelfTest(
  program: ProgramPort,
  config: Config,
  options: { readonly suite: Suite | null; readonly quick: boolean; readonly onStep: (result: StepResult) => void },
): Promise<readonly StepResult[]> {
  const directory = await mkdtemp(join(tmpdir(), 'engram-self-test-'))
  const openAt = (name: string) =>
    program.open({ ...config, dataDir: { ...config.dataDir, value: join(directory, name) } })
  const first = await openAt('first')
  const bench: Bench = { caller: first.caller, openSecond: () => openAt('second'), id: 0 }
  const results: StepResult[] = []
  try {
    for (const step of steps) {
      // Everything stands on the first save.
      const isWanted = options.suite === null || step.suite === options.suite || step === steps[0]
      if (!isWanted || (options.quick && step.isLong === true)) continue
      const result = await runStep(step, bench)
      results.push(result)
      options.onStep(result)
    }
  } finally {
    await first.close()
    await rm(directory, { recursive: true, force: true })
  }
  return results
}

async function runStep(step: Step, bench: Bench): Promise<StepResult> {
  const startedMs = performance.now()
  const about = { suite: step.suite, name: step.name }
  const ms = (): number => Math.round(performance.now() - startedMs)
  try {
    await step.run(bench)
    return { ...about, ok: true, ms: ms() }
  } catch (error) {
    return { ...about, ok: false, ms: ms(), problem: toEngramError(error).message }
  }
}

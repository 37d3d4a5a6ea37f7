/**
 * Opens the engine, takes every file descriptor there is, and tells as one JSON line what then works, and what works when
 * they are back. Argument: DATA_DIR. Run under `ulimit -n`.
 */
import { closeSync, openSync } from 'node:fs'
import { toEngramError } from '../../../src/model/errors.ts'
import { openEngine } from '../../../src/open-engine.ts'

const [dataDir = ''] = process.argv.slice(2)
const opened = await openEngine({ dataDir, environment: {} })
const { caller } = opened
const place = { project: 'simulation', session_id: 'session' }
let saves = 0

const outcomeOf = async (work: () => Promise<unknown>): Promise<string> => {
  try {
    await work()
    return 'ok'
  } catch (error) {
    return toEngramError(error).code
  }
}

const everything = async (): Promise<Readonly<Record<string, string>>> => ({
  save: await outcomeOf(async () => {
    const content = `Saved number ${++saves} while descriptors were few.`
    const { outcome } = await caller.call('observation.save', { ...place, title: `Number ${saves}`, content })
    if (outcome !== 'created') throw new Error(outcome)
  }),
  list: await outcomeOf(() => caller.call('observation.list', { all_projects: true })),
  search: await outcomeOf(() => caller.call('memory.search', { query: 'descriptors were few', all_projects: true })),
  health: await outcomeOf(() => caller.call('system.health', {})),
  backup: await outcomeOf(() => caller.call('backup.create', { path: `${dataDir}/copy-${saves}.db` })),
  open: await outcomeOf(async () => (await openEngine({ dataDir: `${dataDir}/other`, environment: {} })).close()),
})

await everything()
const taken: number[] = []
try {
  for (;;) taken.push(openSync('/dev/null', 'r'))
} catch {
  // Every one is taken.
}
const without = await everything()
for (const file of taken) closeSync(file)
const again = await everything()
const { length } = await caller.call('observation.list', { all_projects: true, limit: 10 })
await opened.close()
console.log(JSON.stringify({ without, again, saves, stored: length }))

/**
 * Opens the store, takes every file descriptor there is, and tells as one JSON line what then works: a write, a read, a
 * second opening, and all of them again when the descriptors are back. Argument: DATA_DIR. Run under `ulimit -n`.
 */
import { closeSync, openSync } from 'node:fs'
import { EngramError } from '../../../src/model/errors.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { systemRandom } from '../../../src/platform/random.ts'
import { Store } from '../../../src/store/store.ts'
import { simulationMigrations } from './store-schema.ts'

const [dataDir = ''] = process.argv.slice(2)
const options = { migrations: simulationMigrations, clock: systemClock, random: systemRandom }

async function attempt(work: () => unknown): Promise<string> {
  try {
    await work()
    return 'ok'
  } catch (error) {
    return error instanceof EngramError ? error.code : String(error)
  }
}

const taken: number[] = []
function takeAll(): void {
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'))
  } catch {
    // Every one is taken.
  }
}

const store = Store.open({ ...options, dataDir })
const save = (n: number): Promise<unknown> =>
  store.write((tx) => tx.run('INSERT INTO entries (writer, n, body) VALUES (1, ?, ?)', n, 'x'))
const read = (): unknown => store.read((tx) => tx.all('SELECT * FROM entries'))
const openAnother = (): Promise<void> => Store.open({ ...options, dataDir: `${dataDir}/other` }).close()

await save(1)
takeAll()
const without = [await attempt(() => save(2)), await attempt(read), await attempt(openAnother)]
for (const file of taken.splice(0)) closeSync(file)
const again = [await attempt(() => save(3)), await attempt(read), await attempt(openAnother)]
const rows = store.read((tx) => tx.all('SELECT n FROM entries').length)
await store.close()
console.log(JSON.stringify({ without, again, rows }))

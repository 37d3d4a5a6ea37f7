/**
 * Saves in a loop and tells about it on stdout. Arguments: DATA_DIR WRITER MODE MS
 * - MODE `acks`: `n` for each acknowledged row, before the next save begins · `error CODE MESSAGE` for each refused one
 * - MODE `figures`: one JSON line at the end {writer, writes, worstMs, errors}
 * - both: `ready` when open, `worst MS` at the end
 * A refused row is tried again; after a failure of the disk it may be there already.
 * Starts when a line comes on stdin, so that all writers can start together.
 */
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { EngramError } from '../../../src/model/errors.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { systemRandom } from '../../../src/platform/random.ts'
import { Store } from '../../../src/store/store.ts'
import { simulationMigrations } from './store-schema.ts'

const [dataDir = '', writerText = '0', mode = 'acks', msText = '1000'] = process.argv.slice(2)
const writer = Number(writerText)
const body = 'x'.repeat(1024)
const tell = (line: string): unknown => writeSync(1, `${line}\n`)

const store = await openStore()
tell('ready')
await once(process.stdin, 'data')
process.stdin.destroy()

/** A disk that fails may do so here already. */
async function openStore(): Promise<Store> {
  for (let tries = 1; ; tries++) {
    try {
      return Store.open({ dataDir, migrations: simulationMigrations, clock: systemClock, random: systemRandom })
    } catch (error) {
      if (!(error instanceof EngramError) || tries === 20) throw error
      tell(`error ${error.code} ${String(error)}`)
      await systemClock.sleep(20)
    }
  }
}

const untilMs = performance.now() + Number(msText)
const errors: string[] = []
let worstMs = 0
let writes = 0
for (let n = 1; performance.now() < untilMs; n++) {
  const fromMs = performance.now()
  try {
    await store.write((tx) =>
      tx.run('INSERT OR IGNORE INTO entries (writer, n, body) VALUES (?, ?, ?)', writer, n, body),
    )
    writes++
    if (mode === 'acks') tell(String(n))
  } catch (error) {
    n--
    errors.push(`${error instanceof EngramError ? error.code : 'unknown'} ${String(error)}`)
    if (mode === 'acks') tell(`error ${errors.at(-1)}`)
    await systemClock.sleep(20)
  }
  worstMs = Math.max(worstMs, performance.now() - fromMs)
}
if (mode === 'figures') tell(JSON.stringify({ writer, writes, worstMs, errors: errors.slice(0, 5) }))
tell(`worst ${worstMs.toFixed(1)}`)
await store.close()

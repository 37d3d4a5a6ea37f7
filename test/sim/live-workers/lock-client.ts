import { writeSync } from 'node:fs'
import { SqliteLog } from '../../../src/live/sqlite-log.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { systemRandom } from '../../../src/platform/random.ts'
import { migrations } from '../../../src/store/migrations/index.ts'
import { Store } from '../../../src/store/store.ts'
import { askLog, belowOf, makeClient } from '../lock-workload.ts'

/** One client in a process of its own. Writes a line before each call and one after it, so that a kill leaves a call open. */
const [, , dataDir = '', name = '', seed = '1', ttl = '200'] = process.argv
const below = belowOf(Number(seed))

// Wall time jumps by hours; leases are measured by the clock the machine shares.
let offsetMs = 0
const clock = { ...systemClock, nowMs: () => Date.now() + offsetMs }
const store = Store.open({ dataDir, migrations, clock, random: systemRandom, durability: 'normal' })
const log = new SqliteLog({ store, clock, durability: 'normal' })
const client = makeClient(name, below, 2, Number(ttl))
const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6
const line = (value: unknown): void => void writeSync(1, `${JSON.stringify(value)}\n`)

process.on('SIGTERM', () => process.exit(0))
for (;;) {
  if (below(10) === 0) offsetMs = (below(5) - 2) * 3_600_000
  const asked = client.next()
  line({ asked, calledMs: nowMs() })
  const answer = await askLog(log, asked, below(3) === 0 ? 150 : 0)
  line({ answer, answeredMs: nowMs() })
  client.learn(asked, answer)
  await new Promise((resolve) => setTimeout(resolve, below(12)))
}

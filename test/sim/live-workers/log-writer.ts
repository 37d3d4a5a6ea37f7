import { writeSync } from 'node:fs'
import { SqliteLog } from '../../../src/live/sqlite-log.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { systemRandom } from '../../../src/platform/random.ts'
import { migrations } from '../../../src/store/migrations/index.ts'
import { Store } from '../../../src/store/store.ts'

/** Appends to three contexts, eight at a time, and says on standard output what was acknowledged. */
const [, , dataDir = '', name = ''] = process.argv
const store = Store.open({ dataDir, migrations, clock: systemClock, random: systemRandom })
const log = new SqliteLog({ store, clock: systemClock })

let serial = 0
async function lane(): Promise<never> {
  for (;;) {
    const payload = `${name} ${++serial}`
    const context = `c${serial % 3}`
    const { events } = await log.append({
      contextId: context,
      context: 'upsert',
      agentId: name,
      steps: [
        {
          kind: 'unit',
          unit: { id: crypto.randomUUID(), isOwnId: false, type: 'MESSAGE', meta: {}, payload, relationships: [] },
        },
      ],
      idempotency: { agentId: name, operation: 'append', key: payload, fingerprint: payload },
    })
    writeSync(1, `${JSON.stringify({ context, payload, seq: events.at(-1)?.seq })}\n`)
  }
}
await Promise.all(Array.from({ length: 8 }, lane))

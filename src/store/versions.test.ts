import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { SimulatedClock } from '../platform/clock.ts'
import { seededRandom } from '../platform/random.ts'
import { migrations } from './migrations/index.ts'
import { Store } from './store.ts'

it('MEM-510 what is emptied is found among the states that still have text, however many there were', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'engram-versions-'))
  const clock = new SimulatedClock(Date.UTC(2026, 10, 20))
  const store = Store.open({ dataDir, migrations, clock, random: seededRandom(1) })
  const plan = await store.write((tx) =>
    tx.all<{ detail: string }>(
      `EXPLAIN QUERY PLAN SELECT number FROM observation_versions INDEXED BY observation_versions_kept
       WHERE sync_id = 'x' AND snapshot <> '' ORDER BY hlc DESC, version DESC LIMIT -1 OFFSET 50`,
    ),
  )
  expect(plan.map(({ detail }) => detail)).toEqual([
    'SEARCH observation_versions USING INDEX observation_versions_kept (sync_id=?)',
  ])
  await store.close()
  rmSync(dataDir, { recursive: true, force: true })
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { SimulatedClock } from '../platform/clock.ts'
import { seededRandom } from '../platform/random.ts'
import { migrations } from './migrations/index.ts'
import { observationByHash, observationByRepeat } from './observations.ts'
import type { SqlValue } from './sql-value.ts'
import { Store } from './store.ts'
import type { ReadTx } from './transaction.ts'

it('MEM-304 an exact repeat is looked for by the beginning of its hash, which is all that the index holds', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'engram-observations-'))
  const clock = new SimulatedClock(Date.UTC(2026, 10, 20))
  const store = Store.open({ dataDir, migrations, clock, random: seededRandom(1) })
  const plans: string[] = []
  store.read((tx) => {
    const explained = (sql: string, ...values: SqlValue[]): [] => {
      const steps = tx.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...values)
      plans.push(steps[0]?.detail ?? '')
      return []
    }
    const asking = { all: explained, get: explained } as unknown as ReadTx
    const same = {
      normalized_hash: 'a'.repeat(64),
      project: 'p',
      scope: 'project',
      type: 'manual',
      title: 't',
    } as const
    observationByRepeat(asking, same, '2026-01-01 00:00:00')
    observationByHash(asking, same.normalized_hash, same.project)
  })
  const byHash = 'SEARCH observations USING INDEX observations_by_hash (<expr>=?)'
  expect(plans).toEqual([byHash, byHash])
  await store.close()
  rmSync(dataDir, { recursive: true, force: true })
})

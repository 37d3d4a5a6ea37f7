import { systemClock } from '../../../src/platform/clock.ts'
import { systemRandom } from '../../../src/platform/random.ts'
import { Store } from '../../../src/store/store.ts'
import { simulationMigrations } from './store-schema.ts'
import type { WriterProcess } from './writer-process.ts'

export type Audit = {
  /** Acknowledged rows that are not there. */
  readonly lost: number
  /** Rows that stand where an earlier one of the same writer is missing. */
  readonly gaps: number
  /** Writers with more than the one row that was on its way when they died. */
  readonly surplus: number
  readonly integrity: unknown
  readonly acked: number
}

/** What the file holds against what its writers were told. */
export async function auditStore(dataDir: string, writers: readonly WriterProcess[]): Promise<Audit> {
  const store = Store.open({ dataDir, migrations: simulationMigrations, clock: systemClock, random: systemRandom })
  const rows = store.read((tx) => tx.all<{ writer: number; n: number }>('SELECT writer, n FROM entries'))
  const integrity = store.read((tx) => tx.get<{ integrity_check: string }>('PRAGMA integrity_check')?.integrity_check)
  await store.close()
  const stored = Map.groupBy(rows, (row) => row.writer)
  const audit = { lost: 0, gaps: 0, surplus: 0, acked: 0 }
  for (const { writer, acked } of writers) {
    const numbers = new Set((stored.get(writer) ?? []).map((row) => row.n))
    audit.acked += acked.length
    audit.lost += acked.filter((n) => !numbers.has(n)).length
    audit.gaps += Math.max(0, ...numbers) - numbers.size
    if (numbers.size > acked.length + 1) audit.surplus++
  }
  return { ...audit, integrity }
}

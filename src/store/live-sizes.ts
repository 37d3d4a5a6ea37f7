import { loggedKinds } from '../model/live.ts'
import { logMeta } from './log-meta.ts'
import type { ReadTx } from './transaction.ts'

/** How much of contexts, units and leases is kept; counted, so whoever asks often keeps the answer. */
export type LiveSizes = {
  readonly contexts: number
  readonly units: number
  readonly locks: number
  readonly indexLag: number
}

export function liveSizes(tx: ReadTx): LiveSizes {
  const count = (sql: string): number => tx.get<{ readonly n: number }>(sql)?.n ?? 0
  return {
    contexts: count('SELECT count(*) AS n FROM contexts'),
    units: count(`SELECT count(*) AS n FROM log WHERE kind = ${loggedKinds.indexOf('unit.created')}`),
    locks: count("SELECT count(*) AS n FROM locks WHERE state = 'held'"),
    indexLag:
      tx.get<{ readonly n: number }>('SELECT count(*) AS n FROM log WHERE gseq > ?', logMeta(tx, 'indexed'))?.n ?? 0,
  }
}

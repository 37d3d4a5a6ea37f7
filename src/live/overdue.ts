import { overdueLocks } from '../store/locks.ts'
import type { ReadTx } from '../store/transaction.ts'
import { leaseNow, type LogGround } from './log-ground.ts'

/** Whether a lease has run out whose end is not in the log yet. */
export const hasOverdueLocks = (tx: ReadTx, ground: LogGround): boolean =>
  overdueLocks(tx, leaseNow(tx, ground), 1).length > 0

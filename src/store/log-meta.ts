import type { ReadTx, WriteTx } from './transaction.ts'

/** What holds for the whole log: its epoch, the floor of fencing tokens, how far wall time and the word index have come. */
type LogMetaKey = 'epoch' | 'token_floor' | 'wall_ms' | 'indexed'

export const logMeta = (tx: ReadTx, key: LogMetaKey): number =>
  Number(tx.get<{ value: string }>('SELECT value FROM log_meta WHERE key = ?', key)?.value ?? 0)

export function setLogMeta(tx: WriteTx, key: LogMetaKey, value: number): void {
  tx.run('UPDATE log_meta SET value = ? WHERE key = ?', String(value), key)
}

/** What is granted after a restore is above everything that may have been granted since the copy was made (COL-209). */
const tokensPerRestore = 2 ** 32

/** What a database that takes the place of another begins with. */
export type NextEpoch = { readonly epoch: number; readonly tokenFloor: number }

/**
 * A restored database is another history (COL-209): cursors of the one it replaces must not be taken for its own, and no
 * fencing token may be granted twice.
 */
export const nextEpoch = (tx: ReadTx, nowMs: number): NextEpoch => ({
  epoch: Math.max(logMeta(tx, 'epoch') + 1, Math.floor(nowMs / 1_000)),
  tokenFloor: logMeta(tx, 'token_floor') + tokensPerRestore,
})

/** The same where the database that is replaced cannot be asked: above what any number of restores can have come to. */
export const epochAfterUnreadable = (nowMs: number): NextEpoch => ({
  epoch: Math.floor(nowMs / 1_000),
  tokenFloor: Math.floor(nowMs / 1_000) * 2 ** 20,
})

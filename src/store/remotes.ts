import type { ReadTx, WriteTx } from './transaction.ts'

/** How far each remote was told of our changes, and what of them it told us itself (CHK-501, CHK-612). */

type Remote = { readonly last_written: string | null; readonly last_read: string | null }

/** The chunks written to a remote last and read from it last; while both are there, what is known of it holds. */
export function lastChunksOf(tx: ReadTx, remote: string): readonly string[] {
  const row = tx.get<Remote>('SELECT last_written, last_read FROM remotes WHERE name = ?', remote)
  return [row?.last_written, row?.last_read].filter((id) => id != null)
}

export type ChunkWay = 'written' | 'read'

export function setLastChunk(tx: WriteTx, remote: string, way: ChunkWay, id: string, at: string): void {
  const column = way === 'written' ? 'last_written' : 'last_read'
  tx.run(
    `INSERT INTO remotes (name, ${column}, updated_at) VALUES (?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET ${column} = excluded.${column}, updated_at = excluded.updated_at`,
    remote,
    id,
    at,
  )
}

/** Forgets what the remote was told and what it told us: it is not what it was. Which chunks were taken in stays known. */
export function forgetRemote(tx: WriteTx, remote: string): void {
  tx.run('DELETE FROM remotes WHERE name = ?', remote)
  tx.run('DELETE FROM remote_cursors WHERE remote = ?', remote)
  tx.run('DELETE FROM remote_heard WHERE remote = ?', remote)
}

export const cursorOf = (tx: ReadTx, remote: string, selection: string): number | null =>
  tx.get<{ cursor: number }>('SELECT cursor FROM remote_cursors WHERE remote = ? AND selection = ?', remote, selection)
    ?.cursor ?? null

/** The cursor of the selection that is furthest behind; 0 when the remote was told nothing. */
export const leastCursorOf = (tx: ReadTx, remote: string): number =>
  tx.get<{ cursor: number | null }>('SELECT min(cursor) AS cursor FROM remote_cursors WHERE remote = ?', remote)
    ?.cursor ?? 0

export function setCursor(tx: WriteTx, remote: string, selection: string, cursor: number): void {
  tx.run(
    `INSERT INTO remote_cursors (remote, selection, cursor) VALUES (?, ?, ?)
     ON CONFLICT (remote, selection) DO UPDATE SET cursor = max(cursor, excluded.cursor)`,
    remote,
    selection,
    cursor,
  )
}

/** Notes that changes after `from` up to `to` came from the remote; ranges that touch become one. */
export function addHeard(tx: WriteTx, remote: string, from: number, to: number): void {
  if (to <= from) return
  const before = tx.get<{ from_seq: number }>(
    'SELECT from_seq FROM remote_heard WHERE remote = ? AND from_seq < ? AND to_seq >= ?',
    remote,
    from,
    from,
  )
  if (before === undefined) {
    tx.run('INSERT OR REPLACE INTO remote_heard (remote, from_seq, to_seq) VALUES (?, ?, ?)', remote, from, to)
  } else {
    tx.run('UPDATE remote_heard SET to_seq = ? WHERE remote = ? AND from_seq = ?', to, remote, before.from_seq)
  }
}

/** Whether the change of this number came from the remote. */
export function isHeard(tx: ReadTx, remote: string, seq: number): boolean {
  const range = tx.get<{ to_seq: number }>(
    'SELECT to_seq FROM remote_heard WHERE remote = ? AND from_seq < ? ORDER BY from_seq DESC LIMIT 1',
    remote,
    seq,
  )
  return range !== undefined && range.to_seq >= seq
}

/** As {@link isHeard}, for the changes after `from` up to `to`: asked once for all of them. */
export function heardBetween(tx: ReadTx, remote: string, from: number, to: number): (seq: number) => boolean {
  const ranges = tx.all<{ from_seq: number; to_seq: number }>(
    'SELECT from_seq, to_seq FROM remote_heard WHERE remote = ? AND from_seq < ? AND to_seq > ? ORDER BY from_seq',
    remote,
    to,
    from,
  )
  if (ranges.length === 0) return () => false
  return (seq) => ranges.some((range) => range.from_seq < seq && seq <= range.to_seq)
}

/** The first number after `seq` that did not come from the remote. */
export function afterHeard(tx: ReadTx, remote: string, seq: number): number {
  const range = tx.get<{ to_seq: number }>(
    'SELECT to_seq FROM remote_heard WHERE remote = ? AND from_seq <= ? ORDER BY from_seq DESC LIMIT 1',
    remote,
    seq,
  )
  return range === undefined ? seq : Math.max(seq, range.to_seq)
}

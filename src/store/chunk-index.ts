import type { KnownChunk } from '../model/sync.ts'
import type { ReadTx, WriteTx } from './transaction.ts'

/** Every chunk of every remote that was seen, and what came of it (CHK-601, CHK-611). */

/** Chunks another program had taken in before its database was adopted: from which folder, it did not say (CHK-803). */
const adopted = ''

export const chunksOf = (tx: ReadTx, remote: string): KnownChunk[] =>
  tx.all<KnownChunk>(
    'SELECT id, hash, state, reason, mark FROM chunk_index WHERE remote IN (?, ?) ORDER BY id, hash',
    remote,
    adopted,
  )

/** Whether a chunk of the remote was ever read, written or looked for. */
export const hasChunksOf = (tx: ReadTx, remote: string): boolean =>
  tx.get('SELECT 1 FROM chunk_index WHERE remote = ? LIMIT 1', remote) !== undefined

/** Notes chunks whose rows came with an adopted database; their hashes are not known. */
export function putAdoptedChunks(tx: WriteTx, ids: readonly string[], at: string): void {
  for (const id of ids) putChunk(tx, adopted, { id, hash: '', state: 'imported', reason: '', mark: '' }, at)
}

/** Whether the document of this hash was taken in, or made here, through any remote. */
export const isHashKnown = (tx: ReadTx, hash: string): boolean =>
  tx.get(`SELECT 1 FROM chunk_index WHERE hash = ? AND hash <> '' AND state IN ('imported', 'exported')`, hash) !==
  undefined

/** A chunk of one id and one hash has one row; what could not be read has no hash. */
export function putChunk(tx: WriteTx, remote: string, chunk: KnownChunk, at: string): void {
  const isIn = chunk.state === 'imported' || chunk.state === 'exported'
  // What was set aside or missing under this id is settled now.
  if (isIn) tx.run(`DELETE FROM chunk_index WHERE remote = ? AND id = ? AND hash = ''`, remote, chunk.id)
  tx.run(
    `INSERT INTO chunk_index (remote, id, hash, state, reason, mark, first_seen, imported_at)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
     ON CONFLICT (remote, id, hash) DO UPDATE SET
       state = excluded.state, reason = excluded.reason, mark = excluded.mark, imported_at = excluded.imported_at`,
    remote,
    chunk.id,
    chunk.hash,
    chunk.state,
    chunk.reason,
    chunk.mark,
    at,
    isIn ? at : null,
  )
}

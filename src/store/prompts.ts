import { tableSql } from './columns.ts'
import { removePromptIndex, writePromptIndex } from './full-text.ts'
import type { PromptRow } from './rows.ts'
import type { ReadTx, WriteTx } from './transaction.ts'

const sql = tableSql<PromptRow>('prompts', 'id', [
  'sync_id',
  'session_id',
  'content',
  'project',
  'source_inbox_id',
  'author',
  'created_at',
  'hlc',
  'origin',
  'change_seq',
])

export function insertPrompt(tx: WriteTx, row: Omit<PromptRow, 'id'>): PromptRow {
  const { lastId } = tx.run(sql.insert, ...sql.values({ ...row, id: 0 }))
  const inserted = { ...row, id: lastId }
  writePromptIndex(tx, inserted)
  return inserted
}

/** Writes every column and the index; a prompt's text never changes, its project may (MEM-807). */
export function updatePrompt(tx: WriteTx, row: PromptRow): void {
  tx.run(sql.update, ...sql.values(row), row.id)
  writePromptIndex(tx, row)
}

/** Hard, as every delete of a prompt (MEM-311). The tombstone is the caller's. */
export function removePrompt(tx: WriteTx, row: PromptRow): void {
  removePromptIndex(tx, row)
  tx.run('DELETE FROM prompts WHERE id = ?', row.id)
}

export const promptById = (tx: ReadTx, id: number): PromptRow | undefined =>
  tx.get<PromptRow>('SELECT * FROM prompts WHERE id = ?', id)

export const promptBySyncId = (tx: ReadTx, syncId: string): PromptRow | undefined =>
  tx.get<PromptRow>('SELECT * FROM prompts WHERE sync_id = ?', syncId)

export const promptByInbox = (tx: ReadTx, sessionId: string, inboxId: string): PromptRow | undefined =>
  tx.get<PromptRow>('SELECT * FROM prompts WHERE session_id = ? AND source_inbox_id = ?', sessionId, inboxId)

export const promptsOfSession = (tx: ReadTx, sessionId: string): PromptRow[] =>
  tx.all<PromptRow>('SELECT * FROM prompts WHERE session_id = ? ORDER BY created_at, id', sessionId)

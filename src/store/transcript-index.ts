import { sha256Hex } from '../platform/bytes.ts'
import { dayText, foldText, indexedText, projectFacet, runGrams } from './index-text.ts'
import { currentProjectName, ensureProject } from './projects.ts'
import { indexBuiltWith, indexState, setIndexState } from './full-text-state.ts'
import type { ReadTx, WriteTx } from './transaction.ts'

/**
 * Words of archived conversations (RET-101): derived, kept beside the archive and never instead of it. Text stays in the
 * archive alone: an answer reads it there, and what is not there any more is not shown.
 */

/** One conversation as far as it was read. */
export type TranscriptSource = {
  readonly number: number
  readonly key: string
  /** When it was begun: one that was deleted and begun again is another. */
  readonly begun_at: string
  /** What its files looked like when it was last looked at. */
  readonly stamp: string
  /** The project it was indexed under. */
  readonly project: string
  /** The project its notes name; its session's own project goes before. */
  readonly named_project: string
  readonly session_id: string
  /** Of the last message that was read; 0 = none. */
  readonly position: number
  /** 1: read up to its end as it stood under `stamp`; only such ones answer. */
  readonly is_read: number
}

export const transcriptSources = (tx: ReadTx): readonly TranscriptSource[] =>
  tx.all<TranscriptSource>('SELECT * FROM transcript_sources ORDER BY number')

/** A conversation with the project it belongs to now. */
export type FiledTranscript = TranscriptSource & { readonly current_project: string }

/** The same as {@link transcriptProject}, of all conversations at once. */
export function filedTranscripts(tx: ReadTx): readonly FiledTranscript[] {
  const names = new Map<string, string>([['', '']])
  const current = (name: string): string => {
    const known = names.get(name) ?? currentProjectName(tx, name)
    names.set(name, known)
    return known
  }
  return tx
    .all<TranscriptSource & { readonly filed: string }>(
      `SELECT t.*, coalesce(nullif(s.project, ''), t.named_project) AS filed
       FROM transcript_sources t LEFT JOIN sessions s ON s.id = t.session_id ORDER BY t.number`,
    )
    .map(({ filed, ...source }) => ({ ...source, current_project: current(filed) }))
}

/** Whether any conversation was ever read for a search. */
export const hasTranscripts = (tx: ReadTx): boolean => tx.get('SELECT 1 FROM transcript_sources LIMIT 1') !== undefined

export const transcriptSource = (tx: ReadTx, key: string): TranscriptSource | undefined =>
  tx.get<TranscriptSource>('SELECT * FROM transcript_sources WHERE key = ?', key)

/** The project a conversation belongs to now: its session's, else what its notes name, else none. */
export function transcriptProject(tx: ReadTx, sessionId: string, named: string): string {
  const session = tx.get<{ project: string }>('SELECT project FROM sessions WHERE id = ?', sessionId)
  const name = session === undefined || session.project === '' ? named : session.project
  return name === '' ? '' : currentProjectName(tx, name)
}

export function putTranscriptSource(tx: WriteTx, source: Omit<TranscriptSource, 'number'>): number {
  const values = [
    source.begun_at,
    source.stamp,
    source.project,
    source.named_project,
    source.session_id,
    source.position,
    source.is_read,
  ] as const
  const known = transcriptSource(tx, source.key)
  raiseVersion(tx)
  if (known === undefined) {
    return tx.run(
      `INSERT INTO transcript_sources (key, begun_at, stamp, project, named_project, session_id, position, is_read)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      source.key,
      ...values,
    ).lastId
  }
  tx.run(
    `UPDATE transcript_sources SET begun_at = ?, stamp = ?, project = ?, named_project = ?, session_id = ?, position = ?, is_read = ?
     WHERE number = ?`,
    ...values,
    known.number,
  )
  return known.number
}

/** Takes a conversation and every word of it out. */
export function dropTranscript(tx: WriteTx, number: number): void {
  dropTranscriptMessages(tx, number)
  tx.run('DELETE FROM transcript_sources WHERE number = ?', number)
}

/** Takes the words of a conversation out. */
export function dropTranscriptMessages(tx: WriteTx, number: number): void {
  tx.run('DELETE FROM transcript_fts WHERE rowid IN (SELECT id FROM transcript_messages WHERE source = ?)', number)
  tx.run('DELETE FROM transcript_messages WHERE source = ?', number)
  raiseVersion(tx)
}

/** A message as it is indexed; `before` = texts of the two before it. */
export type IndexedMessage = {
  readonly position: number
  readonly role: string
  /** In the stored form; empty when nobody can read it. */
  readonly createdAt: string
  readonly text: string
  readonly before: readonly string[]
}

/** Writes or replaces the row of one message. */
export function writeTranscriptMessage(
  tx: WriteTx,
  source: { readonly number: number; readonly project: string },
  message: IndexedMessage,
): void {
  const known = tx.get<{ id: number }>(
    'SELECT id FROM transcript_messages WHERE source = ? AND position = ?',
    source.number,
    message.position,
  )
  const hash = messageHash(message.text)
  const id =
    known?.id ??
    tx.run(
      'INSERT INTO transcript_messages (source, position, role, created_at, hash) VALUES (?, ?, ?, ?, ?)',
      source.number,
      message.position,
      message.role,
      message.createdAt,
      hash,
    ).lastId
  tx.run(
    'UPDATE transcript_messages SET role = ?, created_at = ?, hash = ? WHERE id = ?',
    message.role,
    message.createdAt,
    hash,
    id,
  )
  const facet = projectFacet(source.project === '' ? 0 : ensureProject(tx, source.project, message.createdAt).row.id)
  tx.run(
    'INSERT OR REPLACE INTO transcript_fts (rowid, facet, text, before, day, grams) VALUES (?, ?, ?, ?, ?, ?)',
    id,
    facet,
    indexedText(message.text),
    message.before.map(indexedText).join('\n'),
    foldText(dayText(message.createdAt)),
    runGrams(message.text),
  )
}

/** Whether a message at a position is still the one that was indexed. */
export const messageHash = (text: string): string => sha256Hex(text).slice(0, 16)

export type MessagePlace = { readonly position: number; readonly hash: string }

/** The first and the last messages that were indexed, in order. */
export function indexedEnds(
  tx: ReadTx,
  source: number,
  lastMax: number,
): { readonly first: MessagePlace | undefined; readonly last: readonly MessagePlace[] } {
  const of = 'SELECT position, hash FROM transcript_messages WHERE source = ? ORDER BY position'
  return {
    first: tx.get<MessagePlace>(`${of} LIMIT 1`, source),
    last: tx.all<MessagePlace>(`${of} DESC LIMIT ?`, source, lastMax).toReversed(),
  }
}

/** How many messages stand in the index. */
export const countMessages = (tx: ReadTx): number =>
  tx.get<{ n: number }>('SELECT count(*) AS n FROM transcript_messages')?.n ?? 0

/** Drops every row, for an index that cannot be trusted. */
export function clearTranscriptIndex(tx: WriteTx): void {
  tx.run(`INSERT INTO transcript_fts (transcript_fts) VALUES ('delete-all')`)
  tx.run('DELETE FROM transcript_messages')
  tx.run('DELETE FROM transcript_sources')
  raiseVersion(tx)
}

/** Grows with every change of these rows: counts remembered under another number are counted again. */
export const transcriptVersion = (tx: ReadTx): number => indexState(tx, 'transcript')?.cursor ?? 0

function raiseVersion(tx: WriteTx): void {
  setIndexState(tx, 'transcript', transcriptVersion(tx) + 1)
}

/** Whether the rules these rows were made by are those of now (RET-105). */
export const isTranscriptIndexFresh = (tx: ReadTx): boolean =>
  (indexState(tx, 'transcript')?.built_with ?? indexBuiltWith) === indexBuiltWith

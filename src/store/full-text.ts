import { observationNeighbours, promptNeighbours, promptsAfter, type Neighbour } from './full-text-neighbours.ts'
import { dayText, foldText, gramText, indexedText, keysText, projectFacet, scopeFacet } from './index-text.ts'
import { ensureProject } from './projects.ts'
import type { ObservationRow, PromptRow } from './rows.ts'
import type { ReadTx, WriteTx } from './transaction.ts'

/**
 * Index rows of records (RET-101): derived, contentless, rowid = the record's id. A save writes its own row only; rows of
 * neighbours are brought up to date by the indexer (RET-203), except where text must be gone at once (RET-204).
 */

/**
 * Writes or replaces the record's row: own columns, `before`, what stands after it by now, day, facet, grams; notes whose
 * text it holds and the author's name. A soft-deleted record has no row (RET-107).
 */
export function writeObservationIndex(tx: WriteTx, row: ObservationRow): void {
  if (row.deleted_at !== null) return dropObservationRow(tx, row.id)
  writeRow(tx, row, 0)
  rememberAuthor(tx, row.project, authorOf(tx, row))
}

/** Words of the `facet` column of a record (RET-102). */
export const observationFacet = (tx: WriteTx, row: Pick<ObservationRow, 'project' | 'scope' | 'created_at'>): string =>
  `${projectFacet(projectNumber(tx, row.project, row.created_at))} ${scopeFacet(row.scope)}`

/**
 * Takes the record's row out. With `hard`, the rows that held its text as a neighbour are written anew in this
 * transaction: no later query can match removed text (RET-204). Call it while the record's own row still stands, or after.
 */
export function removeObservationIndex(tx: WriteTx, row: ObservationRow, options: { readonly hard: boolean }): void {
  dropObservationRow(tx, row.id)
  if (!options.hard) return
  rewriteUsers(tx, row.id, row.id)
  tx.run('DELETE FROM observation_context WHERE used_id = ?', row.id)
}

/** Writes anew, in this transaction, every row that holds the record's text as a neighbour: for a redaction (RET-204). */
export function rewriteContextOf(tx: WriteTx, id: number): void {
  rewriteUsers(tx, id, 0)
}

function rewriteUsers(tx: WriteTx, usedId: number, without: number): void {
  for (const id of usersOf(tx, usedId)) {
    const user = tx.get<ObservationRow>('SELECT * FROM observations WHERE id = ? AND deleted_at IS NULL', id)
    if (user !== undefined && id !== without) writeNeighbourhood(tx, user, without)
  }
}

/** Ids of the rows in which a record's text stands. */
export const usersOf = (tx: ReadTx, usedId: number): readonly number[] =>
  tx
    .all<{ row_id: number }>('SELECT row_id FROM observation_context WHERE used_id = ?', usedId)
    .map((row) => row.row_id)

/** Ids of the records whose text stands in a row. */
export const usedBy = (tx: ReadTx, rowId: number): readonly number[] =>
  tx
    .all<{ used_id: number }>('SELECT used_id FROM observation_context WHERE row_id = ? ORDER BY used_id', rowId)
    .map((row) => row.used_id)

/**
 * Writes the record's row anew with what stands around it now. Its own text is as its save wrote it, so grams and author
 * need nothing: half of what {@link writeObservationIndex} costs.
 */
export function writeNeighbourhood(tx: WriteTx, row: ObservationRow, without = 0): void {
  if (row.deleted_at === null) writeWords(tx, row, without)
}

function writeRow(tx: WriteTx, row: ObservationRow, without: number): void {
  const facet = writeWords(tx, row, without)
  const grams = gramText({ title: row.title, keys: keysText(row), content: row.content })
  // Most records have grams of their title only; a record without any has no row.
  if (grams === '') tx.run('DELETE FROM observation_grams WHERE rowid = ?', row.id)
  else tx.run('INSERT OR REPLACE INTO observation_grams (rowid, facet, grams) VALUES (?, ?, ?)', row.id, facet, grams)
}

/** The row of `observation_fts` and the note of whose text it holds; gives the facet. */
function writeWords(tx: WriteTx, row: ObservationRow, without: number): string {
  const { before, after } = observationNeighbours(tx, row, without)
  const facet = observationFacet(tx, row)
  tx.run(
    `INSERT OR REPLACE INTO observation_fts (rowid, facet, title, content, keys, before, after, day)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    row.id,
    facet,
    indexedText(row.title),
    indexedText(row.content),
    indexedText(keysText(row)),
    contextText(before),
    contextText(after),
    foldText(dayText(row.created_at)),
  )
  noteContext(tx, row.id, [...before, ...after])
  return facet
}

const contextText = (neighbours: readonly Neighbour[]): string =>
  neighbours.map((neighbour) => indexedText(neighbour.text)).join('\n')

function noteContext(tx: WriteTx, rowId: number, used: readonly Neighbour[]): void {
  const known = usedBy(tx, rowId)
  for (const id of known) {
    if (!used.some((neighbour) => neighbour.id === id))
      tx.run('DELETE FROM observation_context WHERE used_id = ? AND row_id = ?', id, rowId)
  }
  for (const { id } of used) {
    if (!known.includes(id)) tx.run('INSERT INTO observation_context (used_id, row_id) VALUES (?, ?)', id, rowId)
  }
}

export function dropObservationRow(tx: WriteTx, id: number): void {
  tx.run('DELETE FROM observation_fts WHERE rowid = ?', id)
  tx.run('DELETE FROM observation_grams WHERE rowid = ?', id)
  tx.run('DELETE FROM observation_context WHERE row_id = ?', id)
}

/** Writes or replaces the prompt's row. */
export function writePromptIndex(tx: WriteTx, row: PromptRow): void {
  writePromptRow(tx, row, 0)
}

/** Takes the prompt's row out and its text out of the rows after it: deleting a prompt is always hard (MEM-311). */
export function removePromptIndex(tx: WriteTx, row: PromptRow): void {
  dropPromptRow(tx, row.id)
  for (const later of promptsAfter(tx, row)) writePromptRow(tx, later, row.id)
}

export function dropPromptRow(tx: WriteTx, id: number): void {
  tx.run('DELETE FROM prompt_fts WHERE rowid = ?', id)
}

function writePromptRow(tx: WriteTx, row: PromptRow, without: number): void {
  tx.run(
    'INSERT OR REPLACE INTO prompt_fts (rowid, facet, content, before, day) VALUES (?, ?, ?, ?, ?)',
    row.id,
    projectFacet(projectNumber(tx, row.project, row.created_at)),
    indexedText(row.content),
    contextText(promptNeighbours(tx, row, without)),
    foldText(dayText(row.created_at)),
  )
}

/** The number a project's records carry in `facet`. A record's project always has a row: one is made if it is missing. */
const projectNumber = (tx: WriteTx, project: string | null, at: string): number =>
  project === null ? 0 : ensureProject(tx, project, at).row.id

/** A record's author: the one given with the save, else the agent of its session (RET-206). */
export const authorOf = (tx: ReadTx, row: Pick<ObservationRow, 'author' | 'session_id'>): string | null =>
  row.author ??
  tx.get<{ agent: string | null }>('SELECT agent FROM sessions WHERE id = ?', row.session_id)?.agent ??
  null

/** Keeps the name among the project's authors, which queries look for (RET-404). */
export function rememberAuthor(tx: WriteTx, project: string | null, author: string | null): void {
  if (author === null || author === '') return
  const name = project ?? ''
  const known = tx.get('SELECT 1 FROM project_authors WHERE project = ? AND author = ?', name, author)
  if (known === undefined) tx.run('INSERT INTO project_authors (project, author) VALUES (?, ?)', name, author)
}

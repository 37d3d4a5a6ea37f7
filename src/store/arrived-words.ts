import { authorOf, observationFacet, rememberAuthor } from './full-text.ts'
import { dayText, foldText, gramText, indexedText, keysText } from './index-text.ts'
import type { ObservationRow } from './rows.ts'
import type { WriteTx } from './transaction.ts'

/**
 * Index rows of records that arrive together and were never indexed. They are written table by table, which costs less
 * than record by record, and hold a record's own words: it is found at once, and what stands around it is added by the
 * indexer, which finds its change behind the cursor (RET-203). Looking around each one while they come costs more than
 * all the rest of taking it in.
 *
 * What the rows have in common is asked once for all; that holds as long as nothing is undone.
 */
export type ArrivedWords = {
  /** Records whose rows are not written yet. */
  waiting: ObservationRow[]
  readonly facets: Map<string, string>
  readonly authors: Set<string>
}

export const newArrivedWords = (): ArrivedWords => ({ waiting: [], facets: new Map(), authors: new Set() })

/** So many records wait at most: their texts are held meanwhile. */
const waitingMax = 1_000

/** Notes that the row of a record is to be written: by {@link writeArrivedWords}, or here when enough wait. */
export function addArrivedWords(tx: WriteTx, words: ArrivedWords, row: ObservationRow): void {
  if (row.deleted_at !== null) return
  words.waiting.push(row)
  if (words.waiting.length >= waitingMax) writeArrivedWords(tx, words)
}

/** Writes what waits: before anything that reads or changes index rows, and before the savepoint ends. */
export function writeArrivedWords(tx: WriteTx, words: ArrivedWords): void {
  const { waiting } = words
  if (waiting.length === 0) return
  words.waiting = []
  const facets = waiting.map((row) => facetOf(tx, words, row))
  for (const [index, row] of waiting.entries()) writeWords(tx, row, facets[index] ?? '')
  for (const [index, row] of waiting.entries()) writeGrams(tx, row, facets[index] ?? '')
  for (const row of waiting) noteAuthor(tx, words, row)
}

function writeWords(tx: WriteTx, row: ObservationRow, facet: string): void {
  tx.run(
    `INSERT INTO observation_fts (rowid, facet, title, content, keys, before, after, day)
     VALUES (?, ?, ?, ?, ?, '', '', ?)`,
    row.id,
    facet,
    indexedText(row.title),
    indexedText(row.content),
    indexedText(keysText(row)),
    foldText(dayText(row.created_at)),
  )
}

function writeGrams(tx: WriteTx, row: ObservationRow, facet: string): void {
  const grams = gramText({ title: row.title, keys: keysText(row), content: row.content })
  if (grams !== '') tx.run('INSERT INTO observation_grams (rowid, facet, grams) VALUES (?, ?, ?)', row.id, facet, grams)
}

function noteAuthor(tx: WriteTx, words: ArrivedWords, row: ObservationRow): void {
  const author = JSON.stringify([row.project, row.author, row.author === null ? row.session_id : null])
  if (words.authors.has(author)) return
  words.authors.add(author)
  rememberAuthor(tx, row.project, authorOf(tx, row))
}

function facetOf(tx: WriteTx, words: ArrivedWords, row: ObservationRow): string {
  const key = `${row.scope}${row.project === null ? '' : `\n${row.project}`}`
  const known = words.facets.get(key)
  if (known !== undefined) return known
  const facet = observationFacet(tx, row)
  words.facets.set(key, facet)
  return facet
}

import { isStoredTime } from '../model/times.ts'
import { dayText, foldText, gramText, indexedText, isIndexedAsItStands, keysText } from './index-text.ts'
import { JsonbRows, type JsonbValue } from './jsonb.ts'
import { observationColumns } from './observations.ts'
import type { ObservationRow } from './rows.ts'
import type { ReadTx, WriteTx } from './transaction.ts'

/**
 * Observations on their way into the store many at a time: each a list of its columns and of the texts of its index rows,
 * all of them one value, out of which SQLite takes them by itself. Bound value by value a row costs twice as much and its
 * words three times; and who makes the value in another thread hands it over without a copy.
 */

type Column = Exclude<(typeof observationColumns)[number], 'change_seq'>

export type PreparedRow = Pick<ObservationRow, Column>

/** `title`, `content`: null where the row's own are indexed · `grams`: null for none · `facet`: a place in the list of facets. */
const words = ['facet', 'title', 'content', 'keys', 'day', 'grams'] as const

/** Those that nearly every row has of its own: SQLite walks to each from the front. */
const ownColumns = [
  'sync_id',
  'session_id',
  'type',
  'title',
  'content',
  'normalized_hash',
  'created_at',
  'updated_at',
  'version',
  'hlc',
] as const satisfies readonly Column[]

const isColumn = (name: string): name is Column => name !== 'change_seq'
const isOwn = (name: Column): boolean => ownColumns.some((own) => own === name)
const otherColumns = observationColumns.filter(isColumn).filter((name) => !isOwn(name))
const columns: readonly Column[] = [...ownColumns, ...otherColumns]

const word = (name: (typeof words)[number]): string => `e.value ->> ${ownColumns.length + words.indexOf(name)}`
const column = (name: Column): string => {
  const place = columns.indexOf(name)
  return `e.value ->> ${place < ownColumns.length ? place : place + words.length}`
}

/** Columns that have one value in all rows. It is bound once: taking it out of each row is what a row costs most. */
export type FixedColumns = readonly (readonly [name: string, value: JsonbValue])[]

const dayChars = 10

/** Gathers rows for {@link insertPrepared}. */
export class PreparedRows {
  readonly #rows: JsonbRows
  readonly #fixed = new Map<Column, JsonbValue>()
  #day = { of: '', text: '' }
  #count = 0

  /** @param bytes as many as they will take, about */
  constructor(bytes: number) {
    this.#rows = new JsonbRows(bytes)
  }

  get count(): number {
    return this.#count
  }

  /** @param facet place of its facet in the list that {@link insertPrepared} is given */
  add(row: PreparedRow, facet: number): void {
    if (this.#count++ === 0) for (const name of otherColumns) this.#fixed.set(name, row[name])
    else for (const [name, value] of this.#fixed) if (row[name] !== value) this.#fixed.delete(name)
    this.#rows.begin()
    for (const name of ownColumns) this.#rows.put(row[name])
    this.#rows.put(facet)
    this.#putWords(row)
    for (const name of otherColumns) this.#rows.put(row[name])
    this.#rows.end()
  }

  /** All but the facet, in the order of {@link words}. */
  #putWords(row: PreparedRow): void {
    const keys = keysText(row)
    const isPlain = isIndexedAsItStands(row.content)
    this.#rows.put(isIndexedAsItStands(row.title) ? null : indexedText(row.title))
    this.#rows.put(isPlain ? null : indexedText(row.content))
    this.#rows.put(indexedText(keys))
    this.#rows.put(this.#dayOf(row.created_at))
    // Of what is plain it takes nothing.
    this.#rows.put(gramText({ title: row.title, keys, content: isPlain ? '' : row.content }) || null)
  }

  /** Nearly all have the day of the one before. */
  #dayOf(createdAt: string): string {
    if (!isStoredTime(createdAt)) return foldText(dayText(createdAt))
    const day = createdAt.slice(0, dayChars)
    if (day !== this.#day.of) this.#day = { of: day, text: foldText(dayText(createdAt)) }
    return this.#day.text
  }

  /** Nothing is added any more. */
  finish(): { readonly rows: Uint8Array<ArrayBuffer>; readonly count: number; readonly fixed: FixedColumns } {
    return { rows: this.#rows.finish(), count: this.#count, fixed: [...this.#fixed] }
  }
}

const firstFixed = 3

function insertRows(fixed: FixedColumns): string {
  const names = new Map(fixed.map(([name], index) => [name, `?${firstFixed + index}`]))
  const values = columns.map((name) => names.get(name) ?? column(name))
  return `INSERT OR FAIL INTO observations (${columns.join(', ')}, change_seq)
    SELECT ${values.join(', ')}, ?2 + e.key FROM jsonb_each(?1) AS e`
}

/** Deleted ones are not found (RET-107). */
const liveRows = `FROM jsonb_each(?1) AS e WHERE ${column('deleted_at')} IS NULL`
const insertWords = `
  INSERT INTO observation_fts (rowid, facet, title, content, keys, before, after, day)
  SELECT ?2 + e.key, ?3 ->> (${word('facet')}), coalesce(${word('title')}, ${column('title')}),
    coalesce(${word('content')}, ${column('content')}), ${word('keys')}, '', '', ${word('day')} ${liveRows}`
const insertGrams = `
  INSERT INTO observation_grams (rowid, facet, grams)
  SELECT ?2 + e.key, ?3 ->> (${word('facet')}), ${word('grams')} ${liveRows} AND ${word('grams')} IS NOT NULL`

export const syncIdsOf = (tx: ReadTx, rows: Uint8Array): readonly string[] =>
  tx.texts(`SELECT ${column('sync_id')} FROM jsonb_each(?1) AS e`, rows)

/** Whether any of them was deleted here for ever (MEM-507). */
export const isAnyBuried = (tx: ReadTx, rows: Uint8Array): boolean =>
  tx.get(
    `SELECT 1 FROM jsonb_each(?1) AS e
     CROSS JOIN tombstones AS t ON t.entity = 'observation' AND t.entity_key = ${column('sync_id')} LIMIT 1`,
    rows,
  ) !== undefined

/**
 * Inserts them all with their index rows, in their order. Throws what SQLite says of a row that is here already, or that
 * it refuses for another reason; the caller undoes what was written up to there.
 * @param firstSeq of as many numbers of the change clock as there are rows
 * @param facets a JSON list
 */
export function insertPrepared(
  tx: WriteTx,
  { rows, fixed }: { readonly rows: Uint8Array; readonly fixed: FixedColumns },
  firstSeq: number,
  facets: string,
): void {
  const { changes, lastId } = tx.run(insertRows(fixed), rows, firstSeq, ...fixed.map(([, value]) => value))
  const firstId = lastId - changes + 1
  tx.run(insertWords, rows, firstId, facets)
  tx.run(insertGrams, rows, firstId, facets)
}

import { sha256Hex } from '../platform/bytes.ts'
import { changeSeqNow } from './change-clock.ts'
import { observationWhere, type RecordFilters } from './full-text-search.ts'
import { foldText } from './index-text.ts'
import type { ReadTx, WriteTx } from './transaction.ts'

/** Vectors of observations (RET-604): float32 little-endian, unit length, one per record; never leave the machine. */

const kind = 'observation'
/** Of title, newline, content: what a model of 256 word pieces reads at most (RET-603). */
export const embeddedCodePointsMax = 1_200

type Texts = { readonly title: string; readonly content: string; readonly author: string | null }

/**
 * What a model reads of a record. A title that only names the author, as in chats, is none: it makes all that one says
 * alike; without it, and without names in the question, recall in conversations is 1.5 points higher.
 */
export function embeddedText({ title, content, author }: Texts): string {
  const isTitle = author === null || foldText(title).trim() !== foldText(author).trim()
  const text = isTitle ? `${title}\n${content}` : content
  return text.length <= embeddedCodePointsMax
    ? text
    : Array.from(text.slice(0, embeddedCodePointsMax * 2))
        .slice(0, embeddedCodePointsMax)
        .join('')
}

/** One bit per number, set where it is positive: 32 to a word. */
export function signsOf(vector: Float32Array): Uint32Array {
  const words = new Uint32Array(Math.ceil(vector.length / 32))
  for (let at = 0; at < vector.length; at++) {
    if ((vector[at] ?? 0) > 0) words[at >> 5] = (words[at >> 5] ?? 0) | (1 << (at & 31))
  }
  return words
}

const bytesOf = (numbers: Float32Array | Uint32Array): Uint8Array =>
  new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)

/** A copy: the driver's buffers need not begin at a multiple of four. */
const aligned = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer

const hashOf = (text: string): Uint8Array => Buffer.from(sha256Hex(text).slice(0, 32), 'hex')

/** Text that waits for its vector. */
export type UnembeddedText = { readonly id: number; readonly text: string; readonly changeSeq: number }

type TextRow = Texts & { readonly id: number; readonly change_seq: number }

/** Live observations without a vector of this model among those changed after `after` and before `before`, newest first. */
export function unembeddedTexts(
  tx: ReadTx,
  model: string,
  range: { readonly after: number; readonly before: number },
  limit: number,
): readonly UnembeddedText[] {
  const rows = tx.all<TextRow>(
    `SELECT o.id, o.title, substr(o.content, 1, ${embeddedCodePointsMax}) AS content, o.author, o.change_seq FROM observations o
     WHERE o.change_seq > ? AND o.change_seq < ? AND o.deleted_at IS NULL AND NOT EXISTS
       (SELECT 1 FROM vectors v WHERE v.kind = '${kind}' AND v.record_id = o.id AND v.model = ?)
     ORDER BY o.change_seq DESC LIMIT ?`,
    range.after,
    range.before,
    model,
    limit,
  )
  return rows.map((row) => ({ id: row.id, text: embeddedText(row), changeSeq: row.change_seq }))
}

/** Writes the vector unless the record's text is another by now; a vector of another model gives way. */
export function writeVector(tx: WriteTx, model: string, of: UnembeddedText, vector: Float32Array): boolean {
  const row = tx.get<Texts>(
    'SELECT title, content, author FROM observations WHERE id = ? AND deleted_at IS NULL',
    of.id,
  )
  if (row === undefined || embeddedText(row) !== of.text) return false
  tx.run(
    'INSERT OR REPLACE INTO vectors (kind, record_id, model, text_hash, signs, vec) VALUES (?, ?, ?, ?, ?, ?)',
    kind,
    of.id,
    model,
    hashOf(of.text),
    bytesOf(signsOf(vector)),
    bytesOf(vector),
  )
  return true
}

export const dropVectors = (tx: WriteTx): void => {
  tx.run('DELETE FROM vectors')
  tx.run(`DELETE FROM index_state WHERE kind = 'vector'`)
}

/** Up to where every record of the change clock has its vector of this model; 0 for another model. */
export function vectorCursor(tx: ReadTx, model: string): number {
  const state = tx.get<{ cursor: number; built_with: string }>(
    `SELECT cursor, built_with FROM index_state WHERE kind = 'vector'`,
  )
  return state?.built_with === model ? state.cursor : 0
}

export function setVectorCursor(tx: WriteTx, model: string, cursor: number): void {
  tx.run(
    `INSERT INTO index_state (kind, cursor, built_with) VALUES ('vector', ?, ?)
     ON CONFLICT (kind) DO UPDATE SET cursor = excluded.cursor, built_with = excluded.built_with`,
    cursor,
    model,
  )
}

export const hasVectors = (tx: ReadTx, model: string): boolean =>
  tx.get(`SELECT 1 FROM vectors WHERE kind = '${kind}' AND model = ? LIMIT 1`, model) !== undefined

export const countVectors = (tx: ReadTx, model: string): number =>
  tx.get<{ n: number }>(`SELECT count(*) AS n FROM vectors WHERE kind = '${kind}' AND model = ?`, model)?.n ?? 0

export type SignRow = { readonly seq: number; readonly record_id: number; readonly signs: Uint32Array }

/** Vectors written after one, in order of writing, their signs alone. */
export const signsAfter = (tx: ReadTx, model: string, seq: number, limit: number): readonly SignRow[] =>
  tx
    .all<{ seq: number; record_id: number; signs: Uint8Array }>(
      `SELECT seq, record_id, signs FROM vectors INDEXED BY vectors_by_signs
       WHERE kind = '${kind}' AND model = ? AND seq > ? ORDER BY seq LIMIT ?`,
      model,
      seq,
      limit,
    )
    .map((row) => ({ ...row, signs: new Uint32Array(aligned(row.signs)) }))

/** Where a record belongs, as far as a scan must know it. */
export type PlaceRow = {
  readonly id: number
  readonly project: string | null
  readonly scope: string
  readonly expires_at: string | null
}

export const placesByIds = (tx: ReadTx, ids: readonly number[]): PlaceRow[] =>
  tx.all<PlaceRow>(
    `SELECT o.id, o.project, o.scope, o.expires_at FROM json_each(?) j CROSS JOIN observations o ON o.id = j.value`,
    JSON.stringify(ids),
  )

/** Places of what changed since, and the change clock now. */
export const placesChangedAfter = (tx: ReadTx, seq: number): { readonly rows: PlaceRow[]; readonly seq: number } => ({
  rows: tx.all<PlaceRow>('SELECT id, project, scope, expires_at FROM observations WHERE change_seq > ?', seq),
  seq: changeSeqNow(tx),
})

export function vectorsByIds(tx: ReadTx, model: string, ids: readonly number[]): ReadonlyMap<number, Float32Array> {
  const rows = tx.all<{ record_id: number; vec: Uint8Array }>(
    `SELECT v.record_id, v.vec FROM json_each(?) j
     CROSS JOIN vectors v ON v.kind = '${kind}' AND v.record_id = j.value WHERE v.model = ?`,
    JSON.stringify(ids),
    model,
  )
  return new Map(rows.map((row) => [row.record_id, new Float32Array(aligned(row.vec))]))
}

/** Ids of live observations that pass the filters, for scans that project and scope alone do not bound. */
export function eligibleIds(tx: ReadTx, filters: RecordFilters): ReadonlySet<number> {
  const where = observationWhere(filters)
  return new Set(
    tx.all<{ id: number }>(`SELECT o.id FROM observations o WHERE ${where.sql}`, ...where.values).map((row) => row.id),
  )
}

/** A record whose text stands around another's, with the order of both in their session. */
export type AroundRow = { readonly row_id: number; readonly used_id: number; readonly isBefore: boolean }

/** What stands around these records, in the order of their session (RET-202). */
export const aroundOf = (tx: ReadTx, ids: readonly number[]): readonly AroundRow[] =>
  tx
    .all<{ row_id: number; used_id: number; before: number }>(
      `SELECT c.row_id, c.used_id, (u.created_at, u.hlc, u.id) < (o.created_at, o.hlc, o.id) AS before
       FROM json_each(?) j
       CROSS JOIN observation_context c INDEXED BY observation_context_by_row ON c.row_id = j.value
       CROSS JOIN observations u ON u.id = c.used_id
       CROSS JOIN observations o ON o.id = c.row_id
       ORDER BY c.row_id, u.created_at, u.hlc, u.id`,
      JSON.stringify(ids),
    )
    .map(({ row_id, used_id, before }) => ({ row_id, used_id, isBefore: before === 1 }))

/** Length of title and content in code points. */
export const textLengths = (tx: ReadTx, ids: readonly number[]): ReadonlyMap<number, number> =>
  new Map(
    tx
      .all<{ id: number; n: number }>(
        `SELECT o.id, length(o.title) + length(o.content) AS n FROM json_each(?) j
         CROSS JOIN observations o ON o.id = j.value`,
        JSON.stringify(ids),
      )
      .map((row) => [row.id, row.n]),
  )

/** Takes or renews a lease, so that of many processes one does the work; false while another holds it (RET-104). */
export function takeLease(tx: WriteTx, name: string, holder: string, nowMs: number, forMs: number): boolean {
  const held = tx.get<{ holder: string; until_ms: number }>('SELECT holder, until_ms FROM leases WHERE name = ?', name)
  if (held !== undefined && held.holder !== holder && held.until_ms > nowMs) return false
  tx.run('INSERT OR REPLACE INTO leases (name, holder, until_ms) VALUES (?, ?, ?)', name, holder, nowMs + forMs)
  return true
}

export const dropLease = (tx: WriteTx, name: string, holder: string): void => {
  tx.run('DELETE FROM leases WHERE name = ? AND holder = ?', name, holder)
}

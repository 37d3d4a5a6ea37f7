import { sha256Hex } from '../platform/bytes.ts'
import { cutCodePoints } from '../model/text.ts'
import type { ReadTx, WriteTx } from './transaction.ts'

/**
 * Vectors of records (RET-604): float32 little-endian, unit length, one per record; never leave the machine. What they are
 * made of, and what a search must know of each kind, a {@link VectorSource} tells.
 */

export type VectorKind = 'observation' | 'unit'

/**
 * What has vectors.
 * - `seqNow`: where its changes stand. It only grows; a place that went back is that of another file.
 * - `unembedded`: live records without a vector of this model among those changed after `after` and before `before`, newest
 *   first. One whose `text` is empty never gets a vector.
 * - `reach`: of so many places before where changes stand records get vectors; those before are found by words. Infinity = all.
 * - `textNow`: what a vector would be made of now; undefined for a record that is gone.
 */
export interface VectorSource {
  readonly kind: VectorKind
  readonly reach: number
  seqNow(tx: ReadTx): number
  unembedded(tx: ReadTx, model: string, range: SeqRange, limit: number): readonly UnembeddedText[]
  textNow(tx: ReadTx, id: number): string | undefined
  placesByIds(tx: ReadTx, ids: readonly number[]): readonly PlaceRow[]
  /** Of records known before that may be elsewhere now. */
  placesChangedAfter(tx: ReadTx, seq: number): readonly PlaceRow[]
  /** What stands around these records, in the order of their session or context (RET-202). */
  aroundOf(tx: ReadTx, ids: readonly number[]): readonly AroundRow[]
  /** Length of their text in code points. */
  textLengths(tx: ReadTx, ids: readonly number[]): ReadonlyMap<number, number>
}

export type SeqRange = { readonly after: number; readonly before: number }

/** Text that waits for its vector; `seq` is its place in the order of changes. */
export type UnembeddedText = { readonly id: number; readonly text: string; readonly seq: number }

/** Where a record belongs, as far as a scan must know it: a project, or a unit's context by number. */
export type PlaceRow = {
  readonly id: number
  readonly project: string | null
  readonly scope: string
  readonly expires_at: string | null
}

/** A record whose text stands around another's, with the order of both. */
export type AroundRow = { readonly row_id: number; readonly used_id: number; readonly isBefore: boolean }

/** What a model of 256 word pieces reads at most (RET-603). */
export const embeddedCodePointsMax = 1_200

export const embeddedPart = (text: string): string => cutCodePoints(text, embeddedCodePointsMax, '')

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

/** Writes the vector unless the record's text is another by now; a vector of another model gives way. */
export function writeVector(
  tx: WriteTx,
  source: VectorSource,
  model: string,
  of: UnembeddedText,
  vector: Float32Array,
): boolean {
  if (source.textNow(tx, of.id) !== of.text) return false
  tx.run(
    'INSERT OR REPLACE INTO vectors (kind, record_id, model, text_hash, signs, vec) VALUES (?, ?, ?, ?, ?, ?)',
    source.kind,
    of.id,
    model,
    hashOf(of.text),
    bytesOf(signsOf(vector)),
    bytesOf(vector),
  )
  return true
}

/** Of every kind; they are made again from the beginning. */
export function dropVectors(tx: WriteTx): void {
  const dropped = timesDropped(tx) + 1
  tx.run('DELETE FROM vectors')
  for (const kind of Object.values(cursorOf)) tx.run('DELETE FROM index_state WHERE kind = ?', kind)
  tx.run(`INSERT OR REPLACE INTO index_state (kind, cursor, built_with) VALUES ('vector.dropped', ?, '')`, dropped)
}

/** How often vectors were dropped: a pass that began before must begin again, in whatever process. */
export const timesDropped = (tx: ReadTx): number =>
  tx.get<{ cursor: number }>(`SELECT cursor FROM index_state WHERE kind = 'vector.dropped'`)?.cursor ?? 0

const cursorOf: Readonly<Record<VectorKind, string>> = { observation: 'vector', unit: 'vector.unit' }

/** Up to where every record of this kind has its vector of this model; 0 for another model. */
export function vectorCursor(tx: ReadTx, kind: VectorKind, model: string): number {
  const state = tx.get<{ cursor: number; built_with: string }>(
    'SELECT cursor, built_with FROM index_state WHERE kind = ?',
    cursorOf[kind],
  )
  return state?.built_with === model ? state.cursor : 0
}

export function setVectorCursor(tx: WriteTx, kind: VectorKind, model: string, cursor: number): void {
  tx.run(
    `INSERT INTO index_state (kind, cursor, built_with) VALUES (?, ?, ?)
     ON CONFLICT (kind) DO UPDATE SET cursor = excluded.cursor, built_with = excluded.built_with`,
    cursorOf[kind],
    cursor,
    model,
  )
}

export const hasVectors = (tx: ReadTx, kind: VectorKind, model: string): boolean =>
  tx.get('SELECT 1 FROM vectors WHERE kind = ? AND model = ? LIMIT 1', kind, model) !== undefined

export const countVectors = (tx: ReadTx, kind: VectorKind, model: string): number =>
  tx.get<{ n: number }>('SELECT count(*) AS n FROM vectors WHERE kind = ? AND model = ?', kind, model)?.n ?? 0

export type SignRow = { readonly seq: number; readonly record_id: number; readonly signs: Uint32Array }

/** Vectors written after one, in order of writing, their signs alone. */
export const signsAfter = (
  tx: ReadTx,
  kind: VectorKind,
  model: string,
  seq: number,
  limit: number,
): readonly SignRow[] =>
  tx
    .all<{ seq: number; record_id: number; signs: Uint8Array }>(
      `SELECT seq, record_id, signs FROM vectors INDEXED BY vectors_by_signs
       WHERE kind = ? AND model = ? AND seq > ? ORDER BY seq LIMIT ?`,
      kind,
      model,
      seq,
      limit,
    )
    .map((row) => ({ ...row, signs: new Uint32Array(aligned(row.signs)) }))

export function vectorsByIds(
  tx: ReadTx,
  kind: VectorKind,
  model: string,
  ids: readonly number[],
): ReadonlyMap<number, Float32Array> {
  const rows = tx.all<{ record_id: number; vec: Uint8Array }>(
    `SELECT v.record_id, v.vec FROM json_each(?) j
     CROSS JOIN vectors v ON v.kind = ? AND v.record_id = j.value WHERE v.model = ?`,
    JSON.stringify(ids),
    kind,
    model,
  )
  return new Map(rows.map((row) => [row.record_id, new Float32Array(aligned(row.vec))]))
}

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

import type { Scope } from '../model/records.ts'
import { parseTime } from '../model/times.ts'
import type { ReadTx } from '../store/transaction.ts'
import { signsAfter, type PlaceRow, type SignRow, type VectorSource } from '../store/vectors.ts'

/**
 * What project and scope allow. What they do not decide is asked of `isAllowed`, or of `passing`: many at once, the nearest
 * first, and no more than it takes.
 */
export type ScanScope = {
  /** Null = any; of units the numbers of their contexts. */
  readonly project: string | ReadonlySet<string> | null
  readonly scope: Scope | undefined
  readonly notExpiredAtMs: number | null
  readonly isAllowed?: (id: number) => boolean
  readonly passing?: (ids: readonly number[]) => ReadonlySet<number>
}

/** Rows read by one refresh: some milliseconds; a store with more is read by several (RET-902). */
const refreshRowsMax = 10_000

/**
 * The sign bits of all vectors of one kind and model in memory (RET-605): 48 bytes and a place for each. Brought up to date from
 * the order in which vectors were written and from what changed. A record that is gone may stand here until a scan
 * meets it: whoever reads the vectors themselves finds none and calls {@link forget}.
 */
export class SignIndex {
  readonly source: VectorSource
  readonly #model: string
  readonly #words: number
  #signs = new Uint32Array(0)
  #ids: number[] = []
  #projects: (string | null)[] = []
  #scopes: string[] = []
  #expiries: number[] = []
  readonly #slots = new Map<number, number>()
  #vectorSeq = 0
  #changeSeq = 0

  constructor(source: VectorSource, model: string, dimensions: number) {
    this.source = source
    this.#model = model
    this.#words = Math.ceil(dimensions / 32)
  }

  get size(): number {
    return this.#slots.size
  }

  /** True when all is current; false when there is more to read. */
  refresh(tx: ReadTx): boolean {
    const now = this.source.seqNow(tx)
    // A clock that went back is another file.
    if (now < this.#changeSeq) this.clear()
    if (this.#vectorSeq === 0) this.#changeSeq = now
    const rows = signsAfter(tx, this.source.kind, this.#model, this.#vectorSeq, refreshRowsMax)
    if (rows.length > 0) this.#add(tx, rows)
    for (const place of this.source.placesChangedAfter(tx, this.#changeSeq)) this.#place(place)
    this.#changeSeq = now
    return rows.length < refreshRowsMax
  }

  /** How many vectors stand in a scope. */
  count(scope: ScanScope): number {
    let count = 0
    for (let slot = 0; slot < this.#ids.length; slot++) if (this.#isIn(slot, scope)) count++
    return count
  }

  /** The records whose signs differ least, at most `limit`; among equals those of the lowest id. */
  nearest(signs: Uint32Array, scope: ScanScope, limit: number): readonly number[] {
    const distances = new Uint16Array(this.#ids.length)
    const histogram = new Uint32Array(this.#words * 32 + 1)
    for (let slot = 0; slot < this.#ids.length; slot++) {
      if (!this.#isIn(slot, scope)) {
        distances[slot] = beyond
        continue
      }
      const distance = this.#distance(signs, slot)
      distances[slot] = distance
      histogram[distance] = (histogram[distance] ?? 0) + 1
    }
    if (scope.passing !== undefined) return nearestPassing(this.#byDistance(distances, histogram), scope.passing, limit)
    const { border, room } = borderOf(histogram, limit)
    const [near, atBorder]: [number[], number[]] = [[], []]
    for (let slot = 0; slot < distances.length; slot++) {
      const distance = distances[slot] ?? beyond
      if (distance < border) near.push(this.#ids[slot] ?? 0)
      else if (distance === border) atBorder.push(this.#ids[slot] ?? 0)
    }
    return [...near, ...atBorder.sort((a, b) => a - b).slice(0, room)]
  }

  /** All ids in scope, the nearest first, among equals the lowest. */
  #byDistance(distances: Uint16Array, histogram: Uint32Array): readonly number[] {
    const ends = new Uint32Array(histogram.length)
    let count = 0
    for (let distance = 0; distance < histogram.length; distance++) {
      ends[distance] = count
      count += histogram[distance] ?? 0
    }
    const ids = new Float64Array(count)
    for (let slot = 0; slot < distances.length; slot++) {
      const distance = distances[slot] ?? beyond
      if (distance === beyond) continue
      const at = ends[distance] ?? 0
      ids[at] = this.#ids[slot] ?? 0
      ends[distance] = at + 1
    }
    for (let distance = 0, from = 0; distance < histogram.length; distance++) {
      ids.subarray(from, ends[distance]).sort()
      from = ends[distance] ?? from
    }
    return Array.from(ids)
  }

  /** Begins anew; the next refreshes read everything. */
  clear(): void {
    this.#ids = []
    this.#projects = []
    this.#scopes = []
    this.#expiries = []
    this.#slots.clear()
    this.#vectorSeq = 0
  }

  forget(ids: readonly number[]): void {
    for (const id of ids) {
      const slot = this.#slots.get(id)
      if (slot === undefined) continue
      this.#slots.delete(id)
      const last = this.#ids.length - 1
      if (slot !== last) this.#move(last, slot)
      for (const list of [this.#ids, this.#projects, this.#scopes, this.#expiries]) list.pop()
    }
  }

  #move(from: number, to: number): void {
    const id = this.#ids[from] ?? 0
    this.#ids[to] = id
    this.#projects[to] = this.#projects[from] ?? null
    this.#scopes[to] = this.#scopes[from] ?? ''
    this.#expiries[to] = this.#expiries[from] ?? 0
    this.#signs.copyWithin(to * this.#words, from * this.#words, (from + 1) * this.#words)
    this.#slots.set(id, to)
  }

  #isIn(slot: number, { project, scope, notExpiredAtMs, isAllowed }: ScanScope): boolean {
    if (project !== null && !isOf(project, this.#projects[slot] ?? null)) return false
    if (scope !== undefined && this.#scopes[slot] !== scope) return false
    if (notExpiredAtMs !== null && (this.#expiries[slot] ?? 0) <= notExpiredAtMs) return false
    return isAllowed === undefined || isAllowed(this.#ids[slot] ?? 0)
  }

  #distance(signs: Uint32Array, slot: number): number {
    let distance = 0
    const from = slot * this.#words
    for (let word = 0; word < this.#words; word++) {
      distance += bitCount((this.#signs[from + word] ?? 0) ^ (signs[word] ?? 0))
    }
    return distance
  }

  #add(tx: ReadTx, rows: readonly SignRow[]): void {
    const places = new Map(
      this.source
        .placesByIds(
          tx,
          rows.map((row) => row.record_id),
        )
        .map((place) => [place.id, place]),
    )
    this.#grow(this.#ids.length + rows.length)
    for (const { record_id, signs, seq } of rows) {
      const slot = this.#slots.get(record_id) ?? this.#ids.length
      this.#slots.set(record_id, slot)
      this.#ids[slot] = record_id
      this.#signs.set(signs, slot * this.#words)
      const place = places.get(record_id)
      if (place !== undefined) this.#place(place)
      this.#vectorSeq = seq
    }
  }

  #place({ id, project, scope, expires_at }: PlaceRow): void {
    const slot = this.#slots.get(id)
    if (slot === undefined) return
    this.#projects[slot] = project
    this.#scopes[slot] = scope
    this.#expiries[slot] =
      expires_at === null ? Number.POSITIVE_INFINITY : (parseTime(expires_at) ?? Number.POSITIVE_INFINITY)
  }

  #grow(count: number): void {
    if (this.#signs.length >= count * this.#words) return
    const larger = new Uint32Array(Math.max(1_024, Math.ceil(count * 1.25)) * this.#words)
    larger.set(this.#signs)
    this.#signs = larger
  }
}

const isOf = (wanted: string | ReadonlySet<string>, project: string | null): boolean =>
  typeof wanted === 'string' ? project === wanted : project !== null && wanted.has(project)

function nearestPassing(
  ids: readonly number[],
  passing: (ids: readonly number[]) => ReadonlySet<number>,
  limit: number,
): readonly number[] {
  const near: number[] = []
  let [from, size] = [0, limit * 2]
  while (from < ids.length && near.length < limit) {
    const asked = ids.slice(from, from + size)
    const allowed = passing(asked)
    for (const id of asked) if (allowed.has(id)) near.push(id)
    from += size
    size *= 2
  }
  return near.slice(0, limit)
}

/** More than any distance. */
const beyond = 0xffff

/** The distance up to which all are taken, and how many of those at it have room. */
function borderOf(histogram: Uint32Array, limit: number): { readonly border: number; readonly room: number } {
  let taken = 0
  for (let distance = 0; distance < histogram.length; distance++) {
    const here = histogram[distance] ?? 0
    if (taken + here >= limit) return { border: distance, room: limit - taken }
    taken += here
  }
  return { border: beyond - 1, room: 0 }
}

/** Set bits of 32 (Hacker's Delight, 5-2). */
function bitCount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555)
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333)
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

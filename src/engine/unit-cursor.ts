import type { Parsed } from '../api/operations.ts'
import { EngramError } from '../model/errors.ts'
import { sha256Hex } from '../platform/bytes.ts'
import { parseCursor } from '../protocol/cursor.ts'

/**
 * Where a search of units goes on.
 * - newest first: before an event of the log; the cursor is that of the log (COL-701)
 * - best first: after so many of the ranked list, as it stood then. Scores depend on the time and on what there is, so both
 *   are kept: what was appended since is left out.
 *
 *     u1_<k, h or s>_<8 hex epoch>_<16 hex gseq>_<12 hex ms>_<6 hex number>_<8 hex: what was asked>
 */
export type UnitPlace = { readonly kind: 'before'; readonly gseq: number } | ({ readonly kind: 'ranked' } & RankedPlace)

export type RankedPlace = {
  readonly mode: RankedMode
  readonly untilGseq: number
  readonly nowMs: number
  readonly offset: number
}

type RankedMode = 'keyword' | 'hybrid' | 'semantic'
type SearchInput = Parsed<'work-unit.search'>

const letters: Readonly<Record<RankedMode, string>> = { keyword: 'k', hybrid: 'h', semantic: 's' }
const modes: ReadonlyMap<string, RankedMode> = new Map([
  ['k', 'keyword'],
  ['h', 'hybrid'],
  ['s', 'semantic'],
])
const shape = /^u1_([khs])_([0-9a-f]{8})_([0-9a-f]{16})_([0-9a-f]{12})_([0-9a-f]{6})_([0-9a-f]{8})$/

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')

export const rankedCursor = (epoch: number, place: RankedPlace, input: SearchInput): string =>
  [
    'u1',
    letters[place.mode],
    hex(epoch, 8),
    hex(place.untilGseq, 16),
    hex(place.nowMs, 12),
    hex(place.offset, 6),
    askedHash(input),
  ].join('_')

/** Null for the first page. Throws `invalid_cursor`, also for a ranked list of another search. */
export function unitPlace(epoch: number, input: SearchInput): UnitPlace | null {
  const { cursor = '' } = input
  if (cursor === '') return null
  const [, letter = '', ofEpoch = '', gseq = '', ms = '', offset = '', asked = ''] = shape.exec(cursor) ?? []
  const mode = modes.get(letter)
  if (mode === undefined) return beforePlace(epoch, cursor)
  if (Number.parseInt(ofEpoch, 16) !== epoch || asked !== askedHash(input)) throw noCursor()
  const [untilGseq, nowMs, at] = [gseq, ms, offset].map((digits) => Number.parseInt(digits, 16))
  return { kind: 'ranked', mode, untilGseq: untilGseq ?? 0, nowMs: nowMs ?? 0, offset: at ?? 0 }
}

function beforePlace(epoch: number, text: string): UnitPlace {
  const cursor = parseCursor(text)
  if (cursor.kind === 'all' && cursor.epoch === epoch) return { kind: 'before', gseq: cursor.gseq }
  throw noCursor()
}

const noCursor = (): EngramError => new EngramError('invalid_cursor', 'This is no cursor of this search.')

/** What is shown of a list, and how; everything else that is asked decides the list. */
const showing: ReadonlySet<string> = new Set(['cursor', 'limit', 'offset', 'include_units', 'explain'])

function askedHash(input: SearchInput): string {
  const sorted = (value: object) => Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const asked = sorted({ ...input, meta_filters: sorted(input.meta_filters ?? {}) })
  return sha256Hex(JSON.stringify(asked.filter(([name]) => !showing.has(name)))).slice(0, 8)
}

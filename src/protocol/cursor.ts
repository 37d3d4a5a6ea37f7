import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'

/**
 * Places in a log (COL-701), opaque to clients, safe in every header, query and path:
 *
 *     c1_<8 hex: the context>_<8 hex epoch>_<16 hex seq>    after this event of one context
 *     g1_<8 hex epoch>_<16 hex gseq>                        after this event of the whole store
 *
 * Within a context byte order is log order. A cursor grants no right.
 */
export type Cursor =
  | { readonly kind: 'context'; readonly hash: string; readonly epoch: number; readonly seq: number }
  | { readonly kind: 'all'; readonly epoch: number; readonly gseq: number }
  | { readonly kind: 'begin' }
  | { readonly kind: 'now' }

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')

/** @param hash first 4 bytes of SHA-256 of the context id, 8 hex */
export const contextCursor = (hash: string, epoch: number, seq: number): string =>
  `c1_${hash}_${hex(epoch, 8)}_${hex(seq, 16)}`

export const allCursor = (epoch: number, gseq: number): string => `g1_${hex(epoch, 8)}_${hex(gseq, 16)}`

const shape = /^(?:c1_([0-9a-f]{8})|g1)_([0-9a-f]{8})_([0-9a-f]{16})$/

/** Throws `invalid_cursor`. Takes the words `begin` (`-1`, `0`) and `now` (`$`), which are never produced (COL-702). */
export function parseCursor(text: string): Cursor {
  if (text === 'begin' || text === '-1' || text === '0') return { kind: 'begin' }
  if (text === 'now' || text === '$') return { kind: 'now' }
  const [, hash, epoch = '', place = ''] = (text.length <= limits.cursorCharsMax ? shape.exec(text) : null) ?? []
  const at = Number.parseInt(place, 16)
  if (!Number.isSafeInteger(at)) throw new EngramError('invalid_cursor', 'This is no cursor of ours.')
  if (hash === undefined) return { kind: 'all', epoch: Number.parseInt(epoch, 16), gseq: at }
  return { kind: 'context', hash, epoch: Number.parseInt(epoch, 16), seq: at }
}

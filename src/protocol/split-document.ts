import { limits } from '../model/limits.ts'
import { decodeDocument, type ChunkDocument } from './chunk-document.ts'
import { shapeFault } from './json-shape.ts'

/** A document whose observations are read some at a time, so that few of them are held at once. */
export type SplitDocument = {
  /** Without its observations. */
  readonly document: ChunkDocument
  /** May be gone through once. Undefined stands for one that is no JSON. */
  readonly observations: Iterable<unknown>
  /** They take so many in the document. */
  readonly observationsBytes: number
}

const openObject = 0x7b
const openList = 0x5b
const comma = 0x2c
const colon = 0x3a
const listName = new TextEncoder().encode('"observations"')

/** Places of rows, each first byte beside the one behind its last. */
type Spans = { readonly list: { from: number; to: number }; readonly starts: number[]; readonly ends: number[] }

/**
 * The documents that programs write, without white space in their list of observations (CHK-300). Null for every other,
 * which `decodeDocument` reads or refuses.
 */
export function splitDocument(bytes: Uint8Array): SplitDocument | null {
  const spans = spansOf(bytes)
  if (spans === null || !areAllRows(bytes, spans)) return null
  const { list, starts, ends } = spans
  const document = restOf(bytes, list, [0x31])
  // Another key may be the same name, spelt otherwise, or no list: then it is not ours that a reader would see.
  const isOurs = hasList(document, 1) && hasList(restOf(bytes, list, [0x32]), 2)
  if (document === null || !isOurs) return null
  return {
    document: { ...document, observations: [] },
    observations: parsedRows(bytes, starts, ends),
    observationsBytes: list.to - list.from,
  }
}

/** The document with something else in the place of its rows; null where it is none. */
function restOf(bytes: Uint8Array, { from, to }: Spans['list'], instead: readonly number[]): ChunkDocument | null {
  const rest = new Uint8Array(bytes.length - (to - from) + instead.length)
  rest.set(bytes.subarray(0, from))
  rest.set(instead, from)
  rest.set(bytes.subarray(to), from + instead.length)
  const reading = decodeDocument(rest)
  return reading.ok ? reading.document : null
}

const hasList = (document: ChunkDocument | null, digit: number): boolean =>
  document?.observations.length === 1 && document.observations[0] === digit

/** Null without exactly one such list, and for what must not be parsed. */
function spansOf(bytes: Uint8Array): Spans | null {
  const spans: Spans = { list: { from: -1, to: -1 }, starts: [], ends: [] }
  let [isInside, lists] = [false, 0]
  const shape = shapeFault(
    bytes,
    { depthMax: limits.chunkJsonDepthMax, valuesMin: limits.chunkRowsMax },
    (at, depth) => {
      const isOpening = bytes[at] === openObject || bytes[at] === openList
      if (depth === 2) {
        if (isOpening) isInside = bytes[at] === openList && isNamedList(bytes, at)
        if (!isInside) return
        if (isOpening) [lists, spans.list.from] = [lists + 1, at + 1]
        else spans.list.to = at
      } else if (depth === 3 && isInside) {
        if (isOpening) spans.starts.push(at)
        else spans.ends.push(at + 1)
      }
    },
  )
  return shape === null && lists === 1 && spans.list.to !== -1 ? spans : null
}

const isNamedList = (bytes: Uint8Array, at: number): boolean =>
  bytes[at - 1] === colon &&
  at - 1 >= listName.length &&
  listName.every((byte, index) => bytes[at - 1 - listName.length + index] === byte)

/** Objects from the first byte of the list to its last, one comma between two of them. */
function areAllRows(bytes: Uint8Array, { list, starts, ends }: Spans): boolean {
  if (starts.length !== ends.length || starts.length === 0) return false
  if (starts[0] !== list.from || ends.at(-1) !== list.to) return false
  return starts.every(
    (start, index) =>
      bytes[start] === openObject &&
      (index === 0 || (start === (ends[index - 1] ?? 0) + 1 && bytes[start - 1] === comma)),
  )
}

/** So many are parsed and held at a time: one by one costs more, and all at once outlive what they are needed for. */
const together = 64

function* parsedRows(bytes: Uint8Array, starts: readonly number[], ends: readonly number[]): Generator {
  for (let first = 0; first < starts.length; first += together) {
    const last = Math.min(first + together, starts.length) - 1
    const rows = parsedList(bytes.subarray(starts[first], ends[last]))
    // What is no JSON in UTF-8 is no row.
    for (let index = first; index <= last; index++) yield rows?.[index - first]
  }
}

function parsedList(bytes: Uint8Array): readonly unknown[] | null {
  try {
    const list: unknown = JSON.parse(`[${new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)}]`)
    return Array.isArray(list) ? list : null
  } catch {
    return null
  }
}

import { limits } from '../model/limits.ts'
import type { OpenFile } from '../platform/files.ts'
import { bounds } from './bounds.ts'

/** One physical line that is not blank. `bytes` is without its newline, null above the limit, and lent: copy to keep. */
export type RawLine = {
  readonly bytes: Buffer | null
  /** Forwards: its raw line number. Backwards: 1 for the last raw line, 2 for the one before. */
  readonly number: number
  readonly offset: number
  /** Byte after the line and its newline. */
  readonly end: number
  /** False for a last line without newline: a write in progress or a torn one. */
  readonly isEnded: boolean
}

/** Where reading starts: the byte, and the raw number of the first raw line at or after it. */
export type Place = { readonly offset: number; readonly line: number }

/** Answers false to stop. */
type Visit = (line: RawLine) => boolean | void

const newline = 0x0a

export function isBlankLine(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at]
    if (byte !== 0x20 && byte !== 0x0d && byte !== 0x09) return false
  }
  return true
}

/** Fills the block from the file; short only at the end of the file. */
export async function readFully(file: OpenFile, block: Buffer, position: number): Promise<Buffer> {
  let got = 0
  while (got < block.length) {
    const more = await file.read(block.subarray(got), position + got)
    if (more === 0) break
    got += more
  }
  return block.subarray(0, got)
}

/** The pieces of a line that spans blocks; above the limit its bytes are let go. */
class Carry {
  #pieces: Buffer[] = []
  #bytes = 0
  #isTooLong = false
  #hasInk = false

  get isEmpty(): boolean {
    return this.#bytes === 0
  }

  add(piece: Buffer, at: 'front' | 'back'): void {
    if (piece.length === 0) return
    this.#bytes += piece.length
    this.#hasInk ||= !isBlankLine(piece)
    this.#isTooLong ||= this.#bytes >= limits.transcriptLineBytesMax
    if (this.#isTooLong) this.#pieces = []
    else if (at === 'back') this.#pieces.push(Buffer.from(piece))
    else this.#pieces.unshift(Buffer.from(piece))
  }

  /** The line gathered, 'blank', or null above the limit; starts the next. */
  take(): Buffer | 'blank' | null {
    const line = !this.#hasInk ? 'blank' : this.#isTooLong ? null : Buffer.concat(this.#pieces)
    this.#pieces = []
    this.#bytes = 0
    this.#isTooLong = false
    this.#hasInk = false
    return line
  }
}

/** Visits the raw lines of `[from.offset, to)` in order, with at most one block and one line in memory. */
export async function forEachLine(file: OpenFile, from: Place, to: number, visit: Visit): Promise<void> {
  if (to <= from.offset) return
  const buffer = Buffer.allocUnsafe(Math.min(bounds.blockBytes, to - from.offset))
  const carry = new Carry()
  let number = from.line
  let offset = from.offset
  const give = (bytes: Buffer | null, end: number, isEnded: boolean): boolean =>
    visit({ bytes, number: number++, offset, end, isEnded }) !== false
  for (let at = from.offset; at < to;) {
    const block = await readFully(file, buffer.subarray(0, Math.min(buffer.length, to - at)), at)
    if (block.length === 0) break
    let start = 0
    for (let stop = block.indexOf(newline); stop >= 0; stop = block.indexOf(newline, start)) {
      const end = at + stop + 1
      let line: Buffer | 'blank' | null
      if (carry.isEmpty) line = isBlankLine(block, start, stop) ? 'blank' : whole(block.subarray(start, stop))
      else {
        carry.add(block.subarray(start, stop), 'back')
        line = carry.take()
      }
      if (line !== 'blank' && !give(line, end, true)) return
      start = stop + 1
      offset = end
    }
    carry.add(block.subarray(start), 'back')
    at += block.length
  }
  const last = carry.take()
  if (last !== 'blank') give(last, to, false)
}

const whole = (line: Buffer): Buffer | null => (line.length >= limits.transcriptLineBytesMax ? null : line)

/** Visits the raw lines of `[from, to)` from the last to the first; `from` is the start of a line (TRN-903). */
export async function forEachLineBack(file: OpenFile, from: number, to: number, visit: Visit): Promise<void> {
  const carry = new Carry()
  let number = 1
  let lineEnd = to
  let isEnded = false
  let blockBytes: number = bounds.tailBlockBytes
  const give = (offset: number): boolean => {
    const line = carry.take()
    const goesOn = line === 'blank' || visit({ bytes: line, number: number++, offset, end: lineEnd, isEnded }) !== false
    lineEnd = offset
    isEnded = true
    return goesOn
  }
  for (let end = to; end > from;) {
    const start = Math.max(from, end - blockBytes)
    const block = await readFully(file, Buffer.allocUnsafe(end - start), start)
    if (block.length < end - start) return
    let stop = block.length
    for (let at = block.lastIndexOf(newline); at >= 0; at = stop === 0 ? -1 : block.lastIndexOf(newline, stop - 1)) {
      carry.add(block.subarray(at + 1, stop), 'front')
      if (!give(start + at + 1)) return
      stop = at
    }
    carry.add(block.subarray(0, stop), 'front')
    end = start
    blockBytes = Math.min(blockBytes * 2, bounds.blockBytes)
  }
  if (to > from) give(from)
}

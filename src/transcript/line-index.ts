import type { OpenFile } from '../platform/files.ts'
import { bounds } from './bounds.ts'
import { forEachLine, isBlankLine, readFully } from './scan.ts'
import type { Place } from './scan.ts'

const newline = 0x0a
const stride = 256

/**
 * Where lines begin, sparsely: the offset of every 256th raw line (TRN-901). Derived by counting newlines, without
 * decoding; grows with the file. One per file: `identity` is its inode and how much was removed before it.
 */
export class LineIndex {
  readonly identity: string
  #scanned = 0
  #lines = 0
  #lineStart = 0
  #hasInk = false
  readonly #marks: number[] = []
  #located: Place = { offset: 0, line: 1 }

  constructor(identity: string) {
    this.identity = identity
  }

  /** Bytes taken in. */
  get scanned(): number {
    return this.#scanned
  }

  /** Raw lines so far, a last one without newline included. */
  get rawLines(): number {
    return this.#lines + (this.#hasInk ? 1 : 0)
  }

  /** The file does not end with a newline (TRN-602). */
  get hasFragment(): boolean {
    return this.#scanned > this.#lineStart
  }

  /** Takes in a block at its offset; false when it is not the next one. */
  feed(block: Buffer, at: number): boolean {
    if (at !== this.#scanned) return false
    let start = 0
    for (let stop = block.indexOf(newline); stop >= 0; stop = block.indexOf(newline, start)) {
      if (this.#hasInk || !isBlankLine(block, start, stop)) {
        if (this.#lines % stride === 0) this.#marks.push(this.#lineStart)
        this.#lines++
      }
      start = stop + 1
      this.#lineStart = at + start
      this.#hasInk = false
    }
    this.#hasInk ||= !isBlankLine(block, start)
    this.#scanned = at + block.length
    return true
  }

  /** The nearest known place at or before a raw line. */
  near(line: number): Place {
    const mark = Math.min(Math.floor((line - 1) / stride), this.#marks.length - 1)
    const marked = { offset: this.#marks[mark] ?? 0, line: mark < 0 ? 1 : mark * stride + 1 }
    return this.#located.line <= line && this.#located.line > marked.line ? this.#located : marked
  }

  /** Remembers the place asked for last: most reads start at the same one. */
  noteLocated(place: Place): void {
    this.#located = place
  }
}

/** Takes in the file up to `bytes`, or less when `lines` raw lines are enough. */
export async function extendIndex(index: LineIndex, file: OpenFile, bytes: number, lines = Infinity): Promise<void> {
  if (index.scanned >= bytes || index.rawLines > lines) return
  const buffer = Buffer.allocUnsafe(Math.min(bounds.blockBytes, bytes - index.scanned))
  while (index.scanned < bytes && index.rawLines <= lines) {
    const at = index.scanned
    const block = await readFully(file, buffer.subarray(0, Math.min(buffer.length, bytes - at)), at)
    if (block.length === 0) return
    // Refused when another reader was here meanwhile; then go on from where it came.
    index.feed(block, at)
  }
}

/** The start of raw line `line`, or the end of the file with the number after its last line. */
export async function locate(index: LineIndex, file: OpenFile, bytes: number, line: number): Promise<Place> {
  if (line <= 1) return { offset: 0, line: 1 }
  await extendIndex(index, file, bytes, line)
  const from = index.near(line)
  let place: Place = from
  await forEachLine(file, from, bytes, (raw) => {
    place = { offset: raw.offset, line: raw.number }
    if (raw.number >= line) return false
    place = { offset: raw.end, line: raw.number + 1 }
    return true
  })
  if (place.line === line) index.noteLocated(place)
  return place
}

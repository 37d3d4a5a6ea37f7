import type { OpenFile } from '../platform/files.ts'

/** One line of a transcript. `end` is the offset behind its line feed: what may be committed once it is dealt with. */
export type RawLine =
  | {
      readonly kind: 'line'
      /** 1-based. */
      readonly line: number
      readonly offset: number
      readonly end: number
      readonly text: string
    }
  | {
      readonly kind: 'oversized'
      readonly line: number
      readonly offset: number
      readonly end: number
      /** Length of the whole line. */
      readonly bytes: number
      /** Its first 64 KiB. */
      readonly head: string
    }

export type LineOptions = {
  /** Byte offset to start at: 0, or the `end` of the last line dealt with. */
  readonly from: number
  /** Lines before `from`. */
  readonly fromLine: number
  /** Bytes of the file to look at; what is appended meanwhile waits for the next run. */
  readonly size: number
  readonly lineBytesMax: number
  readonly blockBytes: number
  /** The file has not changed for five minutes: a last line without a line feed may be taken (ING-LIN-2). */
  readonly isQuiet: boolean
}

const lineFeed = 0x0a
const carriageReturn = 0x0d
const headBytes = 64 * 1024

/**
 * The lines of a file from `from` on (ING-LIN-1..3, 6).
 *
 * - Memory is one block and one line of at most `lineBytesMax`; a longer line is skipped while streaming.
 * - A carriage return before the line feed and a leading byte order mark go; bytes that are no UTF-8 become U+FFFD.
 * - Blank lines are counted and not given out.
 * - A last line without a line feed is given out only when the file is quiet and the line is JSON.
 */
export async function* readLines(file: OpenFile, options: LineOptions): AsyncGenerator<RawLine, void, undefined> {
  const block = new Uint8Array(options.blockBytes)
  const open = openLine(options, await startsInsideLine(file, options.from))
  let position = options.from
  while (position < options.size) {
    const count = await file.read(block.subarray(0, Math.min(block.length, options.size - position)), position)
    if (count === 0) break
    const bytes = block.subarray(0, count)
    let start = 0
    for (let at = bytes.indexOf(lineFeed); at !== -1; at = bytes.indexOf(lineFeed, start)) {
      const line = open.close(bytes.subarray(start, at), 1)
      if (line !== null) yield line
      start = at + 1
    }
    open.append(bytes.subarray(start))
    position += count
  }
  const last = options.isQuiet && open.length > 0 ? open.close(new Uint8Array(0), 0) : null
  if (last !== null && last.kind === 'line' && isJson(last.text)) yield last
}

/** A last line taken without its line feed: what follows it there belongs to a line already counted. */
async function startsInsideLine(file: OpenFile, from: number): Promise<boolean> {
  if (from === 0) return false
  const before = new Uint8Array(1)
  return (await file.read(before, from - 1)) === 1 && before[0] !== lineFeed
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

type OpenLine = {
  /** Bytes of the line so far. */
  readonly length: number
  append(bytes: Uint8Array): void
  /** The line with its last bytes; null when it is blank. `feed` is the length of its line feed. */
  close(bytes: Uint8Array, feed: 0 | 1): RawLine | null
}

function openLine(options: LineOptions, isInside: boolean): OpenLine {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  let kept = new Uint8Array(options.blockBytes)
  let keptLength = 0
  let length = 0
  let offset = options.from
  let line = isInside ? options.fromLine - 1 : options.fromLine

  const keep = (bytes: Uint8Array): void => {
    if (keptLength + bytes.length > kept.length) {
      const doubled = Math.min(kept.length * 2, options.lineBytesMax)
      const wider = new Uint8Array(Math.max(doubled, keptLength + bytes.length))
      wider.set(kept.subarray(0, keptLength))
      kept = wider
    }
    kept.set(bytes, keptLength)
    keptLength += bytes.length
  }
  const append = (bytes: Uint8Array): void => {
    length += bytes.length
    if (length <= options.lineBytesMax) keep(bytes)
    else if (keptLength < headBytes) keep(bytes.subarray(0, headBytes - keptLength))
  }
  const textOf = (bytes: Uint8Array): string => {
    const end = bytes[bytes.length - 1] === carriageReturn ? bytes.length - 1 : bytes.length
    const text = decoder.decode(bytes.subarray(0, end))
    return offset === 0 && text.startsWith('\uFEFF') ? text.slice(1) : text
  }
  const shape = (bytes: Uint8Array, end: number): RawLine | null => {
    if (length > options.lineBytesMax) {
      const head = decoder.decode(bytes.subarray(0, headBytes))
      return { kind: 'oversized', line, offset, end, bytes: length, head }
    }
    const text = textOf(bytes)
    return /\S/.test(text) ? { kind: 'line', line, offset, end, text } : null
  }
  return {
    get length() {
      return length
    },
    append,
    close: (bytes, feed) => {
      // A line within one block, the usual case, is decoded from the block itself.
      const isWhole = length === 0 && bytes.length <= options.lineBytesMax
      if (isWhole) length = bytes.length
      else append(bytes)
      line += 1
      const end = offset + length + feed
      const closed = shape(isWhole ? bytes : kept.subarray(0, keptLength), end)
      offset = end
      length = 0
      keptLength = 0
      return closed
    },
  }
}

import { limits } from '../model/limits.ts'
import type { OpenFile } from '../platform/files.ts'
import type { Cursor } from './cursor.ts'
import { readLines } from './lines.ts'
import type { RawLine } from './lines.ts'
import type { Place } from './window.ts'

export type BatchLines = {
  /** The lines from `readOffset` on: those read again, then the new ones. */
  readonly lines: readonly RawLine[]
  /** Behind the last line. */
  readonly end: Place
  /** Nothing more is to be had of the file now. */
  readonly isAtEnd: boolean
}

export type BatchOptions = { readonly size: number; readonly isQuiet: boolean }

/** A batch ends with the line that reaches this, so that with a usual line it stays below 8 MiB. */
const batchBytes = limits.ingestBatchBytesMax / 2

/** One batch of a file: at most 2,000 new records or 8 MiB of them, and at least one (ING-CRS-2). */
export async function readBatch(file: OpenFile, cursor: Cursor, options: BatchOptions): Promise<BatchLines> {
  const lines: RawLine[] = []
  let end: Place = { offset: cursor.offset, line: cursor.line }
  let records = 0
  let bytes = 0
  for await (const line of readLines(file, {
    from: cursor.readOffset,
    fromLine: cursor.readLine,
    lineBytesMax: limits.ingestLineBytesMax,
    blockBytes: limits.ingestBlockBytes,
    ...options,
  })) {
    lines.push(line)
    if (line.offset < cursor.offset) continue
    records += 1
    end = { offset: line.end, line: line.line }
    // Of a line that is too long only the head is kept: with what follows it, the batch can tell whose session it is.
    bytes += line.kind === 'oversized' ? line.head.length : line.end - line.offset
    const isFull = records >= limits.ingestBatchRecordsMax || bytes >= batchBytes
    if (isFull) return { lines, end, isAtEnd: false }
  }
  return { lines, end, isAtEnd: true }
}

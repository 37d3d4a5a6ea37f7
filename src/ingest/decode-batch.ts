import type { Cursor } from './cursor.ts'
import type { Entry, ReadCounts, SessionHead } from './entries.ts'
import type { BatchLines } from './read-batch.ts'
import type { AbandonedTurns, Reader, ReaderSession, SeenRecords, SessionOptions } from './readers/reader.ts'
import type { RawLine } from './lines.ts'
import { withoutNotes } from './seen.ts'
import { checkpointsOf, windowStart } from './window.ts'
import type { Place } from './window.ts'

/** What a batch of lines says. */
export type DecodedBatch = {
  /** Of all lines, also those read again. */
  readonly entries: readonly Entry[]
  /** Those an earlier batch did not give. */
  readonly fresh: readonly Entry[]
  readonly head: SessionHead
  readonly counts: ReadCounts
  /** As the counts stood before the first new line. */
  readonly countsBefore: ReadCounts
  readonly abandoned: AbandonedTurns
  /**
   * Where a later read for the rules to begin at `offset` may begin: there, or the nearest line before it where nothing
   * waited for its meaning. Never further back than ING-INC-3 allows.
   */
  readonly restart: (offset: number) => Restart
}

export type Restart = Place & {
  readonly reader: string
  readonly flushes: readonly number[]
  /** `offset` of the question, moved up to where ING-INC-3 allows. */
  readonly extractOffset: number
}

export type DecodeOptions = {
  readonly reader: Reader
  readonly session: Omit<SessionOptions, 'seen'>
  readonly seen: SeenRecords
  readonly isQuiet: boolean
}

type Checkpoint = { readonly index: number; readonly reader: string; readonly flushes: readonly number[] }

/** Null when the saved state is none this reader can go on from: read the file from its start then. */
export function decodeBatch(cursor: Cursor, batch: BatchLines, options: DecodeOptions): DecodedBatch | null {
  const session = openSession(cursor.reader, options, options.seen)
  if (session === null) return null
  const feed = createFeed(session, cursor.flushes)
  const tailFrom = windowStart(batch.lines, batch.end)
  const isCheckpoint = checkpointsOf(batch.lines, tailFrom)
  const checkpoints: Checkpoint[] = []
  const waiting: boolean[] = []
  const entries: Entry[] = []
  const fresh: Entry[] = []
  let countsBefore: ReadCounts | null = null
  for (const [index, line] of batch.lines.entries()) {
    const isFresh = line.offset >= cursor.offset
    entries.push(...feed.upTo(line.offset))
    if (isFresh) countsBefore ??= session.counts()
    if (index >= tailFrom) waiting[index] = session.counts().waiting > 0
    if (isCheckpoint.has(index)) checkpoints.push({ index, reader: session.save(), flushes: feed.flushesLeft() })
    const taken = session.take(line)
    entries.push(...taken)
    if (isFresh) fresh.push(...taken)
  }
  entries.push(...feed.upTo(batch.end.offset))
  countsBefore ??= session.counts()
  const isFlushed = batch.isAtEnd && options.isQuiet && session.counts().waiting > 0
  if (isFlushed) {
    const decided = session.finish(true)
    entries.push(...decided)
    fresh.push(...decided)
  }
  waiting[batch.lines.length] = session.counts().waiting > 0
  const flushes = [...cursor.flushes, ...(isFlushed ? [batch.end.offset] : [])]
  const tailOffset = batch.lines[tailFrom]?.offset ?? batch.end.offset
  const atEnd = { ...batch.end, reader: session.save(), flushes: [] }
  return {
    entries,
    fresh,
    head: session.head(),
    counts: session.counts(),
    countsBefore,
    abandoned: session.abandoned(),
    restart: (offset) => {
      const extractOffset = Math.min(Math.max(offset, tailOffset), batch.end.offset)
      const index = settledIndex(batch.lines, waiting, tailFrom, extractOffset)
      const line = batch.lines[index]
      const checkpoint = checkpoints.findLast((each) => each.index <= index)
      if (line === undefined || checkpoint === undefined) return { ...atEnd, extractOffset: batch.end.offset }
      const reader = stateBefore(batch.lines, index, checkpoint, options)
      return {
        extractOffset,
        offset: line.offset,
        line: line.line - 1,
        reader,
        flushes: flushes.filter((each) => each > line.offset),
      }
    },
  }
}

function openSession(reader: string | null, options: DecodeOptions, seen: SeenRecords): ReaderSession | null {
  const about = { ...options.session, seen }
  return reader === null ? options.reader.start(about) : options.reader.resume(about, reader)
}

/** Ends the waiting where an earlier read ended it, so that the same lines give the same again. */
function createFeed(session: ReaderSession, flushes: readonly number[]) {
  let left = flushes
  return {
    upTo: (offset: number): readonly Entry[] => {
      const due = left.filter((each) => each <= offset)
      left = left.filter((each) => each > offset)
      return due.flatMap(() => session.finish(true))
    },
    flushesLeft: () => left,
  }
}

/** What waits is text as it came; it is better read again than kept. */
function settledIndex(
  lines: readonly RawLine[],
  waiting: readonly boolean[],
  tailFrom: number,
  offset: number,
): number {
  const at = lines.findIndex((line) => line.offset >= offset)
  const wanted = Math.max(at === -1 ? lines.length : at, tailFrom)
  if (waiting[wanted] !== true) return wanted
  for (let index = wanted; index >= tailFrom; index--) if (waiting[index] === false) return index
  return wanted
}

function stateBefore(lines: readonly RawLine[], index: number, checkpoint: Checkpoint, options: DecodeOptions): string {
  if (checkpoint.index === index) return checkpoint.reader
  const session = openSession(checkpoint.reader, options, withoutNotes(options.seen))
  // The state was saved by this very reader a moment ago.
  if (session === null) return checkpoint.reader
  const feed = createFeed(session, checkpoint.flushes)
  for (const line of lines.slice(checkpoint.index, index)) {
    feed.upTo(line.offset)
    session.take(line)
  }
  feed.upTo(lines[index]?.offset ?? 0)
  return session.save()
}

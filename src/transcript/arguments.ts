import { EngramError } from '../model/errors.ts'
import { utf8Bytes } from '../model/text.ts'
import { bounds } from './bounds.ts'
import { isRecord } from './fields.ts'
import { checkMessageId, lineOf } from './message.ts'
import type { Line, LineOptions } from './message.ts'
import type { BatchItem, HistoryOptions, ListOptions, TranscriptNotes } from './store.ts'

/** Checks of what callers hand in (TRN-110), before anything is touched. */

const refuse = (field: string, expected: string, came: unknown): EngramError =>
  new EngramError('invalid_request', `${field}: expected ${expected}, got ${came === null ? 'null' : printable(came)}`)

const printable = (came: unknown): string => (typeof came === 'number' ? String(came) : typeof came)

export function checkKeepLast(keepLast: unknown): asserts keepLast is number {
  if (!Number.isInteger(keepLast)) throw refuse('keepLast', 'a whole number', keepLast)
}

export function checkPosition(position: unknown): asserts position is number {
  if (!Number.isInteger(position) || Number(position) < 0) throw refuse('position', 'a whole number from 0', position)
}

export function checkAliases(aliases: unknown): asserts aliases is readonly string[] {
  const isList = Array.isArray(aliases) && aliases.every((one) => typeof one === 'string')
  if (!isList) throw refuse('aliases', 'a list of texts', aliases)
}

/** `last`, `after`, `before`, `limit`: whole numbers from 0. */
export function checkRange(options: HistoryOptions): void {
  for (const name of ['last', 'after', 'before', 'limit'] as const) {
    const value = options[name]
    if (value !== undefined && (!Number.isInteger(value) || value < 0))
      throw refuse(name, 'a whole number from 0', value)
  }
}

export function checkSummary(summary: unknown): asserts summary is string {
  if (typeof summary !== 'string') throw refuse('summary', 'text', summary)
  const bytes = utf8Bytes(summary)
  if (bytes > bounds.summaryBytesMax) {
    throw new EngramError(
      'payload_too_large',
      `summary: expected at most ${bounds.summaryBytesMax} bytes, got ${bytes}`,
    )
  }
}

export function checkNotes(notes: unknown): asserts notes is TranscriptNotes {
  if (!isRecord(notes)) throw refuse('notes', 'an object', notes)
  for (const name of ['title', 'project', 'session_id']) {
    const value = notes[name]
    if (value !== undefined && typeof value !== 'string') throw refuse(name, 'text', value)
  }
  if (notes['scope'] !== undefined && !isRecord(notes['scope'])) throw refuse('scope', 'an object', notes['scope'])
  const bytes = utf8Bytes(JSON.stringify(notes))
  if (bytes > bounds.summaryBytesMax) {
    throw new EngramError('payload_too_large', `notes: expected at most ${bounds.summaryBytesMax} bytes, got ${bytes}`)
  }
}

export function checkList(options: ListOptions): void {
  const { limit, sort, prefix, cursor } = options
  if (limit !== undefined && (!Number.isInteger(limit) || limit < 1 || limit > bounds.listPageMax)) {
    throw refuse('limit', `1..${bounds.listPageMax}`, limit)
  }
  if (sort !== undefined && !['updated', 'created', 'key'].includes(sort))
    throw refuse('sort', 'updated, created or key', sort)
  if (prefix !== undefined && typeof prefix !== 'string') throw refuse('prefix', 'text', prefix)
  if (cursor !== undefined && typeof cursor !== 'string') throw refuse('cursor', 'text', cursor)
}

type Shared = Omit<LineOptions, 'messageId'>

/** Lines of a batch; thoughts alone are left out. */
export function linesOfBatch(items: unknown, options: Shared): Line[] {
  if (!Array.isArray(items)) throw refuse('messages', 'a list', items)
  return linesOf(items, 'messages', (item: Partial<BatchItem> | null) => {
    const messageId = item?.messageId
    if (messageId === undefined) throw refuse('messageId', 'text', messageId)
    checkMessageId(messageId)
    return lineOf(item?.message, { ...options, messageId })
  })
}

/** Lines of a whole history, within its bounds (TRN-1702). */
export function linesOfHistory(history: unknown, options: Shared): Line[] {
  if (!Array.isArray(history)) throw refuse('history', 'a list of messages', history)
  if (history.length > bounds.historyMessagesMax) {
    const most = `at most ${bounds.historyMessagesMax} messages`
    throw new EngramError('payload_too_large', `history: expected ${most}, got ${history.length}`)
  }
  let bytes = 0
  return linesOf(history, 'history', (message: unknown) => {
    const line = lineOf(message, options)
    bytes += line?.bytes.length ?? 0
    if (bytes > bounds.historyBytesMax) {
      throw new EngramError('payload_too_large', `history: expected at most ${bounds.historyBytesMax} bytes`)
    }
    return line
  })
}

/** Refusals name the place in the list. */
function linesOf<T>(items: readonly T[], name: string, lineOfItem: (item: T) => Line | null): Line[] {
  const lines: Line[] = []
  for (const [index, item] of items.entries()) {
    try {
      const line = lineOfItem(item)
      if (line !== null) lines.push(line)
    } catch (error) {
      if (!(error instanceof EngramError)) throw error
      throw new EngramError(error.code, `${name}[${index}].${error.message}`, { details: error.details })
    }
  }
  return lines
}

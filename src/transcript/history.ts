import { EngramError } from '../model/errors.ts'
import { errorCodeOf, isMissing } from '../platform/files.ts'
import type { OpenFile } from '../platform/files.ts'
import { bounds } from './bounds.ts'
import { LineIndex, extendIndex, locate } from './line-index.ts'
import { emptyMeta } from './meta.ts'
import type { Meta } from './meta.ts'
import { rebuildMeta } from './meta-file.ts'
import { judgePending, settledMeta } from './pending.ts'
import { forEachLine, forEachLineBack } from './scan.ts'
import type { RawLine } from './scan.ts'
import { checkOwner } from './session.ts'
import type { Session } from './session.ts'
import { temporaryPath } from './store-context.ts'
import type { StoreContext } from './store-context.ts'
import type { HistoryPage, PositionedMessage, TranscriptMessage } from './store.ts'

/** A session at one moment, as a reader without the lock sees it (TRN-804). */
export type View = {
  readonly store: StoreContext
  readonly session: Session
  /** Null when neither file is there. */
  readonly meta: Meta | null
  readonly file: OpenFile | null
  readonly size: number
  readonly skip: number
  readonly base: number
  readonly index: LineIndex
}

/**
 * Reads without the lock: looks at meta, reads, looks again, and starts over when the session was replaced or truncated
 * meanwhile. After five times it waits its turn among the writers.
 */
export async function readSession<T>(
  store: StoreContext,
  session: Session,
  read: (view: View) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; attempt <= bounds.readAttemptsMax; attempt++) {
    const found = await tryRead(store, session, read)
    if (found !== 'changed') return found.value
  }
  if (store.readOnly) throw new EngramError('storage_busy', 'session: it changes faster than it can be read')
  const found = await session.hold(() => tryRead(store, session, read), { creates: false })
  if (found === undefined || found === 'changed')
    throw new EngramError('storage_busy', 'session: it changes while it is locked')
  return found.value
}

type Source = { readonly meta: Meta | null; readonly path: string | null; readonly mark: string }

async function tryRead<T>(
  store: StoreContext,
  session: Session,
  read: (view: View) => Promise<T>,
): Promise<{ readonly value: T } | 'changed'> {
  const source = await sourceOf(store, session)
  const file = source.path === null ? null : await openTranscript(store, source.path)
  if (file === 'gone') return 'changed'
  try {
    const facts = await file?.facts()
    if (facts !== undefined && facts.kind !== 'file') {
      throw new EngramError(
        'storage_failed',
        `${session.paths.transcript}: expected a regular file, found a ${facts.kind}`,
      )
    }
    const meta = source.meta ?? emptyMeta(session.key)
    const { skip, base } = meta
    const index = facts === undefined ? new LineIndex('') : session.indexFor(facts.inode, meta)
    const view = { store, session, meta: source.meta, file, size: facts?.size ?? 0, skip, base, index }
    const value = await read(view)
    const [again, inode] = await Promise.all([sourceOf(store, session), inodeOf(store, source.path)])
    const isSame = again.mark === source.mark && inode === (facts?.inode ?? null)
    return isSame ? { value } : 'changed'
  } finally {
    await file?.close()
  }
}

/** Which file holds the messages, and what would tell that it is another one by now. */
async function sourceOf(store: StoreContext, session: Session): Promise<Source> {
  const meta = await metaOf(store, session)
  if (meta?.deleting != null) return { meta: null, path: null, mark: `deleting ${meta.deleting}` }
  if (meta === null || meta.pending === null) {
    return { meta, path: session.paths.transcript, mark: `${meta?.skip} ${meta?.base} ${meta === null}` }
  }
  const verdict = await judgePending(store, session.paths, meta.pending)
  const settled = settledMeta(meta, verdict)
  const path = verdict === 'take' ? temporaryPath(store.directory, meta.pending.file) : session.paths.transcript
  return { meta: settled, path, mark: `${settled.skip} ${settled.base} ${meta.pending.file} ${verdict}` }
}

/** Null when there is no meta file. A damaged one is rebuilt, which needs the lock; read only, the rebuilt one is not kept. */
async function metaOf(store: StoreContext, session: Session): Promise<Meta | null> {
  const read = await session.readMeta()
  if (read.state === 'missing') return null
  if (read.state === 'ok') {
    checkOwner(store, read.meta, session.key)
    return read.meta
  }
  if (store.readOnly) return rebuildMeta(store, session.paths, session.key, { reason: read.reason, isDry: true })
  return session.repair()
}

/** Null when there is none. A pending file that is gone has just become the transcript. */
async function openTranscript(store: StoreContext, path: string): Promise<OpenFile | 'gone' | null> {
  try {
    return await store.files.open(path, 'read')
  } catch (error) {
    if (isMissing(error)) return path.includes('/.engram/tmp/') ? 'gone' : null
    if (errorCodeOf(error) === 'ELOOP') {
      throw new EngramError('storage_failed', `${path}: expected a regular file, found a symbolic link`, {
        cause: error,
      })
    }
    throw error
  }
}

async function inodeOf(store: StoreContext, path: string | null): Promise<bigint | null> {
  return path === null ? null : ((await store.files.facts(path))?.inode ?? null)
}

// ── what is read ──

export type Range = {
  readonly last?: number | undefined
  readonly after?: number | undefined
  readonly before?: number | undefined
  readonly limit?: number | undefined
}

/** The visible messages in order, or a part of them (TRN-502, TRN-903). */
export async function messagesOf(view: View, range: Range): Promise<readonly TranscriptMessage[]> {
  const isTail = range.last !== undefined && range.after === undefined && range.limit === undefined
  if (isTail) return lastMessages(view, range.last ?? 0, range.before)
  const found = await collect(view, { ...range, messagesMax: range.limit ?? Infinity, bytesMax: Infinity })
  const messages = found.messages.map((one) => one.message)
  if (range.last === undefined) return messages
  return range.last === 0 ? [] : messages.slice(-range.last)
}

export function pageOf(view: View, range: Range): Promise<HistoryPage> {
  const messagesMax = Math.min(range.limit ?? bounds.pageMessages, bounds.pageMessagesMax)
  return collect(view, { ...range, messagesMax, bytesMax: bounds.pageBytesMax })
}

/** Position of the last raw line, whole or torn; what is appended later comes after it. */
export async function endOf({ file, index, size, base }: View): Promise<number> {
  if (file === null) return base
  await extendIndex(index, file, size)
  return base + index.rawLines
}

/** The last visible raw lines as they stand, bad ones included; `last` 0 means all. */
export async function rawTexts(view: View, last: number): Promise<string[]> {
  const { file } = view
  const texts: string[] = []
  if (file === null) return texts
  const first = await locate(view.index, file, view.size, view.skip + 1)
  await forEachLineBack(file, first.offset, view.size, (line) => {
    texts.push(line.bytes?.toString('utf8') ?? '')
    return last === 0 || texts.length < last
  })
  return texts.toReversed()
}

/** Visible retained messages, counted without keeping them. */
export async function countOf(view: View): Promise<number> {
  const { file } = view
  if (file === null) return 0
  let count = 0
  const first = await locate(view.index, file, view.size, view.skip + 1)
  await forEachLine(file, first, view.size, (line) => {
    if (messageIn(view, line) !== null) count++
  })
  return count
}

async function collect(
  view: View,
  range: Range & { readonly messagesMax: number; readonly bytesMax: number },
): Promise<{ readonly messages: PositionedMessage[]; readonly next: number | null }> {
  const messages: PositionedMessage[] = []
  let next: number | null = null
  const { file } = view
  if (file === null || range.messagesMax === 0) return { messages, next }
  const lineMin = Math.max(view.skip, (range.after ?? 0) - view.base) + 1
  const lineEnd = (range.before ?? Infinity) - view.base
  let bytes = 0
  const first = await locate(view.index, file, view.size, lineMin)
  await forEachLine(file, first, view.size, (line) => {
    if (line.number >= lineEnd) return false
    const message = messageIn(view, line)
    if (message === null) return true
    if (messages.length >= range.messagesMax || bytes > range.bytesMax) {
      next = messages.at(-1)?.position ?? null
      return false
    }
    bytes += line.end - line.offset
    messages.push({ position: view.base + line.number, message })
    return true
  })
  return { messages, next }
}

async function lastMessages(
  view: View,
  last: number,
  before: number | undefined,
): Promise<readonly TranscriptMessage[]> {
  const { file } = view
  const messages: TranscriptMessage[] = []
  if (file === null || last === 0) return messages
  const first = view.skip === 0 ? { offset: 0 } : await locate(view.index, file, view.size, view.skip + 1)
  const lineEnd = before === undefined ? null : before - view.base
  const end = lineEnd === null ? view.size : (await locate(view.index, file, view.size, lineEnd)).offset
  await forEachLineBack(file, first.offset, Math.max(end, first.offset), (line) => {
    const message = messageIn(view, line, end === view.size ? 'backwards' : 'within')
    if (message !== null) messages.push(message)
    return messages.length < last
  })
  return messages.toReversed()
}

function messageIn(
  view: View,
  line: RawLine,
  way: 'forwards' | 'backwards' | 'within' = 'forwards',
): TranscriptMessage | null {
  const decoded = view.store.layout.decode(line.bytes)
  if (decoded.kind === 'message') return decoded.isThought && !view.store.keepsThoughts ? null : decoded.message
  // A last line without its newline is a write in progress.
  if (line.isEnded) view.session.reportBad(numberOf(view, line, way), line.offset, decoded.reason)
  return null
}

const numberOf = (view: View, line: RawLine, way: 'forwards' | 'backwards' | 'within'): number | null =>
  way === 'forwards' ? line.number : way === 'within' ? null : lineFromEnd(view, line)

/** Raw line number of a line counted from the end, when the file was counted at all. */
const lineFromEnd = (view: View, line: RawLine): number | null =>
  view.index.scanned === view.size ? view.index.rawLines - line.number + 1 : null

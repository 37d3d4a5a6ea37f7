import type { OpenFile } from '../platform/files.ts'
import { isNothing, isRecord } from './fields.ts'
import { locate } from './line-index.ts'
import type { LineIndex } from './line-index.ts'
import type { Line } from './message.ts'
import type { Meta } from './meta.ts'
import { forEachLine } from './scan.ts'
import type { Held } from './session.ts'
import { timeText } from './store-context.ts'
import type { StoreContext } from './store-context.ts'
import type { TranscriptMessage } from './store.ts'

/** A whole session from elsewhere (TRN-1103). Times are RFC 3339; `from` names the file it was read from. */
export type ImportedSession = {
  readonly messages: readonly TranscriptMessage[]
  /** '' keeps what is there. */
  readonly summary: string
  readonly created: string | null
  readonly updated: string | null
  readonly from: { readonly file: string; readonly sha256: string }
}

/**
 * What became of it (TRN-1104, TRN-1105).
 *
 * - `imported`: its messages are the transcript now.
 * - `already`: this very file was imported before; what came since stays.
 * - `present`: the transcript continues it, there was nothing to do.
 * - `conflict`: both have messages the other has not; nothing was changed.
 */
export type ImportOutcome = 'imported' | 'already' | 'present' | 'conflict'

/** Stores that take a whole session in one step. */
export interface SessionImporter {
  importSession(
    sessionKey: string,
    session: ImportedSession,
    options?: { readonly dryRun?: boolean },
  ): Promise<ImportOutcome>
}

/** What is there and what would come, each message as {@link comparable} text. */
export function decideImport(there: readonly string[], coming: readonly string[], isMarked: boolean): ImportOutcome {
  if (isMarked) return 'already'
  if (isStart(there, coming)) return 'imported'
  return isStart(coming, there) ? 'present' : 'conflict'
}

const isStart = (start: readonly string[], all: readonly string[]): boolean =>
  start.length <= all.length && start.every((text, at) => text === all[at])

/** Messages that say the same have the same text. Times are left out: an import may have had to make one up. */
export function comparable(message: TranscriptMessage): string {
  const { created_at: _, ...rest } = message
  return JSON.stringify(sorted(rest))
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isRecord(value)) return value
  const fields = Object.entries(value).filter(([, inner]) => !isNothing(inner))
  return Object.fromEntries(fields.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, inner]) => [name, sorted(inner)]))
}

export const isMarkedWith = (meta: Meta | null, sha256: string): boolean => {
  const mark = meta?.extra['migrated_from']
  return isRecord(mark) && mark['sha256'] === sha256
}

/** Lines as they would be read back, so that both sides are compared after redaction. */
export function comparableLines(store: StoreContext, lines: readonly Line[]): string[] {
  return lines.flatMap((line) => {
    const decoded = store.layout.decode(line.bytes.subarray(0, -1))
    return decoded.kind === 'message' ? [comparable(decoded.message)] : []
  })
}

type Source = {
  readonly file: OpenFile | null
  readonly index: LineIndex
  readonly size: number
  readonly skip: number
}

/** The visible messages of a session, comparable. */
export async function comparableMessages(store: StoreContext, { file, index, size, skip }: Source): Promise<string[]> {
  const found: string[] = []
  if (file === null) return found
  await forEachLine(file, await locate(index, file, size, skip + 1), size, (line) => {
    const decoded = store.layout.decode(line.bytes)
    if (decoded.kind === 'message' && (store.keepsThoughts || !decoded.isThought))
      found.push(comparable(decoded.message))
  })
  return found
}

/** Decides and imports, under the session lock: messages, summary, times and the mark in one replacement. */
export async function importSession(
  held: Held,
  session: ImportedSession,
  lines: readonly Line[],
): Promise<ImportOutcome> {
  const { store, meta } = held
  const { open: file, index, size } = held.file
  const there = await comparableMessages(store, { file, index, size, skip: meta.skip })
  const coming = comparableLines(store, lines)
  const outcome = decideImport(there, coming, isMarkedWith(meta, session.from.sha256))
  if (outcome !== 'imported') return outcome
  const now = timeText(store.clock)
  const base = meta.base + index.rawLines
  await held.replace(
    async (writer) => {
      for (const line of lines) await writer.add(line.bytes)
    },
    () => ({
      ...meta,
      summary: session.summary === '' ? meta.summary : session.summary,
      skip: 0,
      count: lines.length,
      base,
      createdAt: session.created ?? now,
      updatedAt: session.updated ?? session.created ?? now,
      extra: { ...meta.extra, migrated_from: { ...session.from, at: now } },
    }),
  )
  return outcome
}

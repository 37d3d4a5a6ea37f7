import type { CallContext } from '../model/operation.ts'
import type { SearchedConversations } from '../model/ports.ts'
import { formatTime, parseTime } from '../model/times.ts'
import { compileRegex, type LinearRegex } from '../search/linear-regex.ts'
import { snippetAround, type Snippet } from '../search/snippet.ts'
import { observationsBefore, type RecordFilters } from '../store/full-text-search.ts'
import { transcriptProject } from '../store/transcript-index.ts'
import type { EngineDeps } from './handler.ts'
import { textOf } from './transcript-index.ts'

export type RegexFinding = { readonly id: number; readonly snippet: Snippet }
export type RegexFindings = { readonly found: readonly RegexFinding[]; readonly isComplete: boolean }

const batchRows = 100
/** The longest stretch without letting others work. */
const sliceMs = 20
const deadlineMs = 10_000
const rangesMax = 50

/**
 * Observations whose title or content a regular expression matches, newest first, until `limit` are found (ING-CMD-6).
 * Works in slices; after 10 s it answers what it has, incomplete.
 */
export async function findByRegex(
  deps: EngineDeps,
  pattern: string,
  filters: RecordFilters,
  limit: number,
  context: CallContext,
): Promise<RegexFindings> {
  const regex = compileRegex(pattern)
  const endMs = deps.clock.monotonicMs() + deadlineMs
  const found: RegexFinding[] = []
  let place: Place | null = null
  let sliceEndMs = deps.clock.monotonicMs() + sliceMs
  for (;;) {
    const rows = rowsAfter(deps, filters, place)
    for (const row of rows) {
      const snippet = matchedSnippet(regex, row)
      if (snippet !== null) found.push({ id: row.id, snippet })
      if (found.length >= limit) return { found, isComplete: true }
      place = { createdAt: row.created_at, id: row.id }
      const nowMs = deps.clock.monotonicMs()
      if (nowMs >= endMs) return { found, isComplete: false }
      if (nowMs < sliceEndMs) continue
      await deps.clock.sleep(0, context.signal)
      sliceEndMs = deps.clock.monotonicMs() + sliceMs
    }
    if (rows.length < batchRows) return { found, isComplete: true }
  }
}

type Place = { readonly createdAt: string; readonly id: number }

const rowsAfter = (deps: EngineDeps, filters: RecordFilters, place: Place | null) =>
  deps.store.read((tx) => observationsBefore(tx, filters, place, batchRows))

function matchedSnippet(regex: LinearRegex, row: { readonly title: string; readonly content: string }): Snippet | null {
  const ranges = rangesIn(regex, row.content)
  if (ranges.length > 0) return snippetAround(row.content, ranges)
  return regex.find(row.title) === null ? null : snippetAround(row.content, [])
}

function rangesIn(regex: LinearRegex, text: string): readonly (readonly [number, number])[] {
  const ranges: (readonly [number, number])[] = []
  for (let range = regex.find(text); range !== null && ranges.length < rangesMax;) {
    ranges.push(range)
    const next = Math.max(range[1], range[0] + 1)
    range = next > text.length ? null : regex.find(text, next)
  }
  return ranges
}

/** A message a regular expression matches. */
export type MessageFinding = {
  readonly key: string
  readonly position: number
  readonly role: string
  readonly project: string
  readonly sessionId: string
  readonly createdAt: string
  readonly snippet: Snippet
}

const pageMessages = 200

/**
 * Messages of archived conversations that a regular expression matches, until `limit` are found: conversations written
 * last first, each from its beginning. They are read where they are kept, so that no index is needed; slices and deadline
 * are those of {@link findByRegex}.
 */
export async function findMessagesByRegex(
  deps: EngineDeps,
  pattern: string,
  filters: RecordFilters,
  limit: number,
  context: CallContext,
): Promise<{ readonly found: readonly MessageFinding[]; readonly isComplete: boolean }> {
  const { conversations, clock, store } = deps
  const found: MessageFinding[] = []
  if (conversations === null) return { found, isComplete: true }
  const regex = compileRegex(pattern)
  const endMs = clock.monotonicMs() + deadlineMs
  for (const { key } of await conversations.list()) {
    const about = await conversations.about(key)
    const project = store.read((tx) => transcriptProject(tx, about.sessionId, about.project))
    if (filters.project !== null && project !== filters.project) continue
    if (filters.sessionId !== undefined && about.sessionId !== filters.sessionId) continue
    for (let after: number | null = 0; after !== null;) {
      const page: Awaited<ReturnType<SearchedConversations['page']>> = await conversations.page(
        key,
        after,
        pageMessages,
      )
      for (const { position, message } of page.messages) {
        const ranges = rangesIn(regex, textOf(message))
        const createdAt = timeOf(message.created_at)
        if (ranges.length === 0 || !isWithin(createdAt, message.role, filters)) continue
        const snippet = snippetAround(textOf(message), ranges)
        found.push({ key, position, role: message.role, project, sessionId: about.sessionId, createdAt, snippet })
        if (found.length >= limit) return { found, isComplete: true }
        if (clock.monotonicMs() >= endMs) return { found, isComplete: false }
      }
      if (clock.monotonicMs() >= endMs) return { found, isComplete: false }
      await clock.sleep(0, context.signal)
      after = page.next
    }
  }
  return { found, isComplete: true }
}

function timeOf(text: string | undefined): string {
  const ms = text === undefined ? null : parseTime(text)
  return ms === null ? '' : formatTime(ms)
}

function isWithin(createdAt: string, role: string, { since, until, author }: RecordFilters): boolean {
  if (author !== undefined && role.toLowerCase() !== author.toLowerCase()) return false
  if (since !== undefined && createdAt < since) return false
  return until === undefined || (createdAt !== '' && createdAt <= until)
}

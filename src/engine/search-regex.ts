import type { CallContext } from '../model/operation.ts'
import { compileRegex, type LinearRegex } from '../search/linear-regex.ts'
import { snippetAround, type Snippet } from '../search/snippet.ts'
import { observationsBefore, type RecordFilters } from '../store/full-text-search.ts'
import type { EngineDeps } from './handler.ts'

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

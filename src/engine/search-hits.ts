import type { FoundEntry, HitExplanation, SearchHit } from '../api/search.ts'
import { limits } from '../model/limits.ts'
import { cutCodePoints } from '../model/text.ts'
import { fitBudget, type Budget } from '../search/budget.ts'
import type { Snippet } from '../search/snippet.ts'
import { openConflictsOf } from '../store/full-text-search.ts'
import type { ObservationRow } from '../store/rows.ts'
import type { ReadTx } from '../store/transaction.ts'
import { toObservation, toObservationExt } from './present.ts'
import { relationNotesOf } from './relations.ts'

/** What the search says of one result beside the record itself. */
export type Finding = {
  readonly row: ObservationRow
  readonly rank: number
  readonly score: number
  readonly snippet: Snippet
  readonly twins: readonly number[]
  readonly explanation?: HitExplanation
}

/** The record with its frozen keys; everything that is ours alone stands in `ext` (RET-754). */
export function toHit(tx: ReadTx, finding: Finding, nowMs: number): SearchHit {
  const { row, snippet, twins, explanation } = finding
  const preview = cutCodePoints(row.content, limits.previewCharsMax, '')
  const conflicts = openConflictsOf(tx, row.sync_id)
  return {
    ...toObservation(row, nowMs),
    rank: finding.rank,
    ext: {
      ...toObservationExt(row, nowMs),
      ...(conflicts.length === 0 ? {} : { conflicts }),
      score: finding.score,
      preview,
      preview_truncated: preview.length < row.content.length,
      snippet: snippet.text,
      matches: snippet.matches,
      relations: relationNotesOf(tx, row.sync_id),
      ...(twins.length === 0 ? {} : { twins }),
      ...(explanation === undefined ? {} : { explanation }),
    },
  }
}

const shortCharsMax = 120
const leftOutIdsMax = 100

/**
 * The hits that fit the budget, by the text an agent reads of them: title and content. One in short form carries the
 * beginning of its snippet instead of its content and says so by `preview_truncated` (RET-755).
 */
export function withinBudget(hits: readonly SearchHit[], budget: Budget) {
  if (budget.tokens === undefined && budget.bytes === undefined) return { hits, leftOut: undefined }
  const short = hits.map(inShort)
  const entries = hits.map((hit, index) => ({ full: textOf(hit), short: textOf(short[index] ?? hit) }))
  const { shown, leftOut } = fitBudget(entries, budget)
  const ids = leftOut.slice(0, leftOutIdsMax).flatMap((index) => hits[index]?.id ?? [])
  return {
    hits: shown.flatMap(({ index, form }) => (form === 'full' ? hits[index] : short[index]) ?? []),
    leftOut: leftOut.length === 0 ? undefined : { count: leftOut.length, ids },
  }
}

/** The same of a list of several kinds, by title and snippet; what memory is left out is named. */
export function entriesWithin(entries: readonly FoundEntry[], budget: Budget) {
  if (budget.tokens === undefined && budget.bytes === undefined) return { entries, leftOut: undefined }
  const short = entries.map(shortEntry)
  const texts = entries.map((entry, index) => ({ full: entryText(entry), short: entryText(short[index] ?? entry) }))
  const { shown, leftOut } = fitBudget(texts, budget)
  const ids = leftOut.flatMap((index) => (entries[index]?.kind === 'observation' ? (entries[index]?.id ?? []) : []))
  return {
    entries: shown.flatMap(({ index, form }) => (form === 'full' ? entries[index] : short[index]) ?? []),
    leftOut: leftOut.length === 0 ? undefined : { count: leftOut.length, ids: ids.slice(0, leftOutIdsMax) },
  }
}

const entryText = ({ title = '', snippet }: FoundEntry): string => `${title}\n${snippet}`

function shortEntry(entry: FoundEntry): FoundEntry {
  const snippet = cutCodePoints(entry.snippet, shortCharsMax - 1, '…')
  const length = Array.from(snippet).length
  return { ...entry, snippet, matches: entry.matches.filter(([, end]) => end < length) }
}

const textOf = (hit: SearchHit): string => `${hit.title}\n${hit.content}`

function inShort(hit: SearchHit): SearchHit {
  const text = cutCodePoints(hit.ext.snippet, shortCharsMax - 1, '…')
  const length = Array.from(text).length
  const matches = hit.ext.matches.filter(([, end]) => end < length)
  return { ...hit, content: text, ext: { ...hit.ext, preview: text, preview_truncated: true, snippet: text, matches } }
}

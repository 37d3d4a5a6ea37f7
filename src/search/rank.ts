import { parseTime, timeOrder } from '../model/times.ts'
import { foldText } from '../store/index-text.ts'
import type { CandidateRow } from '../store/full-text-search.ts'
import type { Candidate } from './candidates.ts'
import { parameters } from './parameters.ts'
import type { Period } from './time-words.ts'

/** What the order depends on beside the candidates. */
export type RankingContext = {
  readonly nowMs: number
  readonly period: Period | null
  /** Named authors as they are stored. */
  readonly authors: ReadonlySet<string>
  /** For a superseded record's sync id, the sync ids of those that supersede it. */
  readonly supersededBy: ReadonlyMap<string, readonly string[]>
}

/** The factors on the score of words and meaning; their product with it is S (RET-403, RET-753). */
export type Factors = {
  readonly author: number
  readonly time: number
  readonly pinned: number
  readonly stability: number
  readonly trust: number
  readonly phrase: number
}

export type Ranked = {
  readonly row: CandidateRow
  readonly L: number
  readonly V?: number
  readonly c?: number
  readonly factors: Factors
  /** Rounded to 9 digits: the same on every machine. */
  readonly S: number
}

/** How words and meaning count together; words alone by default (RET-403, RET-409). */
export type Mixture = { readonly words: number; readonly meaning: number }

export const wordsAlone: Mixture = { words: 1, meaning: 0 }
export const meaningAlone: Mixture = { words: 0, meaning: 1 }
export const wordsAndMeaning: Mixture = { words: 1, meaning: parameters.meaningWeight }

/** Candidates in their order: S descending, then sync id, then id; superseded ones below what supersedes them (RET-407). */
export function rank(
  candidates: readonly Candidate[],
  context: RankingContext,
  mixture: Mixture = wordsAlone,
): readonly Ranked[] {
  const scored = candidates.map((candidate): Ranked => {
    const factors = factorsOf(candidate, context)
    const { hasPhrase: _, ...scores } = candidate
    return { ...scores, factors, S: scoreOf(mixture.words * scores.L + mixture.meaning * (scores.V ?? 0), factors) }
  })
  return belowSuperseding(scored.sort(byScore), context.supersededBy)
}

const byScore = (a: Ranked, b: Ranked): number =>
  b.S - a.S || (a.row.sync_id < b.row.sync_id ? -1 : a.row.sync_id > b.row.sync_id ? 1 : a.row.id - b.row.id)

/** @param score of words and meaning together */
export function scoreOf(score: number, factors: Factors): number {
  const product =
    score * factors.author * factors.time * factors.pinned * factors.stability * factors.trust * factors.phrase
  return Math.round(product * 1e9) / 1e9
}

function factorsOf({ row, hasPhrase }: Candidate, context: RankingContext): Factors {
  const isNamed = row.author !== null && context.authors.has(row.author)
  return {
    author: isNamed ? parameters.author : 1,
    time: timeFactor(row, context),
    pinned: row.pinned === 1 ? parameters.pinned : 1,
    stability: stabilityFactor(row.revision_count + row.duplicate_count),
    trust: trustFactor(row) * (context.supersededBy.has(row.sync_id) ? parameters.superseded : 1),
    phrase: hasPhrase ? parameters.phrase : 1,
  }
}

/** Inside the period the query speaks of, else freshness (RET-405). */
function timeFactor(row: CandidateRow, { period, nowMs }: RankingContext): number {
  if (period === null) return freshness(nowMs - lastUsedMs(row))
  const at = parseTime(row.created_at)
  return at !== null && at >= period.fromMs && at < period.toMs ? parameters.insidePeriod : 1
}

/** 1.5 for what was saved this minute, 1.17 at one day, 1.03 at a week; an unreadable time counts as old. */
export const freshness = (ageMs: number): number =>
  1 + parameters.freshness / (1 + Math.max(0, ageMs) / parameters.freshnessHalfMs)

const lastUsedMs = (row: CandidateRow): number => timeOrder(row.last_seen_at ?? (row.updated_at || row.created_at))

const stabilityFactor = (uses: number): number => 1 + (parameters.stability * uses) / (uses + parameters.stabilityHalf)

/** Records nobody typed or reviewed stand a little lower (RET-406, ING-EXT-8). */
function trustFactor(row: CandidateRow): number {
  if (row.provenance === null || !isUnreviewed(row.provenance)) return 1
  const isWeak = row.confidence !== null && row.confidence < parameters.strongConfidence
  return isWeak ? parameters.extractedWeak : parameters.extracted
}

function isUnreviewed(json: string): boolean {
  try {
    const parsed: unknown = JSON.parse(json)
    if (typeof parsed !== 'object' || parsed === null || !('kind' in parsed)) return false
    const isReviewed = 'review' in parsed && parsed.review === 'promoted'
    return parsed.kind !== 'curated' && !isReviewed
  } catch {
    return false
  }
}

/** Moves each superseded record to just behind the last of those in the list that supersede it; cycles stay as scored. */
function belowSuperseding(ordered: readonly Ranked[], supersededBy: RankingContext['supersededBy']): readonly Ranked[] {
  if (supersededBy.size === 0) return ordered
  const bySyncId = new Map(ordered.map((one) => [one.row.sync_id, one]))
  const placed: Ranked[] = []
  const done = new Set<string>()
  const place = (one: Ranked): void => {
    if (done.has(one.row.sync_id)) return
    done.add(one.row.sync_id)
    for (const source of supersededBy.get(one.row.sync_id) ?? []) {
      const superseding = bySyncId.get(source)
      if (superseding !== undefined) place(superseding)
    }
    placed.push(one)
  }
  for (const one of ordered) place(one)
  return placed
}

/** A result and the ids of those it stands for (RET-408). */
export type Group = { readonly best: Ranked; readonly twins: readonly number[] }

const twinsShownMax = 10

/**
 * Results equal in normalised title, type and project collapse into the best one. A title that only names the author, as
 * in chats, is no title: such records stay apart.
 */
export function collapseTwins(ranked: readonly Ranked[], limit: number): readonly Group[] {
  const groups: { readonly best: Ranked; readonly twins: number[] }[] = []
  const byName = new Map<string, { readonly twins: number[] }>()
  for (const one of ranked) {
    const name = twinName(one.row)
    const known = name === null ? undefined : byName.get(name)
    if (known !== undefined) {
      if (known.twins.length < twinsShownMax) known.twins.push(one.row.id)
    } else if (groups.length < limit) {
      const group = { best: one, twins: [] }
      groups.push(group)
      if (name !== null) byName.set(name, group)
    }
  }
  return groups
}

function twinName(row: CandidateRow): string | null {
  const title = normalised(row.title)
  if (title === '' || (row.author !== null && title === normalised(row.author))) return null
  return JSON.stringify([title, row.type, row.project])
}

const normalised = (text: string): string => foldText(text).replace(/\s+/g, ' ').trim()

/** What injection keeps: results that reach a share of the best score (RET-704). `scores` in order of rank. */
export const aboveKnee = (scores: readonly number[], share: number = parameters.kneeShare): number => {
  const best = Math.max(0, ...scores)
  const below = scores.findIndex((score) => score < share * best)
  return below === -1 ? scores.length : below
}

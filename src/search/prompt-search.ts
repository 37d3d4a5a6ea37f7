import { parseTime } from '../model/times.ts'
import { bestFilteredRows, bestRows, promptsByIds, type IndexHit } from '../store/full-text-search.ts'
import { projectFacet } from '../store/index-text.ts'
import { projectByName } from '../store/projects.ts'
import type { PromptRow } from '../store/rows.ts'
import type { ReadTx } from '../store/transaction.ts'
import type { FrequencyCache } from './frequencies.ts'
import { planMatch, promptColumns } from './match.ts'
import { parameters } from './parameters.ts'
import { parseQuery } from './query.ts'
import { freshness } from './rank.ts'
import type { Period } from './time-words.ts'

export type RankedPrompt = { readonly row: PromptRow; readonly S: number }

const candidatesMax = 200
const { facet, content, before, day } = parameters.promptWeights
const weights: readonly number[] = [facet, content, before, day]

/** Prompts of a project (null = of all) by the same query rules, best first (MEM-608). */
export function searchPrompts(
  tx: ReadTx,
  cache: FrequencyCache,
  request: { readonly text: string; readonly project: string | null; readonly limit: number; readonly nowMs: number },
): readonly RankedPrompt[] {
  const counts = cache.counts(tx, 'prompt')
  const total = request.project === null ? counts.total : (counts.byProject.get(request.project) ?? 0)
  if (total === 0) return []
  const query = parseQuery(request.text, { authors: [], nowMs: request.nowMs })
  const isWhole = total === counts.total
  const own = request.project === null ? 0 : (projectByName(tx, request.project)?.id ?? -1)
  const countFacets = isWhole ? [] : [projectFacet(own)]
  const facets = total < counts.total * parameters.facetShareMax ? countFacets : []
  const of = new Map(query.words.map((word) => [word.text, cache.df(tx, 'prompt', word, countFacets, total)]))
  const plan = planMatch(query, { total, of }, { mode: 'any', facets, columns: promptColumns })
  if (plan.words === null) return []
  const hits =
    isWhole || facets.length > 0
      ? bestRows(tx, 'prompt_fts', plan.words, weights, candidatesMax)
      : bestFilteredRows(tx, 'prompt_fts', plan.words, weights, { project: request.project }, candidatesMax)
  return rankPrompts(tx, hits, query.period, request.nowMs).slice(0, request.limit)
}

function rankPrompts(
  tx: ReadTx,
  hits: readonly IndexHit[],
  period: Period | null,
  nowMs: number,
): readonly RankedPrompt[] {
  const scores = new Map(hits.map((hit) => [hit.id, -hit.s]))
  const best = Math.max(...scores.values())
  return promptsByIds(tx, [...scores.keys()])
    .map((row) => ({ row, S: rounded(((scores.get(row.id) ?? 0) / best) * timeFactor(row, period, nowMs)) }))
    .sort((a, b) => b.S - a.S || (a.row.sync_id < b.row.sync_id ? -1 : 1))
}

const rounded = (score: number): number => Math.round(score * 1e9) / 1e9

function timeFactor(row: PromptRow, period: Period | null, nowMs: number): number {
  const at = parseTime(row.created_at) ?? Number.NEGATIVE_INFINITY
  if (period === null) return freshness(nowMs - at)
  return at >= period.fromMs && at < period.toMs ? parameters.insidePeriod : 1
}

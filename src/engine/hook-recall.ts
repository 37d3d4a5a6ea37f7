import { aboveKnee } from '../search/rank.ts'
import type { EngineDeps } from './handler.ts'
import { type HookContext, type Told, toldWithin } from './hook-context.ts'
import { hookQuery, type HookQueryParts } from './rules/hook-query.ts'
import { searchHandlers } from './search.ts'

const hitsMax = 8
const head = 'Engram found memories about this:'

/**
 * What is known about a prompt and what is worked on (`hooks.inject: prompt`): the best whole memories within the budget,
 * those above the knee (RET-704) that the conversation does not hold yet (RET-705). Nothing at all unless search is sure of
 * what it found, since words beside the point only cost.
 */
export async function promptContext(
  deps: EngineDeps,
  options: HookQueryParts & { readonly project: string; readonly told: Told; readonly budgetTokens: number },
): Promise<HookContext> {
  if (options.project === '') return toldWithin([], head, options.budgetTokens)
  const project_override = options.project
  const input = { query: hookQuery(options), limit: hitsMax, explain: true, strict: true, project_override }
  const { hits, confidence } = await searchHandlers['memory.search'](deps, input, {})
  const own = confidence === 'ok' ? hits.filter((hit) => hit.scope !== 'personal') : []
  const near = own.slice(0, aboveKnee(own.map(({ ext }) => ext.score)))
  const found = near.filter(({ id, ext }) => options.told[id] !== ext.version)
  const weighed = found.map(({ id, type, title, content, ext }) => ({
    id,
    type,
    title,
    content,
    version: ext.version ?? '',
    author: ext.author,
    score: rounded(ext.score),
    parts: partsOf(ext.explanation?.L),
    reason: 'about this prompt',
  }))
  return toldWithin(weighed, head, options.budgetTokens)
}

const partsOf = (words: number | undefined): Readonly<Record<string, number>> =>
  words === undefined ? {} : { words: rounded(words) }

const rounded = (value: number): number => Math.round(value * 10_000) / 10_000

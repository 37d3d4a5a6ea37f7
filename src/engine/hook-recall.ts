import { cutCodePoints } from '../model/text.ts'
import type { EngineDeps } from './handler.ts'
import { type HookContext, toldWithin } from './hook-context.ts'
import { searchHandlers } from './search.ts'

const hitsMax = 8
/** A longer prompt is asked by its head: it says what it is about. */
const queryCharactersMax = 500
const head = 'Engram found memories about this:'

/**
 * What is known about a prompt (`hooks.inject: prompt`): the best whole memories within the budget. Nothing at all unless
 * search is sure of what it found, since words beside the point only cost.
 */
export async function promptContext(
  deps: EngineDeps,
  options: { readonly project: string; readonly prompt: string; readonly budgetTokens: number },
): Promise<HookContext> {
  if (options.project === '') return toldWithin([], head, options.budgetTokens)
  const query = cutCodePoints(options.prompt, queryCharactersMax, '')
  const project_override = options.project
  const input = { query, limit: hitsMax, explain: true, strict: true, project_override }
  const { hits, confidence } = await searchHandlers['memory.search'](deps, input, {})
  const found = confidence === 'ok' ? hits.filter((hit) => hit.scope !== 'personal') : []
  const weighed = found.map(({ id, type, title, content, ext }) => ({
    id,
    type,
    title,
    content,
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

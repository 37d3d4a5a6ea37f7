import type { Usage } from '../../entries.ts'
import { countAt, isObject } from '../record.ts'
import type { JsonObject } from '../record.ts'

/** Tokens and models of a file's messages (ING-CC-15). */
export type UsageMeter = {
  /** One line of a message; `usage` is what its line says of it so far. */
  note(messageId: string, model: string | null, usage: JsonObject | null): void
  usage(): Usage
  /** Different messages so far. */
  messages(): number
  /** The one with most messages. */
  model(): string | null
  save(): SavedUsage
}

export type SavedUsage = {
  readonly totals: Usage
  readonly messages: number
  readonly models: readonly (readonly [string, number])[]
  readonly recent: readonly (readonly [string, Usage])[]
}

const noUsage: Usage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }

/** Lines of one message stand near each other, with results in between: so many messages are kept open. */
const openMessagesMax = 256
const modelsMax = 50

/**
 * Usage is repeated on each line of a message and grows, so the largest of each message counts. Lines of messages read
 * so long ago that they are no longer open would count anew.
 */
export function createUsageMeter(saved: SavedUsage | null): UsageMeter {
  const recent = new Map(saved?.recent)
  const models = new Map(saved?.models)
  let totals = saved?.totals ?? noUsage
  let messages = saved?.messages ?? 0

  return {
    note: (messageId, model, usage) => {
      const before = recent.get(messageId)
      if (before === undefined) {
        messages += 1
        if (model !== null && (models.has(model) || models.size < modelsMax))
          models.set(model, (models.get(model) ?? 0) + 1)
      }
      const now = largest(before ?? noUsage, usageOf(usage))
      totals = combine(totals, combine(now, before ?? noUsage, -1), 1)
      recent.delete(messageId)
      recent.set(messageId, now)
      for (const oldest of recent.keys()) {
        if (recent.size <= openMessagesMax) break
        recent.delete(oldest)
      }
    },
    usage: () => totals,
    messages: () => messages,
    model: () =>
      [...models].reduce<readonly [string, number] | null>(
        (best, each) => (best === null || each[1] > best[1] ? each : best),
        null,
      )?.[0] ?? null,
    save: () => ({ totals, messages, models: [...models], recent: [...recent] }),
  }
}

function usageOf(usage: JsonObject | null): Usage {
  if (usage === null) return noUsage
  return {
    inputTokens: countAt(usage, 'input_tokens'),
    outputTokens: countAt(usage, 'output_tokens'),
    cacheReadTokens: countAt(usage, 'cache_read_input_tokens'),
    cacheWriteTokens: countAt(usage, 'cache_creation_input_tokens'),
  }
}

const largest = (a: Usage, b: Usage): Usage => ({
  inputTokens: Math.max(a.inputTokens, b.inputTokens),
  outputTokens: Math.max(a.outputTokens, b.outputTokens),
  cacheReadTokens: Math.max(a.cacheReadTokens, b.cacheReadTokens),
  cacheWriteTokens: Math.max(a.cacheWriteTokens, b.cacheWriteTokens),
})

const combine = (a: Usage, b: Usage, sign: 1 | -1): Usage => ({
  inputTokens: a.inputTokens + sign * b.inputTokens,
  outputTokens: a.outputTokens + sign * b.outputTokens,
  cacheReadTokens: a.cacheReadTokens + sign * b.cacheReadTokens,
  cacheWriteTokens: a.cacheWriteTokens + sign * b.cacheWriteTokens,
})

/** Saved usage, or null when it is none. */
export function usageFrom(value: unknown): SavedUsage | null {
  if (!isObject(value) || typeof value.messages !== 'number' || !isUsage(value.totals)) return null
  if (!Array.isArray(value.models) || !Array.isArray(value.recent)) return null
  const models = value.models.filter((each): each is [string, number] => isPair(each) && typeof each[1] === 'number')
  const recent = value.recent.filter((each): each is [string, Usage] => isPair(each) && isUsage(each[1]))
  return { totals: value.totals, messages: value.messages, models, recent }
}

const isPair = (value: unknown): value is [string, unknown] =>
  Array.isArray(value) && value.length === 2 && typeof value[0] === 'string'

const isUsage = (value: unknown): value is Usage =>
  isObject(value) && Object.keys(noUsage).every((key) => typeof value[key] === 'number')

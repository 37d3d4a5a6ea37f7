import { estimateTokens, utf8Bytes } from '../model/text.ts'

/** What an answer may cost at most; both hold when both are given (RET-755). */
export type Budget = { readonly tokens?: number | undefined; readonly bytes?: number | undefined }

/** The text of an entry in full and in short form. */
export type Entry = { readonly full: string; readonly short: string }

export type Fitted = { readonly index: number; readonly form: 'full' | 'short' }
export type FittedEntries = { readonly shown: readonly Fitted[]; readonly leftOut: readonly number[] }

/**
 * Entries in order, whole ones only: one that does not fit is tried in short form, then left out; later, smaller ones may
 * still fit. The sum is never above the budget.
 */
export function fitBudget(entries: readonly Entry[], budget: Budget): FittedEntries {
  const shown: Fitted[] = []
  const leftOut: number[] = []
  let [tokens, bytes] = [budget.tokens ?? Infinity, budget.bytes ?? Infinity]
  const take = (text: string): boolean => {
    const [costTokens, costBytes] = [estimateTokens(text), utf8Bytes(text)]
    if (costTokens > tokens || costBytes > bytes) return false
    tokens -= costTokens
    bytes -= costBytes
    return true
  }
  for (const [index, entry] of entries.entries()) {
    if (take(entry.full)) shown.push({ index, form: 'full' })
    else if (take(entry.short)) shown.push({ index, form: 'short' })
    else leftOut.push(index)
  }
  return { shown, leftOut }
}

import type { Parsed } from '../api/operations.ts'
import { EngramError } from '../model/errors.ts'
import { scopes, type Scope } from '../model/records.ts'
import { formatTime } from '../model/times.ts'
import { instantOf } from '../search/time-words.ts'
import type { RecordFilters } from '../store/full-text-search.ts'

/**
 * The hard conditions of a search (RET-501, RET-503); null when one of them is a scope nobody can have, so that nothing
 * can match. Throws `invalid_request` for a time it cannot read.
 */
export function searchFilters(
  input: Parsed<'memory.search'>,
  project: string | null,
  nowMs: number,
): RecordFilters | null {
  const scope = knownScope(input.scope)
  if (scope === null) return null
  const until = instant(input.until, 'until', nowMs)
  return {
    project,
    scope,
    types: input.type === undefined ? undefined : [input.type].flat(),
    sessionId: input.session_id,
    tool: input.tool,
    author: input.author,
    since: instant(input.since, 'since', nowMs),
    until,
    notExpiredAt: input.include_expired === true ? undefined : formatTime(nowMs),
  }
}

function knownScope(given: string | undefined): Scope | undefined | null {
  const name = given?.trim().toLowerCase() ?? ''
  return name === '' ? undefined : (scopes.find((scope) => scope === name) ?? null)
}

function instant(text: string | undefined, field: 'since' | 'until', nowMs: number): string | undefined {
  if (text === undefined || text.trim() === '') return undefined
  const ms = instantOf(text, field, nowMs)
  if (ms !== null) return formatTime(ms)
  const got = JSON.stringify(text.slice(0, 40))
  throw new EngramError('invalid_request', `Expected a date, 72h, 30d or a phrase such as last week, got ${got}.`, {
    details: { field },
  })
}

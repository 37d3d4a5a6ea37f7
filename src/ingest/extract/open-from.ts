import { windowRecordsMax } from './spans.ts'
import type { Check, Timeline } from './spans.ts'

const windowBytesMax = 4 * 1024 * 1024

/**
 * Byte offset from which a later read must begin so that it finds what this one could not finish (ING-INC-3): the start of
 * the last turn, the oldest call without a result, or the oldest failure nothing has resolved; at most 400 records and
 * 4 MiB back.
 */
export function openFrom(timeline: Timeline, closed: ReadonlySet<Check>): number {
  const { entries } = timeline
  const last = entries.at(-1)?.origin
  if (last === undefined) return 0
  const first = entries.findIndex(
    ({ origin }) => last.line - origin.line <= windowRecordsMax && last.offset - origin.offset <= windowBytesMax,
  )
  const turn = timeline.turnStart(entries.length - 1)
  const open = [...pendingCalls(timeline), ...unresolved(timeline, closed)].filter((index) => index >= first)
  const start = open.reduce((least, index) => Math.min(least, index), Math.max(turn, first))
  return entries[start]?.origin.offset ?? 0
}

const pendingCalls = (timeline: Timeline): readonly number[] =>
  timeline.calls.filter((call) => call.result === null).map((call) => call.at)

function unresolved(timeline: Timeline, closed: ReadonlySet<Check>): readonly number[] {
  const passedAt = new Map<string, number>()
  for (const check of timeline.checks) if (!check.failed) passedAt.set(check.key.key, check.at)
  return timeline.checks
    .filter(
      (check) =>
        check.failed && !check.key.isLookup && !closed.has(check) && (passedAt.get(check.key.key) ?? -1) < check.at,
    )
    .map((check) => check.at)
}

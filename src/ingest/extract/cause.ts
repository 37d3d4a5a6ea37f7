import { hasCodeToken, isQuestion } from '../gate.ts'
import type { Draft } from './candidate.ts'
import { comparable, markers } from './labels/patterns.ts'
import { plain } from './prose.ts'
import type { Check, Timeline } from './spans.ts'
import { titleFrom } from './title.ts'

const base = 0.55
const sentenceCharsMin = 25
const sentenceCharsMax = 400

/** X-CAUSE: a sentence after a failure, in the same turn, that says what the cause is and names something in code. */
export function cause(timeline: Timeline): Draft[] {
  const failures = timeline.checks.filter((check) => check.failed && !check.key.isLookup)
  const passes = passesAfter(timeline.checks)
  let next = 0
  let failure: Check | undefined
  return timeline.entries.flatMap((entry, index) => {
    while ((failures[next]?.resultAt ?? Infinity) < index) failure = failures[next++]
    if (entry.kind !== 'assistant' || failure === undefined) return []
    const from = failure
    if (timeline.turnStart(from.resultAt) !== timeline.turnStart(index)) return []
    const end = Math.max(index, passes.get(from) ?? index)
    if (timeline.brokenOff(from.at, end)) return []
    return timeline
      .sentencesAt(index)
      .filter(isCause)
      .map((sentence) => ({
        rule: 'X-CAUSE',
        type: 'discovery',
        title: titleFrom(sentence),
        content: sentence,
        base,
        judged: sentence,
        anchor: index,
        from: from.at,
        to: index,
      }))
  })
}

/** Where each failed command first passes after its failure, as far as the session tells. */
function passesAfter(checks: readonly Check[]): ReadonlyMap<Check, number> {
  const next = new Map<string, number>()
  const found = new Map<Check, number>()
  for (const check of checks.toReversed()) {
    const pass = next.get(check.key.key)
    if (!check.failed) next.set(check.key.key, check.resultAt)
    else if (pass !== undefined) found.set(check, pass)
  }
  return found
}

function isCause(sentence: string): boolean {
  if (sentence.length < sentenceCharsMin || sentence.length > sentenceCharsMax || isQuestion(sentence)) return false
  return markers.cause.test(comparable(plain(sentence))) && hasCodeToken(sentence)
}

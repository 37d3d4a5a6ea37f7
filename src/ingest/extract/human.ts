import { isQuestion } from '../gate.ts'
import type { Draft } from './candidate.ts'
import { labelRules, lasting, markers, comparable, openings } from './labels/patterns.ts'
import { plain } from './prose.ts'
import type { Timeline } from './spans.ts'
import { titleFrom } from './title.ts'

const base = 0.75
const rememberBase = 0.9
const sentenceCharsMin = 15
const sentenceCharsMax = 300

/** X-HUMAN: a sentence of a typed prompt that sets a rule for more than the task at hand. */
export function human(timeline: Timeline): Draft[] {
  return timeline.entries.flatMap((entry, index) => {
    if (entry.kind !== 'human') return []
    return timeline.sentencesAt(index).flatMap((sentence) => fromSentence(sentence, index))
  })
}

function fromSentence(sentence: string, index: number): Draft[] {
  if (sentence.length < sentenceCharsMin || sentence.length > sentenceCharsMax || isQuestion(sentence)) return []
  const read = comparable(plain(sentence))
  const found = read.length < sentenceCharsMin ? null : ruleIn(read)
  if (found === null) return []
  const { type, confidence } = found
  return [
    {
      rule: 'X-HUMAN',
      type,
      title: titleFrom(sentence),
      content: sentence,
      base: confidence,
      judged: sentence,
      anchor: index,
      from: index,
      to: index,
    },
  ]
}

function ruleIn(read: string): { type: string; confidence: number } | null {
  const lastsLong = markers.fromNowOn.test(read)
  const timeless = lastsLong ? read.replace(markers.fromNowOn, ' ') : read
  const isRemembered = openings.remember.test(read)
  if (!isRemembered && markers.oneTask.test(timeless)) return null
  const isLasting = lastsLong || lasting.test(read)
  if (isRemembered) return { type: isLasting ? 'preference' : rememberedType(read), confidence: rememberBase }
  return isLasting ? { type: 'preference', confidence: base } : null
}

/** What is to be remembered says by its own words what it is; else it is kept as it came. */
function rememberedType(read: string): string {
  if (markers.choice.test(read) && markers.reason.test(read)) return 'decision'
  if (markers.cause.test(read)) return 'discovery'
  const label = /^(?:\S{1,40} ){0,3}?(\p{L}[\p{L} ]{2,30}):/u.exec(read)?.[1] ?? ''
  return labelRules.find((rule) => rule.pattern.test(label))?.type ?? 'manual'
}

import { isQuestion } from '../gate.ts'
import type { Draft } from './candidate.ts'
import { comparable, markers } from './labels/patterns.ts'
import { plain } from './prose.ts'
import type { Timeline } from './spans.ts'
import { titleFrom } from './title.ts'

const base = 0.65
const sentenceCharsMin = 30
const sentenceCharsMax = 400

/** What was not chosen, or is only imagined, is no choice. */
const imagined = /^(?:if|unless|when(?:ever)?|had|si|wenn|falls|se|要是|如果)(?!\p{L})/iu

/** X-CHOICE: a sentence that names a choice and the reason for it. */
export function choice(timeline: Timeline): Draft[] {
  return timeline.entries.flatMap((entry, index) => {
    if (entry.kind !== 'assistant' && entry.kind !== 'human') return []
    return timeline
      .sentencesAt(index)
      .filter(isChoice)
      .map((sentence) => ({
        rule: 'X-CHOICE',
        type: 'decision',
        title: titleFrom(sentence),
        content: sentence,
        base,
        judged: sentence,
        anchor: index,
        from: index,
        to: index,
      }))
  })
}

function isChoice(sentence: string): boolean {
  if (sentence.length < sentenceCharsMin || sentence.length > sentenceCharsMax || isQuestion(sentence)) return false
  const read = comparable(plain(sentence))
  return markers.choice.test(read) && markers.reason.test(read) && !imagined.test(read)
}

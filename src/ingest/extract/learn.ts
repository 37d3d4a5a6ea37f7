import { extractLearnings } from '../../model/learnings.ts'
import type { Draft } from './candidate.ts'
import type { Timeline } from './spans.ts'
import { titleFrom } from './title.ts'

const base = 0.85

/** X-LEARN: the learnings sections of every assistant message, as passive capture reads them (MEM-309). */
export function learn(timeline: Timeline): Draft[] {
  return timeline.entries.flatMap((entry, index) => (entry.kind === 'assistant' ? learnFrom(entry.text, index) : []))
}

export function learnFrom(text: string, index: number): Draft[] {
  return extractLearnings(text).map((item) => ({
    rule: 'X-LEARN',
    type: 'passive',
    title: titleFrom(item),
    content: item,
    base,
    judged: item,
    anchor: index,
    from: index,
    to: index,
  }))
}

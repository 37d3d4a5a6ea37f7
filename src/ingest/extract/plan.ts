import type { Draft } from './candidate.ts'
import { prose } from './prose.ts'
import type { Timeline } from './spans.ts'
import { cutContent, titleFrom } from './title.ts'

const base = 0.7
const planCharsMax = 1_500
const planCharsJudged = 400

/** X-PLAN: a plan the person approved. */
export function plan(timeline: Timeline): Draft[] {
  return timeline.calls.flatMap((call) => {
    const { action } = call.entry
    if (action.kind !== 'plan' || action.plan.trim() === '' || call.result?.outcome !== 'ok') return []
    const text = action.plan.trim()
    const blocks = prose(text)
    const heading = blocks.find((block) => block.kind === 'heading') ?? blocks[0]
    return [
      {
        rule: 'X-PLAN',
        type: 'decision',
        title: titleFrom(heading?.text ?? text),
        content: cutContent(text, planCharsMax),
        base,
        judged: blocks
          .map((block) => block.text)
          .join(' ')
          .slice(0, planCharsJudged),
        asks: true,
        anchor: call.resultAt,
        from: call.at,
        to: call.resultAt,
      },
    ]
  })
}

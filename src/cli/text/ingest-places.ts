import type { IngestFileReport } from '../../api/ingest.ts'
import { counted } from './amounts.ts'
import { indented, type Page } from './page.ts'
import { oneLine } from '../visible.ts'

/** Why records gave nothing, by the beginning of the place they were counted under; the longest that fits is said. */
const reasons: readonly (readonly [beginning: string, reason: string])[] = [
  ['waiting', 'not decided yet: the lines that follow tell'],
  ['duplicate', 'read before, here or in another file'],
  ['bad', 'no JSON object'],
  ['oversized', 'longer than 32 MiB; a note stands in their place'],
  ['unknown:', 'of no kind this version knows'],
  ['ignored:progress', 'shows that a tool is at work'],
  ['ignored:file-history-snapshot', "the agent's own copies for undoing"],
  ['ignored:queue-operation', 'keeping of a queue; its turns are read where they are sent'],
  ['ignored:system:', "the agent's own notices"],
  ['ignored:attachment', 'added by the agent, said by nobody'],
  ['ignored:summary', 'a title, taken as such'],
  ['ignored:custom-title', 'a title, taken as such'],
  ['ignored:ai-title', 'a title, taken as such'],
  ['ignored:agent-name', 'a title, taken as such'],
  ['ignored:session_meta', 'about the session, taken as such'],
  ['ignored:turn_context', 'about the session, taken as such'],
  ['ignored:event_msg:token_count', 'figures, taken as such'],
  ['ignored:event_msg:task_', 'begins or ends a turn'],
  ['ignored:event_msg:turn_', 'begins or ends a turn'],
  ['ignored:event_msg:', 'shows what another record says'],
  ['ignored:message:mirror', 'says what another record says'],
  ['ignored:message:', 'instructions of the agent, or empty'],
  ['ignored:response_item:reasoning', 'thoughts without a readable word'],
]

const reasonOf = (place: string): string => {
  if (place.endsWith(':blank')) return 'empty'
  if (place.endsWith(':malformed')) return 'damaged'
  if (place.endsWith(':mirror')) return 'says what another record says'
  const fitting = reasons.filter(([beginning]) => place.startsWith(beginning))
  return fitting.toSorted((a, b) => b[0].length - a[0].length)[0]?.[1] ?? "the agent's own keeping"
}

const nameOf = (place: string): string => place.replace(/^ignored:/, '').replace(/^unknown:/, 'unknown ')

/** Where each record of a file went, and why what gave nothing gave nothing (ING-CLI-9). */
export function placeLines(file: IngestFileReport, page: Page): readonly string[] {
  if (file.records_total === 0) return []
  const leftOut = Object.entries(file.counts).filter(([place]) => place !== 'decoded')
  const total = leftOut.reduce((sum, [, count]) => sum + count, 0)
  const head = `${counted(file.records_total, 'record')}: ${file.counts['decoded'] ?? 0} read, ${total} left out`
  const width = String(Math.max(0, ...leftOut.map(([, count]) => count))).length
  return [
    ...indented(page, head),
    ...leftOut.flatMap(([place, count]) =>
      indented(page, `${String(count).padStart(width)} ${oneLine(nameOf(place))}: ${reasonOf(place)}`, '      '),
    ),
  ]
}

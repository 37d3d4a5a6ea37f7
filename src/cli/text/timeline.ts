import type { TimelineEntry, TimelineResult } from '../../api/search.ts'
import { cutCodePoints } from '../../model/text.ts'
import { indented, type Page } from './page.ts'
import { shownTime } from './times.ts'
import { oneLine } from '../visible.ts'

const summaryChars = 100
const neighbourChars = 150
const focusChars = 500

/** What stood before and after one memory in its session; the marks are those scripts look for (MEM-1401). */
export function renderTimeline(result: TimelineResult, page: Page): string {
  const { focus, paint } = { focus: result.focus, paint: page.paint }
  const around = (title: string, entries: readonly TimelineEntry[]): readonly string[] =>
    entries.length === 0 ? [] : [paint.dim(`─── ${title} ───`), ...entries.flatMap((one) => entryLines(one, page)), '']
  return [
    ...sessionLines(result, page),
    ...around('Before', result.before),
    ...indented(page, `>>> #${focus.id} [${oneLine(focus.type)}] ${oneLine(focus.title)} <<<`, '').map(paint.title),
    ...indented(page, oneLine(cutCodePoints(focus.content, focusChars))),
    ...indented(page, shownTime(focus.created_at, page.timezone)).map(paint.dim),
    '',
    ...around('After', result.after),
  ]
    .join('\n')
    .trimEnd()
}

function sessionLines({ session_info: session, total_in_range }: TimelineResult, page: Page): readonly string[] {
  if (session === null) return []
  const summary = oneLine(cutCodePoints((session.summary ?? '').trim(), summaryChars))
  const project = oneLine(session.project)
  const time = shownTime(session.started_at, page.timezone)
  return [
    ...indented(page, `Session: ${project} (${time})${summary === '' ? '' : ` — ${summary}`}`, ''),
    `Total observations in session: ${total_in_range}`,
    '',
  ]
}

const entryLines = (entry: TimelineEntry, page: Page): readonly string[] =>
  indented(
    page,
    `#${entry.id} [${oneLine(entry.type)}] ${oneLine(entry.title)} — ${oneLine(cutCodePoints(entry.content, neighbourChars))}`,
    '  ',
  )

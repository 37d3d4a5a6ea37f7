import type { FoundEntry, SearchAnswer } from '../../api/search.ts'
import { oneLine, visible } from '../visible.ts'
import { explanationLines, type HitsOptions } from './hits.ts'
import { indented } from './page.ts'
import { shownTime } from './times.ts'

/** Results of several kinds as one list: what each is and where, its snippet, when and of which project (RET-758). */
export function renderFound({ found = [] }: SearchAnswer, options: HitsOptions): string {
  if (found.length === 0) return `Nothing found for: "${visible(options.query)}"`
  const head = options.paint.title(`Found ${found.length} ${found.length === 1 ? 'result' : 'results'}:`)
  return [head, '', ...found.flatMap((entry, index) => [...entryLines(entry, index, options), ''])].join('\n')
}

function entryLines(entry: FoundEntry, index: number, options: HitsOptions): readonly string[] {
  const { paint, timezone } = options
  const title = entry.title === undefined ? '' : ` — ${paint.title(oneLine(entry.title))}`
  const place = [
    ...(entry.created_at === '' ? [] : [shownTime(entry.created_at, timezone)]),
    ...(entry.project === null ? [] : [`project: ${oneLine(entry.project)}`]),
    ...(entry.author === null ? [] : [`by ${oneLine(entry.author)}`]),
  ].join(' | ')
  return [
    ...indented(options, `[${index + 1}] ${paint.name(nameOf(entry))}${title}`, ''),
    ...indented(options, oneLine(entry.snippet)),
    ...indented(options, place).map(paint.dim),
    ...(entry.explanation === undefined ? [] : explanationLines(entry.explanation, options)),
  ]
}

/** How the result is named in the command that shows it. */
function nameOf(entry: FoundEntry): string {
  switch (entry.kind) {
    case 'observation':
      return `memory #${entry.id}`
    case 'prompt':
      return `prompt #${entry.id}`
    case 'unit':
      return `unit ${oneLine(entry.unit_id ?? '')} in ${oneLine(entry.context_id ?? '')}`
    case 'message':
      return `message ${entry.position} of ${oneLine(entry.key ?? '')}`
  }
}

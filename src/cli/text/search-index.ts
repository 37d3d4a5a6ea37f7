import type { IndexedKind, IndexStatus, ModelStatus } from '../../api/search-index.ts'
import { oneLine } from '../visible.ts'
import { counted, shownBytes } from './amounts.ts'
import type { Page } from './page.ts'

const line = (name: string, value: string): string => `  ${`${name}:`.padEnd(14)} ${value}`

/** How far the index is; what is behind is marked (RET-609). */
export function renderIndexStatus(status: IndexStatus, page: Page): string {
  const { words, vectors, model } = status
  const kind = ({ records, rows }: IndexedKind): string => {
    const text = `${rows} of ${records} indexed`
    return rows === records ? text : page.paint.warn(text)
  }
  return [
    page.paint.title('Search index'),
    line('Memories', kind(words.observations)),
    line('Prompts', kind(words.prompts)),
    ...(words.units.records === 0 ? [] : [line('Work units', kind(words.units))]),
    ...(words.transcripts.conversations === 0
      ? []
      : [
          line(
            'Transcripts',
            `${counted(words.transcripts.messages, 'message')} of ${counted(words.transcripts.conversations, 'conversation')}`,
          ),
        ]),
    line('Behind', words.behind === 0 ? 'nothing' : counted(words.behind, 'change')),
    ...(words.rebuilding ? [line('Rebuilding', page.paint.warn('yes; the old rows answer until it is done'))] : []),
    line('Vectors', vectorText(vectors)),
    ...(vectors.units.records === 0 ? [] : [line('Unit vectors', unitVectorText(vectors.units))]),
    ...modelLines(model, page),
  ].join('\n')
}

function vectorText({ vectors, records, coverage, per_second, remaining_s }: IndexStatus['vectors']): string {
  const share = `${vectors} of ${records} (${Math.floor(coverage * 100)} %)`
  if (per_second === null || remaining_s === null || remaining_s === 0) return share
  return `${share}, ${per_second.toFixed(1)} a second, ${counted(remaining_s, 'second')} left`
}

function unitVectorText({ vectors, records, newest }: IndexStatus['vectors']['units']): string {
  const share = `${vectors} of ${records}; units without text get none`
  return records <= newest ? share : `${share}, and of the log its newest ${newest} events`
}

/** The model alone. */
export const renderModel = (model: ModelStatus | null, page: Page): string =>
  [page.paint.title('Search by meaning'), ...modelLines(model, page)].join('\n')

function modelLines(model: ModelStatus | null, page: Page): readonly string[] {
  if (model === null) return [line('Model', 'none: search goes by words alone')]
  const use = model.use === 'at-need' ? 'started at need' : 'started by --mode hybrid only; a server starts it at need'
  return [
    line('Model', `${oneLine(model.id)}, ${model.dimensions} numbers, bundled; no text leaves this machine`),
    line('State', model.state === 'failed' ? page.paint.bad('failed') : `${model.state}, ${use}`),
    ...(model.last_error === null ? [] : [line('Last error', page.paint.bad(oneLine(model.last_error)))]),
    line('Process', `${shownBytes(model.rss_bytes)} in memory`),
  ]
}

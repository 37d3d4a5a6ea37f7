import type { Observation } from '../../model/records.ts'
import { command, type CommandContext } from '../command.ts'
import { readPlace, type ReadPlace } from '../place.ts'
import { reviewOneByOne } from '../review-screens.ts'
import { printList, type Column } from '../table.ts'
import { listLine } from '../text/observation.ts'
import { pageOf } from '../text/page.ts'
import { shownDay } from '../text/times.ts'
import { oneLine } from '../visible.ts'

export const reviewCommand = command({
  path: 'review',
  section: 'Extracted memories',
  summary: 'Extracted memories nobody has looked at, and what is due',
  details:
    'On a terminal one after the other: promote, edit, forget, skip, quit. In a pipe it lists them, strong first. ' +
    'After them comes what is due for review.',
  arguments: [
    {
      name: 'project',
      description: 'the project (default: the one of this directory)',
      required: false,
      isProject: true,
    },
  ],
  options: [
    { flags: '--all', description: 'all projects' },
    { flags: '--weak', description: 'also those below 0.70' },
    { flags: '--due', description: 'only what is due' },
    { flags: '--expired', description: 'only what has expired' },
    { flags: '--reviewed <id>', description: 'this one was looked at: set its next date', repeatable: true },
    { flags: '--list', description: 'list them on a terminal too' },
  ],
  examples: ['engram review', 'engram review my-project --due', 'engram review --reviewed 12'],
  run: async (context) => {
    if (context.options('reviewed').length > 0) return markReviewed(context)
    const place = readPlace(context, context.argument('project'))
    const found = await find(context, place)
    if (context.json) return context.printJson(found)
    if (found.extracted.length + found.due.length + found.expired.length === 0) {
      return context.print(context.flag('expired') ? 'Nothing has expired.' : 'Nothing to review.')
    }
    const asks = context.terminal.isInteractive && !context.flag('list')
    if (asks && found.extracted.length > 0) await reviewOneByOne(context, found.extracted)
    else await printGroup(context, 'To review', found.extracted, confidence)
    await printGroup(context, 'Due', found.due, { title: 'Due since', of: (row) => row.review_after ?? '' })
    await printGroup(context, 'Expired', found.expired, { title: 'Expired', of: (row) => row.ext?.expires_at ?? '' })
  },
})

type Found = Readonly<Record<'extracted' | 'due' | 'expired', readonly Observation[]>>

/** `--due` and `--expired` ask for that alone; otherwise what was extracted and what is due (ING-REV-1). */
async function find(context: CommandContext, place: ReadPlace): Promise<Found> {
  const only = context.flag('due') || context.flag('expired')
  const strength = context.flag('weak') ? 'all' : 'strong'
  const none: readonly Observation[] = []
  return {
    extracted: only ? none : await context.call('extracted.list', { ...place, strength, limit: 500 }),
    due: only && !context.flag('due') ? none : await context.call('observation.review-due', { ...place, limit: 500 }),
    expired: context.flag('expired')
      ? await context.call('observation.review-due', { ...place, expired: true, limit: 500 })
      : none,
  }
}

const confidence: Column<Observation> = {
  title: 'Sure',
  of: (row) => row.ext?.confidence?.toFixed(2) ?? '',
  align: 'right',
}

async function printGroup(
  context: CommandContext,
  title: string,
  rows: readonly Observation[],
  figure: Column<Observation>,
): Promise<void> {
  if (rows.length === 0) return
  const page = pageOf(context)
  if (context.terminal.isTty) context.print(context.paint.title(`${title} (${rows.length})`))
  await printList(
    context,
    rows,
    [
      { title: 'Memory', of: (row) => `#${row.id}` },
      figure,
      { title: 'Type', of: (row) => oneLine(row.type) },
      { title: 'Project', of: (row) => oneLine(row.project ?? '') },
      { title: 'Created', of: (row) => shownDay(row.created_at, page.timezone), optional: true },
      { title: 'Title', of: (row) => oneLine(row.title), flexible: true },
    ],
    (row) => listLine(row, page),
  )
  if (context.terminal.isTty) context.print('')
}

async function markReviewed(context: CommandContext): Promise<void> {
  const marked: Observation[] = []
  for (const id of context.options('reviewed')) marked.push(await context.call('observation.mark-reviewed', { id }))
  context.answer(marked, () =>
    marked
      .map(
        (one) =>
          `Memory #${one.id} reviewed${one.review_after === undefined ? '' : `, next on ${one.review_after.slice(0, 10)}`}`,
      )
      .join('\n'),
  )
}

import type { Observation } from '../model/records.ts'
import { chosen, edited } from './ask.ts'
import type { CommandContext } from './command.ts'
import { marksOf } from './text/marks.ts'
import { indented, pageOf } from './text/page.ts'
import { shownTime } from './text/times.ts'
import { oneLine, visible } from './visible.ts'

type Choice = 'promote' | 'edit' | 'forget' | 'skip' | 'quit'

const choices: readonly { readonly value: Choice; readonly label: string; readonly hint: string }[] = [
  { value: 'promote', label: 'Promote', hint: 'keep it as if you had written it' },
  { value: 'edit', label: 'Edit', hint: 'change title and text' },
  { value: 'forget', label: 'Forget', hint: 'it does not come back' },
  { value: 'skip', label: 'Skip', hint: 'look at it another time' },
  { value: 'quit', label: 'Quit', hint: 'stop here' },
]

type Done = Record<'promoted' | 'edited' | 'forgotten' | 'skipped', number>

/** Shows extracted memories one by one and does what the person says (ING-REV-1). */
export async function reviewOneByOne(context: CommandContext, memories: readonly Observation[]): Promise<void> {
  const done: Done = { promoted: 0, edited: 0, forgotten: 0, skipped: 0 }
  for (const [index, memory] of memories.entries()) {
    if (!(await reviewOne(context, memory, `${index + 1} of ${memories.length}`, done))) break
  }
  const counts = Object.entries(done).filter(([, n]) => n > 0)
  context.print(counts.length === 0 ? 'Nothing changed.' : counts.map(([what, n]) => `${n} ${what}`).join(', '))
}

/** False: stop here. An edited one is shown again. */
async function reviewOne(context: CommandContext, memory: Observation, place: string, done: Done): Promise<boolean> {
  for (let shown = memory; ;) {
    context.print(screen(context, shown, place))
    const choice = await chosen(context, 'What about it?', choices)
    switch (choice) {
      case 'promote':
        await context.call('extracted.promote', { project: shown.project, ids: [shown.id] })
        done.promoted++
        return true
      case 'edit': {
        const changed = await edit(context, shown)
        if (changed !== null) done.edited++
        shown = changed ?? shown
        break
      }
      case 'forget':
        await context.call('memory.forget', { project: shown.project, ids: [shown.id] })
        done.forgotten++
        return true
      case 'skip':
        done.skipped++
        return true
      case 'quit':
      case null:
        return false
    }
  }
}

async function edit(context: CommandContext, memory: Observation): Promise<Observation | null> {
  const title = await edited(context, 'Title', memory.title)
  if (title === null) return null
  const content = await edited(context, 'Text', memory.content)
  if (content === null || (title === memory.title && content === memory.content)) return null
  const result = await context.call('observation.update', { id: memory.id, title, content })
  return result.observation
}

function screen(context: CommandContext, memory: Observation, place: string): string {
  const page = pageOf(context)
  const { paint } = page
  const marks = [
    oneLine(memory.project ?? ''),
    shownTime(memory.created_at, page.timezone),
    oneLine(memory.ext?.provenance?.rule ?? ''),
    ...marksOf(memory),
  ]
  return [
    '',
    ...indented(
      page,
      `${paint.dim(place)}  ${paint.name(`#${memory.id}`)} [${oneLine(memory.type)}] ${paint.title(oneLine(memory.title))}`,
      '',
    ),
    ...visible(memory.content.trimEnd(), { keepLines: true })
      .split('\n')
      .flatMap((line) => indented(page, line)),
    ...indented(page, marks.filter((mark) => mark !== '').join(' | ')).map(paint.dim),
    '',
  ].join('\n')
}

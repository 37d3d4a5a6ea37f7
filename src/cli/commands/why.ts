import type { InjectedItem } from '../../api/hooks.ts'
import { command } from '../command.ts'
import { oneLine } from '../visible.ts'

export const whyCommand = command({
  path: 'why',
  section: 'Agents',
  summary: 'What a hook put before an agent, and why',
  arguments: [{ name: 'session', description: 'the session (default: the last one)', required: false }],
  options: [{ flags: '--last', description: 'the last one, whatever session it was' }],
  examples: ['engram why', 'engram why 0b6c2f1e --json'],
  run: async (context) => {
    const session = context.flag('last') ? undefined : context.argument('session')
    const told = await context.call('hook.why', session === undefined ? {} : { session_id: session })
    const line = (item: InjectedItem): string =>
      `  ${item.rank}. #${item.id} [${oneLine(item.type)}] ${oneLine(item.title)}  score ${item.score} (${partsOf(item)}), ${item.tokens} tokens: ${item.reason}`
    context.answer(told, () =>
      [
        `${oneLine(told.agent)} ${oneLine(told.event)}, session ${oneLine(told.session_id)}, project ${oneLine(told.project)}, ${told.at}`,
        `${told.tokens} of ${told.budget_tokens} tokens`,
        ...told.items.map(line),
        ...(told.left_out.length === 0 ? [] : ['Left out:', ...told.left_out.map(line)]),
      ].join('\n'),
    )
  },
})

const partsOf = ({ parts }: InjectedItem): string =>
  Object.entries(parts)
    .map(([name, value]) => `${name} ${value}`)
    .join(' + ')

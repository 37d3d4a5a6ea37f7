import type { Context } from '../../model/live.ts'
import { command, type CommandContext } from '../command.ts'
import { choiceOption, numberOption, requiredArgument } from '../option-values.ts'
import { printList } from '../table.ts'
import { agentNamed, agentOption, metaNamed, metaOption } from '../live-options.ts'
import { encodedName } from '../text/project-name.ts'
import { shownMoment } from '../text/times.ts'
import { oneLine } from '../visible.ts'

const section = 'Working together'
const idArgument = { name: 'id', description: 'id of the context', required: true } as const

export const contextsListCommand = command({
  path: 'contexts list',
  section,
  summary: 'Shared contexts, last changed first',
  options: [
    { flags: '--agent <name>', description: 'only those this agent is a member of' },
    { flags: '--prefix <text>', description: 'only ids that begin so' },
    { flags: '--status <status>', description: 'only these', choices: ['active', 'archived'] },
    { flags: '--limit <n>', description: 'at most so many', defaultText: '100' },
  ],
  aliases: ['contexts'],
  examples: ['engram contexts list', 'engram contexts list --agent planner --json'],
  run: async (context) => {
    const answer = await context.call('context.list', {
      agent: context.option('agent'),
      prefix: context.option('prefix'),
      status: choiceOption(context, 'status', ['active', 'archived'] as const),
      limit: numberOption(context, 'limit', 1),
    })
    if (context.json) return context.printJson(answer)
    if (answer.contexts.length === 0) context.note('No contexts.')
    const time = (text: string): string => shownMoment(text, context.config.timezone.value)
    await printList(
      context,
      answer.contexts,
      [
        { title: 'Context', of: (row) => oneLine(row.id) },
        { title: 'Name', of: (row) => oneLine(row.display_name), flexible: true },
        { title: 'Events', of: (row) => String(row.last_seq), align: 'right' },
        { title: 'Changed', of: (row) => time(row.updated_at), optional: true },
        { title: 'Status', of: (row) => row.status, optional: true },
      ],
      (row) => [encodedName(row.id), row.last_seq, time(row.updated_at), row.status].join('  '),
    )
  },
})

export const contextsShowCommand = command({
  path: 'contexts show',
  section,
  summary: 'One context: its members, pins and meta',
  arguments: [idArgument],
  examples: ['engram contexts show release-42', 'engram contexts show release-42 --json'],
  run: async (context) => {
    const { context: shown } = await context.call('context.get', { id: requiredArgument(context, 'id') })
    context.answer(shown, () => contextText(shown, context))
  },
})

export const contextsCreateCommand = command({
  path: 'contexts create',
  section,
  summary: 'A new context',
  arguments: [{ name: 'name', description: 'its name for people', required: true }],
  options: [
    { flags: '--id <id>', description: 'its id', defaultText: 'made' },
    agentOption,
    { flags: '--member <name>', description: 'a member', repeatable: true },
    metaOption,
  ],
  examples: [
    'engram contexts create "Release 42"',
    'engram contexts create "Release 42" --id release-42 --member planner',
  ],
  run: async (context) => {
    const agent = agentNamed(context)
    const answer = await context.call('context.create', {
      id: context.option('id'),
      display_name: requiredArgument(context, 'name'),
      agents: [...new Set([agent, ...context.options('member')])],
      meta: metaNamed(context),
      agent_id: agent,
    })
    context.answer(answer, () => `Context ${oneLine(answer.context.id)} created`)
  },
})

export const contextsArchiveCommand = command({
  path: 'contexts archive',
  section,
  summary: 'Refuse further units in a context; reading goes on',
  arguments: [idArgument],
  options: [agentOption, { flags: '--undo', description: 'take it into use again' }],
  examples: ['engram contexts archive release-41', 'engram contexts archive release-41 --undo'],
  run: async (context) => {
    const isUndo = context.flag('undo')
    const input = { id: requiredArgument(context, 'id'), agent_id: agentNamed(context) }
    const answer = await context.call(isUndo ? 'context.restore' : 'context.archive', input)
    context.answer(answer, () => `Context ${oneLine(input.id)} ${isUndo ? 'is in use again' : 'archived'}`)
  },
})

function contextText(shown: Context, context: CommandContext): string {
  const field = (name: string, value: string): readonly string[] =>
    value === '' ? [] : [`${context.paint.dim(`${name}:`.padEnd(11))}${value}`]
  const time = (text: string): string => shownMoment(text, context.config.timezone.value)
  return [
    ...field('Context', context.paint.name(oneLine(shown.id))),
    ...field('Name', oneLine(shown.display_name)),
    ...field('Status', shown.status),
    ...field('Members', shown.agent_ids.map(oneLine).join(', ')),
    ...field('Pinned', shown.pinned_units.map(oneLine).join(', ')),
    ...Object.entries(shown.meta).flatMap(([key, value]) => field('Meta', `${oneLine(key)}=${oneLine(value)}`)),
    ...field('Events', String(shown.last_seq)),
    ...field('Version', String(shown.version)),
    ...field('Created', time(shown.created_at)),
    ...field('Changed', time(shown.updated_at)),
  ].join('\n')
}

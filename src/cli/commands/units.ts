import { EngramError } from '../../model/errors.ts'
import { command } from '../command.ts'
import { agentNamed, agentOption, metaNamed, metaOption } from '../live-options.ts'
import { choiceOption, numberOption, requiredArgument } from '../option-values.ts'
import { typedText } from '../typed-text.ts'
import { unitText } from '../text/unit.ts'
import { oneLine } from '../visible.ts'

const section = 'Working together'
const contextArgument = { name: 'context', description: 'id of the context', required: true } as const

export const unitPostCommand = command({
  path: 'unit post',
  section,
  summary: 'Append a unit to a context',
  arguments: [
    contextArgument,
    { name: 'text', description: 'its payload; standard input when left out', required: false, variadic: true },
  ],
  options: [
    { flags: '--type <type>', description: 'MESSAGE, REASONING, TOOL_CALL …', defaultText: 'MESSAGE' },
    agentOption,
    metaOption,
    { flags: '--id <uuid>', description: 'its id: the same unit again has no second effect', defaultText: 'made' },
    { flags: '--reply-to <unit>', description: 'the unit it answers' },
    { flags: '--create', description: 'make the context when it is missing' },
  ],
  examples: [
    'engram unit post release-42 "Tests are green"',
    'git diff | engram unit post release-42 --type FILE_CHANGE',
  ],
  run: async (context) => {
    const words = context.words('text')
    const payload = await typedText(context, words.length > 0 ? words.join(' ') : '-')
    if (payload === '') throw new EngramError('usage', 'Expected a text, got nothing.')
    const answer = await context.call('work-unit.append', {
      context_id: requiredArgument(context, 'context'),
      agent_id: agentNamed(context),
      type: context.option('type') ?? 'MESSAGE',
      payload,
      meta: metaNamed(context),
      id: context.option('id'),
      reply_to: context.option('reply-to'),
      create_context: context.flag('create'),
    })
    context.answer(answer, () => `Unit ${answer.unit.id} is #${answer.unit.seq} of ${oneLine(answer.unit.context_id)}`)
  },
})

export const unitGetCommand = command({
  path: 'unit get',
  section,
  summary: 'One unit',
  arguments: [{ name: 'id', description: 'id of the unit', required: true }],
  examples: [
    'engram unit get 0199aa00-0000-7000-8000-000000000001',
    'engram unit get 0199aa00-0000-7000-8000-000000000001 --json',
  ],
  run: async (context) => {
    const { unit } = await context.call('work-unit.get', { id: requiredArgument(context, 'id') })
    context.answer(unit, () => unitText(unit, context))
  },
})

export const unitListCommand = command({
  path: 'unit list',
  section,
  summary: 'Units of a context, oldest first',
  arguments: [contextArgument],
  options: [
    { flags: '--limit <n>', description: 'at most so many', defaultText: '100' },
    { flags: '--order <order>', description: 'which come first', choices: ['asc', 'desc'], defaultText: 'asc' },
    { flags: '--type <type>', description: 'only these', repeatable: true },
    { flags: '--agent <name>', description: 'only those of this agent', repeatable: true },
    { flags: '--cursor <cursor>', description: 'go on from here' },
  ],
  examples: ['engram unit list release-42', 'engram unit list release-42 --order desc --limit 5 --json'],
  run: async (context) => {
    const [types, agents] = [context.options('type'), context.options('agent')]
    const page = await context.call('work-unit.list', {
      context_id: requiredArgument(context, 'context'),
      limit: numberOption(context, 'limit', 1),
      order: choiceOption(context, 'order', ['asc', 'desc'] as const),
      cursor: context.option('cursor'),
      ...(types.length === 0 ? {} : { types: [...types] }),
      ...(agents.length === 0 ? {} : { agents: [...agents] }),
    })
    if (!context.json && page.units.length === 0) context.note('No units.')
    context.answer(page, () => page.units.map((unit) => unitText(unit, context)).join('\n\n'))
    if (!context.json && !page.at_tail) context.note(`More: --cursor ${page.next_cursor}`)
  },
})

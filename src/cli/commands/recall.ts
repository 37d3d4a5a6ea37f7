import { categories } from '../../model/categories.ts'
import { command, type CommandArgument, type CommandOption } from '../command.ts'
import { categoryOption, numberOption, requiredArgument } from '../option-values.ts'
import { onePlace } from '../place.ts'
import { counted } from '../text/amounts.ts'
import { oneLine, visible } from '../visible.ts'

const projectArgument: CommandArgument = {
  name: 'project',
  description: 'the project',
  required: true,
  isProject: true,
}
const categoryFlag: CommandOption = {
  flags: '--category <category>',
  description: `only one of ${categories.join(', ')}`,
}
const expiredFlag: CommandOption = { flags: '--all', description: 'also what has expired' }

export const recallCommand = command({
  path: 'recall',
  section: 'Reading for an agent',
  summary: 'What is known about a project, by category, within a budget',
  details: 'Reading changes nothing that travels.',
  arguments: [projectArgument],
  options: [
    { flags: '--budget <tokens>', description: 'at most so many tokens', defaultText: '4000' },
    categoryFlag,
    expiredFlag,
  ],
  examples: ['engram recall my-project', 'engram recall my-project --category decisions --budget 1000'],
  run: async (context) => {
    const result = await context.call('memory.recall', {
      ...onePlace(context, requiredArgument(context, 'project')),
      budget_tokens: numberOption(context, 'budget', 1),
      category: categoryOption(context),
      all: context.flag('all'),
    })
    context.answer(result, () => visible(result.text, { keepLines: true }).trimEnd())
    if (context.json) return
    if (result.text === '') context.note(`Nothing is known about ${oneLine(result.project)} yet.`)
    if (result.left_out > 0 && context.terminal.isErrorTty) {
      context.note(context.paint.dim(`${counted(result.left_out, 'memory', 'memories')} left out by the budget`))
    }
  },
})

export const lookupCommand = command({
  path: 'lookup',
  section: 'Reading for an agent',
  summary: 'Lines of a project that contain a text',
  arguments: [projectArgument, { name: 'query', description: 'the text, in any case', required: true }],
  options: [categoryFlag, expiredFlag],
  examples: ['engram lookup my-project timeout', 'engram lookup my-project "pool size" --category bugs'],
  run: async (context) => {
    const query = requiredArgument(context, 'query')
    const result = await context.call('memory.lookup', {
      ...onePlace(context, requiredArgument(context, 'project')),
      query,
      category: categoryOption(context),
      all: context.flag('all'),
    })
    context.answer(result, () =>
      result.matches
        .map((match) => {
          const expired = match.expired ? ' (expired)' : ''
          const head = `${context.paint.name(`#${match.id}`)} [${match.category}] ${context.paint.title(oneLine(match.title))}${expired}`
          return [head, ...match.lines.map((line) => `    ${oneLine(line)}`)].join('\n')
        })
        .join('\n'),
    )
    if (!context.json && result.matches.length === 0) {
      context.note(`Nothing in ${oneLine(result.project)} contains "${visible(query)}".`)
    }
  },
})

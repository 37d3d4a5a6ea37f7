import { EngramError } from '../../model/errors.ts'
import { command, type CommandContext } from '../command.ts'
import { numberOption } from '../option-values.ts'
import { allOption, readPlace } from '../place.ts'
import { visible } from '../visible.ts'

const nothing = 'No previous session memories found.'

export const contextCommand = command({
  path: 'context',
  section: 'Reading for an agent',
  summary: 'Recent sessions, prompts and memories as Markdown for an agent',
  details: 'Prints Markdown and nothing else. A count of 0 means the default, one below 0 leaves the section out.',
  arguments: [
    {
      name: 'project',
      description: 'the project (default: the one of this directory)',
      required: false,
      isProject: true,
    },
  ],
  options: [
    allOption,
    { flags: '--scope <scope>', description: 'only this scope (project, personal, global)' },
    { flags: '--compact', description: 'titles only' },
    { flags: '--max-bytes <n>', description: 'at most so many bytes, up to 65536' },
    { flags: '--sessions <n>', description: 'so many sessions', defaultText: '5' },
    { flags: '--prompts <n>', description: 'so many prompts', defaultText: '10' },
    { flags: '--observations <n>', description: 'so many memories that are not pinned', defaultText: '20' },
    { flags: '--pinned <n>', description: 'so many pinned memories', defaultText: 'all' },
    { flags: '--session <id>', description: 'only what belongs to this session' },
  ],
  examples: ['engram context', 'engram context my-project --compact --max-bytes 4000'],
  run: async (context) => {
    const result = await read(context)
    // Markdown for an agent is text from memory as well: a terminal must not obey it, in a pipe or not.
    context.answer(result, () =>
      result.context === '' ? nothing : visible(result.context, { keepLines: true }).trimEnd(),
    )
  },
})

function read(context: CommandContext) {
  const session = context.option('session')
  const max_bytes = numberOption(context, 'max-bytes', Number.MIN_SAFE_INTEGER)
  const timezone = context.config.timezone.value
  if (session !== undefined) {
    if (context.argument('project') !== undefined || context.flag('all')) {
      throw new EngramError('usage', 'Expected either a project or --session, got both.')
    }
    return context.call('memory.session-context', { session_id: session, max_bytes, timezone })
  }
  const cap = (name: string): number | undefined => numberOption(context, name, Number.MIN_SAFE_INTEGER)
  return context.call('memory.context', {
    ...readPlace(context, context.argument('project')),
    scope: context.option('scope'),
    compact: context.flag('compact'),
    max_bytes,
    sessions: cap('sessions'),
    prompts: cap('prompts'),
    observations: cap('observations'),
    pinned: cap('pinned'),
    timezone,
  })
}

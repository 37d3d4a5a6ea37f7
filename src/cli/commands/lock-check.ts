import { EngramError } from '../../model/errors.ts'
import type { Lock } from '../../model/live.ts'
import { systemGit } from '../../platform/git.ts'
import { command, type CommandContext } from '../command.ts'
import { agentNamed, agentOption } from '../live-options.ts'
import { shownMoment } from '../text/times.ts'
import { oneLine } from '../visible.ts'

const gitMsMax = 10_000
/** Live locks of one project that are compared; more files than that are held by nobody's design. */
const locksMax = 500
const shownMax = 20

/**
 * What a git pre-commit hook asks (COL-1216): whether another agent holds what is named or staged. Exit 3 when somebody
 * does. `printf '#!/bin/sh\nexec engram lock check --staged\n' > .git/hooks/pre-commit` is all it takes.
 */
export const lockCheckCommand = command({
  path: 'lock check',
  section: 'Working together',
  summary: 'Whether another agent holds what is named or staged',
  arguments: [{ name: 'resource', description: 'what may be locked', required: false, variadic: true }],
  options: [{ flags: '--staged', description: 'the files staged in this git repository' }, agentOption],
  examples: ['engram lock check --staged', 'engram lock check file:app/main.ts --agent coder'],
  run: async (context) => {
    const wanted = new Set([...context.words('resource'), ...(context.flag('staged') ? await staged(context) : [])])
    if (wanted.size === 0 && !context.flag('staged')) {
      throw new EngramError('usage', 'Expected resources or --staged, got nothing.')
    }
    const agent = agentNamed(context)
    const { locks } = await context.call('lock.list', { limit: locksMax })
    const held = locks.filter((lock) => wanted.has(lock.resource_path) && lock.holder_agent !== agent)
    if (held.length > 0) throw heldError(held, context)
    context.answer({ checked: wanted.size, held: [] }, () => `${wanted.size} checked, none is held by others`)
  },
})

async function staged(context: CommandContext): Promise<readonly string[]> {
  const { directory, environment } = context.terminal
  const names = await systemGit(environment).run(directory, ['diff', '--cached', '--name-only', '-z'], gitMsMax)
  if (names === null) throw new EngramError('usage', `--staged: ${directory} is no git repository.`)
  const { project } = await context.call('project.resolve', { directory })
  return names.split('\0').flatMap((name) => (name === '' ? [] : [`file:${project}/${name}`]))
}

function heldError(held: readonly Lock[], { config }: CommandContext): EngramError {
  const line = (lock: Lock): string => {
    const reason = lock.meta['reason'] === undefined ? '' : `: ${oneLine(lock.meta['reason'])}`
    const until = shownMoment(lock.expires_at, config.timezone.value)
    return `${oneLine(lock.resource_path)} is held by ${oneLine(lock.holder_agent)} until ${until}${reason}`
  }
  const lines = held.slice(0, shownMax).map(line)
  const more = held.length > shownMax ? [`and ${held.length - shownMax} more`] : []
  return new EngramError('lock_held', [...lines, ...more].join('\n'), { details: { locks: held } })
}

import { command, type CommandContext } from '../command.ts'
import { shownTime } from '../text/times.ts'
import { homeOf, setupCommand, uninstallCommand } from './setup.ts'

/** Spellings of the Python program: its hooks were for Claude Code alone (ING-HOK-2). */
const agent = 'claude-code'
const section = 'Agents'

const forClaude = (context: CommandContext): CommandContext => ({
  ...context,
  argument: (name) => (name === 'agent' ? agent : context.argument(name)),
  option: (name) => (name === 'agent' ? undefined : context.option(name)),
})

export const hooksInstallCommand = command({
  path: 'hooks install',
  section,
  summary: 'The same as engram setup claude-code',
  options: setupCommand.options?.filter(({ flags }) => !flags.startsWith('--agent')) ?? [],
  examples: ['engram hooks install', 'engram hooks install --dry-run'],
  run: (context) => setupCommand.run(forClaude(context)),
})

export const hooksUninstallCommand = command({
  path: 'hooks uninstall',
  section,
  summary: 'The same as engram uninstall --agent claude-code',
  options: uninstallCommand.options?.filter(({ flags }) => !flags.startsWith('--agent')) ?? [],
  examples: ['engram hooks uninstall', 'engram hooks uninstall --yes'],
  run: (context) => uninstallCommand.run(forClaude(context)),
})

export const hooksStatusCommand = command({
  path: 'hooks status',
  section,
  summary: 'Whether Claude Code is set up, and when its hooks last fired',
  examples: ['engram hooks status', 'engram hooks status --json'],
  run: async (context) => {
    const [{ agents }, { planSetup }] = await Promise.all([import('../setup/agents.ts'), import('../setup/plan.ts')])
    const { edits, left } = planSetup(
      agents.filter(({ name }) => name === agent),
      homeOf(context),
    )
    const { hooks } = await context.call('system.status', {})
    const fired = hooks.filter((one) => one.agent === agent)
    const isSetUp = edits.length + left.length === 0
    context.answer({ agent, set_up: isSetUp, fired }, () =>
      [
        isSetUp ? `${agent} is set up.` : `${agent} is not set up: see \`engram setup ${agent} --dry-run\`.`,
        ...fired.map(({ event, last }) => `${shownTime(last, context.config.timezone.value)}  ${event}`),
      ].join('\n'),
    )
  },
})

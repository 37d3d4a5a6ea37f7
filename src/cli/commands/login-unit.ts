import { realpathSync } from 'node:fs'
import { EngramError } from '../../model/errors.ts'
import { command, type CommandContext } from '../command.ts'
import { requiredArgument } from '../option-values.ts'
import { loginUnits } from '../text/login-unit.ts'

const kinds = ['systemd', 'launchd', 'windows'] as const

export const servicePrintCommand = command({
  path: 'service print',
  section: 'This machine',
  summary: 'A unit that runs `engram serve` from login on, and survives upgrades',
  details: 'It is only printed: nothing is installed.',
  arguments: [{ name: 'kind', description: kinds.join(', '), required: true, choices: kinds }],
  examples: ['engram service print systemd', 'engram service print launchd'],
  run: async (context) => {
    const wanted = requiredArgument(context, 'kind')
    const kind = kinds.find((one) => one === wanted)
    if (kind === undefined)
      throw new EngramError('usage', `Expected one of ${kinds.join(', ')}, got ${JSON.stringify(wanted)}.`)
    const [runtime = 'node', script = 'engram'] = context.terminal.executable
    const text = loginUnits[kind]({
      command: [runtime, script, 'serve'],
      watched: realPath(script),
      dataDir: context.config.dataDir.value,
    })
    // A path with a line break would end the line it stands in and begin another.
    refuseLineBreaks(context)
    context.answer({ kind, text }, () => text.trimEnd())
  },
})

/** What a link leads to: an upgrade replaces that. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

function refuseLineBreaks(context: CommandContext): void {
  const paths = [...context.terminal.executable, context.config.dataDir.value]
  const broken = paths.find((path) => /[\r\n]/.test(path))
  if (broken !== undefined)
    throw new EngramError('usage', `Expected a path without line breaks, got ${JSON.stringify(broken)}.`)
}

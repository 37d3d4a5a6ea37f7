import { EngramError } from '../model/errors.ts'
import type { Meta } from '../model/live.ts'
import type { CommandContext, CommandOption } from './command.ts'

export const agentOption: CommandOption = {
  flags: '--agent <name>',
  description: 'who does this',
  defaultText: 'ENGRAM_AGENT, else cli',
}

/** Who acts: named, else the agent this terminal belongs to. */
export function agentNamed(context: CommandContext): string {
  const own = context.terminal.environment['ENGRAM_AGENT'] ?? ''
  return context.option('agent') ?? (own.trim() === '' ? 'cli' : own)
}

export const metaOption: CommandOption = {
  flags: '--meta <key=value>',
  description: 'a pair of its meta',
  repeatable: true,
}

export function metaNamed(context: CommandContext): Meta {
  const pairs = context.options('meta').map((pair) => {
    const at = pair.indexOf('=')
    if (at < 1) throw new EngramError('usage', `--meta: expected key=value, got ${JSON.stringify(pair)}.`)
    return [pair.slice(0, at), pair.slice(at + 1)] as const
  })
  return Object.fromEntries(pairs)
}

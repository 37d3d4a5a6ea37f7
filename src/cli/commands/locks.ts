import type { Lock } from '../../model/live.ts'
import { command, type CommandContext } from '../command.ts'
import { agentNamed, agentOption } from '../live-options.ts'
import { numberOption, requiredArgument } from '../option-values.ts'
import { printList } from '../table.ts'
import { encodedName } from '../text/project-name.ts'
import { shownMoment } from '../text/times.ts'
import { oneLine } from '../visible.ts'

const section = 'Working together'
const resource = { name: 'resource', description: 'what is locked, such as file:app/main.ts', required: true } as const
export const ttlOption = {
  flags: '--ttl <seconds>',
  description: 'how long the lease lasts',
  defaultText: '60',
} as const
export const waitOption = { flags: '--wait <seconds>', description: 'stand in line for so long' } as const
export const lockContextOption = { flags: '--context <id>', description: 'tell it in this context' } as const
const lockIdOption = {
  flags: '--lock-id <id>',
  description: 'the id the lease was granted under',
  defaultText: 'that of the lease that lives now',
} as const

export const msOf = (context: CommandContext, name: string, min: number): number | undefined => {
  const seconds = numberOption(context, name, min)
  return seconds === undefined ? undefined : seconds * 1_000
}

/** Somebody else's lease is refused by its holder's name all the same. */
async function lockIdOf(context: CommandContext): Promise<string> {
  const given = context.option('lock-id')
  if (given !== undefined) return given
  const { lock } = await context.call('lock.get', { resource_path: requiredArgument(context, 'resource') })
  return lock.lock_id
}

export const lockAcquireCommand = command({
  path: 'lock acquire',
  section,
  summary: 'Take a lease on a resource',
  arguments: [resource],
  options: [agentOption, ttlOption, waitOption, lockContextOption],
  examples: ['engram lock acquire file:app/main.ts --agent coder', 'engram lock acquire deploy --wait 30 --json'],
  run: async (context) => {
    const { lock } = await context.call('lock.acquire', {
      resource_path: requiredArgument(context, 'resource'),
      agent_id: agentNamed(context),
      ttl_ms: msOf(context, 'ttl', 1),
      wait_timeout_ms: msOf(context, 'wait', 0),
      context_id: context.option('context'),
    })
    context.answer(lock, () => lockText(lock, context))
  },
})

export const lockRenewCommand = command({
  path: 'lock renew',
  section,
  summary: 'Let a lease last longer',
  arguments: [resource],
  options: [agentOption, lockIdOption, ttlOption],
  examples: [
    'engram lock renew deploy --ttl 120',
    'engram lock renew deploy --lock-id 0199aa00-0000-7000-8000-000000000001',
  ],
  run: async (context) => {
    const { lock } = await context.call('lock.renew', {
      resource_path: requiredArgument(context, 'resource'),
      agent_id: agentNamed(context),
      lock_id: await lockIdOf(context),
      ttl_ms: msOf(context, 'ttl', 1),
    })
    context.answer(lock, () => lockText(lock, context))
  },
})

export const lockReleaseCommand = command({
  path: 'lock release',
  section,
  summary: 'Give a lease back',
  arguments: [resource],
  options: [agentOption, lockIdOption],
  examples: [
    'engram lock release deploy',
    'engram lock release deploy --agent coder --lock-id 0199aa00-0000-7000-8000-000000000001',
  ],
  run: async (context) => {
    const answer = await context.call('lock.release', {
      resource_path: requiredArgument(context, 'resource'),
      agent_id: agentNamed(context),
      lock_id: await lockIdOf(context),
    })
    context.answer(answer, () => 'Released')
  },
})

export const lockListCommand = command({
  path: 'lock list',
  section,
  summary: 'Leases that live now',
  options: [
    { flags: '--prefix <text>', description: 'only resources that begin so' },
    { flags: '--agent <name>', description: 'only those of this agent' },
    { flags: '--limit <n>', description: 'at most so many', defaultText: '100' },
  ],
  examples: ['engram lock list', 'engram lock list --prefix file: --json'],
  run: async (context) => {
    const answer = await context.call('lock.list', {
      prefix: context.option('prefix'),
      agent: context.option('agent'),
      limit: numberOption(context, 'limit', 1),
    })
    if (context.json) return context.printJson(answer)
    if (answer.locks.length === 0) context.note('No locks.')
    const until = (lock: Lock): string => shownMoment(lock.expires_at, context.config.timezone.value)
    await printList(
      context,
      answer.locks,
      [
        { title: 'Resource', of: (row) => oneLine(row.resource_path), flexible: true },
        { title: 'Holder', of: (row) => oneLine(row.holder_agent) },
        { title: 'Until', of: until },
        { title: 'Token', of: (row) => String(row.fencing_token), align: 'right', optional: true },
      ],
      (row) =>
        [encodedName(row.resource_path), encodedName(row.holder_agent), until(row), row.fencing_token].join('  '),
    )
  },
})

const lockText = (lock: Lock, { config }: CommandContext): string =>
  `${oneLine(lock.resource_path)} is held by ${oneLine(lock.holder_agent)} until ${shownMoment(lock.expires_at, config.timezone.value)}\n` +
  `lock id ${lock.lock_id}, token ${lock.fencing_token}`

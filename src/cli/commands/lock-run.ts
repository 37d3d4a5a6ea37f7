import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { EngramError, toEngramError } from '../../model/errors.ts'
import type { Lock } from '../../model/live.ts'
import { systemClock } from '../../platform/clock.ts'
import { command, type CommandContext, type CommandResult } from '../command.ts'
import { agentNamed, agentOption } from '../live-options.ts'
import { requiredOption } from '../option-values.ts'
import { lockContextOption, msOf, ttlOption, waitOption } from './locks.ts'
import { visible } from '../visible.ts'

/** As shells say it: there is no such command, or it cannot be run. */
const notFoundCode = 127
const notRunnableCode = 126
const signalCodeBase = 128
/** A command that was told to end has this long to do so. */
const endingMs = 5_000
/** How soon a renewal that failed is tried again. */
const renewAgainMs = 100

export const lockRunCommand = command({
  path: 'lock run',
  section: 'Working together',
  summary: 'Hold a lock while a command runs',
  details:
    'The lease is renewed meanwhile and given back at the end; the exit code is that of the command. When the lease is ' +
    'lost the command is stopped, and the exit code is 3. The command finds ENGRAM_LOCK_ID and ENGRAM_LOCK_TOKEN in ' +
    'its environment: writes that carry the token are refused once somebody else holds the lock.',
  arguments: [{ name: 'command', description: 'the command and its words, after --', required: true, variadic: true }],
  options: [
    { flags: '--lock <resource>', description: 'what is locked, such as deploy or file:app/main.ts' },
    agentOption,
    ttlOption,
    waitOption,
    lockContextOption,
  ],
  examples: [
    'engram lock run --lock deploy -- ./deploy.sh production',
    'engram lock run --lock db:migrate --wait 60 --agent coder -- npm run migrate',
  ],
  run: async (context): Promise<CommandResult> => {
    const holder = agentNamed(context)
    const { lock } = await context.call('lock.acquire', {
      resource_path: requiredOption(context, 'lock'),
      agent_id: holder,
      ttl_ms: msOf(context, 'ttl', 1),
      wait_timeout_ms: msOf(context, 'wait', 0),
      context_id: context.option('context'),
    })
    const child = started(context, lock, holder)
    const over = new AbortController()
    void child.ended.then(() => over.abort())
    const loss = await keep(context, lock, over.signal)
    if (loss !== null) {
      context.note(`the lock on ${visible(lock.resource_path)} is lost and the command is stopped: ${loss.message}`)
      child.stop()
      await child.ended
      return 3
    }
    const ended = await child.ended
    await giveBack(context, lock)
    return { passedOn: ended }
  },
})

type Child = {
  /** The exit code, as a shell would tell it. Never rejects. */
  readonly ended: Promise<number>
  stop(): void
}

function started(context: CommandContext, lock: Lock, holder: string): Child {
  const [file = '', ...words] = context.words('command')
  const own = { ENGRAM_AGENT: holder, ENGRAM_LOCK_ID: lock.lock_id, ENGRAM_LOCK_TOKEN: String(lock.fencing_token) }
  // At a terminal the command stays in its group: it may ask there, hears of Ctrl-C itself, and what that means is its own
  // affair. Elsewhere it leads a group of its own, so that what it started is stopped with it.
  const leadsGroup = !context.terminal.isInteractive && process.platform !== 'win32'
  const child = spawn(file, words, {
    stdio: 'inherit',
    cwd: context.terminal.directory,
    env: { ...context.terminal.environment, ...own },
    detached: leadsGroup,
  })
  const kill = (signal: NodeJS.Signals): void => {
    if (!leadsGroup || child.pid === undefined) child.kill(signal)
    else endGroup(child.pid, signal)
  }
  const stop = (): void => {
    kill('SIGTERM')
    setTimeout(() => kill('SIGKILL'), endingMs).unref()
  }
  const onAbort = (): void => {
    if (!context.terminal.isInteractive) stop()
  }
  context.signal.addEventListener('abort', onAbort, { once: true })
  const ended = new Promise<number>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      const isMissing = error.code === 'ENOENT'
      context.note(`${visible(file)}: ${isMissing ? 'command not found' : visible(error.message)}`)
      resolve(isMissing ? notFoundCode : notRunnableCode)
    })
    child.once('exit', (code, signal) => resolve(code ?? signalCodeBase + (signal === null ? 0 : signalNumber(signal))))
  })
  return { ended: ended.finally(() => context.signal.removeEventListener('abort', onAbort)), stop }
}

function endGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // It is over already.
  }
}

const signalNumber = (signal: NodeJS.Signals): number => constants.signals[signal]

/** Renews at half time until `over`. @returns why the lease is lost, or null when it was held to the end */
async function keep(context: CommandContext, lock: Lock, over: AbortSignal): Promise<EngramError | null> {
  const caller = await context.caller()
  const { resource_path, holder_agent: agent_id, lock_id, ttl_ms } = lock
  let untilMs = systemClock.monotonicMs() + ttl_ms
  while (await isStillRunning(Math.max(renewAgainMs, (untilMs - systemClock.monotonicMs()) / 2), over)) {
    const askedMs = systemClock.monotonicMs()
    const renewed = caller.call('lock.renew', { resource_path, agent_id, lock_id, ttl_ms })
    const failure = await failureWithin(renewed, untilMs - askedMs)
    if (failure === null) untilMs = askedMs + ttl_ms
    // What may pass is tried again for as long as the lease lasts.
    else if (!failure.row.retryable || systemClock.monotonicMs() >= untilMs) return failure
  }
  return null
}

const isStillRunning = (ms: number, over: AbortSignal): Promise<boolean> =>
  systemClock.sleep(ms, over).then(
    () => true,
    () => false,
  )

/** A renewal that takes longer than the lease is none. */
async function failureWithin(renewed: Promise<unknown>, ms: number): Promise<EngramError | null> {
  const answered = new AbortController()
  const tooLate = systemClock
    .sleep(ms, answered.signal)
    .then(() => new EngramError('lock_expired', 'it could not be renewed in time.'))
  try {
    return await Promise.race([renewed.then(() => null), tooLate.catch(() => null)])
  } catch (error) {
    return toEngramError(error)
  } finally {
    answered.abort()
  }
}

/** A lease that is not given back ends by itself, so the command's own end is what counts. */
async function giveBack(context: CommandContext, { resource_path, holder_agent, lock_id }: Lock): Promise<void> {
  try {
    await (await context.caller()).call('lock.release', { resource_path, agent_id: holder_agent, lock_id })
  } catch (error) {
    context.note(`the lock on ${visible(resource_path)} was not given back: ${visible(toEngramError(error).message)}`)
  }
}

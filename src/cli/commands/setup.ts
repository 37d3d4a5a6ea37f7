import { EngramError } from '../../model/errors.ts'
import { formatTime } from '../../model/times.ts'
import { confirmed } from '../ask.ts'
import { command, type CommandContext, type ExitCode } from '../command.ts'
import { counted } from '../text/amounts.ts'
import { visible } from '../visible.ts'
import type { Agent, Home } from '../setup/agents.ts'
import type { JournalEntry } from '../setup/journal.ts'
import type { PlannedEdit } from '../setup/plan.ts'

const yesOption = { flags: '--yes', description: 'do not ask' }
const dryRunOption = { flags: '--dry-run', description: 'show what would change, and change nothing' }
const agentOption = { flags: '--agent <names>', description: 'only these, with commas between' }
const adoptOption = { flags: '--adopt', description: 'first move the data of the Go program in, where there is some' }
const names = 'claude-code, codex, gemini-cli, opencode, cursor, windsurf, vscode'

export const setupCommand = command({
  path: 'setup',
  section: 'Agents',
  summary: 'Tell the agents on this machine about Engram',
  details: `Finds ${names}; shows every change, asks once, writes, and tries it. \`engram uninstall\` takes it back.`,
  arguments: [{ name: 'agent', description: 'only this one', required: false }],
  options: [
    agentOption,
    yesOption,
    dryRunOption,
    adoptOption,
    { flags: '--protocol <form>', description: 'accepted from older scripts', choices: ['slim', 'full'] },
  ],
  examples: ['engram setup', 'engram setup claude-code --yes', 'engram setup --dry-run'],
  run: async (context): Promise<ExitCode> => {
    const [{ agents, mcpWords }, { planSetup, diffOf }] = await Promise.all([
      import('../setup/agents.ts'),
      import('../setup/plan.ts'),
    ])
    const home = homeOf(context)
    const wanted = chosenAgents(context, agents, home)
    if (wanted.length === 0) {
      context.answer({ agents: [], edits: [], left: [] }, () => `No agent found here. Known are ${names}.`)
      return 0
    }
    const { edits, left } = planSetup(wanted, home)
    for (const one of left) context.note(`left alone: ${visible(one.path)}: ${visible(one.reason)}`)
    const told = { agents: wanted.map((one) => one.name), edits: edits.map(toldOf), left }
    if (edits.length > 0 && !context.json) {
      context.print(edits.map((edit) => visible(diffOf(edit), { keepLines: true })).join('\n\n'))
    }
    const code: ExitCode = left.length > 0 ? 1 : 0
    if (edits.length === 0 || context.flag('dry-run')) {
      const text = edits.length === 0 ? 'Nothing to change.' : 'DRY RUN — nothing was changed.'
      context.answer({ ...told, written: 0 }, () => text)
      return code
    }
    if (!(await confirmed(context, `Change ${counted(edits.length, 'file')}?`))) return 1
    await adoptWhatIsThere(context)
    const failed = await writeAll(context, edits)
    const { newProofProject, proveRoundTrip } = await import('../setup/round-trip.ts')
    const project = newProofProject()
    const environment = { ...home.environment, HOME: home.homeDir, USERPROFILE: home.homeDir }
    await proveRoundTrip(mcpWords(home), { project, environment })
    // The session and the project of the proof; the memory is gone.
    await context.call('project.delete', { project, hard: true })
    const written = edits.length - failed
    const notes = wanted.flatMap(({ note }) => (note === undefined ? [] : [note]))
    context.answer({ ...told, written, proved: true, notes }, () => installedText(wanted, edits))
    if (!context.json) for (const note of notes) context.note(note)
    return failed > 0 ? 1 : code
  },
})

/**
 * A data dir of the Go program is moved in only on request (MEM-106), and agents cannot use it before: so it is offered
 * here, and set-up ends where nobody wants it.
 */
async function adoptWhatIsThere(context: CommandContext): Promise<void> {
  const adopt = (dryRun: boolean) => context.program.adopt(context.config, { dryRun, path: undefined })
  const found = await adopt(true)
  if (found.era === '') return
  const { adoptedText } = await import('./backup-files.ts')
  if (!context.json) context.print(adoptedText(found))
  const isWanted = context.flag('adopt') || (!context.flag('yes') && (await confirmed(context, 'Move it in?')))
  if (!isWanted) {
    const place = context.config.dataDir.value
    throw new EngramError('go_database_found', `${place} holds the data of the Go program; nothing was set up.`, {
      hint: 'Pass --adopt to move it in (its file stays as it is), or choose another --data-dir.',
    })
  }
  const { cut, skipped, counts } = await adopt(false)
  const aside = skipped.length === 0 ? '' : `, ${counted(skipped.length, 'row')} set aside`
  context.note(
    `Moved in: ${counted(counts.observations, 'memory', 'memories')}${aside}${cut.length === 0 ? '' : ', long texts cut'}.`,
  )
}

/** A file that cannot be written is left alone, and the others are written. */
async function writeAll(context: CommandContext, edits: readonly PlannedEdit[]): Promise<number> {
  const [{ applyEdit }, { upToDate }] = await Promise.all([import('../setup/journal.ts'), import('../setup/plan.ts')])
  let failed = 0
  for (const edit of edits) {
    try {
      applyEdit(context.config.dataDir.value, upToDate(edit), formatTime(context.program.nowMs()))
    } catch (error) {
      failed++
      const reason = error instanceof Error ? error.message : String(error)
      context.note(`left alone: ${visible(edit.path)}: ${visible(reason)}`)
    }
  }
  return failed
}

const toldOf = ({ agent, path, before }: PlannedEdit) => ({ agent, path, made: before === null })

const installedText = (wanted: readonly Agent[], edits: readonly PlannedEdit[]): string =>
  wanted
    .map((one) => {
      const count = edits.filter((edit) => edit.agent === one.name).length
      return count === 0 ? `${one.name} was set up before` : `Installed ${one.name} plugin (${counted(count, 'file')})`
    })
    .join('\n')

export function homeOf({ terminal, config }: CommandContext): Home {
  const { dataDir } = config
  return {
    homeDir: terminal.homeDir,
    environment: terminal.environment,
    platform: process.platform,
    executable: terminal.executable,
    dataDirOptions: dataDir.source === 'default' ? [] : [`--data-dir=${dataDir.value}`],
  }
}

function namesAsked(context: CommandContext): readonly string[] {
  const asked = [context.argument('agent') ?? '', context.option('agent') ?? ''].join(',').split(',')
  return asked.flatMap((name) => (name.trim() === '' ? [] : [name.trim()]))
}

/** Those named, whether they are found or not; else those that are found. */
function chosenAgents(context: CommandContext, agents: readonly Agent[], home: Home): readonly Agent[] {
  const asked = namesAsked(context)
  const unknown = asked.find((name) => !agents.some((one) => one.name === name))
  if (unknown !== undefined) {
    throw new EngramError('usage', `Expected one of ${names}, got ${JSON.stringify(unknown)}.`)
  }
  return agents.filter((one) => (asked.length === 0 ? one.isInstalled(home) : asked.includes(one.name)))
}

export const uninstallCommand = command({
  path: 'uninstall',
  section: 'Agents',
  summary: 'Take back what `engram setup` wrote; memory stays',
  details: 'A file nobody changed since gets its very bytes back; from a changed one only what is ours goes.',
  options: [agentOption, yesOption, dryRunOption],
  examples: ['engram uninstall --dry-run', 'engram uninstall --agent cursor --yes'],
  run: async (context): Promise<ExitCode> => {
    const { undoSetup } = await import('../setup/journal.ts')
    const asked = namesAsked(context)
    const isWanted = ({ agent }: JournalEntry): boolean => asked.length === 0 || asked.includes(agent)
    const dataDir = context.config.dataDir.value
    const planned = undoSetup(dataDir, isWanted, { dryRun: true })
    if (planned.length === 0) {
      context.answer({ undone: [], dry_run: context.flag('dry-run') }, () => 'Nothing to take back.')
      return 0
    }
    const lines = planned.map((one) => `${one.how.padEnd(8)}  ${visible(one.path)}`)
    if (!context.json) context.print(lines.join('\n'))
    if (!context.flag('dry-run')) {
      if (!(await confirmed(context, `Take back ${counted(planned.length, 'edit')}?`))) return 1
      undoSetup(dataDir, isWanted, { dryRun: false })
    }
    const text = context.flag('dry-run') ? 'DRY RUN — nothing was changed.' : 'Taken back. Memory itself stays.'
    context.answer({ undone: planned, dry_run: context.flag('dry-run') }, () => text)
    return 0
  },
})

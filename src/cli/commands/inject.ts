import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { EngramError, toEngramError } from '../../model/errors.ts'
import { fenced } from '../../model/fence.ts'
import { formatTime } from '../../model/times.ts'
import { command, type CommandContext } from '../command.ts'
import { numberOption } from '../option-values.ts'
import { onePlace } from '../place.ts'
import { visible } from '../visible.ts'

/** Under this name the journal keeps what was injected, so that `uninstall` takes it back too (MEM-1504). */
const injected = 'inject'

export const injectCommand = command({
  path: 'inject',
  section: 'Reading for an agent',
  summary: 'Put what is known about a project into a file that an agent reads',
  details:
    'Writes one block between <!-- engram:begin --> and <!-- engram:end --> and touches nothing else in the file. ' +
    'Without --file it is the memory file that Claude Code keeps for this directory. --remove, or `engram uninstall`, takes it back.',
  arguments: [{ name: 'project', description: 'the project', required: false, isProject: true }],
  options: [
    { flags: '--file <file>', description: 'another file', defaultText: "Claude Code's MEMORY.md of this directory" },
    { flags: '--budget <tokens>', description: 'at most so many tokens', defaultText: '1500' },
    { flags: '--dry-run', description: 'show what would change, and change nothing' },
    { flags: '--remove', description: 'take the block out again' },
  ],
  examples: ['engram inject', 'engram inject my-project --file AGENTS.md --budget 800', 'engram inject --remove'],
  run: async (context) => {
    const path = await fileOf(context)
    if (context.flag('remove')) return remove(context, path)
    const { project, text } = await context.call('memory.recall', {
      ...onePlace(context, context.argument('project')),
      budget_tokens: numberOption(context, 'budget', 1) ?? 1_500,
      foreign_apart: true,
    })
    const isDryRun = context.flag('dry-run')
    if (text === '') {
      context.answer({ file: path, project, changed: false, dry_run: isDryRun }, () => '')
      if (!context.json) context.note(`Nothing is known about ${visible(project)} yet.`)
      return
    }
    const isChanged = await write(context, path, blockOf(text))
    context.answer({ file: path, project, changed: isChanged, dry_run: isDryRun }, () =>
      doneText(path, isChanged, isDryRun),
    )
  },
})

/** @returns whether anything changes */
async function write(context: CommandContext, path: string, block: string): Promise<boolean> {
  const [{ planFile, diffOf }, { applyEdit }] = await Promise.all([
    import('../setup/plan.ts'),
    import('../setup/journal.ts'),
  ])
  try {
    const edit = planFile({ agent: injected, path, changes: [{ kind: 'block', comment: 'md', text: block }] })
    if (edit === null) return false
    if (!context.flag('dry-run')) {
      applyEdit(context.config.dataDir.value, edit, formatTime(context.program.nowMs()))
    } else if (!context.json) context.print(visible(diffOf(edit), { keepLines: true }))
    return true
  } catch (error) {
    const reason = toEngramError(error).message
    throw new EngramError('conflict', `${path} was left alone: ${reason}`, { hint: 'Name another file with --file.' })
  }
}

const doneText = (path: string, isChanged: boolean, isDryRun: boolean): string => {
  if (!isChanged) return `${visible(path)} is up to date.`
  return isDryRun ? 'DRY RUN — nothing was changed.' : `Written to ${visible(path)}.`
}

/** What stands in memory is data; and it can end neither its fence nor the block. */
const blockOf = (text: string): string => fenced(text.replaceAll(/<!--(?=\s*engram:)/gi, '&lt;!--'))

async function remove(context: CommandContext, path: string): Promise<void> {
  const [{ undoSetup }, { fileBehind }] = await Promise.all([import('../setup/journal.ts'), import('../setup/plan.ts')])
  const isDryRun = context.flag('dry-run')
  const file = fileBehind(path)
  const undone = undoSetup(context.config.dataDir.value, (entry) => entry.agent === injected && entry.path === file, {
    dryRun: isDryRun,
  })
  context.answer({ file: path, changed: undone.length > 0, dry_run: isDryRun }, () => {
    if (undone.length === 0) return `Nothing was injected into ${visible(path)}.`
    return isDryRun ? 'DRY RUN — nothing was changed.' : `Taken out of ${visible(path)}.`
  })
}

/** A file in a repository travels to others, so it is only written where it is named. */
async function fileOf({ option, terminal }: CommandContext): Promise<string> {
  const named = option('file')
  if (named !== undefined) return resolve(terminal.directory, named)
  const { claudeDirectory } = await import('../setup/agents.ts')
  const folder = join(claudeDirectory(terminal), 'projects', terminal.directory.replaceAll(/[^a-zA-Z0-9]/g, '-'))
  if (!existsSync(folder)) {
    throw new EngramError('usage', `Claude Code has no folder for ${terminal.directory}.`, {
      hint: 'Name the file that your agent reads: --file AGENTS.md',
    })
  }
  return join(folder, 'memory', 'MEMORY.md')
}

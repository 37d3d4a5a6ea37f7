import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { EngramError } from '../../model/errors.ts'
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
    const path = fileOf(context)
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
    const { planFile, diffOf } = await import('../setup/plan.ts')
    const edit = planFile({ agent: injected, path, changes: [{ kind: 'block', comment: 'md', text: blockOf(text) }] })
    if (edit !== null && !context.json && isDryRun) context.print(visible(diffOf(edit), { keepLines: true }))
    if (edit !== null && !isDryRun) {
      const { applyEdit } = await import('../setup/journal.ts')
      applyEdit(context.config.dataDir.value, edit, formatTime(context.program.nowMs()))
    }
    context.answer({ file: path, project, changed: edit !== null, dry_run: isDryRun }, () =>
      doneText(path, edit !== null, isDryRun),
    )
  },
})

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
function fileOf({ option, terminal }: CommandContext): string {
  const named = option('file')
  if (named !== undefined) return resolve(terminal.directory, named)
  const home = terminal.environment['CLAUDE_CONFIG_DIR']?.trim() || join(terminal.homeDir, '.claude')
  const folder = join(home, 'projects', terminal.directory.replaceAll(/[^a-zA-Z0-9]/g, '-'))
  if (!existsSync(folder)) {
    throw new EngramError('usage', `Claude Code has no folder for ${terminal.directory}.`, {
      hint: 'Name the file that your agent reads: --file AGENTS.md',
    })
  }
  return join(folder, 'memory', 'MEMORY.md')
}

import { resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { EngramError } from '../../model/errors.ts'
import { parseDuration } from '../../model/times.ts'
import { command, type CommandContext } from '../command.ts'
import { choiceOption, durationOption, numberOption, requiredOption } from '../option-values.ts'
import { projectOption, readPlace } from '../place.ts'
import { counted } from '../text/amounts.ts'

const graphs = ['preserve', 'force', 'skip'] as const
const intervalDefault = '10m'
const intervalMinMs = 60_000

export const obsidianExportCommand = command({
  path: 'obsidian-export',
  section: 'Backup and export',
  summary: 'Notes of memories, sessions and topics in an Obsidian vault',
  details: 'Writes below <vault>/engram/ only; notes that are unchanged are left alone.',
  options: [
    { flags: '--vault <path>', description: 'the folder of the vault' },
    { ...projectOption, defaultText: 'all projects' },
    { flags: '--limit <n>', description: 'only the newest so many' },
    { flags: '--since <when>', description: 'only what changed since this date or within 30d' },
    { flags: '--force', description: 'write notes anew that are unchanged' },
    {
      flags: '--graph-config <how>',
      description: 'the colours of the graph',
      choices: graphs,
      defaultText: 'preserve',
    },
    { flags: '--watch', description: 'go on until stopped' },
    {
      flags: '--interval <duration>',
      description: 'with --watch: how often, at least 1m',
      defaultText: intervalDefault,
    },
  ],
  examples: [
    'engram obsidian-export --vault ~/notes',
    'engram obsidian-export --vault ~/notes --project my-app --watch',
  ],
  run: async (context) => {
    const intervalMs = intervalOf(context)
    await exportOnce(context)
    while (context.flag('watch')) {
      await pause(intervalMs, undefined, { signal: context.signal })
      await exportOnce(context)
    }
  },
})

function intervalOf(context: CommandContext): number {
  const given = durationOption(context, 'interval') ?? intervalDefault
  const ms = parseDuration(given) ?? 0
  if (ms >= intervalMinMs) return ms
  throw new EngramError('usage', `--interval: expected at least 1m, got ${JSON.stringify(given)}.`)
}

async function exportOnce(context: CommandContext): Promise<void> {
  const everywhere = context.option('project') === undefined
  const result = await context.call('project.export-obsidian', {
    ...(everywhere ? { all_projects: true } : readPlace(context)),
    vault: resolve(context.terminal.directory, requiredOption(context, 'vault')),
    limit: numberOption(context, 'limit', 1),
    since: context.option('since'),
    force: context.flag('force'),
    graph_config: choiceOption(context, 'graph-config', graphs),
  })
  context.answer(
    result,
    () => `${counted(result.written, 'note')} written, ${result.unchanged} unchanged, ${result.removed} removed`,
  )
}

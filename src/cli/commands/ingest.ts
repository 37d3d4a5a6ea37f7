import { resolve } from 'node:path'
import type { IngestReport } from '../../api/ingest.ts'
import { EngramError } from '../../model/errors.ts'
import { command, type CommandContext, type ExitCode } from '../command.ts'
import { durationOption, numberOption } from '../option-values.ts'
import { isUpToDate, renderIngest } from '../text/ingest.ts'
import { pageOf } from '../text/page.ts'
import { oneLine } from '../visible.ts'

const agents = ['claude-code', 'codex', 'all'] as const

export const ingestCommand = command({
  path: 'ingest',
  section: 'Extracted memories',
  summary: "Read agents' transcripts into memory, without any LLM",
  details: 'Only what is new is read. The files of the agents are never changed.',
  options: [
    { flags: '--agent <agent>', description: 'only this agent', choices: agents, defaultText: 'all', repeatable: true },
    { flags: '--project <name>', description: 'only sessions of this project', isProject: true },
    { flags: '--since <duration>', description: 'only files changed within 30m, 12h, 7d or 2w' },
    { flags: '--path <path>', description: 'this file or folder instead of looking for them', repeatable: true },
    { flags: '--limit <n>', description: 'at most so many sessions' },
    { flags: '--ttl <duration>', description: 'hide what is extracted after this time' },
    { flags: '--force', description: 'read them from the start again' },
    {
      flags: '--upgrade',
      description: 'extract anew from the archive what earlier rules have seen, 50 sessions a run',
    },
    { flags: '--dry-run', description: 'only say what would come of it' },
    { flags: '--skip-knowledge', description: 'archive and sessions only' },
    { flags: '--no-archive', description: 'do not keep the conversations' },
    { flags: '--provider <name>', description: 'an LLM to ask after the rules (not in this version)' },
    { flags: '--llm', description: 'the same with the configured one (not in this version)' },
    { flags: '--strict', description: 'exit 1 when one session failed' },
    { flags: '--quiet', description: 'print errors only; do not wait for another run' },
    { flags: '-v, --verbose', description: 'tell of each session, also what was left out and why' },
  ],
  examples: ['engram ingest', 'engram ingest --dry-run --since 7d', 'engram ingest --quiet --agent claude-code'],
  run: async (context): Promise<ExitCode> => {
    refuseLlm(context)
    refuseBesideUpgrade(context)
    const report = await context.call('ingest.run', ingestInput(context))
    if (context.json) context.printJson(report)
    else tell(context, report)
    return exitCodeOf(report, context.flag('strict'))
  },
})

/** A key in the environment switches nothing on; asking for an LLM here must not go unnoticed (ING-CLI-3). */
function refuseLlm(context: CommandContext): void {
  if (!context.flag('llm') && context.option('provider') === undefined) return
  throw new EngramError('not_built', 'This version asks no LLM: everything is found by rules.', {
    hint: 'Leave --llm and --provider out.',
  })
}

/** An upgrade reads the archive; what says how files are read would be left unheard. */
function refuseBesideUpgrade(context: CommandContext): void {
  if (!context.flag('upgrade')) return
  const unheard = [
    ...(context.options('path').length > 0 ? ['--path'] : []),
    ...(context.flag('force') ? ['--force'] : []),
    ...(context.flag('skip-knowledge') ? ['--skip-knowledge'] : []),
    ...(context.flag('archive') ? [] : ['--no-archive']),
  ]
  const [option] = unheard
  if (option === undefined) return
  throw new EngramError('invalid_request', `${option}: --upgrade reads the archive alone, not the files of agents.`, {
    hint: `Leave ${option} or --upgrade out.`,
  })
}

function ingestInput(context: CommandContext) {
  const chosen = context.options('agent')
  const paths = context.options('path').map((path) => resolve(context.terminal.directory, path))
  return {
    ...(chosen.length === 0 ? {} : { agents: [...chosen] }),
    ...(paths.length === 0 ? {} : { paths }),
    project: context.option('project'),
    since: durationOption(context, 'since'),
    ttl: durationOption(context, 'ttl'),
    limit: numberOption(context, 'limit', 1),
    force: context.flag('force'),
    upgrade: context.flag('upgrade'),
    dry_run: context.flag('dry-run'),
    skip_knowledge: context.flag('skip-knowledge'),
    archive: context.flag('archive'),
    verbose: context.flag('verbose'),
    no_wait: context.flag('quiet'),
  }
}

/** Files the agent itself writes while it compacts, and sessions that we caused (ING-CC-20, ING-DIS-4). */
const onPurpose: readonly string[] = ['compaction', 'own']

function tell(context: CommandContext, report: IngestReport): void {
  for (const { path, reason } of report.errors)
    context.note(context.paint.bad(`failed: ${oneLine(path)}: ${oneLine(reason)}`))
  if (context.flag('quiet')) return
  for (const { path, reason } of report.skipped) {
    // What is never read on purpose is told to who asks; what could not be read, to everybody.
    if (context.flag('verbose') || !onPurpose.includes(reason.split(' ')[0] ?? '')) {
      context.note(context.paint.dim(`skipped: ${oneLine(path)}: ${oneLine(reason)}`))
    }
  }
  if (report.busy) return context.note('Another ingest of this data dir is running.')
  if (report.found.length === 0 && !context.flag('upgrade')) {
    return context.note(`No transcripts on this machine: looked in ${report.looked.map(oneLine).join(', ')}.`)
  }
  context.print(renderIngest(report, pageOf(context), { verbose: context.flag('verbose') }))
}

/** One bad session never fails the run, unless it was the only kind there was (ING-CLI-5). */
function exitCodeOf(report: IngestReport, strict: boolean): ExitCode {
  if (report.left.interrupted) return 130
  if (report.errors.length === 0) return 0
  const allFailed = !isUpToDate(report) && report.files.length === 0
  return strict || allFailed ? 1 : 0
}

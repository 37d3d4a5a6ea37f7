import { resolve } from 'node:path'
import { EngramError } from '../../model/errors.ts'
import { command, type CommandContext, type ExitCode } from '../command.ts'
import { choiceOption, numberOption, requiredArgument } from '../option-values.ts'
import { allOption, projectOption, readPlace } from '../place.ts'
import {
  renderExport,
  renderExportHead,
  renderImport,
  renderRemarks,
  renderStatus,
  renderVerify,
} from '../text/sync.ts'
import { oneLine } from '../visible.ts'

const section = 'Backup and export'
const autoKinds = ['strong', 'all', 'none'] as const

export const syncCommand = command({
  path: 'sync',
  section,
  summary: 'Share memories through git: write or read chunks',
  details:
    'Chunks lie in ./.engram (or the nearest .engram above with a manifest) and are never changed once written, so that ' +
    'branches merge by themselves. Personal memories stay.',
  options: [
    { flags: '--import', description: 'read the chunks that are new here' },
    { flags: '--status', description: 'count chunks here and there' },
    projectOption,
    allOption,
    { flags: '--dir <path>', description: 'the folder of the chunks', defaultText: './.engram' },
    { flags: '--dry-run', description: 'only say what would happen' },
    { flags: '--include-personal', description: 'personal memories too' },
    { flags: '--with-auto <which>', description: 'extracted memories', choices: autoKinds, defaultText: 'strong' },
    { flags: '--as <name>', description: 'who writes (default: your user name)' },
    { flags: '--verify', description: 'check every chunk, and that they hold what is here' },
    { flags: '--retry-quarantined', description: 'with --import: try again what was set aside' },
    { flags: '--rebuild-manifest', description: 'make manifest.json anew from the chunks' },
    { flags: '--manifest-version <n>', description: 'at least this version, for peers that ask for 2' },
    { flags: '--install-merge-driver', description: 'have git merge manifests by itself in this clone' },
    { flags: '--remove-merge-driver', description: 'take that back' },
    { flags: '--squash <path>', description: 'write the present state as a fresh folder' },
    { flags: '--strict', description: 'with --import: exit 3 when new conflicts are listed' },
    { flags: '--literal-project', description: 'use the name as it is given' },
    { flags: '--cloud', description: 'with a cloud instead of a folder (not in this version)' },
  ],
  examples: ['engram sync', 'engram sync --import', 'engram sync --status --json', 'engram sync --all --dry-run'],
  run: (context) => {
    refuseCloud(context)
    const chosen = verbs.filter(({ flag }) => context.flag(flag))
    if (chosen.length > 1 || (chosen.length === 1 && context.option('squash') !== undefined)) {
      throw new EngramError('usage', `Expected one of --${verbs.map(({ flag }) => flag).join(', --')}, --squash.`)
    }
    if (context.option('squash') !== undefined) return squash(context)
    return (chosen[0]?.run ?? exportChunks)(context)
  },
})

export const syncMergeDriverCommand = command({
  path: 'sync merge-driver',
  section,
  summary: 'What git calls to merge manifests',
  hidden: true,
  arguments: [
    { name: 'base', description: 'the common past', required: true },
    { name: 'ours', description: 'ours; the result is written over it', required: true },
    { name: 'theirs', description: 'theirs', required: true },
  ],
  examples: ['engram sync merge-driver %O %A %B', 'engram sync --install-merge-driver'],
  run: async (context) => {
    const path = (name: string): string => resolve(context.terminal.directory, requiredArgument(context, name))
    const paths = { base: path('base'), ours: path('ours'), theirs: path('theirs') }
    const written = await context.call('sync.merge-manifest', paths)
    context.answer(written, () => '')
  },
})

type Verb = { readonly flag: string; readonly run: (context: CommandContext) => Promise<ExitCode> }

const verbs: readonly Verb[] = [
  { flag: 'import', run: importChunks },
  { flag: 'status', run: showStatus },
  { flag: 'verify', run: verify },
  { flag: 'rebuild-manifest', run: rebuildManifest },
  { flag: 'install-merge-driver', run: (context) => setMergeDriver(context, false) },
  { flag: 'remove-merge-driver', run: (context) => setMergeDriver(context, true) },
]

/** CHK-1003. */
function refuseCloud(context: CommandContext): void {
  if (!context.flag('cloud')) return
  if (context.flag('all') || context.option('project') === undefined) {
    throw new EngramError(
      'usage',
      'cloud sync requires an explicit --project scope; --all is not supported in cloud mode',
    )
  }
  throw new EngramError('not_built', 'This version syncs with folders only.', { hint: 'Leave --cloud out.' })
}

const folder = (context: CommandContext) => {
  const { directory } = context.terminal
  const given = context.option('dir')
  return { directory, ...(given === undefined ? {} : { sync_dir: resolve(directory, given) }) }
}

const leaving = (context: CommandContext) => ({
  include_personal: context.flag('include-personal'),
  with_auto: choiceOption(context, 'with-auto', autoKinds),
})

async function exportChunks(context: CommandContext): Promise<ExitCode> {
  const result = await context.call('sync.export', {
    ...readPlace(context),
    ...folder(context),
    ...leaving(context),
    created_by: context.option('as'),
    manifest_version: numberOption(context, 'manifest-version', 1),
    dry_run: context.flag('dry-run'),
  })
  context.answer(result, () => [renderExportHead(result), renderExport(result)].join('\n'))
  return 0
}

async function squash(context: CommandContext): Promise<ExitCode> {
  const target = resolve(context.terminal.directory, context.option('squash') ?? '')
  const result = await context.call('sync.squash', {
    ...readPlace(context),
    ...leaving(context),
    target,
    created_by: context.option('as'),
  })
  context.answer(result, () => [renderExportHead(result), renderExport(result, target)].join('\n'))
  return 0
}

async function importChunks(context: CommandContext): Promise<ExitCode> {
  const result = await context.call('sync.import', {
    ...folder(context),
    retry_quarantined: context.flag('retry-quarantined'),
    dry_run: context.flag('dry-run'),
  })
  context.answer(result, () => renderImport(result))
  for (const line of renderRemarks(result)) context.note(line)
  if (result.chunks_quarantined > 0 || result.rows_quarantined > 0) return 1
  return context.flag('strict') && result.conflicts_listed > 0 ? 3 : 0
}

async function showStatus(context: CommandContext): Promise<ExitCode> {
  const status = await context.call('sync.status', { ...readPlace(context), ...folder(context), ...leaving(context) })
  context.answer(status, () => renderStatus(status))
  return 0
}

async function verify(context: CommandContext): Promise<ExitCode> {
  const verified = await context.call('sync.verify', { ...readPlace(context), ...folder(context), ...leaving(context) })
  context.answer(verified, () => renderVerify(verified))
  return verified.ok ? 0 : 1
}

async function rebuildManifest(context: CommandContext): Promise<ExitCode> {
  const written = await context.call('sync.rebuild-manifest', folder(context))
  context.answer(written, () => `Wrote ${oneLine(written.path)} with ${written.chunks} chunk(s).`)
  return 0
}

async function setMergeDriver(context: CommandContext, remove: boolean): Promise<ExitCode> {
  const { directory } = context.terminal
  const done = await context.call('sync.merge-driver', { directory, remove })
  const told = {
    installed: `Installed: git merges manifests by itself in this clone. ${oneLine(done.attributes)} names the file; commit it.`,
    removed: 'Removed: git merges manifests as any other file.',
    unchanged: remove ? 'It was not installed.' : 'It was installed already.',
  }
  context.answer(done, () => told[done.outcome])
  return 0
}

import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import type { Backup, ImportResult } from '../../api/backup.ts'
import { EngramError } from '../../model/errors.ts'
import { errorCodeOf } from '../../platform/files.ts'
import { command, type CommandContext, type ExitCode } from '../command.ts'
import { jsonParts } from '../json-parts.ts'
import { categoriesOption, requiredArgument } from '../option-values.ts'
import { allOption, onePlace, projectOption, readPlace } from '../place.ts'
import { progressLine } from '../progress.ts'
import { readJsonObject } from '../read-json.ts'
import { counted } from '../text/amounts.ts'
import { setAsideLines } from '../text/set-aside.ts'
import { oneLine, visible } from '../visible.ts'
import { writeTextFile } from '../write-file.ts'

const section = 'Backup and export'
const formats = ['markdown', 'json', 'html'] as const
const fileDefault = 'engram-export.json'

export const exportCommand = command({
  path: 'export',
  section,
  summary: 'A backup of one project or all, or a project as one document',
  details:
    '`engram export [file]` writes a backup that `engram import` reads. ' +
    '`engram export <project> markdown|json|html` writes one project for people; to standard output unless -o names a file.',
  arguments: [
    {
      name: 'file',
      description: `the file (default: ${fileDefault}; - is standard output), or a project`,
      required: false,
      isProject: true,
    },
    {
      name: 'format',
      description: 'markdown, json or html: the first word is a project then',
      required: false,
      choices: formats,
    },
  ],
  options: [
    projectOption,
    allOption,
    { flags: '-o, --output <file>', description: 'where to; - is standard output' },
    { flags: '--include-conversations', description: 'of a project: whole conversations too' },
    { flags: '--only-curated', description: 'of a project: nothing that was extracted' },
    {
      flags: '--category <list>',
      description: 'of a project: only these categories, comma-separated',
      repeatable: true,
    },
  ],
  examples: ['engram export', 'engram export all.json --all', 'engram export my-project markdown -o notes.md'],
  run: (context) => {
    const format = formats.find((one) => one === context.argument('format'))
    return format === undefined ? exportBackup(context) : exportProject(context, format)
  },
})

async function exportProject(context: CommandContext, format: (typeof formats)[number]): Promise<void> {
  if (context.flag('all') || context.option('project') !== undefined) {
    throw new EngramError('usage', 'Expected the project as the first word, and no --project or --all.')
  }
  const categories = categoriesOption(context)
  const exported = await context.call('project.export', {
    ...onePlace(context, requiredArgument(context, 'file')),
    format,
    include_conversations: context.flag('include-conversations'),
    only_curated: context.flag('only-curated'),
    ...(categories === undefined ? {} : { categories: [...categories] }),
  })
  const output = context.option('output') ?? '-'
  if (output !== '-') {
    const path = resolve(context.terminal.directory, output)
    const bytes = await writeTextFile(path, [exported.text])
    return context.answer({ project: exported.project, format, path, bytes }, () => `Exported to ${oneLine(output)}`)
  }
  if (context.json) return context.printJson(exported)
  // In a pipe the document is what it is; on a terminal nothing in it is obeyed.
  const text = context.terminal.isTty ? visible(exported.text, { keepLines: true }) : exported.text
  context.terminal.write(text.endsWith('\n') ? text : `${text}\n`)
}

async function exportBackup(context: CommandContext): Promise<void> {
  for (const name of ['include-conversations', 'only-curated']) {
    if (context.flag(name)) throw new EngramError('usage', `--${name} needs a project and a format.`)
  }
  if (context.options('category').length > 0) throw new EngramError('usage', '--category needs a project and a format.')
  const file = context.option('output') ?? context.argument('file') ?? fileDefault
  const backup = await context.call('backup.export', readPlace(context))
  if (file === '-') {
    for (const part of jsonParts(backup)) context.terminal.write(part)
    return
  }
  const path = resolve(context.terminal.directory, file)
  const bytes = await writeTextFile(path, jsonParts(backup))
  const counts = countsOf(backup)
  context.answer({ path, bytes, ...counts }, () => [`Exported to ${oneLine(file)}`, ...countLines(counts)].join('\n'))
}

const countsOf = (backup: Backup) => ({
  sessions: backup.sessions.length,
  observations: backup.observations.length,
  prompts: backup.prompts.length,
  relations: backup.relations?.length ?? 0,
})

const countLines = (counts: Readonly<Record<string, number>>): readonly string[] =>
  Object.entries(counts).map(([name, n]) => `  ${`${name.charAt(0).toUpperCase()}${name.slice(1)}:`.padEnd(14)}${n}`)

export const importCommand = command({
  path: 'import',
  section,
  summary: 'Take a backup in; importing it twice changes nothing more',
  details:
    'A row that cannot be kept is set aside alone and named; the rest is kept, and the exit code is 1. ' +
    'A text over its limit is cut and named.',
  arguments: [{ name: 'file', description: 'the backup; - reads standard input', required: true }],
  options: [{ flags: '--strict', description: 'all or nothing' }],
  examples: ['engram import engram-export.json', 'ssh host engram export - --all | engram import -'],
  run: async (context): Promise<ExitCode> => {
    const file = requiredArgument(context, 'file')
    const backup = await readBackup(context, file)
    const result = await context.call('backup.import', { backup, strict: context.flag('strict') })
    context.answer(result, () => importedText(file, result))
    if (!context.json) for (const line of setAsideLines(result)) context.note(line)
    return result.skipped.length === 0 ? 0 : 1
  },
})

const blockBytes = 1024 * 1024

async function readBackup(context: CommandContext, file: string): Promise<Readonly<Record<string, unknown>>> {
  const progress = progressLine(context.terminal, () => performance.now())
  try {
    if (file === '-') return await readJsonObject(told(context.terminal.inputParts(context.signal), progress))
    const path = resolve(context.terminal.directory, file)
    return await readJsonObject(told(createReadStream(path, { highWaterMark: blockBytes }), progress))
  } catch (error) {
    if (error instanceof EngramError) throw error
    if (errorCodeOf(error) === 'ENOENT')
      throw new EngramError('not_found', `There is no file ${file}.`, { hint: 'Check the path.' })
    if (errorCodeOf(error) === '') throw error
    throw new EngramError('usage', `${file} cannot be read: ${error instanceof Error ? error.message : ''}`)
  } finally {
    progress.stop()
  }
}

async function* told(
  parts: AsyncIterable<Uint8Array>,
  progress: Pick<ReturnType<typeof progressLine>, 'onProgress'>,
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const part of parts) {
    bytes += part.length
    progress.onProgress({ done: Math.floor(bytes / blockBytes), total: null, what: 'MiB read:' })
    yield part
  }
}

function importedText(file: string, result: ImportResult): string {
  const more = (name: string, n: number): readonly string[] => (n === 0 ? [] : [`  ${`${name}:`.padEnd(14)}${n}`])
  return [
    `Imported from ${file === '-' ? 'standard input' : oneLine(file)}`,
    ...countLines({
      sessions: result.sessions_imported,
      observations: result.observations_imported,
      prompts: result.prompts_imported,
    }),
    ...more('Updated', result.observations_updated),
    ...more('Older', result.observations_skipped_stale),
    ...more('Relations', result.relations_imported),
    ...more('Waiting', result.relations_deferred),
    ...more('Redacted', result.redacted),
    ...more('Cut', result.cut.length),
    ...(result.skipped.length === 0 ? [] : [`  ${counted(result.skipped.length, 'row')} set aside`]),
  ].join('\n')
}

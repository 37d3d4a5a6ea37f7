import { resolve } from 'node:path'
import type { AdoptResult, BackupFile } from '../../api/backup.ts'
import { confirmed } from '../ask.ts'
import { command, type ExitCode } from '../command.ts'
import { requiredArgument } from '../option-values.ts'
import { printList } from '../table.ts'
import { counted, shownBytes } from '../text/amounts.ts'
import { setAsideLines } from '../text/set-aside.ts'
import { shownTime } from '../text/times.ts'
import { oneLine } from '../visible.ts'

const section = 'Backup and export'

export const backupCreateCommand = command({
  path: 'backup create',
  section,
  summary: 'Copy the database file, also while it is in use',
  arguments: [{ name: 'path', description: 'where to (default: backups/ in the data dir)', required: false }],
  examples: ['engram backup create', 'engram backup create /mnt/usb/engram.db'],
  run: async (context) => {
    const path = context.argument('path')
    const wanted = path === undefined ? {} : { path: resolve(context.terminal.directory, path) }
    const file = await context.call('backup.create', wanted)
    context.answer(file, () => `Backed up to ${oneLine(file.path)} (${shownBytes(file.bytes)})`)
  },
})

export const backupListCommand = command({
  path: 'backup list',
  section,
  summary: 'Copies in backups/ of the data dir',
  examples: ['engram backup list', 'engram backup list --json'],
  run: async (context) => {
    const files = await context.call('backup.list', {})
    if (context.json) return context.printJson(files)
    if (files.length === 0) context.note('No backups yet.')
    const time = (row: BackupFile): string => shownTime(row.created_at, context.config.timezone.value)
    await printList(
      context,
      files,
      [
        { title: 'Created', of: time },
        { title: 'Size', of: (row) => shownBytes(row.bytes), align: 'right' },
        { title: 'Schema', of: schemaOf, align: 'right' },
        { title: 'Path', of: (row) => oneLine(row.path), flexible: true },
      ],
      (row) => `${oneLine(row.path)}  ${time(row)}  ${shownBytes(row.bytes)}  schema ${schemaOf(row)}`,
    )
  },
})

/** A restore keeps also what no program could read. */
const schemaOf = (file: BackupFile): string => (file.schema === 0 ? 'unreadable' : String(file.schema))

export const backupVerifyCommand = command({
  path: 'backup verify',
  section,
  summary: 'Check a copy without changing anything',
  arguments: [{ name: 'path', description: 'the copy', required: true }],
  examples: [
    'engram backup verify ~/.engram/backups/engram-3-20260102T030405Z.db',
    'engram backup verify copy.db --json',
  ],
  run: async (context): Promise<ExitCode> => {
    const file = await context.call('backup.verify', {
      path: resolve(context.terminal.directory, requiredArgument(context, 'path')),
    })
    context.answer(file, () => {
      const facts = `${shownBytes(file.bytes)}, schema ${file.schema}`
      if (file.ok !== false) return `${context.paint.good('ok')}  ${oneLine(file.path)} (${facts})`
      const problems = (file.problems ?? []).map((problem) => `    ${oneLine(problem)}`)
      return [`${context.paint.bad('damaged')}  ${oneLine(file.path)} (${facts})`, ...problems].join('\n')
    })
    return file.ok === false ? 1 : 0
  },
})

export const backupRestoreCommand = command({
  path: 'backup restore',
  section,
  summary: 'Put a checked copy in place of the database; the present one is kept',
  arguments: [{ name: 'path', description: 'the copy', required: true }],
  options: [{ flags: '--yes', description: 'do not ask' }],
  examples: ['engram backup restore copy.db', 'engram backup restore copy.db --yes --json'],
  run: async (context): Promise<ExitCode> => {
    const path = resolve(context.terminal.directory, requiredArgument(context, 'path'))
    const question = `The database will be replaced by ${oneLine(path)}; the present one is kept beside the backups. Go on?`
    if (!(await confirmed(context, question))) return 1
    const restored = await context.call('backup.restore', { path, confirmed: true })
    context.answer(restored, () =>
      [`Restored from ${oneLine(restored.restored_from)}`, `The one before is ${oneLine(restored.previous)}`].join(
        '\n',
      ),
    )
    return 0
  },
})

export const adoptCommand = command({
  path: 'adopt',
  section,
  summary: 'Move the data of the Go program in; its file stays as it is',
  arguments: [{ name: 'path', description: 'its database (default: engram.db in the data dir)', required: false }],
  options: [{ flags: '--dry-run', description: 'only say what would move' }],
  examples: ['engram adopt --dry-run', 'engram adopt'],
  run: async (context): Promise<ExitCode> => {
    const path = context.argument('path')
    const result = await context.program.adopt(context.config, {
      dryRun: context.flag('dry-run'),
      path: path === undefined ? undefined : resolve(context.terminal.directory, path),
    })
    context.answer(result, () => adoptedText(result))
    if (!context.json) for (const line of setAsideLines(result)) context.note(line)
    return 0
  },
})

export function adoptedText(result: AdoptResult): string {
  const counts = Object.entries(result.counts).map(
    ([name, n]) => `  ${`${name.charAt(0).toUpperCase()}${name.slice(1)}:`.padEnd(14)}${n}`,
  )
  if (result.era === '') return `Nothing to adopt${result.reason === undefined ? '' : `: ${oneLine(result.reason)}`}`
  const head = result.dry_run
    ? `DRY RUN — would adopt a database of ${oneLine(result.era)}:`
    : `Adopted a database of ${oneLine(result.era)}:`
  return [
    head,
    ...counts,
    ...(result.skipped.length === 0 ? [] : [`  ${counted(result.skipped.length, 'row')} set aside`]),
    ...(result.old_path === undefined ? [] : [`The old file is ${oneLine(result.old_path)}`]),
    ...(result.backup_path === undefined ? [] : [`A backup of it is ${oneLine(result.backup_path)}`]),
  ].join('\n')
}

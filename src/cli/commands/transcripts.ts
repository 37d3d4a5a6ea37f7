import { resolve } from 'node:path'
import type { StoredMessage, TranscriptListing, TranscriptPage } from '../../api/transcripts.ts'
import { EngramError } from '../../model/errors.ts'
import { confirmed } from '../ask.ts'
import { command, type CommandContext, type CommandOption, type ExitCode } from '../command.ts'
import { choiceOption, numberOption, requiredArgument, requiredOption } from '../option-values.ts'
import { printList } from '../table.ts'
import { counted, shownBytes } from '../text/amounts.ts'
import { pageOf } from '../text/page.ts'
import { encodedName } from '../text/project-name.ts'
import { shownTime } from '../text/times.ts'
import { renderMessage, renderMigrated, renderVerified } from '../text/transcript.ts'
import { oneLine, visible, visibleJson } from '../visible.ts'

export const section = 'Transcripts'
const layoutWords = ['auto', 'native', 'compat'] as const
export const keyArgument = { name: 'key', description: 'key of the transcript', required: true }
export const dirOption: CommandOption = {
  flags: '--dir <path>',
  description: 'the directory of transcripts',
  defaultText: 'transcripts/ in the data dir',
}
export const layoutOption: CommandOption = {
  flags: '--layout <layout>',
  description: 'how it is laid out',
  choices: layoutWords,
  defaultText: 'auto',
}
const dryRunOption: CommandOption = { flags: '--dry-run', description: 'only say what would come of it' }
const lastOption: CommandOption = { flags: '--last <n>', description: 'so many messages; 0 is all', defaultText: '20' }
const lastDefault = 20

const directoryOf = (context: CommandContext, name = 'dir'): string | undefined => {
  const given = context.option(name)
  return given === undefined ? undefined : resolve(context.terminal.directory, given)
}

export const placeOf = (context: CommandContext) => ({
  dir: directoryOf(context),
  layout: choiceOption(context, 'layout', layoutWords),
})

export const transcriptListCommand = command({
  path: 'transcript list',
  section,
  summary: 'Whole conversations that are kept, the newest first',
  options: [
    { flags: '--limit <n>', description: 'at most so many', defaultText: '50' },
    { flags: '--cursor <cursor>', description: 'go on where a page ended' },
    {
      flags: '--sort <field>',
      description: 'order',
      choices: ['updated', 'created', 'key'],
      defaultText: 'updated',
    },
    { flags: '--prefix <text>', description: 'only keys that begin so' },
    { flags: '--counts', description: 'count the messages of each' },
    dirOption,
    layoutOption,
  ],
  examples: ['engram transcript list --counts', 'engram transcript list --prefix telegram: --json'],
  run: async (context) => {
    const answer = await context.call('transcript.list', {
      ...placeOf(context),
      limit: numberOption(context, 'limit', 1) ?? 50,
      cursor: context.option('cursor'),
      sort: choiceOption(context, 'sort', ['updated', 'created', 'key']),
      prefix: context.option('prefix'),
      counts: context.flag('counts'),
    })
    if (context.json) return context.printJson(answer)
    if (answer.transcripts.length === 0) context.note(`No transcripts in ${oneLine(placeName(context))}.`)
    await printTranscripts(context, answer.transcripts)
    if (answer.next !== null) context.note(`More: --cursor ${answer.next}`)
  },
})

const placeName = (context: CommandContext): string => directoryOf(context) ?? 'the data dir'

const summaryCharacters = 60

async function printTranscripts(context: CommandContext, rows: readonly TranscriptListing[]): Promise<void> {
  const time = (row: TranscriptListing): string => shownTime(row.updated_at, context.config.timezone.value)
  const summary = (row: TranscriptListing): string =>
    oneLine(row.summary ?? row.title ?? '').slice(0, summaryCharacters)
  const messages = (row: TranscriptListing): string => (row.messages === undefined ? '' : String(row.messages))
  await printList(
    context,
    rows,
    [
      { title: 'Key', of: (row) => oneLine(row.key) },
      { title: 'Updated', of: time },
      ...(context.flag('counts') ? [{ title: 'Messages', of: messages, align: 'right' as const }] : []),
      { title: 'Size', of: (row) => shownBytes(row.bytes), align: 'right' },
      { title: 'Summary', of: summary, flexible: true, optional: true },
    ],
    (row) =>
      [encodedName(row.key), time(row), ...(row.messages === undefined ? [] : [messages(row)]), String(row.bytes)].join(
        '  ',
      ),
  )
}

const showOptions: readonly CommandOption[] = [
  lastOption,
  { flags: '--raw', description: 'the lines as they are stored, bad ones included' },
  { flags: '--jsonl', description: 'one message as JSON on each line' },
  dirOption,
  layoutOption,
]

export const transcriptShowCommand = command({
  path: 'transcript show',
  section,
  summary: 'Messages of one transcript',
  arguments: [keyArgument],
  options: [
    { flags: '--after <position>', description: 'only messages after this position' },
    { flags: '--before <position>', description: 'only messages before this position' },
    { flags: '--summary', description: 'the summary first' },
    ...showOptions,
  ],
  examples: ['engram transcript show telegram:123', 'engram transcript show telegram:123 --last 0 --jsonl'],
  run: async (context) => {
    await showTranscript(context)
  },
})

export const transcriptTailCommand = command({
  path: 'transcript tail',
  section,
  summary: 'The last messages, and with --follow those that come',
  arguments: [keyArgument],
  options: [{ flags: '--follow', description: 'wait for more until interrupted' }, ...showOptions],
  examples: ['engram transcript tail telegram:123 --last 5', 'engram transcript tail telegram:123 --follow'],
  run: async (context) => {
    const end = await showTranscript(context)
    if (context.flag('follow')) await follow(context, end ?? 0)
  },
})

/** Prints what was asked for; the answer is the position of the last line there was. */
async function showTranscript(context: CommandContext): Promise<number | null> {
  const last = numberOption(context, 'last') ?? lastDefault
  const range = { after: numberOption(context, 'after'), before: numberOption(context, 'before') }
  const asked = {
    ...placeOf(context),
    ...range,
    key: requiredArgument(context, 'key'),
    must_exist: true,
    summary: context.flag('summary'),
    end: context.flag('follow'),
  }
  if (context.flag('raw')) {
    const page = await context.call('transcript.show', { ...asked, last, raw: true })
    const lines = page.lines ?? []
    if (context.json) context.printJson({ key: page.key, lines })
    else for (const line of lines) context.print(context.terminal.isTty ? visible(line) : line)
    return page.end
  }
  const isRange = range.after !== undefined && context.option('last') === undefined
  if (last > 0 && !isRange) {
    const page = await context.call('transcript.show', { ...asked, last })
    print(context, page, page.messages)
    return page.end
  }
  return showPages(context, asked)
}

async function showPages(
  context: CommandContext,
  asked: { readonly key: string; readonly after: number | undefined },
): Promise<number | null> {
  const kept: StoredMessage[] = []
  let page = await context.call('transcript.show', asked)
  const { end } = page
  for (;;) {
    if (context.json) kept.push(...page.messages)
    else print(context, page, page.messages)
    if (page.next === null) break
    const { summary: _, ...rest } = { ...asked, summary: false }
    page = await context.call('transcript.show', { ...rest, after: page.next })
  }
  if (context.json) print(context, page, kept)
  return end
}

function print(context: CommandContext, page: TranscriptPage, messages: readonly StoredMessage[]): void {
  const summary = page.summary ?? ''
  if (context.json) return context.printJson({ ...page, messages })
  if (summary !== '' && !context.flag('jsonl')) {
    context.print(`${context.paint.dim('Summary:')} ${visible(summary, { keepLines: true })}\n`)
  }
  const shown = pageOf(context)
  for (const message of messages) {
    context.print(context.flag('jsonl') ? visibleJson(message) : renderMessage(message, shown))
  }
}

const followMs = 300

async function follow(context: CommandContext, from: number): Promise<void> {
  for (let after = from; !context.signal.aborted;) {
    await pause(followMs, context.signal)
    if (context.signal.aborted) return
    const key = requiredArgument(context, 'key')
    const page = await context.call('transcript.show', { ...placeOf(context), key, after })
    if (page.messages.length > 0) print(context, page, page.messages)
    after = page.next ?? page.end ?? after
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((done) => {
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', () => (clearTimeout(timer), done()), { once: true })
  })

export const transcriptTruncateCommand = command({
  path: 'transcript truncate',
  section,
  summary: 'Hide all but the last messages; `transcript compact` drops them for good',
  arguments: [keyArgument],
  options: [
    { flags: '--keep <n>', description: 'so many messages stay' },
    dryRunOption,
    { flags: '--yes', description: 'do not ask' },
    dirOption,
    layoutOption,
  ],
  examples: ['engram transcript truncate telegram:123 --keep 50', 'engram transcript truncate old --keep 0 --yes'],
  run: async (context): Promise<ExitCode> => {
    requiredOption(context, 'keep')
    const keep = numberOption(context, 'keep') ?? 0
    const dryRun = context.flag('dry-run')
    const key = requiredArgument(context, 'key')
    const isAsked = keep === 0 && !dryRun && context.terminal.isInteractive
    if (isAsked && !(await confirmed(context, `All messages of ${oneLine(key)} will be hidden. Go on?`))) return 1
    const done = await context.call('transcript.truncate', { ...placeOf(context), key, keep, dry_run: dryRun })
    context.answer(
      done,
      () => `${dryRun ? 'DRY RUN — would keep' : 'Kept'} ${done.kept} of ${counted(done.messages, 'message')}.`,
    )
    return 0
  },
})

export const transcriptCompactCommand = command({
  path: 'transcript compact',
  section,
  summary: 'Drop what truncation hid, for good',
  arguments: [{ ...keyArgument, required: false }],
  options: [
    { flags: '--all', description: 'every transcript' },
    { flags: '--force', description: 'bad and empty lines too, also where nothing is hidden' },
    dryRunOption,
    dirOption,
    layoutOption,
  ],
  examples: ['engram transcript compact telegram:123', 'engram transcript compact --all --dry-run'],
  run: async (context) => {
    const key = context.argument('key')
    if ((key === undefined) !== context.flag('all')) throw new EngramError('usage', 'Expected a key or --all.')
    const dryRun = context.flag('dry-run')
    const done = await context.call('transcript.compact', {
      ...placeOf(context),
      ...(key === undefined ? {} : { key }),
      force: context.flag('force'),
      dry_run: dryRun,
    })
    context.answer(done, () => {
      const touched = done.transcripts.filter((one) => one.lines_dropped > 0)
      const lines = touched.map((one) => {
        const what = dryRun
          ? shownBytes(one.bytes_before)
          : `${shownBytes(one.bytes_before)} → ${shownBytes(one.bytes_after)}`
        return `${oneLine(one.key)}: ${counted(one.lines_dropped, 'line')} ${dryRun ? 'would be dropped of' : 'dropped,'} ${what}`
      })
      return lines.length === 0 ? 'Nothing to drop.' : lines.join('\n')
    })
  },
})

export const transcriptMigrateCommand = command({
  path: 'transcript migrate',
  section,
  summary: 'Take over old one-file sessions, or copy a directory into another layout',
  details:
    'Without --to-layout each <name>.json becomes a transcript and is renamed to <name>.json.migrated. With it, every transcript of the directory is copied to --to; the source is never changed.',
  arguments: [{ name: 'sessions-dir', description: 'where they are', required: true }],
  options: [
    { flags: '--to <path>', description: 'the directory to write to', defaultText: 'transcripts/ in the data dir' },
    { flags: '--to-layout <layout>', description: 'copy into this layout', choices: ['native', 'compat'] },
    dryRunOption,
  ],
  examples: [
    'engram transcript migrate ~/.picoclaw/workspace/sessions --dry-run',
    'engram transcript migrate old --to new --to-layout native',
  ],
  run: async (context): Promise<ExitCode> => {
    const toLayout = choiceOption(context, 'to-layout', ['native', 'compat'])
    if (toLayout !== undefined) requiredOption(context, 'to')
    const done = await context.call('transcript.migrate', {
      from: resolve(context.terminal.directory, requiredArgument(context, 'sessions-dir')),
      dir: directoryOf(context, 'to'),
      to_layout: toLayout,
      dry_run: context.flag('dry-run'),
    })
    context.answer(done, () => renderMigrated(done, pageOf(context)))
    if (done.files.some((one) => one.outcome === 'conflict')) return 3
    return done.files.some((one) => one.outcome === 'skipped') ? 1 : 0
  },
})

export const transcriptVerifyCommand = command({
  path: 'transcript verify',
  section,
  summary: 'Read every line again and tell what is bad',
  details: 'Repairs nothing by itself. Exit 1 when something is bad.',
  arguments: [{ ...keyArgument, required: false }],
  options: [dirOption, layoutOption],
  examples: ['engram transcript verify', 'engram transcript verify telegram:123 --json'],
  run: async (context): Promise<ExitCode> => {
    const key = context.argument('key')
    const report = await context.call('transcript.verify', {
      ...placeOf(context),
      ...(key === undefined ? {} : { key }),
    })
    context.answer(report, () => renderVerified(report, pageOf(context)))
    return report.problems === 0 ? 0 : 1
  },
})

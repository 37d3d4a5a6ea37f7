import type {
  StoredMessage,
  TranscriptMigrated,
  TranscriptVerified,
  TranscriptVerifyReport,
} from '../../api/transcripts.ts'
import { oneLine, visible } from '../visible.ts'
import { counted, shownBytes } from './amounts.ts'
import type { Page } from './page.ts'
import { indented } from './page.ts'
import { shownTime } from './times.ts'

/** One message: who and when, then what was said; tool calls as `name(arguments)` (TRN-1502). */
export function renderMessage(message: StoredMessage, page: Page): string {
  const time = typeof message['created_at'] === 'string' ? shownTime(message['created_at'], page.timezone) : ''
  const model = typeof message['model_name'] === 'string' ? `  ${oneLine(message['model_name'])}` : ''
  const head = `${page.paint.name(oneLine(message.role))}${page.paint.dim(`  ${time}${model}`)}`
  return [head, ...bodyOf(message, page)].join('\n')
}

function bodyOf(message: StoredMessage, page: Page): readonly string[] {
  const said = message.content === '' ? [] : visible(message.content, { keepLines: true }).split('\n')
  const calls = callsOf(message['tool_calls']).map((call) => page.paint.dim(call))
  return [...said.flatMap((line) => indented(page, line, '  ')), ...calls.map((call) => `  ${call}`)]
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function callsOf(calls: unknown): readonly string[] {
  if (!Array.isArray(calls)) return []
  return calls.filter(isRecord).map((call) => {
    const called = isRecord(call['function']) ? call['function'] : {}
    const text = (name: string): string => (typeof called[name] === 'string' ? called[name] : '')
    return oneLine(`${text('name')}(${text('arguments')})`)
  })
}

export function renderMigrated(report: TranscriptMigrated, page: Page): string {
  const lines = report.files.map(({ file, key, outcome, reason, messages }) => {
    const what = outcome === 'migrated' ? counted(messages, 'message') : page.paint.bad(outcome)
    const name = key === undefined || key === file ? '' : ` as ${oneLine(key)}`
    return `  ${oneLine(file)}${name}: ${what}${reason === undefined ? '' : ` (${oneLine(reason)})`}`
  })
  const count = counted(report.migrated, 'session')
  return [...lines, report.dry_run ? `DRY RUN — ${count} would be migrated.` : `Migrated ${count}.`].join('\n')
}

const shownBadMax = 20

/** What is not as it should be, line by line; one sentence when all is well (TRN-1508). */
export function renderVerified(report: TranscriptVerifyReport, page: Page): string {
  const troubled = report.transcripts.flatMap((one) => troubleOf(one, page))
  const lines = report.transcripts.reduce((sum, one) => sum + one.raw_lines, 0)
  const bytes = report.transcripts.reduce((sum, one) => sum + one.bytes, 0)
  const read = `${counted(report.transcripts.length, 'transcript')}, ${counted(lines, 'line')}, ${shownBytes(bytes)} read`
  const verdict = report.problems === 0 ? 'nothing is bad' : page.paint.bad(counted(report.problems, 'problem'))
  return [...troubled, `${read}: ${verdict}.`].join('\n')
}

function troubleOf(one: TranscriptVerified, page: Page): readonly string[] {
  const found = [
    ...one.bad.slice(0, shownBadMax).map((bad) => `  line ${bad.line}, byte ${bad.offset}: ${bad.reason}`),
    ...(one.bad_total > shownBadMax ? [`  … ${one.bad_total - shownBadMax} more`] : []),
    ...(one.meta === 'damaged' ? [`  meta file: ${one.meta_reason ?? 'damaged'}; the next write rebuilds it`] : []),
    ...(one.torn ? ['  ends within a line: a write in progress or cut short; the next append goes on behind it'] : []),
    ...(one.pending ? ['  a replacement is under way; the next write finishes it'] : []),
  ]
  return found.length === 0 ? [] : [page.paint.name(oneLine(one.key)), ...found]
}

import type { IngestAgentReport, IngestFileReport, IngestReport } from '../../api/ingest.ts'
import { counted, shownBytes } from './amounts.ts'
import { placeLines } from './ingest-places.ts'
import { behindLines, isUpgraded, upgradeLines } from './ingest-upgrade.ts'
import { indented, type Page } from './page.ts'
import { oneLine } from '../visible.ts'

/** What a run read and kept (ING-CLI-9), with each session for `--verbose` and `--dry-run` (ING-CLI-6). */
export function renderIngest(report: IngestReport, page: Page, options: { readonly verbose: boolean }): string {
  const isWide = options.verbose || report.dry_run
  const files = isWide ? report.files.flatMap((file) => [...fileLines(file, page, report.dry_run, options), '']) : []
  return [...files, ...summaryLines(report).flatMap((line) => indented(page, line, ''))].join('\n')
}

/** Nothing was read because nothing is new. */
export const isUpToDate = (report: IngestReport): boolean =>
  report.files.length === 0 &&
  report.errors.length === 0 &&
  report.left.files === 0 &&
  (report.upgrade === null || isUpgraded(report))

function summaryLines(report: IngestReport): readonly string[] {
  if (isUpToDate(report)) return ['Everything is up to date.', ...behindLines(report)]
  const { candidates } = report
  const verb = report.dry_run ? 'Would read' : 'Read'
  const others = [
    ...(candidates.repeated > 0 ? [`${candidates.repeated} known already`] : []),
    ...(candidates.suppressed > 0 ? [`${candidates.suppressed} forgotten before`] : []),
    ...(candidates.below_threshold > 0 ? [`${candidates.below_threshold} too unsure`] : []),
    ...(candidates.withdrawn > 0 ? [`${candidates.withdrawn} withdrawn`] : []),
  ]
  const isRead = report.files.some((file) => file.state !== 'upgraded') || report.upgrade === null
  const found = report.dry_run ? report.files.reduce((sum, file) => sum + file.candidates.length, 0) : candidates.saved
  return [
    ...Object.entries(report.agents).flatMap(([agent, figures]) => agentLine(agent, figures, verb)),
    ...upgradeLines(report),
    `Projects:  ${report.projects.map(oneLine).join(', ') || 'none'}`,
    ...(report.dry_run
      ? [`Memories:  ${found} would be extracted`]
      : [
          ...(isRead
            ? [`Archived:  ${counted(report.archived_messages, 'message')}`, `Prompts:   ${report.prompts}`]
            : []),
          `Memories:  ${found} extracted${others.length === 0 ? '' : ` (${others.join(', ')})`}`,
        ]),
    ...(report.redacted > 0 ? [`Redacted:  ${counted(report.redacted, 'place')}`] : []),
    ...(report.left.files > 0
      ? [`Left:      ${counted(report.left.files, 'file')}, ${shownBytes(report.left.bytes)}; the next run goes on`]
      : []),
    `Cost:      ${counted(report.llm.calls, 'LLM call')}, ${(report.ms / 1_000).toFixed(1)} s`,
    ...behindLines(report),
  ]
}

function agentLine(agent: string, figures: IngestAgentReport, verb: string): readonly string[] {
  if (figures.files === 0) return []
  const bad = figures.bad_lines === 0 ? '' : `, ${counted(figures.bad_lines, 'bad line')}`
  const sessions = `${figures.sessions_new} new and ${figures.sessions_grown} grown sessions`
  return [
    `${verb} ${oneLine(agent)}: ${sessions}, ${counted(figures.records, 'record')}, ${shownBytes(figures.bytes)}${bad}`,
  ]
}

function archivedText(file: IngestFileReport): string {
  const without = (file.entries['thinking'] ?? 0) === 0 ? '' : ' (none for a thought alone)'
  return `${counted(file.archived, 'message')} archived${without}, ${counted(file.prompts, 'prompt')}`
}

function fileLines(
  file: IngestFileReport,
  page: Page,
  dryRun: boolean,
  options: { readonly verbose: boolean },
): readonly string[] {
  const { paint } = page
  const isRead = file.state !== 'upgraded'
  const entries = Object.entries(file.entries).map(([kind, n]) => `${kind} ${n}`)
  const waiting = file.waiting_bytes === 0 ? '' : `, ${shownBytes(file.waiting_bytes)} waiting`
  return [
    `${paint.name(oneLine(file.key))}  ${oneLine(file.project)}  ${file.state}${isRead ? `  ${shownBytes(file.new_bytes)}${waiting}` : ''}`,
    ...indented(page, entries.length === 0 ? 'no entries' : entries.join(', ')).map(paint.dim),
    ...(options.verbose && isRead ? placeLines(file, page).map(paint.dim) : []),
    ...(dryRun || !isRead ? [] : indented(page, archivedText(file))),
    ...file.candidates.flatMap((one) =>
      indented(page, `${one.confidence.toFixed(2)}  ${oneLine(one.rule)}  ${oneLine(one.title)}`),
    ),
  ]
}

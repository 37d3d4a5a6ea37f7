import type { DoctorCheck, DoctorFinding, DoctorReport, RepairReport } from '../../api/doctor.ts'
import { counted } from './amounts.ts'
import { indented, type Page } from './page.ts'
import { fitText } from '../text-width.ts'
import { oneLine } from '../visible.ts'

const findingsMax = 5
/** The result, and the gaps after it and after the name. */
const markWidth = 11

/** Each check on one line; what is wrong is explained below it (MEM-1101). */
export function renderDoctor(report: DoctorReport, page: Page): string {
  const { summary } = report
  const width = Math.max(0, ...report.checks.map((check) => check.check_id.length))
  const checks = report.checks.flatMap((check) => checkLines(check, width, page))
  const of = report.project === '' ? 'all projects' : `project ${oneLine(report.project)}`
  const counts = `${summary.ok} ok, ${counted(summary.warnings, 'warning')}, ${summary.blocked} blocked, ${counted(summary.errors, 'error')}`
  return [
    ...checks,
    '',
    `${painted(report.status, page)}: ${counted(summary.total, 'check')} of ${of}: ${counts}`,
  ].join('\n')
}

function painted(result: DoctorCheck['result'], { paint }: Page, text: string = result): string {
  if (result === 'ok') return paint.good(text)
  return result === 'warning' ? paint.warn(text) : paint.bad(text)
}

function checkLines(check: DoctorCheck, width: number, page: Page): readonly string[] {
  const head = `${painted(check.result, page, check.result.padEnd(7))}  ${check.check_id.padEnd(width)}`
  if (check.result === 'ok' || check.reason_code === 'database_shut') {
    // Good news may be cut; what is wrong never is.
    const room = page.columns === null ? Number.POSITIVE_INFINITY : page.columns - width - markWidth
    return [`${head}  ${page.paint.dim(fitText(oneLine(check.message), room))}`.trimEnd()]
  }
  const shown = check.findings.slice(0, findingsMax)
  const rest = check.findings.length - shown.length
  return [
    head.trimEnd(),
    ...indented(page, oneLine(check.message)),
    ...indented(page, `why:  ${oneLine(check.why)}`),
    ...shown.flatMap((finding) => indented(page, `- ${findingText(finding)}`)),
    ...(rest > 0 ? [`    … and ${rest} more; --json shows all`] : []),
    ...indented(page, `next: ${oneLine(check.safe_next_step)}`).map(page.paint.name),
  ]
}

const findingText = (finding: DoctorFinding): string =>
  Object.entries(finding)
    .map(([name, value]) => `${name} ${oneLine(typeof value === 'string' ? value : JSON.stringify(value))}`)
    .join(', ')

/** What a repair did or would do (MEM-1103). */
export function renderRepair(report: RepairReport, page: Page): string {
  const list = (title: string, findings: readonly DoctorFinding[]): readonly string[] =>
    findings.length === 0
      ? []
      : [`${title}:`, ...findings.flatMap((finding) => indented(page, `- ${findingText(finding)}`, '  '))]
  const counts = Object.entries(report.counts).map(([name, n]) => `${oneLine(name)} ${n}`)
  return [
    `${page.paint.title(oneLine(report.check))}: ${report.status.replace('_', ' ')}${counts.length === 0 ? '' : ` (${counts.join(', ')})`}`,
    ...list(report.mode === 'apply' ? 'Done' : 'Would do', report.actions),
    ...list('Left alone', report.skipped),
    ...(report.backup_path === '' ? [] : [`Backup: ${oneLine(report.backup_path)}`]),
    ...(report.mode !== 'apply' && report.actions.length > 0 ? [page.paint.dim('Pass --apply to do it.')] : []),
  ].join('\n')
}

import type { Status } from '../../api/system.ts'
import { parseTime } from '../../model/times.ts'
import { counted, shownBytes } from './amounts.ts'
import type { Page } from './page.ts'
import { ago, shownTime } from './times.ts'
import { oneLine } from '../visible.ts'

/** Real figures of the data dir (MEM-1401, ING-CMD-5); what wants attention is marked. */
export function renderStatus(status: Status, page: Page & { readonly nowMs: number }): string {
  const { paint } = page
  const { database, counts, last } = status
  const line = (name: string, value: string): string => `  ${`${name}:`.padEnd(14)} ${value}`
  const urgent = (text: string, isUrgent: boolean): string => (isUrgent ? paint.warn(text) : text)
  const when = (at: string | null): string => {
    const ms = at === null ? null : parseTime(at)
    return at === null ? 'never' : `${shownTime(at, page.timezone)}${ms === null ? '' : ` (${ago(page.nowMs - ms)})`}`
  }
  return [
    paint.title(`Engram ${oneLine(status.version)}`),
    line('Data dir', oneLine(status.data_dir)),
    line(
      'Database',
      `${shownBytes(database.bytes)} + ${shownBytes(database.wal_bytes)} WAL, schema ${database.schema}`,
    ),
    line('Mode', `${urgent(database.mode, database.mode === 'read-only')}, durability ${database.durability}`),
    '',
    line('Projects', String(counts.projects)),
    line(
      'Memories',
      `${counts.observations} (${counts.deleted_observations} deleted, ${counts.versions} earlier states)`,
    ),
    line('Sessions', `${counts.sessions} (${counts.open_sessions} open)`),
    line('Prompts', String(counts.prompts)),
    line('Relations', `${counts.relations} (${counts.pending_relations} pending)`),
    line('Tombstones', String(counts.tombstones)),
    '',
    line('Conflicts', urgent(`${counted(status.conflicts.versions, 'version')} open`, status.conflicts.versions > 0)),
    line(
      'To review',
      `${status.review.strong} strong, ${status.review.weak} weak, ${status.review.due} due, ${status.review.expired} expired`,
    ),
    line('Spool', urgent(`${counted(status.spool.waiting, 'save')} waiting`, status.spool.waiting > 0)),
    line('Deferred', `${counted(counts.deferred, 'row')} waiting`),
    '',
    line('Last save', when(last.save)),
    line('Last search', when(last.search)),
    line('Last ingest', when(last.ingest)),
    line(
      'Last error',
      last.error === null ? 'none' : paint.bad(`${when(last.error.at)}: ${oneLine(last.error.message)}`),
    ),
    ...ingestLines(status, page, line),
    ...hookLines(status, page, line),
    '',
    line(
      'LLM today',
      `${counted(status.llm.calls_today, 'call')}, ${status.llm.tokens_today} tokens, $${status.llm.cost_today_usd.toFixed(2)}`,
    ),
    line('Redactions', `${status.redactions_today} today`),
  ].join('\n')
}

/** The last hook of each agent. */
function hookLines({ hooks }: Status, page: Page, line: (name: string, value: string) => string): readonly string[] {
  const last = new Map(hooks.toSorted((a, b) => (a.last < b.last ? -1 : 1)).map((one) => [one.agent, one]))
  return [...last.values()].map(({ agent, event, last: at }) =>
    line('Last hook', `${shownTime(at, page.timezone)}, ${oneLine(event)} of ${oneLine(agent)}`),
  )
}

function ingestLines({ ingest }: Status, page: Page, line: (name: string, value: string) => string): readonly string[] {
  const agents = Object.entries(ingest.agents)
  if (agents.length === 0) return []
  return [
    '',
    ...agents.map(([agent, figures]) => {
      const bad = figures.bad_lines === 0 ? '' : `, ${counted(figures.bad_lines, 'bad line')}`
      const last = figures.last === null ? 'never' : shownTime(figures.last, page.timezone)
      return line(oneLine(agent), `${counted(figures.files, 'file')}, ${shownBytes(figures.bytes)}${bad}, last ${last}`)
    }),
    ...(ingest.unknown_records === 0
      ? []
      : [line('Unknown', `${counted(ingest.unknown_records, 'record')} of kinds we do not know`)]),
    ...ingest.failing.map((one) => page.paint.warn(line('Failing', `${oneLine(one.path)}: ${oneLine(one.error)}`))),
  ]
}

import type { ObservationDetail, ObservationHistory } from '../../api/observations.ts'
import type { Observation, ObservationVersion } from '../../model/records.ts'
import { cutCodePoints } from '../../model/text.ts'
import { counted } from './amounts.ts'
import { autoMark, marksOf } from './marks.ts'
import { indented, type Page } from './page.ts'
import { relationLines } from './relations.ts'
import { shownTime } from './times.ts'
import { oneLine, visible } from '../visible.ts'

/** One memory in full. */
export function renderObservation(observation: ObservationDetail, page: Page): string {
  const { paint } = page
  const field = (name: string, value: string | undefined): readonly string[] =>
    value === undefined || value === '' ? [] : [paint.dim(`${`${name}:`.padEnd(12)}${value}`)]
  const time = (text: string | undefined): string | undefined =>
    text === undefined ? undefined : shownTime(text, page.timezone)
  return [
    `${paint.name(`#${observation.id}`)} (${oneLine(observation.type)}) — ${paint.title(oneLine(observation.title))}`,
    ...field('Project', oneLine(observation.project ?? '')),
    ...field('Scope', observation.scope),
    ...field('Session', oneLine(observation.session_id)),
    ...field('Topic', oneLine(observation.topic_key ?? '')),
    ...field('Tool', oneLine(observation.tool_name ?? '')),
    ...field('Marks', marksOf(observation).join(', ')),
    ...field('Created', time(observation.created_at)),
    ...field('Updated', time(observation.updated_at)),
    ...field('Review', time(observation.review_after)),
    ...field('Expires', time(observation.ext?.expires_at)),
    ...field('Deleted', time(observation.deleted_at)),
    ...field('Revisions', String(observation.revision_count)),
    ...field('Duplicates', String(observation.duplicate_count)),
    ...field('Sync id', observation.sync_id),
    ...relationLines(observation.relations).map(paint.warn),
    '',
    visible(observation.content.trimEnd(), { keepLines: true }),
  ].join('\n')
}

/** `Memory updated: #12 "title" (type, scope=project)`. */
export const changedText = (what: string, observation: Observation): string =>
  `Memory ${what}: #${observation.id} "${oneLine(observation.title)}" (${oneLine(observation.type)}, scope=${observation.scope})`

const versionChars = 300

/** Kept states of one memory, newest first (MEM-510). */
export function renderHistory(history: ObservationHistory & { readonly observation: Observation }, page: Page): string {
  const { observation, versions } = history
  const { paint } = page
  const head = `History of ${paint.name(`#${observation.id}`)} — ${paint.title(oneLine(observation.title))}`
  if (versions.length === 0) return `${head}\n\nNo earlier states: it was never changed.`
  const more = history.next_cursor === null ? [] : [paint.dim(`More: --cursor ${history.next_cursor}`)]
  const gone = history.history_complete ? [] : [paint.dim('Older states are no longer kept.')]
  const lines = versions.flatMap((version) => [...versionLines(version, page), ''])
  return [`${head} (${counted(versions.length, 'state')})`, '', ...lines, ...more, ...gone].join('\n').trimEnd()
}

function versionLines(version: ObservationVersion, page: Page): readonly string[] {
  const { paint } = page
  const author = version.ext?.author === undefined ? '' : ` | by ${oneLine(version.ext.author)}`
  const place = `${shownTime(version.captured_at, page.timezone)} | scope: ${version.scope}${author} | ${version.version_id}`
  return [
    `v${version.version} [${oneLine(version.type)}] ${paint.title(oneLine(version.title))}`,
    ...indented(page, oneLine(cutCodePoints(version.content, versionChars))),
    ...indented(page, place).map(paint.dim),
  ]
}

/** One line for lists in a pipe: `#12 [type] title — day — project`. */
export function listLine(observation: Observation, page: Page): string {
  const marks = [oneLine(observation.project ?? ''), shownTime(observation.created_at, page.timezone)]
  const auto = autoMark(observation.ext).map((mark) => ` (${mark})`)
  return `#${observation.id} [${oneLine(observation.type)}] ${oneLine(observation.title)}${auto.join('')}  ${marks.join('  ')}`
}

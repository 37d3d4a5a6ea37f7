import type { SyncExported, SyncImported, SyncStatusReport, SyncVerified } from '../../api/sync.ts'
import { oneLine } from '../visible.ts'
import { counted } from './amounts.ts'

/** What `engram sync` says; the lines of the Go program byte for byte, ours after them (CHK-1002). */

export const renderExportHead = ({ project }: SyncExported): string =>
  project === null
    ? 'Exporting ALL memories (all projects)...'
    : `Exporting memories for project "${oneLine(project)}"...`

export function renderExport(result: SyncExported, squashedInto?: string): string {
  const { rows } = result
  if (rows !== undefined) return [...rows.map(rowLine), ...withheldLines(result), wouldLeave(result)].join('\n')
  if (result.is_empty) return [nothingNew(result.project), ...withheldLines(result)].join('\n')
  return [
    ...(result.chunk_ids ?? []).map((id) => `Created chunk ${id}`),
    ...counts(result.sessions_exported, result.observations_exported, result.prompts_exported),
    ...withheldLines(result),
    '',
    ...(squashedInto === undefined
      ? ['Add to git:', '  git add .engram/ && git commit -m "sync engram memories"']
      : [`The present state lies in ${oneLine(squashedInto)}; put it in the place of the old folder and commit.`]),
  ].join('\n')
}

const counts = (sessions: number, observations: number, prompts: number): readonly string[] => [
  `  Sessions:     ${sessions}`,
  `  Observations: ${observations}`,
  `  Prompts:      ${prompts}`,
]

const nothingNew = (project: string | null): string =>
  project === null
    ? 'Nothing new to sync — all memories already exported.'
    : `Nothing new to sync for project "${oneLine(project)}" — all memories already exported.`

type Row = NonNullable<SyncExported['rows']>[number]

const rowLine = ({ entity, key, title }: Row): string =>
  `  ${entity} ${oneLine(key)}${title === '' ? '' : `  ${oneLine(title)}`}`

const wouldLeave = ({ rows }: SyncExported): string =>
  `Would export ${counted(rows?.length ?? 0, 'record')}; nothing was written.`

function withheldLines({ withheld, redacted }: SyncExported): readonly string[] {
  const reasons = Object.entries(withheld ?? {}).filter(([, count]) => count > 0)
  return [
    ...(reasons.length === 0 ? [] : [`  Withheld:     ${reasons.map(([why, count]) => `${count} ${why}`).join(', ')}`]),
    ...((redacted ?? 0) === 0 ? [] : [`  Redacted:     ${counted(redacted ?? 0, 'place')}`]),
  ]
}

export function renderImport(result: SyncImported): string {
  const known = result.chunks_skipped - result.chunks_missing
  if (result.chunks_imported === 0) {
    return [
      'Already up to date — no new chunks to import.',
      ...(known > 0 ? [`  (${known} chunks already imported)`] : []),
    ].join('\n')
  }
  return [
    `Imported ${result.chunks_imported} new chunk(s) from .engram/`,
    ...counts(result.sessions_imported, result.observations_imported, result.prompts_imported),
    ...(known > 0 ? [`  Skipped:      ${known} (already imported)`] : []),
  ].join('\n')
}

/** What a person should look at, for standard error (CHK-702). */
export function renderRemarks(result: SyncImported): readonly string[] {
  const chunks = (result.quarantined ?? []).map(
    ({ id, reason }) => `set aside: chunk ${oneLine(id)}: ${oneLine(reason)}`,
  )
  const rows = (result.quarantined_rows ?? []).map(
    ({ chunk, entity, key, reason }) => `set aside: ${entity} ${oneLine(key)} of chunk ${chunk}: ${oneLine(reason)}`,
  )
  const missing = result.missing ?? []
  return [
    ...(result.warnings ?? []).map((warning) => `note: ${warning}`),
    ...(missing.length === 0
      ? []
      : [`warning: ${counted(missing.length, 'listed chunk')} not there yet: ${missing.map(oneLine).join(', ')}`]),
    ...(result.skipped_relations ?? []).map((line) => `skipped: ${oneLine(line)}`),
    ...chunks,
    ...rows,
    ...(chunks.length === 0 ? [] : ['Look at them with `engram sync --verify`; the rest was taken in.']),
    ...(rows.length === 0
      ? []
      : ['Look at them with `engram conflicts deferred --status dead`; the rest was taken in.']),
    ...(result.conflicts_listed === 0
      ? []
      : [`${counted(result.conflicts_listed, 'new conflict')}: see \`engram conflicts list --kind version\`.`]),
  ]
}

export function renderStatus(status: SyncStatusReport): string {
  return [
    'Sync status:',
    `  Local chunks:    ${status.localChunks}`,
    `  Remote chunks:   ${status.remoteChunks}`,
    `  Pending import:  ${status.pendingImport}`,
    ...(status.unexported === 0 ? [] : [`  To export:       ${counted(status.unexported, 'record')}`]),
    ...status.quarantined.map(({ id, reason }) => `  Set aside:       ${oneLine(id)} (${oneLine(reason)})`),
    ...status.missing.map((id) => `  Missing:         ${oneLine(id)}`),
  ].join('\n')
}

export function renderVerify({ ok, chunks, problems }: SyncVerified): string {
  if (ok) return `${counted(chunks, 'chunk')} checked: all whole, and they hold what is here.`
  return [
    `${counted(chunks, 'chunk')} checked: ${counted(problems.length, 'problem')}.`,
    ...problems.map(({ id, reason }) => `  ${oneLine(id)}: ${oneLine(reason)}`),
  ].join('\n')
}

import type { ExportedProject } from '../../api/system.ts'
import type { Parsed } from '../../api/operations.ts'
import { categoryOf } from '../../model/categories.ts'
import { EngramError } from '../../model/errors.ts'
import type { ObservationRow, RelationRow, SessionRow } from '../../store/rows.ts'
import { tombstonesOf } from '../../store/tombstones.ts'
import type { ReadTx } from '../../store/transaction.ts'
import { parseNames } from '../../store/versions.ts'
import type { EngineDeps, Handlers } from '../handler.ts'
import { projectOfRead } from '../places.ts'
import { toObservation, toObservationExt, toRelation, toSession } from '../present.ts'
import { isUnreviewed } from '../rules/provenance.ts'
import { toHtml } from './html.ts'
import { toJson } from './json.ts'
import { toMarkdown } from './markdown.ts'
import type { ExportedConversation, ExportParts } from './parts.ts'

export const exportHandlers: Handlers<'project.export'> = {
  'project.export': async (deps, input): Promise<ExportedProject> => {
    const project = await projectOfRead(deps, input)
    const stored = deps.store.read((tx) => storedParts(tx, deps, project, input))
    if (stored.observations.length === 0 && stored.sessions.length === 0) throw empty(project)
    const conversations = input.include_conversations === true ? await conversationsOf(deps, stored.sessionRows) : []
    const parts: ExportParts = { ...stored, conversations }
    return { project, format: input.format, text: renderers[input.format](parts) }
  },
}

const renderers: Readonly<Record<ExportedProject['format'], (parts: ExportParts) => string>> = {
  markdown: toMarkdown,
  json: toJson,
  html: toHtml,
}

/** Nothing goes to a pipe for a project that holds nothing (ING-EXP-1). */
const empty = (project: string): EngramError =>
  new EngramError('not_found', `Project ${JSON.stringify(project)} holds nothing to export.`, { details: { project } })

function storedParts(tx: ReadTx, deps: EngineDeps, project: string, input: Parsed<'project.export'>) {
  const nowMs = deps.clock.nowMs()
  const rows = tx.all<ObservationRow>(
    `SELECT * FROM observations WHERE project = ? AND deleted_at IS NULL AND scope <> 'personal' ORDER BY created_at, hlc, id`,
    project,
  )
  const kept = rows.filter((row) => isWanted(row, input))
  const sessionRows = tx.all<SessionRow>(
    'SELECT * FROM sessions WHERE project = ? ORDER BY started_at, number',
    project,
  )
  const known = new Set(kept.map((row) => row.sync_id))
  const relations = tx
    .all<RelationRow>('SELECT * FROM relations WHERE project = ? ORDER BY sync_id', project)
    .filter((row) => known.has(row.source_id) && known.has(row.target_id))
  return {
    project,
    exportedAt: new Date(nowMs).toISOString(),
    version: deps.version,
    observations: kept.map((row) => ({
      ...toObservation(row, nowMs),
      ext: { ...toObservationExt(row, nowMs), ancestors: parseNames(row.ancestors) },
      category: categoryOf(row.type),
    })),
    relations: relations.map(toRelation),
    sessions: sessionRows.map(toSession),
    tombstones: tombstonesOf(tx, project),
    sessionRows,
  }
}

function isWanted(row: ObservationRow, input: Parsed<'project.export'>): boolean {
  const category = categoryOf(row.type)
  if (input.categories !== undefined && (category === null || !input.categories.includes(category))) return false
  return input.only_curated !== true || !isUnreviewed(row)
}

async function conversationsOf(
  deps: EngineDeps,
  sessions: readonly SessionRow[],
): Promise<readonly ExportedConversation[]> {
  const keys = deps.store.read((tx) =>
    tx.all<{ session_id: string; transcript_key: string }>(
      `SELECT DISTINCT session_id, transcript_key FROM ingest_sources WHERE instr(transcript_key, ':agent:') = 0`,
    ),
  )
  const keyOf = new Map(keys.map((row) => [row.session_id, row.transcript_key]))
  const found: ExportedConversation[] = []
  for (const session of sessions) {
    const key = keyOf.get(session.id)
    const messages = key === undefined ? [] : ((await deps.archive?.messages(key)) ?? [])
    if (messages.length > 0) found.push({ session, messages })
  }
  return found
}

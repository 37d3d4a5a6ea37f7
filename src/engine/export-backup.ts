import type { Backup } from '../api/backup.ts'
import type { Observation, ObservationExt, Session } from '../model/records.ts'
import { formatTime } from '../model/times.ts'
import { originOf } from '../store/change-clock.ts'
import { allConflicts, type ConflictRow } from '../store/conflicts.ts'
import { listDeferred } from '../store/deferred.ts'
import { allProjects } from '../store/projects.ts'
import type { ObservationRow, PromptRow, RelationRow, SessionRow, TombstoneRow, VersionRow } from '../store/rows.ts'
import { tombstonesOf } from '../store/tombstones.ts'
import type { ReadTx } from '../store/transaction.ts'
import { parseNames, parseSnapshot } from '../store/versions.ts'
import type { EngineDeps } from './handler.ts'
import { fingerprintOfVersion } from './heads.ts'
import { toObservation, toPrompt, toRelation, toSession } from './present.ts'
import { parseProvenance } from './rules/provenance.ts'

/**
 * Everything of one project, or of all when null, as one document (MEM-1001): readable by the Go program, and lossless
 * for us through `ext` (MEM-1004). Only what is local to this machine stays out: numbers of rows, leases, process ids.
 */
export function exportBackup(tx: ReadTx, deps: Pick<EngineDeps, 'clock' | 'version'>, project: string | null): Backup {
  const tombstones = tombstonesOf(tx, project)
  const nowMs = deps.clock.nowMs()
  return {
    version: '0.2.0',
    exported_at: formatTime(nowMs),
    sessions: sessionsOf(tx, project).map(backupSession),
    observations: observationsOf(tx, project).map((row) => backupObservation(row, nowMs)),
    prompts: promptsOf(tx, project).map(toPrompt),
    relations: relationsOf(tx, project).map(toRelation),
    prompt_tombstones: tombstones.filter((row) => row.entity === 'prompt').map(promptTombstone),
    ext: {
      format: 1,
      writer: `engram/${deps.version}`,
      origin: originOf(tx),
      versions: versionsOf(tx, project).map(backupVersion),
      conflicts: allConflicts(tx, project).map(backupConflict),
      tombstones: tombstones.map(backupTombstone),
      deferred: listDeferred(tx, null, -1, 0),
      project_aliases: aliasesOf(tx, project),
    },
  }
}

/** Sessions of the project, and every session its records point to (CHK-502). */
const sessionsOf = (tx: ReadTx, project: string | null): SessionRow[] =>
  tx.all<SessionRow>(
    `SELECT * FROM sessions WHERE ?1 IS NULL OR project = ?1
       OR id IN (SELECT session_id FROM observations WHERE project = ?1)
       OR id IN (SELECT session_id FROM prompts WHERE project = ?1)
     ORDER BY started_at, id`,
    project,
  )

const observationsOf = (tx: ReadTx, project: string | null): ObservationRow[] =>
  tx.all<ObservationRow>(
    'SELECT * FROM observations WHERE ?1 IS NULL OR project = ?1 ORDER BY created_at, sync_id',
    project,
  )

const promptsOf = (tx: ReadTx, project: string | null): PromptRow[] =>
  tx.all<PromptRow>('SELECT * FROM prompts WHERE ?1 IS NULL OR project = ?1 ORDER BY created_at, sync_id', project)

const relationsOf = (tx: ReadTx, project: string | null): RelationRow[] =>
  tx.all<RelationRow>('SELECT * FROM relations WHERE ?1 IS NULL OR project = ?1 ORDER BY sync_id', project)

/** Of one observation the newest first: each is then named by one that came before it. */
const versionsOf = (tx: ReadTx, project: string | null): VersionRow[] =>
  tx.all<VersionRow>(
    `SELECT v.* FROM observation_versions v
     WHERE ?1 IS NULL OR v.sync_id IN (SELECT sync_id FROM observations WHERE project = ?1)
       OR v.sync_id IN (SELECT sync_id FROM observation_conflicts WHERE project = ?1)
     ORDER BY v.sync_id, v.hlc DESC, v.version DESC`,
    project,
  )

function aliasesOf(tx: ReadTx, project: string | null): Readonly<Record<string, string>> {
  const merged = allProjects(tx).flatMap(({ name, merged_into }) =>
    merged_into === null ? [] : [[name, merged_into] as const],
  )
  return Object.fromEntries(merged.filter(([, target]) => project === null || target === project))
}

/** A session with all that merging needs (CHK-301). */
export function backupSession(row: SessionRow): Session {
  const { ext, ...fields } = toSession(row)
  const ours = {
    ...ext,
    ...(row.summary_by === null ? {} : { summary_by: row.summary_by }),
    ...(row.isolated === 1 ? { isolated: true } : {}),
  }
  return { ...fields, ext: ours }
}

function backupObservation(row: ObservationRow, nowMs: number): Observation & { readonly pinned: boolean } {
  const { ext: _shown, ...fields } = toObservation(row, nowMs)
  return { ...fields, pinned: row.pinned === 1, ext: travellingExt(row) }
}

/** What a receiver merges by (CHK-301); nothing of it is local to this machine. */
export function travellingExt(row: ObservationRow): ObservationExt {
  const provenance = parseProvenance(row.provenance)
  return {
    version: row.version,
    ancestors: parseNames(row.ancestors),
    hlc: row.hlc,
    origin: row.origin,
    ...(row.author === null ? {} : { author: row.author }),
    ...(row.expires_at === null ? {} : { expires_at: row.expires_at }),
    ...(row.confidence === null ? {} : { confidence: row.confidence }),
    ...(provenance === null ? {} : { provenance }),
  }
}

function backupVersion(row: VersionRow): unknown {
  const snapshot = parseSnapshot(row.snapshot)
  const fingerprint = fingerprintOfVersion(row)
  return {
    sync_id: row.sync_id,
    version: row.version,
    parents: parseNames(row.parents),
    ancestors: parseNames(row.ancestors),
    ...(fingerprint === '' ? {} : { fingerprint }),
    hlc: row.hlc,
    origin: row.origin,
    head: row.head === 1,
    captured_at: row.captured_at,
    snapshot: snapshot === null ? null : { ...snapshot, provenance: parseProvenance(snapshot.provenance) },
  }
}

const backupConflict = (row: ConflictRow): unknown => ({ ...row, heads: parseNames(row.heads) })

const backupTombstone = ({ change_seq: _local, hard: _hard, ...row }: TombstoneRow): unknown => row

const promptTombstone = (row: TombstoneRow): NonNullable<Backup['prompt_tombstones']>[number] => ({
  sync_id: row.entity_key,
  session_id: row.session_id ?? '',
  ...(row.project === null ? {} : { project: row.project }),
  ...(row.source_inbox_id === null ? {} : { source_inbox_id: row.source_inbox_id }),
  deleted_at: row.deleted_at,
})

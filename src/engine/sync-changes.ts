import type { Observation, Prompt, Relation, Session } from '../model/records.ts'
import type { ChangedRecord, ChangeWindow, OtherHead, SyncSelection, Tombstone, Withheld } from '../model/sync.ts'
import { isBlank } from '../model/text.ts'
import { observationBySyncId } from '../store/observations.ts'
import { afterHeard, heardBetween, isHeard } from '../store/remotes.ts'
import type { ObservationRow, PromptRow, RelationRow, SessionRow, TombstoneRow, VersionRow } from '../store/rows.ts'
import { observationsPointTo, sessionById } from '../store/sessions.ts'
import type { ReadTx } from '../store/transaction.ts'
import { otherHeadsAmong, parseNames, parseSnapshot } from '../store/versions.ts'
import { backupSession, travellingExt } from './export-backup.ts'
import type { EngineDeps } from './handler.ts'
import { toObservation, toPrompt, toRelation } from './present.ts'
import { stubDirectory } from './rules/merge.ts'
import { isUnreviewed, parseProvenance } from './rules/provenance.ts'

/** Numbers of the change clock looked at in one go: bounds what is held at once. */
const windowSpan = 500
const strongConfidence = 0.7

const tables = ['sessions', 'observations', 'prompts', 'relations', 'tombstones'] as const

type Deps = Pick<EngineDeps, 'redactor' | 'clock'>

type Select = {
  readonly tx: ReadTx
  readonly deps: Deps
  readonly selection: SyncSelection
  readonly withheld: { -readonly [K in keyof Withheld]: number }
  redacted: number
  readonly sessions: Map<string, Session | null>
}

/** The next changes that leave (CHK-501 to CHK-505), in the order they were made. */
export function changesAfter(
  tx: ReadTx,
  deps: Deps,
  remote: string,
  selection: SyncSelection,
  after: number,
  until: number,
): ChangeWindow {
  const withheld = { personal: 0, global: 0, weak: 0, invalid: 0 }
  const select: Select = { tx, deps, selection, withheld, redacted: 0, sessions: new Map() }
  const from = nextUntold(tx, remote, after)
  if (from === null || from > until) return { records: [], withheld, redacted: 0, upTo: until, isLast: true }
  const upTo = Math.min(until, from + windowSpan - 1)
  const isKnown = heardBetween(tx, remote, from - 1, upTo)
  const rows = rowsBetween(select, from, upTo).filter((record) => !isKnown(record.seq))
  const records = rows.flatMap((record) => record.read()).sort((a, b) => a.seq - b.seq)
  return { records, withheld, redacted: select.redacted, upTo, isLast: upTo >= until }
}

/** The number of the next change the remote does not know of; null when there is none. */
export function nextUntold(tx: ReadTx, remote: string, after: number): number | null {
  let from = after
  for (;;) {
    from = afterHeard(tx, remote, from)
    const next = nextChange(tx, from)
    if (next === null || !isHeard(tx, remote, next)) return next
    from = next
  }
}

function nextChange(tx: ReadTx, after: number): number | null {
  const found = tables.flatMap((table) => {
    const row = tx.get<{ seq: number | null }>(
      `SELECT min(change_seq) AS seq FROM ${table} WHERE change_seq > ?`,
      after,
    )
    return row === undefined || row.seq === null ? [] : [row.seq]
  })
  return found.length === 0 ? null : Math.min(...found)
}

/** A row that changed; it is looked at only when the remote does not know it. */
type Changed = { readonly seq: number; readonly read: () => readonly ChangedRecord[] }

function rowsBetween(select: Select, from: number, to: number): readonly Changed[] {
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- who names the table names the row's shape
  const changed = <R extends { readonly change_seq: number }>(
    table: (typeof tables)[number],
    read: (row: R) => readonly ChangedRecord[],
  ): Changed[] => {
    const rows = select.tx.all<R>(`SELECT * FROM ${table} WHERE change_seq BETWEEN ? AND ?`, from, to)
    return rows.map((row) => ({ seq: row.change_seq, read: () => read(row) }))
  }
  const heads = headsBetween(select.tx, from, to)
  return [
    ...changed<SessionRow>('sessions', (row) => readSession(select, row)),
    ...changed<ObservationRow>('observations', (row) => readObservation(select, row, heads.get(row.sync_id) ?? [])),
    ...changed<PromptRow>('prompts', (row) => readPrompt(select, row)),
    ...changed<RelationRow>('relations', (row) => readRelation(select, row)),
    ...changed<TombstoneRow>('tombstones', (row) => readTombstone(select, row)),
  ]
}

/** Other heads of the observations that changed, by name. Most have none. */
function headsBetween(tx: ReadTx, from: number, to: number): ReadonlyMap<string, readonly VersionRow[]> {
  const ids = tx.all<{ id: string }>(
    'SELECT sync_id AS id FROM observations WHERE change_seq BETWEEN ? AND ?',
    from,
    to,
  )
  return otherHeadsAmong(
    tx,
    ids.map(({ id }) => id),
  )
}

const isOfProject = ({ selection }: Select, project: string | null): boolean =>
  selection.project === null || project === selection.project

/** A session that stands only for what points to it says nothing by itself. */
function readSession(select: Select, row: SessionRow): readonly ChangedRecord[] {
  if (!isOfProject(select, row.project) || row.directory === stubDirectory) return []
  return [{ entity: 'session', seq: row.change_seq, row: cleanSession(select, row) }]
}

function readObservation(select: Select, row: ObservationRow, known: readonly VersionRow[]): readonly ChangedRecord[] {
  const stays = staysBecause(select, row)
  if (stays !== null) {
    if (stays !== 'other') select.withheld[stays]++
    return []
  }
  const session = sessionOf(select, row.session_id)
  if (session === null) return []
  const heads = known.flatMap((head): readonly OtherHead[] => {
    const snapshot = parseSnapshot(head.snapshot)
    if (snapshot === null || scopeStays(select, snapshot.scope) !== null) return []
    const { sync_id, version, hlc, origin } = head
    const cleaned = { ...snapshot, title: clean(select, snapshot.title), content: clean(select, snapshot.content) }
    const state = { ...cleaned, provenance: parseProvenance(snapshot.provenance) }
    return [{ sync_id, version, ancestors: parseNames(head.ancestors), hlc, origin, snapshot: state }]
  })
  return [{ entity: 'observation', seq: row.change_seq, row: cleanObservation(select, row), session, heads }]
}

/** Null: it leaves. `other`: it is of another project, which is nothing to speak of. */
function staysBecause(select: Select, row: ObservationRow): keyof Withheld | 'other' | null {
  if (!isOfProject(select, row.project ?? sessionOf(select, row.session_id)?.project ?? '')) return 'other'
  const scope = scopeStays(select, row.scope)
  if (scope !== null) return scope
  if (isUnreviewed(row) && select.selection.withAuto !== 'all') {
    if (select.selection.withAuto === 'none' || (row.confidence ?? 1) < strongConfidence) return 'weak'
  }
  return [row.sync_id, row.session_id, row.type, row.title, row.content].some(isBlank) ? 'invalid' : null
}

function scopeStays({ selection }: Select, scope: string): 'personal' | 'global' | null {
  if (scope === 'personal') return selection.includePersonal ? null : 'personal'
  return scope === 'global' && selection.project !== null ? 'global' : null
}

function readPrompt(select: Select, row: PromptRow): readonly ChangedRecord[] {
  const session = sessionOf(select, row.session_id)
  if (session === null || !isOfProject(select, row.project ?? session.project)) return []
  if ([row.sync_id, row.session_id, row.content].some(isBlank)) {
    select.withheld.invalid++
    return []
  }
  const prompt: Prompt = { ...toPrompt(row), content: clean(select, row.content) }
  return [{ entity: 'prompt', seq: row.change_seq, row: prompt, session }]
}

/** A relation leaves when both its ends do (CHK-306, CHK-503); an orphaned one is so where it arrives. */
function readRelation(select: Select, row: RelationRow): readonly ChangedRecord[] {
  if (row.judgment_status === 'orphaned' || !isOfProject(select, row.project)) return []
  const ends = [row.source_id, row.target_id].map((end) => observationBySyncId(select.tx, end))
  if (ends.some((end) => end === undefined || staysBecause(select, end) !== null)) return []
  const relation: Relation = {
    ...toRelation(row),
    ...(row.reason === null ? {} : { reason: clean(select, row.reason) }),
    ...(row.evidence === null ? {} : { evidence: clean(select, row.evidence) }),
  }
  return [{ entity: 'relation', seq: row.change_seq, row: relation, project: row.project }]
}

/** A session is not deleted for others while something here points to it (CHK-509). */
function readTombstone(select: Select, row: TombstoneRow): readonly ChangedRecord[] {
  if (row.hard !== 1 || !isOfProject(select, row.project)) return []
  const isNeeded = row.entity === 'session' && observationsPointTo(select.tx, row.entity_key) > 0
  if (isNeeded || (row.entity === 'session' && sessionById(select.tx, row.entity_key) !== undefined)) return []
  const tombstone: Tombstone = {
    entity: row.entity,
    entity_key: row.entity_key,
    project: row.project ?? '',
    ...(row.session_id === null ? {} : { session_id: row.session_id }),
    ...(row.source_inbox_id === null ? {} : { source_inbox_id: row.source_inbox_id }),
    deleted_at: row.deleted_at,
    hlc: row.hlc,
    origin: row.origin,
  }
  return [{ entity: 'tombstone', seq: row.change_seq, row: tombstone }]
}

function sessionOf(select: Select, id: string): Session | null {
  const known = select.sessions.get(id)
  if (known !== undefined) return known
  const row = sessionById(select.tx, id)
  const session = row === undefined ? null : cleanSession(select, row)
  select.sessions.set(id, session)
  return session
}

// ── masked once more on the way out (CHK-510, MEM-1702) ──

function clean(select: Select, text: string): string {
  const cleaned = select.deps.redactor.clean(text)
  select.redacted += cleaned.kinds.length + cleaned.privateBlocks
  return cleaned.text
}

function cleanSession(select: Select, row: SessionRow): Session {
  const session = backupSession(row)
  return session.summary === undefined ? session : { ...session, summary: clean(select, session.summary) }
}

function cleanObservation(select: Select, row: ObservationRow): Observation {
  const observation = toObservation(row, 0)
  const { provenance, ...ext } = travellingExt(row)
  return {
    ...observation,
    title: clean(select, observation.title),
    content: clean(select, observation.content),
    ext: { ...ext, ...(provenance === undefined ? {} : { provenance: cleanProvenance(select, provenance) }) },
  }
}

type GivenProvenance = NonNullable<ReturnType<typeof parseProvenance>>

/** Masking keeps JSON valid; what no longer reads as one is left out. */
const cleanProvenance = (select: Select, provenance: GivenProvenance): GivenProvenance =>
  parseProvenance(clean(select, JSON.stringify(provenance))) ?? { kind: provenance.kind }

/** How many records of the selection the remote was not told (CHK-801). */
export function countUntold(tx: ReadTx, remote: string, selection: SyncSelection, after: number): number {
  const count = (from: string, project: string): number =>
    tx.get<{ n: number }>(
      `SELECT count(*) AS n FROM ${from} AND change_seq > ?2 AND (?3 IS NULL OR ${project} = ?3)
         AND NOT EXISTS (SELECT 1 FROM remote_heard h
                         WHERE h.remote = ?1 AND h.from_seq < change_seq AND h.to_seq >= change_seq)`,
      remote,
      after,
      selection.project,
    )?.n ?? 0
  const scopes = selection.project === null ? `('project', 'global')` : `('project')`
  return (
    count(`sessions WHERE directory <> '${stubDirectory}'`, 'project') +
    count(
      `observations WHERE scope IN ${selection.includePersonal ? `('project', 'personal', 'global')` : scopes}`,
      'project',
    ) +
    count(`prompts WHERE 1`, 'project') +
    count(`relations WHERE judgment_status <> 'orphaned'`, 'project') +
    count(`tombstones WHERE hard = 1`, 'project')
  )
}

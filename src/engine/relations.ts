import type { RelationNote } from '../api/observations.ts'
import type { DeferredRow, RelationDetail, RelationListing, RelationPage, RelationStats } from '../api/relations.ts'
import type { Parsed } from '../api/operations.ts'
import { cutCodePoints } from '../model/text.ts'
import { limits } from '../model/limits.ts'
import { normaliseTime } from '../model/times.ts'
import { countDeferred, listDeferred, type DeferredRecord } from '../store/deferred.ts'
import { relationsTouching } from '../store/full-text-search.ts'
import { observationBySyncId } from '../store/observations.ts'
import type { RelationRow } from '../store/rows.ts'
import type { ReadTx } from '../store/transaction.ts'
import type { Handlers } from './handler.ts'
import { compareObservations, judgeRelation, requireRelation } from './judge-relation.ts'
import { placeOfRead, placeOfWrite } from './places.ts'
import { toRelation } from './present.ts'
import { findPairs, notePairs } from './scan-relations.ts'

type RelationNames =
  | 'relation.list'
  | 'relation.get'
  | 'relation.stats'
  | 'relation.judge'
  | 'relation.compare'
  | 'relation.scan'
  | 'relation.deferred'
  | 'relation.replay'

const listDefault = 50

export const relationHandlers: Handlers<RelationNames> = {
  'relation.list': async (deps, input) => {
    const place = await placeOfRead(deps, input)
    return deps.store.read((tx) => listRelations(tx, place.project, input))
  },
  'relation.get': (deps, input) => deps.store.read((tx) => detailOf(tx, requireRelation(tx, input.id))),
  'relation.stats': async (deps, input) => {
    const place = await placeOfRead(deps, input)
    return deps.store.read((tx) => statsOf(tx, place.project))
  },
  'relation.judge': (deps, input, context) =>
    deps.store.write((tx) => detailOf(tx, judgeRelation(tx, deps, input)), context),
  'relation.compare': (deps, input, context) =>
    deps.store.write((tx) => ({ sync_id: compareObservations(tx, deps, input).sync_id }), context),
  'relation.scan': async (deps, input, context) => {
    const place = await placeOfWrite(deps, input)
    const project = place.project ?? ''
    if (input.apply === true) return deps.store.write((tx) => notePairs(tx, deps, project, input), context)
    return deps.store.read((tx) => ({ ...findPairs(tx, deps, project, input).result, inserted: 0, dry_run: true }))
  },
  'relation.deferred': (deps, input) =>
    deps.store.read((tx) => {
      const limit = input.limit ?? listDefault
      const status = input.status ?? null
      const rows = listDeferred(tx, status, limit, input.offset ?? 0).map(toDeferredRow)
      return { total: countDeferred(tx, status), limit, rows }
    }),
  'relation.replay': async (deps, _input, context) => {
    const { replayRelations } = await import('./accept-relation.ts')
    return deps.store.write((tx) => {
      const { retried, succeeded, dead } = replayRelations(tx, deps, { remote: null })
      return { retried, succeeded, failed: retried - succeeded - dead, dead }
    }, context)
  },
}

const filter = `(?1 IS NULL OR r.project = ?1) AND (?2 IS NULL OR +r.judgment_status = ?2) AND (?3 IS NULL OR r.updated_at >= ?3)`

function listRelations(tx: ReadTx, project: string | null, input: Parsed<'relation.list'>): RelationPage {
  const limit = input.limit ?? listDefault
  const offset = input.offset ?? 0
  const since = input.since === undefined ? null : normaliseTime(input.since)
  const values = [project, input.status ?? null, since] as const
  const total = tx.get<{ n: number }>(`SELECT count(*) AS n FROM relations r WHERE ${filter}`, ...values)?.n ?? 0
  const relations = tx.all<RelationListing>(
    `SELECT r.id, r.sync_id, r.relation, r.judgment_status, r.source_id, coalesce(s.title, '') AS source_title,
       r.target_id, coalesce(t.title, '') AS target_title, r.created_at, r.updated_at
     FROM relations r LEFT JOIN observations s ON s.sync_id = r.source_id LEFT JOIN observations t ON t.sync_id = r.target_id
     WHERE ${filter} ORDER BY r.updated_at DESC, r.id DESC LIMIT ?4 OFFSET ?5`,
    ...values,
    limit,
    offset,
  )
  return { total, limit, offset, relations }
}

function detailOf(tx: ReadTx, row: RelationRow): RelationDetail {
  const [source, target] = [observationBySyncId(tx, row.source_id), observationBySyncId(tx, row.target_id)]
  const snippet = (content: string | undefined): string => cutCodePoints(content ?? '', limits.snippetCharsMax)
  return {
    ...toRelation(row),
    id: row.id,
    project: row.project,
    source_title: source?.title ?? '',
    target_title: target?.title ?? '',
    source_snippet: snippet(source?.content),
    target_snippet: snippet(target?.content),
  }
}

function statsOf(tx: ReadTx, project: string | null): RelationStats {
  const deferred = countDeferred(tx, 'deferred')
  const dead = countDeferred(tx, 'dead')
  return {
    project: project ?? '',
    by_relation: countsBy(tx, 'relation', project),
    by_judgment_status: countsBy(tx, 'judgment_status', project),
    deferred,
    dead,
    deferred_count: deferred,
    dead_count: dead,
  }
}

function countsBy(tx: ReadTx, column: 'relation' | 'judgment_status', project: string | null): Record<string, number> {
  const rows = tx.all<{ name: string; n: number }>(
    column === 'relation'
      ? 'SELECT relation AS name, count(*) AS n FROM relations WHERE ?1 IS NULL OR project = ?1 GROUP BY relation'
      : `SELECT judgment_status AS name, count(*) AS n FROM relations WHERE ?1 IS NULL OR project = ?1
         GROUP BY judgment_status`,
    project,
  )
  return Object.fromEntries(rows.map((row) => [row.name, row.n]))
}

function toDeferredRow(row: DeferredRecord): DeferredRow {
  const payload = parsed(row.payload)
  return { ...row, payload, payload_raw: row.payload, payload_valid: payload !== null }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return null
  }
}

const notesMax = 50

/** The relations an observation shows beside it (MEM-606), oldest first. */
export const relationNotesOf = (tx: ReadTx, syncId: string): readonly RelationNote[] =>
  relationsTouching(tx, syncId, notesMax).map((row) => ({
    relation: row.judgment_status === 'pending' ? 'pending' : (row.relation as RelationNote['relation']),
    direction: row.source_id === syncId ? 'out' : 'in',
    judgment_id: row.sync_id,
    id: row.peer_id,
    sync_id: row.source_id === syncId ? row.target_id : row.source_id,
    title: row.peer_title ?? '',
    deleted: row.peer_id === null || row.peer_deleted_at !== null,
  }))

import type { PreparedChunk } from '../model/sync.ts'
import { formatTime } from '../model/times.ts'
import { isNear, nextChangeSeqs, receiveHlc } from '../store/change-clock.ts'
import { authorOf, observationFacet, rememberAuthor } from '../store/full-text.ts'
import { insertPrepared, isAnyBuried, syncIdsOf } from '../store/prepared-rows.ts'
import { currentProjectName, ensureProject } from '../store/projects.ts'
import { addHeard } from '../store/remotes.ts'
import type { ReadTx, WriteTx } from '../store/transaction.ts'
import { ensureSession, type AcceptDeps } from './arrival.ts'
import type { Touched } from './heads.ts'

/** Prepared observations that may go into the store as they are. */
export type FreshRows = {
  /** Takes their numbers of the change clock, which the remote needs not be told again. */
  noteHeard(remote: string): void
  /** Throws what the store says where one of them is here already. */
  insert(touched: Touched): void
  has(syncId: string): boolean
}

/**
 * Null where one of them is not kept as it came: it was deleted here for ever (MEM-507), its project was merged into another
 * (MEM-807), or its clock is one that we do not learn from (MEM-503).
 */
export function freshRows(tx: WriteTx, deps: AcceptDeps, prepared: PreparedChunk['observations']): FreshRows | null {
  const nowMs = deps.clock.nowMs()
  if (!isKeptAsItCame(tx, prepared, nowMs)) return null
  const { rows } = prepared
  if (isAnyBuried(tx, rows)) return null
  let firstSeq = 0
  let ids: ReadonlySet<string> | null = null
  return {
    noteHeard: (remote) => {
      firstSeq = nextChangeSeqs(tx, prepared.count)
      addHeard(tx, remote, firstSeq - 1, firstSeq - 1 + prepared.count)
    },
    insert: (touched) => {
      readyPlaces(tx, prepared, nowMs)
      const facets = prepared.facets.map((facet) => observationFacet(tx, facet))
      insertPrepared(tx, prepared, firstSeq, JSON.stringify(facets))
      for (const author of prepared.authors) rememberAuthor(tx, author.project, authorOf(tx, author))
      for (const syncId of prepared.withTopic) touched.add(syncId, null)
      if (prepared.hlc !== '') receiveHlc(tx, prepared.hlc, nowMs)
    },
    has: (syncId) => (ids ??= new Set(syncIdsOf(tx, rows))).has(syncId),
  }
}

const isKeptAsItCame = (tx: ReadTx, { places, hlc }: PreparedChunk['observations'], nowMs: number): boolean =>
  (hlc === '' || isNear(hlc, nowMs)) &&
  [...new Set(places.map(({ project }) => project))].every(
    (project) => project === null || currentProjectName(tx, project) === project,
  )

/** The projects and sessions they stand in. */
function readyPlaces(tx: WriteTx, { places }: PreparedChunk['observations'], nowMs: number): void {
  for (const project of new Set(places.map((place) => place.project))) {
    if (project !== null) ensureProject(tx, project, formatTime(nowMs))
  }
  for (const { session_id, project } of places) ensureSession(tx, session_id, project ?? '', nowMs)
}

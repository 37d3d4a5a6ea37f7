import type { Parsed } from '../api/operations.ts'
import { limits } from '../model/limits.ts'
import { toScope } from '../model/records.ts'
import { isBlank } from '../model/text.ts'
import { formatTime } from '../model/times.ts'
import type { ObservationRow, PromptRow } from '../store/rows.ts'
import { countedSession, recentSessions } from '../store/sessions.ts'
import type { ReadTx } from '../store/transaction.ts'
import type { EngineDeps, Handlers } from './handler.ts'
import { placeOfRead } from './places.ts'
import { renderContext, type ContextParts } from './rules/context-text.ts'

const defaults = { sessions: 5, prompts: 10, observations: 20 }
/** Extracted memories are printed after the curated ones, strong only, and few (ING-EXT-8). */
const extractedMax = 5
const strongConfidence = 0.7

export const contextHandlers: Handlers<'memory.context' | 'memory.session-context' | 'memory.stats'> = {
  'memory.context': async (deps, input) => {
    const { project } = await placeOfRead(deps, input)
    const parts = deps.store.read((tx) => partsOf(tx, deps, project, input))
    const options = { compact: input.compact === true, maxBytes: bytesCap(input.max_bytes), timezone: input.timezone }
    return { context: renderContext('Memory from Previous Sessions', parts, options), project }
  },
  'memory.session-context': (deps, input) => {
    const parts = deps.store.read((tx) => partsOfSession(tx, deps, input.session_id))
    const options = { compact: false, maxBytes: bytesCap(input.max_bytes), timezone: input.timezone }
    return { context: renderContext('Memory from This Session', parts, options), project: null }
  },
  'memory.stats': async (deps, input) => {
    const { project } = await placeOfRead(deps, input)
    return deps.store.read((tx) => {
      const counted = (sql: string): number => tx.get<{ n: number }>(sql, project)?.n ?? 0
      return {
        total_sessions: counted('SELECT count(*) AS n FROM sessions WHERE ?1 IS NULL OR project = ?1'),
        total_observations: counted(
          'SELECT count(*) AS n FROM observations WHERE deleted_at IS NULL AND (?1 IS NULL OR project = ?1)',
        ),
        total_prompts: counted('SELECT count(*) AS n FROM prompts WHERE ?1 IS NULL OR project = ?1'),
        projects: tx
          .all<{ project: string }>(
            `SELECT project FROM observations WHERE deleted_at IS NULL AND project IS NOT NULL AND (?1 IS NULL OR project = ?1)
             GROUP BY project ORDER BY count(*) DESC, project`,
            project,
          )
          .map((row) => row.project),
      }
    })
  },
}

/** 0 or absent = the default, above 0 = a cap, below 0 = the section is left out (MEM-610). Bad values fall back. */
function sectionLimit(given: number | undefined, fallback: number): number {
  if (given === undefined || given === 0 || !Number.isFinite(given)) return fallback
  return given < 0 ? 0 : Math.min(given, limits.listLimitMax)
}

const bytesCap = (given: number | undefined): number | null =>
  given !== undefined && given > 0 ? Math.min(given, limits.contextBytesMax) : null

function partsOf(tx: ReadTx, deps: EngineDeps, project: string | null, input: Parsed<'memory.context'>): ContextParts {
  const scope = isBlank(input.scope) ? null : toScope(input.scope)
  const where = { project, scope, sessionId: null, now: formatTime(deps.clock.nowMs()) }
  return {
    sessions: recentSessions(tx, project, sectionLimit(input.sessions, defaults.sessions)),
    prompts: recentPrompts(tx, where, sectionLimit(input.prompts, defaults.prompts)),
    pinned: shownRows(tx, where, 'pinned', sectionLimit(input.pinned, limits.listLimitMax)),
    observations: unpinnedRows(tx, where, sectionLimit(input.observations, defaults.observations)),
  }
}

function partsOfSession(tx: ReadTx, deps: EngineDeps, sessionId: string): ContextParts {
  const session = countedSession(tx, sessionId)
  const where = { project: null, scope: null, sessionId, now: formatTime(deps.clock.nowMs()) }
  return {
    sessions: session === undefined ? [] : [session],
    prompts: recentPrompts(tx, where, defaults.prompts),
    pinned: shownRows(tx, where, 'pinned', limits.listLimitMax),
    observations: unpinnedRows(tx, where, defaults.observations),
  }
}

/** Null stands for all of them. */
export type Where = {
  readonly project: string | null
  readonly scope: string | null
  readonly sessionId: string | null
  readonly now: string
}

/** What was curated, then what was extracted as far as there is room (ING-EXT-8). */
function unpinnedRows(tx: ReadTx, where: Where, limit: number): readonly ObservationRow[] {
  const curated = shownRows(tx, where, 'curated', limit)
  const room = Math.min(extractedMax, limit - curated.length)
  return room > 0 ? [...curated, ...shownRows(tx, where, 'extracted', room)] : curated
}

const unreviewed = `(provenance IS NOT NULL AND json_extract(provenance, '$.review') = 'unreviewed')`
const kindSql = {
  pinned: 'pinned = 1',
  curated: `pinned = 0 AND NOT ${unreviewed}`,
  extracted: `pinned = 0 AND ${unreviewed} AND confidence >= ${strongConfidence}`,
} as const

/**
 * Live and not expired, the newest first. What is global belongs to every project. Each statement stands on an index and
 * stops at the limit: this is asked at the start of every session.
 */
export function shownRows(
  tx: ReadTx,
  where: Where,
  kind: keyof typeof kindSql,
  limit: number,
): readonly ObservationRow[] {
  const { project, scope, sessionId, now } = where
  const rowsOf = (from: keyof typeof fromSql, value: string): ObservationRow[] =>
    tx.all<ObservationRow>(shownSql(from, kind), value, scope, now, limit)
  if (sessionId !== null) return rowsOf('session', sessionId)
  if (project === null) return rowsOf('all', '')
  const own = rowsOf('project', project)
  const global = scope === null || scope === 'global' ? rowsOf('global', project) : []
  return global.length === 0 ? own : [...own, ...global].sort(newestFirst).slice(0, limit)
}

const fromSql = {
  session: 'observations WHERE session_id = ?1',
  project: 'observations WHERE project = ?1',
  global: `observations WHERE scope = 'global' AND project IS NOT ?1`,
  all: `observations INDEXED BY observations_by_created WHERE ?1 = ''`,
} as const

const shownSql = (from: keyof typeof fromSql, kind: keyof typeof kindSql): string =>
  `SELECT * FROM ${fromSql[from]} AND deleted_at IS NULL AND ${kindSql[kind]}
     AND (?2 IS NULL OR +scope = ?2) AND (expires_at IS NULL OR expires_at > ?3)
   ORDER BY created_at DESC, hlc DESC, id DESC LIMIT ?4`

function newestFirst(a: ObservationRow, b: ObservationRow): number {
  const [left, right] = [`${a.created_at} ${a.hlc}`, `${b.created_at} ${b.hlc}`]
  return left === right ? b.id - a.id : left < right ? 1 : -1
}

const promptsSql = {
  session: 'SELECT * FROM prompts WHERE session_id = ? ORDER BY created_at DESC, hlc DESC, id DESC LIMIT ?',
  project: 'SELECT * FROM prompts WHERE project = ? ORDER BY created_at DESC, hlc DESC, id DESC LIMIT ?',
  all: `SELECT * FROM prompts WHERE ? = '' ORDER BY created_at DESC, hlc DESC, id DESC LIMIT ?`,
} as const

function recentPrompts(tx: ReadTx, { project, sessionId }: Where, limit: number): PromptRow[] {
  if (sessionId !== null) return tx.all<PromptRow>(promptsSql.session, sessionId, limit)
  return project === null
    ? tx.all<PromptRow>(promptsSql.all, '', limit)
    : tx.all<PromptRow>(promptsSql.project, project, limit)
}

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
type Where = {
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

/** Live and not expired, the newest first. What is global belongs to every project. */
const shownRows = (tx: ReadTx, where: Where, kind: keyof typeof kindSql, limit: number): ObservationRow[] =>
  tx.all<ObservationRow>(
    `SELECT * FROM observations
     WHERE deleted_at IS NULL AND ${kindSql[kind]} AND (expires_at IS NULL OR expires_at > ?4)
       AND (?1 IS NULL OR project = ?1 OR scope = 'global') AND (?2 IS NULL OR scope = ?2)
       AND (?3 IS NULL OR session_id = ?3)
     ORDER BY created_at DESC, hlc DESC, id DESC LIMIT ?5`,
    where.project,
    where.scope,
    where.sessionId,
    where.now,
    limit,
  )

const recentPrompts = (tx: ReadTx, where: Where, limit: number): PromptRow[] =>
  tx.all<PromptRow>(
    `SELECT * FROM prompts WHERE (?1 IS NULL OR project = ?1) AND (?2 IS NULL OR session_id = ?2)
     ORDER BY created_at DESC, hlc DESC, id DESC LIMIT ?3`,
    where.project,
    where.sessionId,
    limit,
  )

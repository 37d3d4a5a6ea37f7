import { cutCodePoints } from '../model/text.ts'
import { formatTime, parseTime } from '../model/times.ts'
import type { ObservationRow, PromptRow } from './rows.ts'
import type { ReadTx } from './transaction.ts'

/** What stands around a record in its session, as the index keeps it (RET-202). */
export type Neighbour = { readonly id: number; readonly text: string }
export type Neighbours = { readonly before: readonly Neighbour[]; readonly after: readonly Neighbour[] }

const eachSideMax = 2
const stepMs = 3_600_000
const textCodePointsMax = 300
/** A session of thousands costs no more than one of a few, also for a record that is alone there in its scope. */
const lookedAtMax = 200

type Placed = Pick<ObservationRow, 'id' | 'session_id' | 'project' | 'scope' | 'created_at' | 'hlc'>
type Found = { readonly id: number; readonly title: string; readonly content: string; readonly created_at: string }

/**
 * The two live records before and after one, of the same project, scope and session, by (created_at, hlc, id), each step
 * at most an hour; of the session's two hundred on each side. `without` names a record that is about to go.
 */
export const observationNeighbours = (tx: ReadTx, row: Placed, without = 0): Neighbours =>
  neighboursBy(tx, row, without, withTexts)

/** The same, their ids alone: a third of the cost. */
export function neighbourIds(tx: ReadTx, row: Placed): readonly number[] {
  const { before, after } = neighboursBy(tx, row, 0, withoutTexts)
  return [...before, ...after].map((neighbour) => neighbour.id)
}

function neighboursBy(tx: ReadTx, row: Placed, without: number, sql: NeighbourSql): Neighbours {
  const at = parseTime(row.created_at)
  if (at === null) return { before: [], after: [] }
  const place = [row.session_id, row.created_at, row.hlc, row.id] as const
  const sameRoom = [row.project, row.scope, row.id, without, eachSideMax] as const
  const before = tx.all<Found>(sql.before, ...place, formatTime(at - eachSideMax * stepMs), ...sameRoom)
  const after = tx.all<Found>(sql.after, ...place, formatTime(at + eachSideMax * stepMs), ...sameRoom)
  return { before: withinSteps(at, before), after: withinSteps(at, after) }
}

type NeighbourSql = { readonly before: string; readonly after: string }

function neighbourSql(texts: string): NeighbourSql {
  const near = (side: string, order: string): string =>
    `SELECT id, ${texts}, created_at FROM (
       SELECT * FROM observations WHERE session_id = ? AND ${side} ORDER BY ${order} LIMIT ${lookedAtMax})
     WHERE project IS ? AND scope = ? AND deleted_at IS NULL AND id <> ? AND id <> ? ORDER BY ${order} LIMIT ?`
  return {
    before: near('(created_at, hlc, id) < (?, ?, ?) AND created_at >= ?', 'created_at DESC, hlc DESC, id DESC'),
    after: near('(created_at, hlc, id) > (?, ?, ?) AND created_at <= ?', 'created_at, hlc, id'),
  }
}

const beginning = (column: string): string => `substr(${column}, 1, ${textCodePointsMax}) AS ${column}`
const withTexts = neighbourSql(`${beginning('title')}, ${beginning('content')}`)
const withoutTexts = neighbourSql(`'' AS title, '' AS content`)

/** The two prompts before one in its session and project; prompts never change, so there is no `after`. */
export function promptNeighbours(
  tx: ReadTx,
  row: Pick<PromptRow, 'id' | 'session_id' | 'project' | 'created_at'>,
  without = 0,
): readonly Neighbour[] {
  const at = parseTime(row.created_at)
  if (at === null) return []
  const found = tx.all<Found>(
    `SELECT id, '' AS title, substr(content, 1, ${textCodePointsMax}) AS content, created_at FROM prompts
     WHERE session_id = ? AND (created_at, id) < (?, ?) AND created_at >= ? AND project IS ? AND id <> ?
     ORDER BY created_at DESC, id DESC LIMIT ?`,
    row.session_id,
    row.created_at,
    row.id,
    formatTime(at - eachSideMax * stepMs),
    row.project,
    without,
    eachSideMax,
  )
  return withinSteps(at, found)
}

/** The prompts whose `before` may hold a prompt's text: the two after it, whatever their project. */
export const promptsAfter = (tx: ReadTx, row: PromptRow): PromptRow[] =>
  tx.all<PromptRow>(
    `SELECT * FROM prompts WHERE session_id = ? AND (created_at, id) > (?, ?) AND project IS ?
     ORDER BY created_at, id LIMIT ?`,
    row.session_id,
    row.created_at,
    row.id,
    row.project,
    eachSideMax,
  )

function withinSteps(fromMs: number, found: readonly Found[]): readonly Neighbour[] {
  const kept: Neighbour[] = []
  let lastMs = fromMs
  for (const row of found) {
    const at = parseTime(row.created_at)
    if (at === null || Math.abs(at - lastMs) > stepMs) break
    kept.push({ id: row.id, text: cutCodePoints(joined(row), textCodePointsMax, '') })
    lastMs = at
  }
  return kept
}

const joined = (row: Found): string => (row.title === '' ? row.content : `${row.title}\n${row.content}`)

import type { InjectedItem } from '../api/hooks.ts'
import { fenced } from '../model/fence.ts'
import { cutCodePoints, estimateTokens, oneLine } from '../model/text.ts'
import { formatTime, parseTime } from '../model/times.ts'
import { fitBudget } from '../search/budget.ts'
import type { ObservationRow } from '../store/rows.ts'
import type { ReadTx } from '../store/transaction.ts'
import { shownRows } from './context.ts'

export type HookContext = {
  readonly text: string
  readonly tokens: number
  readonly items: readonly InjectedItem[]
  readonly leftOut: readonly InjectedItem[]
}

export type HookContextOptions = {
  readonly project: string
  /** After compaction: what this session itself kept comes first. */
  readonly sessionId: string | null
  readonly budgetTokens: number
  readonly nowMs: number
  /** What the conversation holds already, by id (RET-705). */
  readonly told?: Told
}

/** Versions of memories by their ids. */
export type Told = Readonly<Record<string, string>>

/** Looked at, newest first; the budget leaves room for a tenth of them. */
const rowsLookedAt = 60
const titleLength = 120
const contentLength = 300
const dayMs = 86_400_000

const protocol =
  'Engram memory is on: mem_search before asking again, mem_save after a decision, fix or discovery, mem_session_summary before the end.'
const afterCompaction = 'The conversation was compacted: call mem_session_summary first, then go on.'

/**
 * What an agent is told when its session begins: whole memories, the best first, within the budget. Nothing at all when
 * no memory fits, since words about an empty memory only cost (MEM-1601).
 */
export function hookContext(tx: ReadTx, options: HookContextOptions): HookContext {
  const untold = candidatesOf(tx, options).filter(({ id, version }) => options.told?.[id] !== version)
  const scored = untold.map((row) => ({ row, parts: partsOf(row, options) }))
  const ranked = scored
    .map((one) => ({ ...one, score: sum(one.parts) }))
    .toSorted((a, b) => b.score - a.score || b.row.id - a.row.id)
  const head = options.sessionId === null ? protocol : `${afterCompaction}\n${protocol}`
  const weighed = ranked.map(({ row, parts, score }) => ({ ...row, parts, score, reason: reasonOf(parts) }))
  return toldWithin(weighed, head, options.budgetTokens)
}

/** A memory that may be told, with what speaks for it. */
export type Weighed = {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly content: string
  readonly version: string
  readonly author?: string | null | undefined
  readonly parts: Readonly<Record<string, number>>
  readonly score: number
  readonly reason: string
}

/** What of these fits, in their order, below a head and in a fence; nothing at all when none does. */
export function toldWithin(ranked: readonly Weighed[], head: string, budgetTokens: number): HookContext {
  // The fence and the head belong to what the agent pays.
  const room = budgetTokens - estimateTokens(`${head}\n${fenced('x')}\n`)
  const entries = ranked.map((one) => ({ full: `${lineOf(one, true)}\n`, short: `${lineOf(one, false)}\n` }))
  const { shown, leftOut } = fitBudget(entries, { tokens: Math.max(0, room) })
  const itemOf = (index: number, form: 'full' | 'short' | 'none'): InjectedItem[] => {
    const one = ranked[index]
    const entry = entries[index]
    if (one === undefined || entry === undefined) return []
    const { id, type, title, parts, score, version } = one
    const told = form === 'full' ? entry.full : entry.short
    const reason = form === 'none' ? 'did not fit the budget' : one.reason
    return [{ id, type, title, rank: index + 1, score, parts, tokens: estimateTokens(told), reason, version }]
  }
  const items = shown.flatMap(({ index, form }) => itemOf(index, form))
  const missed = leftOut.flatMap((index) => itemOf(index, 'none'))
  if (items.length === 0) return { text: '', tokens: 0, items, leftOut: missed }
  const lines = shown.map(({ index, form }) => entries[index]?.[form] ?? '').join('')
  const text = `${head}\n${fenced(lines)}`
  return { text, tokens: estimateTokens(text), items, leftOut: missed }
}

function candidatesOf(tx: ReadTx, { project, sessionId, nowMs }: HookContextOptions): readonly ObservationRow[] {
  const where = { project, scope: null, sessionId: null, now: formatTime(nowMs) }
  const own = sessionId === null ? [] : shownRows(tx, { ...where, sessionId }, 'curated', rowsLookedAt)
  const rows = [...own, ...pinnedRows(tx, project, where.now), ...shownRows(tx, where, 'curated', rowsLookedAt)]
  return [...new Map(rows.map((row) => [row.id, row])).values()].filter((row) => row.scope !== 'personal')
}

/** By the index of pins: few rows, where the project's own index would lead through all of its memories. */
const pinnedRows = (tx: ReadTx, project: string, now: string): readonly ObservationRow[] =>
  tx.all<ObservationRow>(
    `SELECT * FROM observations INDEXED BY observations_pinned
     WHERE pinned = 1 AND deleted_at IS NULL AND (project = ?1 OR scope = 'global') AND (expires_at IS NULL OR expires_at > ?2)
     ORDER BY created_at DESC, hlc DESC, id DESC LIMIT ?3`,
    project,
    now,
    rowsLookedAt,
  )

/** The weights of MEM-604, and what was pinned or kept in this very session before all else. */
function partsOf(row: ObservationRow, { nowMs, sessionId }: HookContextOptions): Readonly<Record<string, number>> {
  const at = parseTime(row.last_seen_at ?? row.updated_at) ?? nowMs
  const ageDays = Math.max(0, nowMs - at) / dayMs
  const repeats = row.revision_count + row.duplicate_count
  return {
    ...(row.pinned === 1 ? { pinned: 1 } : {}),
    ...(sessionId !== null && row.session_id === sessionId ? { this_session: 0.5 } : {}),
    recency: rounded(0.06 / (1 + ageDays / 30)),
    stability: rounded((0.04 * repeats) / (repeats + 4)),
  }
}

const rounded = (value: number): number => Math.round(value * 10_000) / 10_000
const sum = (parts: Readonly<Record<string, number>>): number =>
  rounded(Object.values(parts).reduce((total, part) => total + part, 0))

function reasonOf(parts: Readonly<Record<string, number>>): string {
  if (parts['pinned'] !== undefined) return 'pinned'
  return parts['this_session'] === undefined ? 'recent in this project' : 'kept in this session'
}

function lineOf({ id, type, title, content, author }: Weighed, isFull: boolean): string {
  const by = author === null || author === undefined ? '' : ` (by ${oneLine(author)})`
  const head = `- #${id} [${oneLine(type)}] ${cutCodePoints(oneLine(title), titleLength)}${by}`
  return isFull ? `${head}: ${cutCodePoints(oneLine(content), contentLength)}` : head
}

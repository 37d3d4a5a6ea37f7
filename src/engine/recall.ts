import type { Lookup, Recall } from '../api/search.ts'
import { categories, categoryOf, type Category } from '../model/categories.ts'
import { estimateTokens } from '../model/text.ts'
import { formatTime } from '../model/times.ts'
import type { ObservationRow, SessionRow } from '../store/rows.ts'
import { originOf } from '../store/change-clock.ts'
import type { ReadTx } from '../store/transaction.ts'
import type { Handlers } from './handler.ts'
import { projectOfRead } from './places.ts'
import { shownConfidence } from './rules/provenance.ts'
import { linesWith, renderRecall, type RecallItem } from './rules/recall-text.ts'

const budgetDefault = 4_000
/** More rows than any budget takes in; what lies beyond is counted. */
const rowsMax = 2_000
/** More matches than anybody reads. */
const matchesMax = 1_000

export const recallHandlers: Handlers<'memory.recall' | 'memory.lookup'> = {
  'memory.recall': async (deps, input): Promise<Recall> => {
    const project = await projectOfRead(deps, input)
    const where = { project, now: formatTime(deps.clock.nowMs()), withExpired: input.all === true }
    const isWanted = (category: Category): boolean => input.category === undefined || category === input.category
    const { items, total, summary, here } = deps.store.read((tx) => ({
      items: itemsOf(tx, where, isWanted),
      total: countOf(tx, where, isWanted),
      summary: input.category === undefined ? lastSummary(tx, project) : null,
      here: input.foreign_apart === true ? originOf(tx) : null,
    }))
    const shown = renderRecall(project, items, summary, { tokens: input.budget_tokens ?? budgetDefault, here })
    return {
      project,
      text: shown.text,
      items: shown.items.map(({ row, category }) => ({ id: row.id, category, title: row.title, ...autoOf(row) })),
      left_out: total - shown.items.length,
      tokens: estimateTokens(shown.text),
    }
  },
  'memory.lookup': async (deps, input): Promise<Lookup> => {
    const project = await projectOfRead(deps, input)
    const where = { project, now: formatTime(deps.clock.nowMs()), withExpired: input.all === true }
    const found = deps.store.read((tx) => matchesOf(tx, where, input.query))
    const matches = found.filter((one) => input.category === undefined || one.category === input.category)
    return { project, matches: matches.sort((a, b) => placeOf(a.category) - placeOf(b.category)) }
  },
}

function autoOf(row: ObservationRow): { readonly auto?: number } {
  const confidence = shownConfidence(row)
  return confidence === null ? {} : { auto: confidence }
}

type Where = { readonly project: string; readonly now: string; readonly withExpired: boolean }

/** Live memories of a project and the global preferences (ING-CMD-1, ING-CMD-3); what is personal is not printed here. */
const kept = `id IN (
    SELECT id FROM observations WHERE project = ?1 AND deleted_at IS NULL
    UNION SELECT id FROM observations WHERE scope = 'global' AND type = 'preference' AND deleted_at IS NULL)
  AND scope <> 'personal' AND (?3 = 1 OR expires_at IS NULL OR expires_at > ?2)`

/** Pinned and curated first, then the newest. */
const worth = `pinned DESC, (provenance IS NOT NULL AND json_extract(provenance, '$.review') = 'unreviewed'),
  updated_at DESC, hlc DESC, id DESC`

const valuesOf = (where: Where) => [where.project, where.now, where.withExpired ? 1 : 0] as const

function itemsOf(tx: ReadTx, where: Where, isWanted: (category: Category) => boolean): readonly RecallItem[] {
  const items: RecallItem[] = []
  const rows = tx.iterate<ObservationRow>(
    `SELECT * FROM observations WHERE ${kept} ORDER BY ${worth}`,
    ...valuesOf(where),
  )
  for (const row of rows) {
    const category = categoryOf(row.type)
    if (category !== null && isWanted(category)) items.push({ row, category })
    if (items.length >= rowsMax) break
  }
  return items.sort((a, b) => placeOf(a.category) - placeOf(b.category))
}

function countOf(tx: ReadTx, where: Where, isWanted: (category: Category) => boolean): number {
  const types = tx.all<{ type: string; n: number }>(
    `SELECT type, count(*) AS n FROM observations WHERE ${kept} GROUP BY type`,
    ...valuesOf(where),
  )
  return types.reduce((total, { type, n }) => {
    const category = categoryOf(type)
    return category !== null && isWanted(category) ? total + n : total
  }, 0)
}

/** Every memory is looked at, one at a time; the order within a category is that of their worth. */
function matchesOf(tx: ReadTx, where: Where, query: string): Lookup['matches'][number][] {
  const matches: Lookup['matches'][number][] = []
  const rows = tx.iterate<Pick<ObservationRow, 'id' | 'type' | 'title' | 'content' | 'expires_at'>>(
    `SELECT id, type, title, content, expires_at FROM observations WHERE ${kept} ORDER BY ${worth}`,
    ...valuesOf(where),
  )
  for (const row of rows) {
    const category = categoryOf(row.type)
    const lines = category === null ? [] : linesWith(row, query)
    if (category === null || lines.length === 0) continue
    const isExpired = row.expires_at !== null && row.expires_at <= where.now
    matches.push({ id: row.id, category, title: row.title, lines, expired: isExpired })
    if (matches.length >= matchesMax) break
  }
  return matches
}

const placeOf = (category: Category): number => categories.indexOf(category)

function lastSummary(tx: ReadTx, project: string): SessionRow | null {
  const row = tx.get<SessionRow>(
    `SELECT * FROM sessions WHERE project = ? AND summary IS NOT NULL AND summary <> ''
     ORDER BY started_at DESC, number DESC LIMIT 1`,
    project,
  )
  return row ?? null
}

import type { Parsed } from '../api/operations.ts'
import type { UnitHit, UnitHits } from '../api/work-units.ts'
import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import { allCursor, parseCursor } from '../protocol/cursor.ts'
import { snippetAround } from '../search/snippet.ts'
import { foldText, wordsOf } from '../store/index-text.ts'
import { findUnits, matchOf, unitText, type UnitQuery } from '../store/unit-index.ts'
import type { EngineDeps, Handlers } from './handler.ts'
import { catchUpUnits } from './unit-indexing.ts'
import { workUnitTypeOf } from './unit-input.ts'
import { timesOf } from './unit-pages.ts'
import { unitOf } from './work-units.ts'

/** Units by words and filters, all of which must hold (COL-1701). Words are data: nothing in a query can fail. */
export const unitSearchHandlers: Handlers<'work-unit.search'> = {
  'work-unit.search': async (deps, input): Promise<UnitHits> => {
    await catchUpUnits(deps)
    const query = queryOf(deps, input)
    const found = deps.store.read((tx) => findUnits(tx, query))
    const words = new Set(wordsOf(foldText(input.query ?? '')))
    const hits = found.rows.map((row): UnitHit => {
      const unit = unitOf(row)
      const snippet = snippetOf(unitText(unit), words)
      return { unit_id: unit.id, score: row.score, snippet, ...(input.include_units === true ? { unit } : {}) }
    })
    const last = found.rows.at(-1)
    const isMore = query.order === 'recent' && last !== undefined && found.rows.length === query.limit
    return {
      hits,
      total_count: found.total,
      next_cursor: isMore ? allCursor(deps.contextLog.epoch, last.gseq) : '',
      mode: 'keyword',
      degraded: input.mode === 'semantic' || input.mode === 'hybrid',
    }
  },
}

function queryOf(deps: EngineDeps, input: Parsed<'work-unit.search'>): UnitQuery {
  const text = input.query?.trim() ?? ''
  const match = matchOf(text)
  if (match === null && text !== '') return nothing
  return {
    match,
    contexts: input.context_ids ?? 'all',
    order: input.order ?? 'recent',
    beforeGseq: beforeOf(deps, input.cursor),
    limit: input.limit ?? limits.livePageDefault,
    offset: input.offset ?? 0,
    filter: {
      ...(input.types === undefined || input.types.length === 0 ? {} : { types: input.types.map(workUnitTypeOf) }),
      ...(input.agent_ids === undefined || input.agent_ids.length === 0 ? {} : { agents: input.agent_ids }),
      ...(input.meta_filters === undefined ? {} : { meta: input.meta_filters }),
      ...timesOf(input),
    },
  }
}

/** Signs without a word are found nowhere, which is not the same as no query. */
const nothing: UnitQuery = {
  match: null,
  contexts: [],
  order: 'recent',
  beforeGseq: null,
  limit: 1,
  offset: 0,
  filter: {},
}

function beforeOf(deps: EngineDeps, text: string | undefined): number | null {
  if (text === undefined || text === '') return null
  const cursor = parseCursor(text)
  if (cursor.kind === 'all' && cursor.epoch === deps.contextLog.epoch) return cursor.gseq
  throw new EngramError('invalid_cursor', 'This is no cursor of this search.')
}

function snippetOf(text: string, words: ReadonlySet<string>): string {
  const ranges: (readonly [number, number])[] = []
  for (const match of text.slice(0, limits.contentBytesMax).matchAll(/[\p{L}\p{Mn}\p{Mc}\p{N}]+/gu)) {
    if (words.has(foldText(match[0]))) ranges.push([match.index, match.index + match[0].length])
  }
  return snippetAround(text, ranges).text
}

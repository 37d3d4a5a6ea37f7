import type { Parsed } from '../api/operations.ts'
import type { UnitHit, UnitHits, UnitModeReason } from '../api/work-units.ts'
import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import { allCursor } from '../protocol/cursor.ts'
import { snippetAround } from '../search/snippet.ts'
import { foldText, wordsOf } from '../store/index-text.ts'
import { lastGseq } from '../store/log.ts'
import type { ReadTx } from '../store/transaction.ts'
import { findUnits, matchOf, unitText, type UnitQuery } from '../store/unit-index.ts'
import type { EngineDeps, Handlers } from './handler.ts'
import { unitAsked, type UnitAsked } from './unit-asked.ts'
import { rankedCursor, unitPlace, type RankedPlace, type UnitPlace } from './unit-cursor.ts'
import { catchUpUnits } from './unit-indexing.ts'
import { askUnitMeaning, unitModeOf, unitsByMeaning, type AskedUnitMeaning } from './unit-meaning.ts'
import { unitOf } from './work-units.ts'

type SearchInput = Parsed<'work-unit.search'>

/**
 * Units by words and filters, all of which must hold (COL-1701), or ranked by words and meaning (COL-1704). Words are data:
 * nothing in a query can fail. What follows a cursor is found the way the page before it was.
 */
export const unitSearchHandlers: Handlers<'work-unit.search'> = {
  'work-unit.search': async (deps, input): Promise<UnitHits> => {
    const asked = unitAsked(input)
    const place = unitPlace(deps.contextLog.epoch, input)
    await catchUpUnits(deps)
    const way = await wayOf(deps, input, place)
    if ('reason' in way) return unitsByWords(deps, asked, place, way.reason)
    const from = place?.kind === 'ranked' ? place : null
    const found = deps.store.read((tx) => unitsByMeaning(tx, deps, asked, way.meaning, from))
    if ('hits' in found) return found
    if (from !== null) throw listIsGone(found.reason)
    return unitsByWords(deps, asked, place, found.reason)
  },
}

/** A list that began by words goes on by words, one by meaning cannot. */
async function wayOf(deps: EngineDeps, input: SearchInput, place: UnitPlace | null): Promise<AskedUnitMeaning> {
  if (place?.kind === 'before' || place?.mode === 'keyword') return { reason: 'as_before' }
  const way = await askUnitMeaning(deps, input, place !== null)
  if (place !== null && 'reason' in way) throw listIsGone(way.reason)
  return way
}

const listIsGone = (reason: UnitModeReason): EngramError =>
  new EngramError('cursor_gone', `This list was found by meaning, which is not possible now: ${reason}.`, {
    hint: 'Search again without a cursor.',
  })

/** Newest first, or best first by words alone; every word must match (COL-1702). */
function unitsByWords(deps: EngineDeps, asked: UnitAsked, place: UnitPlace | null, reason: UnitModeReason): UnitHits {
  const { input } = asked
  const { found, next } = deps.store.read((tx) => pageByWords(tx, deps, asked, place))
  const words = new Set(wordsOf(foldText(asked.text)))
  const hits = found.rows.map((row): UnitHit => {
    const unit = unitOf(row)
    const snippet = snippetOf(unitText(unit), words)
    return { unit_id: unit.id, score: row.score, snippet, ...(input.include_units === true ? { unit } : {}) }
  })
  const mode = unitModeOf(deps, input)
  const isBetterAsked = mode === 'semantic' || mode === 'hybrid'
  return {
    hits,
    total_count: found.total,
    next_cursor: next,
    mode: 'keyword',
    mode_reason: reason,
    degraded: isBetterAsked || transient.has(reason),
  }
}

/** `auto` would have gone by meaning a moment later. */
const transient: ReadonlySet<UnitModeReason> = new Set(['embedder_loading', 'embedder_timeout', 'embedder_error'])

function pageByWords(tx: ReadTx, deps: EngineDeps, asked: UnitAsked, place: UnitPlace | null) {
  const { epoch } = deps.contextLog
  const query = wordQueryOf(asked, place)
  const found = findUnits(tx, query)
  const last = found.rows.at(-1)
  if (last === undefined || found.rows.length < query.limit) return { found, next: '' }
  if (query.order === 'recent') return { found, next: allCursor(epoch, last.gseq) }
  const next: RankedPlace = {
    mode: 'keyword',
    untilGseq: query.beforeGseq === null ? lastGseq(tx) : query.beforeGseq - 1,
    nowMs: 0,
    offset: query.offset + found.rows.length,
  }
  return { found, next: rankedCursor(epoch, next, asked.input) }
}

function wordQueryOf({ text, contexts, filter, limit, offset, input }: UnitAsked, place: UnitPlace | null): UnitQuery {
  const match = matchOf(text)
  if (match === null && text !== '') return nothing
  return {
    match,
    contexts: contexts ?? 'all',
    order: input.order ?? 'recent',
    beforeGseq: place === null ? null : place.kind === 'before' ? place.gseq : place.untilGseq + 1,
    limit,
    offset: offset + (place?.kind === 'ranked' ? place.offset : 0),
    filter,
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

function snippetOf(text: string, words: ReadonlySet<string>): string {
  const ranges: (readonly [number, number])[] = []
  for (const match of text.slice(0, limits.contentBytesMax).matchAll(/[\p{L}\p{Mn}\p{Mc}\p{N}]+/gu)) {
    if (words.has(foldText(match[0]))) ranges.push([match.index, match.index + match[0].length])
  }
  return snippetAround(text, ranges).text
}

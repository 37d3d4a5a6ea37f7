import type { UnitHit, UnitHits, UnitModeReason } from '../../api/work-units.ts'
import { oneLine } from '../visible.ts'
import { counted } from './amounts.ts'
import { explanationLines } from './hits.ts'
import { indented, type Page } from './page.ts'
import { unitHead } from './unit.ts'

/** Units that were found: who, what and where, then the piece of each that tells most (COL-1704). */
export function renderUnitHits({ hits, total_count: total }: UnitHits, page: Page): string {
  if (hits.length === 0) return 'No units found.'
  const head = page.paint.title(
    `Found ${counted(total, 'unit')}${hits.length < total ? `, ${hits.length} shown` : ''}:`,
  )
  return [head, ...hits.flatMap((hit) => ['', ...hitLines(hit, page)])].join('\n')
}

function hitLines({ unit, unit_id, snippet, similarity, explanation }: UnitHit, page: Page): readonly string[] {
  const place = [
    ...(unit === undefined ? [] : [`in ${oneLine(unit.context_id)}`]),
    ...(similarity === undefined ? [] : [`similarity ${similarity.toFixed(2)}`]),
  ].join(' | ')
  return [
    unit === undefined ? oneLine(unit_id) : unitHead(unit, page),
    ...(snippet === '' ? [] : indented(page, oneLine(snippet))),
    ...(place === '' ? [] : indented(page, place).map(page.paint.dim)),
    ...(explanation === undefined ? [] : explanationLines(explanation, page)),
  ]
}

const reasons: Partial<Readonly<Record<UnitModeReason, string>>> = {
  no_embedder: 'there is no model here',
  language: 'the model knows English',
  no_vectors: 'no unit has a vector yet; see engram index --wait',
  vectors_incomplete: 'fewer than half of the units have a vector yet; see engram index --wait',
  no_query: 'nothing was asked for',
  as_before: 'the page before went by words',
}

const whyWords = (reason: UnitModeReason): string => reasons[reason] ?? reason.replaceAll('_', ' ')

/** What concerns the whole answer; said on standard error. */
export function unitSearchRemarks({ degraded, mode_reason, held_back = 0 }: UnitHits): readonly string[] {
  return [
    ...(degraded
      ? [`searched by words alone: ${mode_reason === undefined ? 'no reason given' : whyWords(mode_reason)}`]
      : []),
    ...(held_back === 0 ? [] : [`${counted(held_back, 'result')} held back: not near enough in meaning`]),
  ]
}

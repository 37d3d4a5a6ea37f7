import type { HitExplanation, SearchAnswer, SearchHit } from '../../api/search.ts'
import { counted } from './amounts.ts'
import { marksOf } from './marks.ts'
import { indented, type Page } from './page.ts'
import { relationLines } from './relations.ts'
import { shownTime } from './times.ts'
import { oneLine, visible } from '../visible.ts'

export type HitsOptions = Page & {
  readonly query: string
  /** How many versions stand against each other, by the id of the conflict. */
  readonly versionsInConflict: ReadonlyMap<string, number>
}

/** The answer to a search, exactly as scripts know it (MEM-1401, MEM-606); colour only adds. */
export function renderHits(answer: SearchAnswer, options: HitsOptions): string {
  if (answer.hits.length === 0) return `No memories found for: "${visible(options.query)}"`
  // Scripts look for the plural, whatever the number.
  const head = options.paint.title(`Found ${answer.hits.length} memories:`)
  return [head, '', ...answer.hits.flatMap((hit, index) => [...hitLines(hit, index, options), ''])].join('\n')
}

function hitLines(hit: SearchHit, index: number, options: HitsOptions): readonly string[] {
  const { paint, timezone } = options
  const head = `[${index + 1}] ${paint.name(`#${hit.id}`)} (${oneLine(hit.type)}) — ${paint.title(oneLine(hit.title))}`
  const place = [
    shownTime(hit.created_at, timezone),
    `project: ${oneLine(hit.project ?? '')}`,
    `scope: ${hit.scope}`,
    ...marksOf(hit),
  ].join(' | ')
  return [
    ...indented(options, head, ''),
    ...indented(options, previewOf(hit)),
    ...indented(options, place).map(paint.dim),
    ...relationLines(hit.ext.relations)
      .flatMap((line) => indented(options, line))
      .map(paint.warn),
    ...conflictLines(hit, options),
    ...twinLines(hit),
    ...(hit.ext.explanation === undefined ? [] : explanationLines(hit.ext.explanation, options)),
  ]
}

function previewOf({ ext }: SearchHit): string {
  const preview = oneLine(ext.preview)
  return ext.preview_truncated && !preview.endsWith('...') ? `${preview}...` : preview
}

const conflictLines = (hit: SearchHit, { versionsInConflict, paint }: HitsOptions): readonly string[] =>
  (hit.ext.conflicts ?? []).map((id) =>
    paint.warn(`    versions: ${versionsInConflict.get(id) ?? 2} in conflict (${oneLine(id)})`),
  )

function twinLines(hit: SearchHit): readonly string[] {
  const twins = hit.ext.twins ?? []
  return twins.length === 0 ? [] : [`    also: ${twins.map((id) => `#${id}`).join(', ')}`]
}

/** Why it stands here, in one line: its words, then the product that is its score; factors of 1 are left out (RET-753). */
export function explanationLines(explanation: HitExplanation, options: Page): readonly string[] {
  const words = explanation.words.map((one) => `${oneLine(one.word)} (${one.in.join(', ')}; in ${one.df})`)
  const factors = Object.entries(explanation.factors).filter(([, value]) => value !== 1)
  const product = [scoreText(explanation), ...factors.map(([name, value]) => `${name} ${figure(value)}`)]
  const why = explanation.exact === undefined ? words.join(', ') || 'no words' : `exact: ${oneLine(explanation.exact)}`
  return indented(options, `why: ${why} | ${product.join(' × ')} = ${figure(explanation.S)}`, '    ').map(
    options.paint.dim,
  )
}

/** `L 0.5`, or with a model `(L 0.5 + 2 × V 0.41)`. */
function scoreText({ L, V, weights }: HitExplanation): string {
  if (V === undefined || weights === undefined) return `L ${figure(L)}`
  const parts = [
    ...(weights.words === 0 ? [] : [`L ${figure(L)}`]),
    ...(weights.meaning === 0 ? [] : [`${weights.meaning === 1 ? '' : `${weights.meaning} × `}V ${figure(V)}`]),
  ]
  return parts.length === 1 ? parts.join('') : `(${parts.join(' + ')})`
}

const figure = (value: number): string => String(Number(value.toPrecision(4)))

/** What concerns the whole answer; said on standard error (RET-703, RET-755). */
export function searchRemarks(answer: SearchAnswer): readonly string[] {
  const left = answer.left_out
  return [
    ...(answer.confidence === 'low' && answer.reason === undefined
      ? ['low confidence: little of the question is in these results']
      : []),
    ...(answer.reason === 'no_words' ? ['the query holds no words to look for'] : []),
    ...(answer.reason === 'low_confidence' ? ['nothing is shown: the results were doubtful (--strict)'] : []),
    ...(answer.query_cut === true ? ['the query was cut to its limit'] : []),
    ...(answer.held_back === undefined || answer.held_back === 0
      ? []
      : [`${counted(answer.held_back, 'result')} held back: not near enough in meaning`]),
    ...(answer.degraded === undefined ? [] : [`degraded: ${oneLine(answer.degraded)}`]),
    ...(answer.unread_transcripts === undefined || answer.unread_transcripts === 0
      ? []
      : [`${counted(answer.unread_transcripts, 'conversation')} not read yet: ask again, or engram index --wait`]),
    ...(left === undefined || left.count === 0
      ? []
      : [`${counted(left.count, 'result')} left out by the budget: ${left.ids.map((id) => `#${id}`).join(', ')}`]),
  ]
}

/** How the query was read, for `--explain`; on standard error too. */
export function queryRemarks(answer: SearchAnswer): readonly string[] {
  const query = answer.explanation
  if (query === undefined) return []
  const dropped = query.dropped.map((one) => `${oneLine(one.word)} (${oneLine(one.why)})`)
  const took = Object.entries(query.took_ms).map(([name, ms]) => `${name} ${figure(ms)} ms`)
  return [
    `words: ${query.words.map((one) => `${oneLine(one.word)} (in ${one.df})`).join(', ') || 'none'}`,
    ...(dropped.length === 0 ? [] : [`dropped: ${dropped.join(', ')}`]),
    ...(query.phrases.length === 0 ? [] : [`phrases: ${query.phrases.map(oneLine).join(', ')}`]),
    `mode: ${query.mode}${answer.mode_reason === undefined ? '' : ` (${oneLine(answer.mode_reason)})`}, parameters ${oneLine(query.parameters)}, took ${took.join(', ')}`,
  ]
}

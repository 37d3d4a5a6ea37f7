import type { Refusals } from './asked.ts'
import type { Measures } from './measures.ts'
import type { Result } from './results.ts'

/** The floors a run is held against (RET-1501 to RET-1508); each line names one that is missed. */
export function missedTargets(results: readonly Result[], refusals: Readonly<Record<string, Refusals>>): string[] {
  return [
    ...results.flatMap(missedBy),
    ...results.flatMap((result) => worseThanWords(result, results)),
    ...Object.entries(refusals).flatMap(([name, { asked, refused }]) =>
      name.endsWith('other set, hybrid') && refused < asked * 0.95
        ? [`RET-1508 ${name}: ${refused} of ${asked} refused`]
        : [],
    ),
  ]
}

type Floor = Partial<Pick<Measures, 'recall_at_10' | 'hit_at_5' | 'hit_at_10' | 'mrr'>>

function missedBy(result: Result): string[] {
  const [id, floor] = floorOf(result)
  const got = result.hard ?? result.overall
  const lostMax = result.mode === 'hybrid' ? 2 : 3
  return [
    ...below(id, result, got, floor),
    ...(result.answerable_lost > lostMax
      ? [`RET-1508 ${nameOf(result)}: ${result.answerable_lost.toFixed(1)} % of what was found is called doubtful`]
      : []),
  ]
}

function floorOf({ kind, mode, order, field }: Result): readonly [id: string, floor: Floor] {
  if (kind === 'conversations') {
    return mode === 'lexical'
      ? ['RET-1501', { recall_at_10: 73, mrr: 0.55 }]
      : ['RET-1502', { recall_at_10: 80, hit_at_10: 86, mrr: 0.58 }]
  }
  if (order === 'replay' && field === 'query') {
    return mode === 'hybrid' ? ['RET-1503', { hit_at_5: 88, mrr: 0.75 }] : ['RET-1504', { hit_at_5: 85, mrr: 0.75 }]
  }
  if (field === 'query') {
    return mode === 'lexical' ? ['RET-1505', { hit_at_5: 82, mrr: 0.69 }] : ['RET-1505', { hit_at_5: 84, mrr: 0.7 }]
  }
  return mode === 'hybrid' && order === 'static' ? ['RET-1506', { hit_at_5: 88, mrr: 0.78 }] : ['', {}]
}

function worseThanWords(result: Result, all: readonly Result[]): string[] {
  if (result.mode !== 'hybrid') return []
  const words = all.find(
    (other) =>
      other.mode === 'lexical' &&
      other.set === result.set &&
      other.order === result.order &&
      other.field === result.field,
  )
  if (words === undefined) return []
  const [got, floor] = [result.hard ?? result.overall, words.hard ?? words.overall]
  return below(
    'RET-1507',
    result,
    got,
    result.kind === 'conversations' ? { recall_at_10: floor.recall_at_10 } : { hit_at_5: floor.hit_at_5 },
  )
}

const below = (id: string, result: Result, got: Measures, floor: Floor): string[] =>
  (Object.entries(floor) as [keyof Floor, number][]).flatMap(([name, least]) =>
    got[name] < least ? [`${id} ${nameOf(result)}: ${name} ${got[name]} < ${least}`] : [],
  )

const nameOf = ({ set, mode, order, field }: Result): string =>
  [set, order, field, mode].filter((part) => part !== undefined).join(' ')

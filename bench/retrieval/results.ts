import { percentile } from '../harness.ts'
import type { Asked, Field, Mode, Order } from './asked.ts'
import { intervals, measures, type Intervals, type Measures } from './measures.ts'

/** One run of one set in one way; percent, but `mrr`, and milliseconds. */
export type Result = {
  readonly set: string
  readonly kind: 'conversations' | 'code-memory'
  readonly mode: Mode
  readonly order?: Order
  readonly field?: Field
  readonly overall: Measures
  readonly intervals: Intervals
  readonly hard?: Measures
  readonly by_category?: Readonly<Record<string, Measures>>
  readonly by_conversation?: Readonly<Record<string, Measures>>
  /** The plain index on the same questions; for code memories the hard ones, as `hard`. */
  readonly baseline: Measures
  readonly baseline_overall: Measures
  /** Of the questions whose answer is in the first 10, those called doubtful, percent (RET-1508). */
  readonly answerable_lost: number
  readonly latency_ms: { readonly p50: number; readonly p95: number; readonly max: number }
}

export function resultOf(set: string, kind: Result['kind'], asked: readonly Asked[]): Result {
  const [first] = asked
  if (first === undefined) throw new Error(`${set}: nothing was asked`)
  const hard = asked.filter((one) => one.isHard)
  const plainOf = (some: readonly Asked[]): Measures => measures(some.map((one) => one.plain))
  const found = asked.filter((one) => one.places.some((place) => place !== null && place <= 10))
  const times = asked.map((one) => one.ms)
  return {
    set,
    kind,
    mode: first.mode,
    ...(first.order === undefined ? {} : { order: first.order }),
    ...(first.field === undefined ? {} : { field: first.field }),
    overall: measures(asked),
    intervals: intervals(hard.length > 0 ? hard : asked),
    ...(hard.length > 0 ? { hard: measures(hard) } : {}),
    ...(kind === 'conversations'
      ? {
          by_category: grouped(asked, (one) => String(one.category)),
          by_conversation: grouped(asked, (one) => one.conversation ?? ''),
        }
      : {}),
    baseline: plainOf(hard.length > 0 ? hard : asked),
    baseline_overall: plainOf(asked),
    answerable_lost: (found.filter((one) => one.confidence !== 'ok').length / Math.max(1, found.length)) * 100,
    latency_ms: { p50: percentile(times, 0.5), p95: percentile(times, 0.95), max: Math.max(...times) },
  }
}

function grouped(asked: readonly Asked[], nameOf: (one: Asked) => string): Readonly<Record<string, Measures>> {
  const names = [...new Set(asked.map(nameOf))].toSorted()
  return Object.fromEntries(names.map((name) => [name, measures(asked.filter((one) => nameOf(one) === name))]))
}

/** The questions of one way: same mode, order and field. */
export function byWay(asked: readonly Asked[]): readonly (readonly Asked[])[] {
  const groups = new Map<string, Asked[]>()
  for (const one of asked) {
    const way = [one.order, one.field, one.mode].join(' ')
    const group = groups.get(way)
    if (group === undefined) groups.set(way, [one])
    else group.push(one)
  }
  return [...groups.values()]
}

/** One table per set: each way beside the plain index. */
export function printed(results: readonly Result[]): string {
  const heads = ['way', 'n', 'R@5', 'R@10', 'R@20', 'H@1', 'H@5', 'H@10', 'H@20', 'MRR', 'p50/p95/max ms', 'lost %']
  const rows = results.flatMap((result) => {
    const way = [result.order, result.field, result.mode].filter((part) => part !== undefined).join(' ')
    const shown = result.hard ?? result.overall
    const { p50, p95, max } = result.latency_ms
    const times = [p50, p95, max].map((ms) => ms.toFixed(1)).join('/')
    const margin = `± ${result.intervals.recall_at_10} / ${result.intervals.hit_at_5} / ${result.intervals.mrr}`
    return [
      ...(result.mode === results[0]?.mode ? [row(`${way.replace(result.mode, '')} plain`, result.baseline, [])] : []),
      row(`${way}${result.hard === undefined ? '' : ' (hard)'}`, shown, [times, result.answerable_lost.toFixed(1)]),
      ...(result.hard === undefined ? [] : [row(`${way} (all)`, result.overall, [])]),
      [`  95 %: R@10, H@5, MRR ${margin}`],
      ...Object.entries(result.by_category ?? {}).map(([name, one]) => row(`  category ${name}`, one, [])),
    ]
  })
  const all = [heads, ...rows]
  const widths = heads.map((_, column) =>
    Math.max(...all.filter((cells) => cells.length > 1).map((cells) => (cells[column] ?? '').length)),
  )
  return all
    .map((cells) =>
      cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

const row = (name: string, one: Measures, more: readonly string[]): readonly string[] => [
  name.trim(),
  String(one.n),
  ...[one.recall_at_5, one.recall_at_10, one.recall_at_20].map((value) => value.toFixed(1)),
  ...[one.hit_at_1, one.hit_at_5, one.hit_at_10, one.hit_at_20].map((value) => value.toFixed(1)),
  one.mrr.toFixed(3),
  ...more,
]

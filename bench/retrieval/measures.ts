import { randomFrom } from '../invented-text.ts'

/** One question's result: places (from 1) of its gold sources in the list, null for those not in the first 100. */
export type Answered = { readonly places: readonly (number | null)[] }

/** Percent, but `mrr`, which is a fraction (RET-1101). */
export type Measures = {
  readonly n: number
  readonly recall_at_5: number
  readonly recall_at_10: number
  readonly recall_at_20: number
  readonly hit_at_1: number
  readonly hit_at_5: number
  readonly hit_at_10: number
  readonly hit_at_20: number
  readonly strict_at_10: number
  readonly mrr: number
}

/** Half the width of the 95 % interval, by resampling with a fixed seed. */
export type Intervals = { readonly recall_at_10: number; readonly hit_at_5: number; readonly mrr: number }

const within = (places: Answered['places'], k: number): number =>
  places.filter((place) => place !== null && place <= k).length

const recall = ({ places }: Answered, k: number): number => within(places, k) / places.length
const hit = ({ places }: Answered, k: number): number => (within(places, k) > 0 ? 1 : 0)
const reciprocal = ({ places }: Answered): number => {
  const first = Math.min(...places.map((place) => place ?? Number.POSITIVE_INFINITY))
  return Number.isFinite(first) ? 1 / first : 0
}

export function measures(answered: readonly Answered[]): Measures {
  const percent = (of: (one: Answered) => number): number => rounded(mean(answered, of) * 100, 2)
  return {
    n: answered.length,
    recall_at_5: percent((one) => recall(one, 5)),
    recall_at_10: percent((one) => recall(one, 10)),
    recall_at_20: percent((one) => recall(one, 20)),
    hit_at_1: percent((one) => hit(one, 1)),
    hit_at_5: percent((one) => hit(one, 5)),
    hit_at_10: percent((one) => hit(one, 10)),
    hit_at_20: percent((one) => hit(one, 20)),
    strict_at_10: percent((one) => (recall(one, 10) === 1 ? 1 : 0)),
    mrr: rounded(mean(answered, reciprocal), 4),
  }
}

const mean = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.length === 0 ? 0 : items.reduce((sum, item) => sum + of(item), 0) / items.length

const rounded = (value: number, digits: number): number => Math.round(value * 10 ** digits) / 10 ** digits

const resamples = 1_000
const seed = 20_261_120

export function intervals(answered: readonly Answered[]): Intervals {
  const random = randomFrom(seed)
  const draws = Array.from({ length: resamples }, () =>
    Array.from({ length: answered.length }, () => Math.floor(random() * answered.length)),
  )
  const half = (of: (one: Answered) => number, scale: number, digits: number): number => {
    const values = answered.map(of)
    const means = draws.map((draw) => mean(draw, (at) => values[at] ?? 0)).toSorted((a, b) => a - b)
    const [low, high] = [means[Math.floor(resamples * 0.025)] ?? 0, means[Math.floor(resamples * 0.975)] ?? 0]
    return rounded(((high - low) / 2) * scale, digits)
  }
  return {
    recall_at_10: half((one) => recall(one, 10), 100, 2),
    hit_at_5: half((one) => hit(one, 5), 100, 2),
    mrr: half(reciprocal, 1, 4),
  }
}

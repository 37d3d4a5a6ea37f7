import { closeSync, fdatasyncSync, fsyncSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'

/** One measured figure beside the bare cost of the same work in the same run. */
export type Figure = {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** What the bare way costs, in the same unit; null where nothing bare exists. */
  readonly baseline: number | null
  readonly baselineName: string
  /** The median of the ratios of alternating slices; that of the two values where it is left out. */
  readonly ratio?: number
  /** `memory`, `os`, `disk`: how durable the work was; '' where nothing was written. */
  readonly durability: string
  /** The promise or goal it is held against, in words. */
  readonly goal: string
}

export type BenchOptions = {
  readonly json: string | undefined
  readonly quick: boolean
  readonly only: readonly string[]
}

/** `--json FILE` writes the figures, `--quick` takes fewer samples, `--only NAME` runs one part. */
export function benchOptions(): BenchOptions {
  const { values } = parseArgs({
    options: {
      json: { type: 'string' },
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
    },
    allowPositionals: true,
  })
  return { json: values.json, quick: values.quick, only: values.only }
}

/** The value below which a share of the samples lies; `samples` need not be sorted. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export const median = (samples: readonly number[]): number => percentile(samples, 0.5)

/** Milliseconds of one piece of work. */
export function timed(work: () => void): number {
  const start = performance.now()
  work()
  return performance.now() - start
}

export async function timedAsync(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

/** Calls per second with so many under way. */
export async function perSecond(width: number, count: number, work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  let left = count
  const lane = async (): Promise<void> => {
    while (left-- > 0) await work()
  }
  await Promise.all(Array.from({ length: width }, lane))
  return (count * 1_000) / (performance.now() - started)
}

/**
 * Two ways of the same work in alternating slices, so that both see the same moods of the machine. Answers the samples of
 * both and the median of the slices' ratios.
 */
export async function alternate(
  ours: () => Promise<number>,
  bare: () => Promise<number>,
  slices: number,
  perSlice: number,
): Promise<{ readonly ours: number[]; readonly bare: number[]; readonly ratio: number }> {
  const [mine, theirs, ratios]: [number[], number[], number[]] = [[], [], []]
  for (let slice = 0; slice < slices; slice++) {
    const a: number[] = []
    const b: number[] = []
    for (let index = 0; index < perSlice; index++) a.push(await ours())
    for (let index = 0; index < perSlice; index++) b.push(await bare())
    mine.push(...a)
    theirs.push(...b)
    ratios.push(median(a) / median(b))
  }
  return { ours: mine, bare: theirs, ratio: median(ratios) }
}

/** One way of doing something; answers its time. */
export type Way = () => Promise<number> | number

/**
 * Several ways of the same work, each once in every round, in an order that turns from round to round, so that all see
 * the same moods of the machine. Answers the times of each by its name.
 */
export async function inTurns<Name extends string>(
  ways: Readonly<Record<Name, Way>>,
  rounds: number,
): Promise<Readonly<Record<Name, readonly number[]>>> {
  const names = Object.keys(ways) as Name[]
  const times = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, number[]>
  for (let round = 0; round < rounds; round++) {
    for (const index of names.keys()) {
      const name = names[(index + round) % names.length]
      if (name !== undefined) times[name].push(await ways[name]())
    }
  }
  return times
}

/** The median of what each round's ratio is. */
export const ratioByRound = (ours: readonly number[], bare: readonly number[]): number =>
  median(ours.map((value, round) => value / (bare[round] ?? Number.NaN)))

/** The machine's own fdatasync of a growing file, milliseconds, p50 and p99. */
export function bareFsync(directory: string, samples: number): { readonly p50: number; readonly p99: number } {
  const path = join(directory, 'bare-fsync')
  const file = openSync(path, 'w')
  const block = Buffer.alloc(1_024, 65)
  const times = Array.from({ length: samples }, () =>
    timed(() => {
      writeSync(file, block)
      fdatasyncSync(file)
    }),
  )
  fsyncSync(file)
  closeSync(file)
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99) }
}

export function temporaryDirectory(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'engram-bench-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** Prints the table and writes the JSON; a bench reports, it never passes or fails. */
export function report(
  name: string,
  figures: readonly Figure[],
  options: BenchOptions,
  more: Readonly<Record<string, unknown>> = {},
): void {
  const rows = figures.map((figure) => [
    figure.name,
    `${shown(figure.value)} ${figure.unit}`,
    figure.baseline === null ? '' : `${shown(figure.baseline)} ${figure.unit} ${figure.baselineName}`,
    ratioOf(figure),
    figure.durability,
    figure.goal,
  ])
  const heads = ['figure', 'ours', 'bare', 'ratio', 'durability', 'promise or goal']
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => (row[column] ?? '').length)))
  for (const row of [heads, ...rows])
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
  if (options.json === undefined) return
  const machine = {
    cpus: cpus().length,
    cpu: cpus()[0]?.model ?? '',
    memory_bytes: totalmem(),
    node: process.version,
    commit: commit(),
  }
  writeFileSync(
    options.json,
    `${JSON.stringify({ bench: name, at: new Date().toISOString(), machine, figures, ...more }, null, 2)}\n`,
  )
}

function ratioOf({ value, baseline, ratio }: Figure): string {
  if (baseline === null || baseline === 0) return ''
  return `${(ratio ?? value / baseline).toFixed(2)} x`
}

const shown = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(3)

export function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  } catch {
    return ''
  }
}

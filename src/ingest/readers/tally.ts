import type { Entry, ReadCounts } from '../entries.ts'
import { isObject } from './record.ts'

/** Where one record went. */
export type Fate =
  | { readonly kind: 'decoded' | 'waiting' | 'duplicate' | 'bad' | 'oversized' }
  | { readonly kind: 'ignored' | 'unknown'; readonly name: string }

export type Tally = {
  /** One record; what waits is counted again, and finally, by `settle`. */
  note(fate: Fate): void
  /** A record that waited is decided. */
  settle(fate: Fate): void
  give(entries: readonly Entry[]): void
  counts(): ReadCounts
}

/** A hostile file may invent names without end: so many are told apart, the rest are one. */
const namesMax = 100
const nameLengthMax = 64
const manyNames = '(others)'

const none: ReadCounts = {
  records: 0,
  decoded: 0,
  waiting: 0,
  badLines: 0,
  oversizedLines: 0,
  duplicates: 0,
  ignored: {},
  unknown: {},
  entries: { human: 0, assistant: 0, thinking: 0, call: 0, result: 0, note: 0 },
}

const counters = {
  decoded: 'decoded',
  waiting: 'waiting',
  duplicate: 'duplicates',
  bad: 'badLines',
  oversized: 'oversizedLines',
} as const

/** Counts of a file, from its start or from what an earlier read counted. */
export function createTally(from: ReadCounts = none): Tally {
  const numbers = { ...from, entries: { ...from.entries } }
  const names = { ignored: new Map(Object.entries(from.ignored)), unknown: new Map(Object.entries(from.unknown)) }
  const add = (fate: Fate): void => {
    if (fate.kind !== 'ignored' && fate.kind !== 'unknown') {
      numbers[counters[fate.kind]] += 1
      return
    }
    const byName = names[fate.kind]
    const short = fate.name.slice(0, nameLengthMax)
    const name = byName.has(short) || byName.size < namesMax ? short : manyNames
    byName.set(name, (byName.get(name) ?? 0) + 1)
  }
  return {
    note: (fate) => {
      numbers.records += 1
      add(fate)
    },
    settle: (fate) => {
      numbers.waiting -= 1
      add(fate)
    },
    give: (entries) => {
      for (const entry of entries) numbers.entries[entry.kind] += 1
    },
    counts: () => ({
      ...numbers,
      entries: { ...numbers.entries },
      ignored: Object.fromEntries(names.ignored),
      unknown: Object.fromEntries(names.unknown),
    }),
  }
}

/** Saved counts, or null when they are none. */
export function countsFrom(value: unknown): ReadCounts | null {
  if (!isObject(value) || !isObject(value.entries)) return null
  const entries = value.entries
  const at = (from: typeof value, key: string): number => {
    const count = from[key]
    return typeof count === 'number' ? count : 0
  }
  return {
    records: at(value, 'records'),
    decoded: at(value, 'decoded'),
    waiting: at(value, 'waiting'),
    badLines: at(value, 'badLines'),
    oversizedLines: at(value, 'oversizedLines'),
    duplicates: at(value, 'duplicates'),
    ignored: namesFrom(value.ignored),
    unknown: namesFrom(value.unknown),
    entries: {
      human: at(entries, 'human'),
      assistant: at(entries, 'assistant'),
      thinking: at(entries, 'thinking'),
      call: at(entries, 'call'),
      result: at(entries, 'result'),
      note: at(entries, 'note'),
    },
  }
}

function namesFrom(value: unknown): Record<string, number> {
  const pairs = isObject(value) ? Object.entries(value) : []
  return Object.fromEntries(pairs.filter((pair): pair is [string, number] => typeof pair[1] === 'number'))
}

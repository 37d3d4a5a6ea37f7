import type { CallAction, CallEntry, Entry, ResultEntry } from '../entries.ts'
import { commandKey } from './command-key.ts'
import type { CommandKey } from './command-key.ts'
import { prose, proseSentences } from './prose.ts'
import type { Block } from './prose.ts'
import { comparableSignature, signatureOf } from './signature.ts'

/**
 * A session as the rules see it (spec ingest 10.1): the live entries of the main chain, each call with its result, commands
 * as checks, edits as changes, and where turns begin and work was broken off.
 */
export type Timeline = {
  readonly entries: readonly Entry[]
  readonly calls: readonly Call[]
  readonly checks: readonly Check[]
  readonly changes: readonly Change[]
  /** Text of assistant entries without code, quotes and logs; computed once per entry. */
  readonly blocksAt: (index: number) => readonly Block[]
  /** Its sentences, headings left out; computed once per entry. */
  readonly sentencesAt: (index: number) => readonly string[]
  /** Index of the entry that begins the turn of this one; 0 before the first. */
  readonly turnStart: (index: number) => number
  /** Index of the next human entry after this one, or null. */
  readonly nextHuman: (index: number) => number | null
  /** Whether the entries from..to hold an interruption or a rejected call. */
  readonly brokenOff: (from: number, to: number) => boolean
  /** Record lines between two entries. */
  readonly recordsBetween: (from: number, to: number) => number
  /** Model of the last assistant entry up to here. */
  readonly modelAt: (index: number) => string | null
}

export type Call = {
  readonly entry: CallEntry
  readonly at: number
  readonly result: ResultEntry | null
  /** Index of the result; Infinity while there is none. */
  readonly resultAt: number
}

/** An edit, write or patch that was carried out. */
export type Change = Call & { readonly action: Extract<CallAction, { kind: 'change' }> }

/** A command that ended well or badly. */
export type Check = Call & {
  readonly command: string
  readonly key: CommandKey
  readonly failed: boolean
  /** Of a failed one, else empty. */
  readonly signature: string
  readonly comparable: string
  readonly output: string
  /** Place among all calls, to count how many lie between two. */
  readonly place: number
}

/** Bounds of what one failure may reach: the window a later read begins with (ING-INC-3). */
export const windowRecordsMax = 400

/** Answers whether a record is one of them; a `ReadonlySet<string>` does. */
export type Uuids = { has(uuid: string): boolean }

/** Entries may come late (a queued prompt is known for one only by later lines); they are put where they stand. */
export function timelineOf(all: readonly Entry[], abandoned: Uuids): Timeline {
  const entries = all
    .filter((entry) => !abandoned.has(entry.origin.uuid) && !entry.origin.sidechain)
    .toSorted((left, right) => left.origin.line - right.origin.line)
  const calls = pairCalls(entries)
  return {
    entries,
    calls,
    checks: calls.flatMap(toCheck),
    changes: calls.flatMap(toChange),
    ...proseOf(entries),
    ...marksOf(entries),
  }
}

/** Pairs each call with the first result after it that answers its id; an id may occur again later. */
function pairCalls(entries: readonly Entry[]): readonly Call[] {
  const calls: { entry: CallEntry; at: number; result: ResultEntry | null; resultAt: number }[] = []
  const open = new Map<string, number>()
  for (const [at, entry] of entries.entries()) {
    if (entry.kind === 'call') {
      open.set(entry.callId, calls.length)
      calls.push({ entry, at, result: null, resultAt: Infinity })
    }
    if (entry.kind !== 'result') continue
    const call = calls[open.get(entry.callId) ?? -1]
    if (call === undefined) continue
    open.delete(entry.callId)
    call.result = entry
    call.resultAt = at
  }
  return calls
}

function toCheck(call: Call, place: number): Check[] {
  const { result } = call
  const { action } = call.entry
  if (action.kind !== 'command' || result === null) return []
  if (result.outcome !== 'ok' && result.outcome !== 'failed') return []
  const key = commandKey(action.command)
  if (key.key === '') return []
  const failed = result.outcome === 'failed'
  const signature = failed ? signatureOf(result.text) : ''
  const comparable = comparableSignature(signature)
  return [{ ...call, command: action.command, key, failed, signature, comparable, output: result.text, place }]
}

function toChange(call: Call): Change[] {
  const { action } = call.entry
  return action.kind === 'change' && call.result?.outcome === 'ok' ? [{ ...call, action }] : []
}

function remembered<Value>(compute: (index: number) => Value): (index: number) => Value {
  const known = new Map<number, Value>()
  return (index) => {
    const before = known.get(index)
    if (before !== undefined) return before
    const value = compute(index)
    known.set(index, value)
    return value
  }
}

function proseOf(entries: readonly Entry[]): Pick<Timeline, 'blocksAt' | 'sentencesAt'> {
  const blocksAt = remembered((index) => {
    const entry = entries[index]
    return entry?.kind === 'assistant' || entry?.kind === 'human' ? prose(entry.text) : []
  })
  return { blocksAt, sentencesAt: remembered((index) => proseSentences(blocksAt(index))) }
}

/** A turn begins with what a person typed at a prompt; a compaction happens within one. */
const beginsTurn = (entry: Entry): boolean => entry.kind === 'human' && !entry.queued

const breaksOff = (entry: Entry): boolean =>
  (entry.kind === 'note' && entry.note === 'interrupt') || (entry.kind === 'result' && entry.outcome === 'rejected')

type Marks = Pick<Timeline, 'turnStart' | 'nextHuman' | 'brokenOff' | 'recordsBetween' | 'modelAt'>

function marksOf(entries: readonly Entry[]): Marks {
  const starts: number[] = []
  const stops: number[] = [0]
  const models: (string | null)[] = []
  for (const [index, entry] of entries.entries()) {
    starts.push(beginsTurn(entry) ? index : (starts[index - 1] ?? 0))
    stops.push((stops[index] ?? 0) + (breaksOff(entry) ? 1 : 0))
    models.push((entry.kind === 'assistant' ? entry.model : null) ?? models[index - 1] ?? null)
  }
  const humans = nextHumans(entries)
  const line = (index: number): number => entries[Math.min(index, entries.length - 1)]?.origin.line ?? 0
  return {
    turnStart: (index) => starts[index] ?? 0,
    nextHuman: (index) => humans[index] ?? null,
    brokenOff: (from, to) => (stops[Math.min(to + 1, entries.length)] ?? 0) > (stops[from] ?? 0),
    recordsBetween: (from, to) => line(to) - line(from),
    modelAt: (index) => models[index] ?? null,
  }
}

function nextHumans(entries: readonly Entry[]): readonly (number | null)[] {
  const next: (number | null)[] = []
  let human: number | null = null
  for (let index = entries.length - 1; index >= 0; index--) {
    next[index] = human
    if (entries[index]?.kind === 'human') human = index
  }
  return next
}

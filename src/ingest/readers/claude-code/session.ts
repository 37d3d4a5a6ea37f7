import type { Entry, HumanEntry, NoteEntry, ReadCounts } from '../../entries.ts'
import type { RawLine } from '../../lines.ts'
import type { ReaderSession, SessionOptions } from '../reader.ts'
import { isObject, lineId, nameAt, objectAt, parseLine, safeName, topTexts } from '../record.ts'
import type { JsonObject } from '../record.ts'
import { countsFrom, createTally } from '../tally.ts'
import type { Fate } from '../tally.ts'
import { decodeRecord } from './decode.ts'
import type { Decoded } from './decode.ts'
import { envelopeOf, originOf } from './envelope.ts'
import type { Envelope } from './envelope.ts'
import { createOpenCalls, openCallsFrom } from './open-calls.ts'
import type { OpenCall } from './open-calls.ts'
import { createPromptQueue, queueFrom } from './queue.ts'
import type { SavedQueue } from './queue.ts'
import { factsFrom, headOf, noFacts, withRecord, withTitle } from '../session-head.ts'
import type { HeadFacts } from '../session-head.ts'
import { createThreads, threadsFrom } from './threads.ts'
import type { SavedThreads } from './threads.ts'
import { createUsageMeter, usageFrom } from './usage.ts'
import type { SavedUsage } from './usage.ts'

/** What a session saves of what it read, so that the rest of the file can be read alone. */
export type ClaudeCodeState = {
  readonly facts: HeadFacts
  readonly counts: ReadCounts
  readonly usage: SavedUsage
  readonly threads: SavedThreads
  readonly queue: SavedQueue
  readonly calls: readonly (readonly [string, OpenCall])[]
}

/** The state in a saved text's object, or null when a part of it is missing. */
export function stateFrom(value: unknown): ClaudeCodeState | null {
  if (!isObject(value)) return null
  const facts = factsFrom(value.facts)
  const counts = countsFrom(value.counts)
  const usage = usageFrom(value.usage)
  const threads = threadsFrom(value.threads)
  const queue = queueFrom(value.queue)
  const calls = openCallsFrom(value.calls)
  if (facts === null || counts === null || usage === null) return null
  return threads === null || queue === null || calls === null ? null : { facts, counts, usage, threads, queue, calls }
}

export type SessionNames = { readonly agent: string; readonly version: number; readonly sessionId: string | null }

/** One Claude Code file being read. */
export function createSession(
  options: SessionOptions,
  names: SessionNames,
  state: ClaudeCodeState | null,
): ReaderSession {
  const tally = createTally(state?.counts)
  const usage = createUsageMeter(state?.usage ?? null)
  const threads = createThreads(state?.threads ?? null)
  const queue = createPromptQueue(state?.queue ?? null)
  const calls = createOpenCalls(state?.calls ?? [])
  let facts = state?.facts ?? noFacts

  const envelopeFor = (record: JsonObject): Envelope => {
    const envelope = envelopeOf(record)
    return { ...envelope, sessionId: safeName(envelope.sessionId, options.isSecret) }
  }
  const giveQueued = (prompts: readonly HumanEntry[]): readonly Entry[] => {
    for (const _ of prompts) tally.settle({ kind: 'decoded' })
    return prompts
  }
  /** A prompt that came in full: it may be one that was queued (ING-CC-9). */
  const meetQueued = (entry: Entry): Entry => {
    if (entry.kind !== 'human' || entry.origin.sidechain) return entry
    const { repeated, isAbsorbed } = queue.meet(entry.text)
    for (let count = 0; count < repeated; count++) tally.settle({ kind: 'ignored', name: 'queue-operation:repeated' })
    if (!isAbsorbed) return entry
    return { kind: 'note', origin: entry.origin, note: 'skipped', text: 'queued prompt, given before' }
  }
  const follow = (envelope: Envelope, line: RawLine, decoded: Decoded): NoteEntry | null => {
    if (envelope.uuid === null) return null
    const entries = decoded.kind === 'entries' ? decoded.entries : []
    const isHead = !envelope.isSidechain && entries.some(isHeadEntry)
    const parent = envelope.parent ?? envelope.logicalParent
    const abandoned = threads.add({
      uuid: envelope.uuid,
      parent,
      line: line.line,
      isHead,
      isDecoded: entries.length > 0,
    })
    const [first] = entries
    if (abandoned.length === 0 || first === undefined) return null
    const origin = { ...first.origin, part: entries.length }
    return {
      kind: 'note',
      origin,
      note: 'rewind',
      text: `Went back: ${abandoned.length} turns are abandoned`,
      abandoned,
    }
  }
  const noteHead = (envelope: Envelope, decoded: Decoded): void => {
    const isHuman = decoded.kind === 'entries' && decoded.entries.some((entry) => entry.kind === 'human')
    facts = withRecord(facts, envelope, isHuman)
  }
  const isDuplicate = (type: string, envelope: Envelope): boolean => {
    if (envelope.uuid === null || !seenTypes.has(type)) return false
    if (threads.isDecoded(envelope.uuid)) return true
    if (!options.seen.has(envelope.uuid)) return false
    noteContinued(envelope)
    return true
  }
  /** A file that begins with records of another one goes on with that one's session (ING-CC-16). */
  const noteContinued = (envelope: Envelope): void => {
    if (facts.continues !== null || envelope.uuid === null) return
    const other = options.seen.sessionOf?.(envelope.uuid) ?? envelope.sessionId
    if (other !== null && other !== ownId()) facts = { ...facts, continues: other }
  }
  const ownId = (): string | null => options.sidechainOf ?? names.sessionId ?? facts.sessionId

  const settle = (decoded: Decoded, envelope: Envelope, line: RawLine): readonly Entry[] => {
    const rewind = follow(envelope, line, decoded)
    noteHead(envelope, decoded)
    tally.note(fateOf(decoded))
    if (decoded.kind === 'queued') {
      const origin = originOf(envelope, line, line.kind === 'line' ? lineId(line.text) : '')
      queue.enqueue(decoded.text, origin)
    }
    if (decoded.kind === 'removed') queue.remove()
    if (decoded.kind !== 'entries') return []
    if (envelope.uuid !== null) options.seen.add(envelope.uuid)
    const entries = decoded.entries.map(meetQueued)
    return rewind === null ? entries : [rewind, ...entries]
  }
  const read = (record: JsonObject, type: string, line: RawLine, id: string): readonly Entry[] => {
    const envelope = envelopeFor(record)
    if (isDuplicate(type, envelope)) {
      if (envelope.uuid !== null && !threads.isDecoded(envelope.uuid)) chainDuplicate(record, type, envelope, line, id)
      tally.note({ kind: 'duplicate' })
      return []
    }
    facts = withTitle(facts, type, record) ?? facts
    const decoded = decodeRecord(type, { record, envelope, origin: originOf(envelope, line, id), calls })
    if (type === 'assistant' && !envelope.isApiError) noteUsage(record, envelope)
    const entries = settle(decoded, envelope, line)
    const passed = messageTypes.has(type) && !envelope.isSidechain ? giveQueued(queue.pass()) : []
    return [...passed, ...entries]
  }
  /** A repeated record gives nothing, and still others follow it. */
  const chainDuplicate = (record: JsonObject, type: string, envelope: Envelope, line: RawLine, id: string): void => {
    const decoded = decodeRecord(type, { record, envelope, origin: originOf(envelope, line, id), calls })
    follow(envelope, line, decoded)
    if (decoded.kind === 'entries') decoded.entries.forEach(meetQueued)
  }
  const noteUsage = (record: JsonObject, envelope: Envelope): void => {
    const message = objectAt(record, 'message')
    const id = message === null ? null : (nameAt(message, 'id') ?? envelope.uuid)
    if (message === null || id === null) return
    const model = nameAt(message, 'model')
    usage.note(id, model === '<synthetic>' ? null : model, objectAt(message, 'usage'))
  }
  const readOversized = (line: Extract<RawLine, { kind: 'oversized' }>): readonly Entry[] => {
    const envelope = envelopeFor(Object.fromEntries(topTexts(line.head, oversizedKeys)))
    const decoded: Decoded = { kind: 'ignored', name: 'oversized' }
    tally.note({ kind: 'oversized' })
    noteHead(envelope, decoded)
    if (envelope.uuid !== null && threads.isDecoded(envelope.uuid)) return []
    const origin = originOf(envelope, line, lineId(line.head))
    const entry: NoteEntry = { kind: 'note', origin, note: 'skipped', text: `[record of ${line.bytes} bytes left out]` }
    // Not decoded: a good record of this id may still come.
    follow(envelope, line, decoded)
    return [entry]
  }
  const give = (entries: readonly Entry[]): readonly Entry[] => {
    tally.give(entries)
    return entries
  }

  return {
    take: (line) => {
      if (line.kind === 'oversized') return give(readOversized(line))
      const parsed = parseLine(line.text)
      if (parsed.kind === 'bad') {
        tally.note({ kind: 'bad' })
        return []
      }
      const type = nameAt(parsed.record, 'type') ?? '(none)'
      const hasId = nameAt(parsed.record, 'uuid') !== null
      return give(read(parsed.record, type, line, hasId ? '' : lineId(line.text)))
    },
    finish: (isQuiet) => (isQuiet ? give(giveQueued(queue.flush())) : []),
    head: () =>
      headOf(facts, {
        agent: names.agent,
        sessionId: ownId() ?? 'unknown',
        agentId: options.agentId,
        model: usage.model(),
        usage: usage.usage(),
        messages: usage.messages(),
      }),
    counts: () => tally.counts(),
    abandoned: () => threads.abandoned(),
    save: () => {
      const saved: ClaudeCodeState = {
        facts,
        counts: tally.counts(),
        usage: usage.save(),
        threads: threads.save(),
        queue: queue.save(),
        calls: calls.save(),
      }
      return JSON.stringify({ version: names.version, ...saved })
    },
  }
}

/** What is looked for in the head of a line that is too long: also whose session it is, and where (ING-LIN-3). */
const oversizedKeys = ['uuid', 'parentUuid', 'type', 'timestamp', 'sessionId', 'cwd', 'gitBranch', 'version']

/** Records other files may repeat (ING-CC-16). */
const seenTypes: ReadonlySet<string> = new Set(['user', 'assistant', 'attachment'])

/** Records that count as going on with the conversation (ING-CC-9). */
const messageTypes: ReadonlySet<string> = new Set(['user', 'assistant', 'attachment'])

const isHeadEntry = (entry: Entry): boolean =>
  entry.kind === 'human' || (entry.kind === 'note' && entry.note === 'compact-summary')

function fateOf(decoded: Decoded): Fate {
  if (decoded.kind === 'entries') return { kind: 'decoded' }
  if (decoded.kind === 'queued') return { kind: 'waiting' }
  return decoded.kind === 'removed' ? { kind: 'ignored', name: 'queue-operation:remove' } : decoded
}

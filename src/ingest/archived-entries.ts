import type { PositionedMessage, ToolCall, TranscriptMessage } from '../transcript/store.ts'
import type { CallOutcome, Entry, NoteEntry, Origin } from './entries.ts'
import type { Reader } from './readers/reader.ts'
import { countAt, isObject, nameAt, textAt } from './readers/record.ts'
import type { JsonObject } from './readers/record.ts'

/** What the archive does not tell of each message, because it holds for all of them. */
export type ArchivedIn = {
  readonly reader: Pick<Reader, 'actionOf'>
  /** The folder the session worked in, or null. */
  readonly cwd: string | null
  /** The side chain, for one written into a main file; null for a transcript of its own. */
  readonly chain: { readonly agentId: string | null } | null
  /** Lines of several files stand in the transcript: only the order in it tells which comes first. */
  readonly isMixed: boolean
}

/**
 * Messages of the archive as entries again: what `messagesOf` made of them, read backwards (ING-INC-6).
 *
 * - What the rules look at comes back: texts, calls with their actions, results with their outcomes, notes.
 * - `offset` is the number of the line, which orders entries just as well: the bytes are those of a file that may be gone.
 * - Thoughts are left out, and so is what did not come from a transcript file; no rule looks at either.
 */
export const archivedEntries = (messages: readonly PositionedMessage[], about: ArchivedIn): readonly Entry[] =>
  messages.flatMap((each) => entriesOf(each, about))

function entriesOf({ message, position }: PositionedMessage, about: ArchivedIn): readonly Entry[] {
  const { source } = message
  if (!isObject(source)) return []
  const uuid = nameAt(source, 'uuid')
  if (uuid === null) return []
  const line = about.isMixed ? position : countAt(source, 'line')
  const origin: Origin = {
    uuid,
    parent: nameAt(source, 'parent'),
    line,
    offset: line,
    at: message.created_at ?? null,
    cwd: about.cwd,
    branch: null,
    sidechain: about.chain !== null,
    agentId: about.chain?.agentId ?? null,
  }
  switch (message.role) {
    case 'user':
      return [humanOf(message, source, origin)]
    case 'assistant':
      return spokenOf(message, source, origin, about.reader)
    case 'tool':
      return [resultOf(message, source, origin)]
    case 'system':
      return [noteOf(message, source, origin)]
    default:
      return []
  }
}

const humanOf = ({ content }: TranscriptMessage, source: JsonObject, origin: Origin): Entry => ({
  kind: 'human',
  origin,
  text: content,
  queued: source['queued'] === true,
  command: content.startsWith('/'),
})

function spokenOf(
  { content, model_name, tool_calls }: TranscriptMessage,
  source: JsonObject,
  origin: Origin,
  reader: ArchivedIn['reader'],
): readonly Entry[] {
  const messageId = textAt(source, 'message_id') ?? ''
  const model = model_name ?? null
  const texts: readonly Entry[] = content === '' ? [] : [{ kind: 'assistant', origin, messageId, model, text: content }]
  return [...texts, ...(tool_calls ?? []).map((call) => callOf(call, { origin, messageId }, reader))]
}

function callOf(
  call: ToolCall,
  about: { readonly origin: Origin; readonly messageId: string },
  reader: ArchivedIn['reader'],
): Entry {
  const name = call.function?.name ?? ''
  const input = inputOf(call.function?.arguments ?? '')
  return { kind: 'call', ...about, callId: call.id, name, input, action: reader.actionOf(name, input) }
}

/** Arguments that had to be masked as a whole are no object any more. */
function inputOf(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : {}
  } catch {
    return {}
  }
}

const outcomes: readonly CallOutcome[] = ['ok', 'failed', 'rejected', 'unknown']

function resultOf({ content, tool_call_id }: TranscriptMessage, source: JsonObject, origin: Origin): Entry {
  const exitCode = source['exit_code']
  return {
    kind: 'result',
    origin,
    callId: tool_call_id ?? '',
    text: content,
    outcome: outcomes.find((each) => each === source['outcome']) ?? 'unknown',
    exitCode: typeof exitCode === 'number' ? exitCode : null,
    // Not archived apart: the text names questions and answers too.
    answers: null,
  }
}

const notes: readonly NoteEntry['note'][] = [
  'compaction',
  'compact-summary',
  'interrupt',
  'rewind',
  'api-error',
  'command',
  'skipped',
]

function noteOf({ content }: TranscriptMessage, source: JsonObject, origin: Origin): Entry {
  const abandoned = source['abandoned']
  return {
    kind: 'note',
    origin,
    note: notes.find((each) => each === source['kind']) ?? 'other',
    text: content,
    ...(Array.isArray(abandoned) ? { abandoned: abandoned.filter((each) => typeof each === 'string') } : {}),
  }
}

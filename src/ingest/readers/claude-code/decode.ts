import type { CallEntry, Entry, NoteEntry, Origin, ResultEntry } from '../../entries.ts'
import { cutEnd, cutInput, cutMiddle, kept } from '../cut.ts'
import { countAt, listAt, nameAt, objectAt, textAt } from '../record.ts'
import type { JsonObject } from '../record.ts'
import { actionOf } from './calls.ts'
import { answersOf } from './answers.ts'
import { blocksOf } from './blocks.ts'
import type { Block } from './blocks.ts'
import { originKindOf } from './envelope.ts'
import type { Envelope } from './envelope.ts'
import { commandTags, isInterrupt, readCommand, readUserBody } from './human.ts'
import type { UserBody } from './human.ts'
import type { OpenCalls } from './open-calls.ts'
import { callEnd, endsInPipe } from './outcome.ts'

/** What one record is, before its session has looked at it. */
export type Decoded =
  | { readonly kind: 'entries'; readonly entries: readonly Entry[] }
  /** Known, and nothing for an entry; the name says why. */
  | { readonly kind: 'ignored'; readonly name: string }
  /** A prompt typed meanwhile, of which only its being queued is told (ING-CC-9). */
  | { readonly kind: 'queued'; readonly text: string }
  | { readonly kind: 'removed' }
  | { readonly kind: 'unknown'; readonly name: string }

export type RecordContext = {
  readonly record: JsonObject
  readonly envelope: Envelope
  readonly origin: Origin
  readonly calls: OpenCalls
}

const ignored = (name: string): Decoded => ({ kind: 'ignored', name })

/** Entries of one line, numbered. */
function entriesOrIgnored(entries: readonly Entry[], name: string): Decoded {
  if (entries.length === 0) return ignored(name)
  const numbered = entries.map((entry, part) => (part === 0 ? entry : { ...entry, origin: { ...entry.origin, part } }))
  return { kind: 'entries', entries: numbered }
}

const note = (origin: Origin, kind: NoteEntry['note'], text: string): NoteEntry => ({
  kind: 'note',
  origin,
  note: kind,
  text: cutMiddle(text, kind === 'compact-summary' ? kept.proseBytesMax : kept.outputBytesMax),
})

function bodyEntries(origin: Origin, body: UserBody, isQueued: boolean): readonly Entry[] {
  if (body.kind === 'blank') return []
  if (body.kind === 'note') return [note(origin, body.note, body.text)]
  const text = cutMiddle(body.text, kept.proseBytesMax)
  return [{ kind: 'human', origin, text, queued: isQueued, command: body.command }]
}

const proseOf = (blocks: readonly Block[]): readonly string[] =>
  blocks.flatMap((block) => (block.kind === 'text' || block.kind === 'media' ? [block.text] : []))

const decodeUser = (context: RecordContext): Decoded => {
  const { record, envelope, origin } = context
  const message = objectAt(record, 'message')
  const blocks = message === null ? null : blocksOf(message.content)
  if (blocks === null) return ignored('user:malformed')
  if (blocks.some((block) => block.kind === 'result')) return decodeResults(context, blocks)
  const texts = proseOf(blocks)
  const whole = texts.join('\n').trim()
  if (whole === '') return ignored('user:blank')
  if (envelope.isCompactSummary) return entriesOrIgnored([note(origin, 'compact-summary', whole)], 'user')
  const isHuman =
    !envelope.isMeta &&
    !envelope.isSidechain &&
    (envelope.originKind === null || envelope.originKind === 'human') &&
    (record.toolUseResult === undefined || record.toolUseResult === null)
  const body = readUserBody(texts)
  if (isHuman || body.kind !== 'human') return entriesOrIgnored(bodyEntries(origin, body, false), 'user:blank')
  return entriesOrIgnored([note(origin, 'other', whole)], 'user')
}

function decodeResults(context: RecordContext, blocks: readonly Block[]): Decoded {
  const entries = blocks.flatMap((block): readonly Entry[] => {
    if (block.kind === 'result') return [resultEntry(context, block)]
    if (block.kind === 'call' || block.kind === 'thinking') return []
    if (block.kind === 'unknown') return [note(context.origin, 'other', `[block ${block.type.slice(0, 64)}]`)]
    if (block.text.trim() === '') return []
    return [note(context.origin, isInterrupt(block.text) ? 'interrupt' : 'other', block.text)]
  })
  return entriesOrIgnored(entries, 'user:blank')
}

function resultEntry(context: RecordContext, block: Extract<Block, { kind: 'result' }>): ResultEntry {
  const { record, origin } = context
  const structured = record.toolUseResult
  const call = context.calls.close(block.callId)
  const isInterrupted = objectAt(record, 'toolUseResult')?.interrupted === true
  const { outcome, exitCode, text } = callEnd({ ...block, isInterrupted, endsInPipe: call.endsInPipe })
  const isFile = call.isRead && outcome === 'ok'
  return {
    kind: 'result',
    origin,
    callId: block.callId,
    text: isFile ? cutEnd(text, kept.readBytesMax) : cutMiddle(text, kept.outputBytesMax),
    outcome,
    exitCode,
    answers: call.isQuestion && outcome === 'ok' ? answersOf(structured, text) : null,
  }
}

const decodeAssistant = (context: RecordContext): Decoded => {
  const { record, envelope, origin } = context
  const message = objectAt(record, 'message')
  const blocks = message === null ? null : blocksOf(message.content)
  if (message === null || blocks === null) return ignored('assistant:malformed')
  if (envelope.isApiError) {
    const text = cutEnd(proseOf(blocks).join('\n'), kept.noteBytesMax)
    return entriesOrIgnored([note(origin, 'api-error', text)], 'assistant')
  }
  const author = { messageId: nameAt(message, 'id') ?? origin.uuid, model: nameAt(message, 'model') }
  return entriesOrIgnored(
    blocks.flatMap((block) => assistantEntries(context, block, author)),
    'assistant:blank',
  )
}

type Author = { readonly messageId: string; readonly model: string | null }

function assistantEntries(context: RecordContext, block: Block, author: Author): readonly Entry[] {
  const { origin } = context
  const { messageId } = author
  if (block.kind === 'call') return [callEntry(context, block, messageId)]
  if (block.kind === 'result') return [resultEntry(context, block)]
  if (block.kind === 'unknown') return [note(origin, 'other', `[block ${block.type.slice(0, 64)}]`)]
  const text = cutMiddle(block.text, kept.proseBytesMax)
  if (text.trim() === '') return []
  return [
    block.kind === 'thinking'
      ? { kind: 'thinking', origin, messageId, text }
      : { kind: 'assistant', origin, ...author, text },
  ]
}

function callEntry(context: RecordContext, block: Extract<Block, { kind: 'call' }>, messageId: string): CallEntry {
  const input = cutInput(block.input)
  const action = actionOf(block.name, input)
  context.calls.open(block.callId, {
    isRead: action.kind === 'read',
    isQuestion: action.kind === 'question',
    endsInPipe: action.kind === 'command' && endsInPipe(action.command),
  })
  return { kind: 'call', origin: context.origin, messageId, callId: block.callId, name: block.name, input, action }
}

const decodeSystem = ({ record, envelope, origin }: RecordContext): Decoded => {
  const subtype = nameAt(record, 'subtype') ?? 'untyped'
  if (subtype === 'compact_boundary') {
    const facts = objectAt(record, 'compactMetadata') ?? {}
    const trigger = nameAt(facts, 'trigger') ?? 'unknown trigger'
    const text = `Conversation compacted (${trigger}, ${countAt(facts, 'preTokens')} tokens before)`
    return entriesOrIgnored([note(origin, 'compaction', text)], 'system')
  }
  if (subtype !== 'local_command') return ignored(`system:${subtype}`)
  const text = textAt(record, 'content') ?? ''
  const tags = commandTags(text)
  if (tags === null)
    return entriesOrIgnored(text.trim() === '' ? [] : [note(origin, 'command', text)], 'system:local_command')
  const body = readCommand(tags)
  const isOther = body.kind === 'human' && (envelope.isMeta || envelope.isSidechain)
  return entriesOrIgnored(
    bodyEntries(origin, isOther ? { ...body, kind: 'note', note: 'command' } : body, false),
    'system:local_command',
  )
}

/** What was typed while the agent worked, told by an attachment (ING-CC-8). */
const decodeAttachment = ({ record, envelope, origin }: RecordContext): Decoded => {
  const attachment = objectAt(record, 'attachment') ?? {}
  const type = nameAt(attachment, 'type') ?? 'untyped'
  const name = `attachment:${type}`
  const origins = [envelope.originKind, originKindOf(attachment)].filter((kind) => kind !== null)
  const mode = nameAt(attachment, 'commandMode') ?? 'prompt'
  if (type !== 'queued_command' || mode !== 'prompt' || origins.some((kind) => kind !== 'human')) return ignored(name)
  if (envelope.isMeta || envelope.isSidechain || attachment.isMeta === true) return ignored(name)
  const body = readUserBody(proseOf(blocksOf(attachment.prompt) ?? []))
  return body.kind === 'human' ? entriesOrIgnored(bodyEntries(origin, body, true), name) : ignored(name)
}

const decodeQueueOperation = ({ record }: RecordContext): Decoded => {
  const operation = nameAt(record, 'operation') ?? 'untyped'
  if (operation === 'remove') return { kind: 'removed' }
  const name = `queue-operation:${operation}`
  if (operation !== 'enqueue') return ignored(name)
  const texts =
    typeof record.content === 'string' ? [record.content] : proseOf(blocksOf(listAt(record, 'content')) ?? [])
  const body = readUserBody(texts)
  if (body.kind !== 'human' || body.text.startsWith('/')) return ignored(name)
  return { kind: 'queued', text: cutMiddle(body.text, kept.outputBytesMax) }
}

const decoders: ReadonlyMap<string, (context: RecordContext) => Decoded> = new Map([
  ['user', decodeUser],
  ['assistant', decodeAssistant],
  ['system', decodeSystem],
  ['attachment', decodeAttachment],
  ['queue-operation', decodeQueueOperation],
])

/** Records that are known and give nothing (ING-CC-11). Titles are read elsewhere. */
const silent: ReadonlySet<string> = new Set([
  'progress',
  'file-history-snapshot',
  'file-history-delta',
  'mode',
  'permission-mode',
  'last-prompt',
  'pr-link',
  'turn_duration',
  'stop_hook_summary',
  'away_summary',
  'summary',
  'custom-title',
  'agent-name',
  'ai-title',
])

export function decodeRecord(type: string, context: RecordContext): Decoded {
  const decode = decoders.get(type)
  if (decode !== undefined) return decode(context)
  return silent.has(type) ? ignored(type) : { kind: 'unknown', name: type }
}

import type { Entry, Origin } from '../../entries.ts'
import type { RawLine } from '../../lines.ts'
import type { ReaderSession, SessionOptions } from '../reader.ts'
import { lineId, nameAt, objectAt, parseLine, safeName, textsUnder, topTexts } from '../record.ts'
import type { JsonObject } from '../record.ts'
import { headOf, withRecord } from '../session-head.ts'
import { boundEvents, frameRecords, noteMeta } from './bounds.ts'
import { createConversation, noRecord } from './conversation.ts'
import type { Conversation, Handler } from './conversation.ts'
import { messageEvents, messageItems } from './messages.ts'
import { callEvents, callItems } from './results.ts'
import type { CodexState } from './state.ts'

export type CodexNames = { readonly agent: string; readonly version: number; readonly sessionId: string | null }

/** One Codex file being read. */
export function createCodexSession(
  options: SessionOptions,
  names: CodexNames,
  state: CodexState | null,
): ReaderSession {
  const talk = createConversation(state)
  const { about } = talk
  const find = handlersOf(talk, names.sessionId)
  const ownId = (): string | null => about.facts.sessionId ?? names.sessionId

  const originOf = (line: RawLine, id: string, at: string | null): Origin => ({
    uuid: id,
    parent: null,
    line: line.line,
    offset: line.offset,
    at,
    cwd: about.cwd,
    branch: about.facts.branch,
    sidechain: about.parent !== null,
    agentId: about.parent === null ? null : ownId(),
    part: 0,
  })
  const handle = (record: JsonObject, line: RawLine, id: string): readonly Entry[] => {
    const { log, payload } = shapeOf(record)
    const type = nameAt(payload, 'type') ?? '(none)'
    const handler = find(log, type)
    if (handler === null) return noHandler(talk, log, type)
    const isRepeatable = isLog(log)
    if (isRepeatable && options.seen.has(id)) return talk.note({ kind: 'duplicate' })
    if (isRepeatable) options.seen.add(id)
    const origin = originOf(line, id, nameAt(record, 'timestamp'))
    about.facts = withRecord(about.facts, { ...noRecord, at: origin.at }, false)
    return handler({ payload: log === 'session_meta' ? safeMeta(payload) : payload, origin, type })
  }
  const safeMeta = (meta: JsonObject): JsonObject =>
    Object.fromEntries(
      Object.entries(meta).map(([key, value]) => [
        key,
        metaNames.has(key) && typeof value === 'string' ? safeName(value, options.isSecret) : value,
      ]),
    )
  const readOversized = (line: Extract<RawLine, { kind: 'oversized' }>): readonly Entry[] => {
    talk.note({ kind: 'oversized' })
    const said = topTexts(line.head, ['timestamp', 'type'])
    const at = said.get('timestamp') ?? null
    if (said.get('type') === 'session_meta') {
      const payload = textsUnder(line.head, 'payload', ['id', 'cwd', 'timestamp', 'cli_version', 'forked_from_id'])
      noteMeta(talk, safeMeta(Object.fromEntries(payload)), names.sessionId, at)
    }
    const text = `[record of ${line.bytes} bytes left out]`
    const before = talk.settleAll()
    return [...before, { kind: 'note', origin: originOf(line, lineId(line.head), at), note: 'skipped', text }]
  }
  const read = (line: RawLine): readonly Entry[] => {
    if (line.kind === 'oversized') return readOversized(line)
    const parsed = parseLine(line.text)
    return parsed.kind === 'bad' ? talk.note({ kind: 'bad' }) : handle(parsed.record, line, lineId(line.text))
  }
  const counted = (entries: readonly Entry[]): readonly Entry[] => {
    talk.tally.give(entries)
    return entries
  }

  return {
    take: (line) => counted(read(line)),
    finish: (isQuiet) => (isQuiet ? counted(talk.settleAll()) : []),
    head: () => {
      const { facts, parent, model, usage, messages } = about
      const own = ownId() ?? 'unknown'
      const agentId = parent === null ? null : own
      return headOf(facts, { agent: names.agent, sessionId: parent ?? own, agentId, model, usage, messages })
    },
    counts: () => talk.tally.counts(),
    abandoned: () => ({ heads: [], has: () => false }),
    save: () => JSON.stringify({ version: names.version, ...talk.save() }),
  }
}

/** Fields of a head that name sessions. */
const metaNames: ReadonlySet<string> = new Set(['id', 'forked_from_id', 'forked_from'])

const isLog = (log: string): boolean => log === 'response_item' || log === 'event_msg'

function handlersOf(talk: Conversation, fileId: string | null): (log: string, type: string) => Handler | null {
  const items = new Map([...messageItems(talk), ...callItems(talk)])
  const events = new Map([...messageEvents(talk), ...callEvents(talk), ...boundEvents(talk)])
  const frame = new Map(frameRecords(talk, fileId))
  return (log, type) => {
    if (log === 'response_item') return items.get(type) ?? null
    return (log === 'event_msg' ? events.get(type) : frame.get(log)) ?? null
  }
}

/** Known events that say nothing a response item does not. */
const silentEvents: ReadonlySet<string> = new Set([
  'agent_reasoning',
  'agent_reasoning_raw_content',
  'agent_reasoning_section_break',
  'context_compacted',
  'exec_command_begin',
  'exec_command_output_delta',
  'item_completed',
  'item_started',
  'mcp_tool_call_begin',
  'mcp_tool_call_end',
  'patch_apply_begin',
  'session_configured',
  'thread_name_updated',
  'turn_diff',
  'web_search_begin',
  'web_search_end',
])

const silentRecords: ReadonlySet<string> = new Set(['world_state', 'state', 'ghost_snapshot'])

function noHandler(talk: Conversation, log: string, type: string): readonly Entry[] {
  if (silentRecords.has(log)) return talk.ignore(log)
  if (log === 'event_msg' && silentEvents.has(type)) return talk.ignore(`event_msg:${type}`)
  return talk.note({ kind: 'unknown', name: isLog(log) ? `${log}:${type}` : log })
}

/** Which log a record belongs to; bare items of the older flat form are response items (ING-CX-10). */
function shapeOf(record: JsonObject): { readonly log: string; readonly payload: JsonObject } {
  const payload = objectAt(record, 'payload')
  const type = nameAt(record, 'type')
  if (payload !== null) return { log: type ?? '(none)', payload }
  if (nameAt(record, 'record_type') !== null) return { log: 'state', payload: record }
  if (type === null) return { log: nameAt(record, 'id') === null ? '(none)' : 'session_meta', payload: record }
  const isItem = type === 'message' || type === 'reasoning' || /_call(_output)?$/.test(type)
  return { log: isItem ? 'response_item' : type, payload: record }
}

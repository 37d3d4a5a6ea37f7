import type { NoteEntry, Usage } from '../../entries.ts'
import { cutMiddle, kept } from '../cut.ts'
import { countAt, nameAt, objectAt, textAt } from '../record.ts'
import type { JsonObject } from '../record.ts'
import { withRecord } from '../session-head.ts'
import type { Conversation, Handler, Handlers } from './conversation.ts'

/** Turn bounds, usage and interruptions (ING-CX-9). */
export function boundEvents(talk: Conversation): Handlers {
  const bound = onBound(talk)
  return [
    ['task_started', bound],
    ['task_complete', bound],
    ['turn_started', bound],
    ['turn_complete', bound],
    ['turn_aborted', onAborted(talk)],
    ['token_count', onTokens(talk)],
  ]
}

/** Records of neither log: session, turn settings, compaction (ING-CX-1, ING-CX-2, ING-CX-7). */
export function frameRecords(talk: Conversation, fileId: string | null): Handlers {
  return [
    ['session_meta', onMeta(talk, fileId)],
    ['turn_context', onContext(talk)],
    ['compacted', onCompacted(talk)],
  ]
}

const onBound =
  (talk: Conversation): Handler =>
  ({ type }) => {
    const before = talk.settleAll()
    talk.endTurn()
    return [...before, ...talk.ignore(`event_msg:${type}`)]
  }

const onAborted =
  (talk: Conversation): Handler =>
  ({ payload, origin }) => {
    const before = talk.settleAll()
    const reason = nameAt(payload, 'reason') ?? 'interrupted'
    const text = `Turn aborted (${reason.slice(0, 100)})`
    return [...before, ...talk.give({ kind: 'note', origin, note: 'interrupt', text })]
  }

const onTokens =
  (talk: Conversation): Handler =>
  ({ payload, type }) => {
    const total = objectAt(objectAt(payload, 'info') ?? {}, 'total_token_usage')
    if (total !== null) talk.about.usage = usageOf(total)
    return talk.ignore(`event_msg:${type}`)
  }

/** Totals of the session so far; what came from the cache is counted apart. */
function usageOf(total: JsonObject): Usage {
  const cached = countAt(total, 'cached_input_tokens')
  return {
    inputTokens: Math.max(0, countAt(total, 'input_tokens') - cached),
    outputTokens: countAt(total, 'output_tokens'),
    cacheReadTokens: cached,
    cacheWriteTokens: 0,
  }
}

const onCompacted =
  (talk: Conversation): Handler =>
  ({ payload, origin }) => {
    const before = talk.settleAll()
    const summary = textAt(payload, 'message') ?? textAt(payload, 'summary') ?? ''
    const compaction: NoteEntry = { kind: 'note', origin, note: 'compaction', text: 'Conversation compacted' }
    if (summary.trim() === '') return [...before, ...talk.give(compaction)]
    const text = cutMiddle(summary, kept.proseBytesMax)
    const note: NoteEntry = { kind: 'note', origin: { ...origin, part: 1 }, note: 'compact-summary', text }
    return [...before, ...talk.give(compaction, note)]
  }

const onContext =
  (talk: Conversation): Handler =>
  ({ payload }) => {
    talk.about.cwd = nameAt(payload, 'cwd') ?? talk.about.cwd
    talk.about.model = nameAt(payload, 'model') ?? talk.about.model
    return talk.ignore('turn_context')
  }

const onMeta =
  (talk: Conversation, fileId: string | null): Handler =>
  ({ payload, origin }) =>
    talk.ignore(noteMeta(talk, payload, fileId, origin.at) === 'first' ? 'session_meta' : 'session_meta:fork')

/** What a session says of itself: the first such record names it, a later one tells of a fork. */
export function noteMeta(
  { about }: Conversation,
  payload: JsonObject,
  fileId: string | null,
  at: string | null,
): 'first' | 'fork' {
  const isFirst = about.facts.sessionId === null
  about.facts = {
    ...about.facts,
    continues: about.facts.continues ?? forkOf(payload, isFirst ? null : about.facts.sessionId),
  }
  if (!isFirst) return 'fork'
  about.cwd = nameAt(payload, 'cwd') ?? about.cwd
  about.parent = parentOf(payload)
  const said = {
    sessionId: nameAt(payload, 'id') ?? fileId,
    version: nameAt(payload, 'cli_version'),
    branch: nameAt(objectAt(payload, 'git') ?? {}, 'branch'),
    cwd: about.cwd,
    at: nameAt(payload, 'timestamp') ?? at,
  }
  about.facts = withRecord(about.facts, said, false)
  return 'first'
}

/** The session this one was forked from: named, or told by a second head with another id. */
function forkOf(meta: JsonObject, ownId: string | null): string | null {
  const named = nameAt(meta, 'forked_from_id') ?? nameAt(meta, 'forked_from')
  const id = nameAt(meta, 'id')
  return named ?? (ownId === null || id === ownId ? null : id)
}

/** The thread that started this one, of the form `source: {subagent: {thread_spawn: {parent_thread_id}}}`. */
function parentOf(meta: JsonObject): string | null {
  const subagent = objectAt(objectAt(meta, 'source') ?? {}, 'subagent')
  return nameAt(objectAt(subagent ?? {}, 'thread_spawn') ?? {}, 'parent_thread_id')
}

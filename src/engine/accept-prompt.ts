import { limits } from '../model/limits.ts'
import { isBlank } from '../model/text.ts'
import type { ArrivedPrompt } from '../protocol/record-rows.ts'
import { nextChangeSeq, receiveHlc } from '../store/change-clock.ts'
import { insertPrompt, promptByInbox, promptBySyncId, updatePrompt } from '../store/prompts.ts'
import { findTombstone } from '../store/tombstones.ts'
import type { WriteTx } from '../store/transaction.ts'
import {
  accepted,
  badRecord,
  ensureSession,
  filedUnder,
  timeOr,
  told,
  type AcceptDeps,
  type Accepted,
  type AcceptOptions,
} from './arrival.ts'
import { createCleaner } from './cleaner.ts'
import { legacyHlc, legacyOrigin } from './rules/merge.ts'

/** Takes in a prompt. Prompts never change (MEM-506), and a deleted one does not come back (MEM-507). */
export function acceptPrompt(tx: WriteTx, deps: AcceptDeps, record: ArrivedPrompt, _options: AcceptOptions): Accepted {
  const syncId = record.sync_id
  if (syncId === undefined) throw badRecord('Expected a sync id.', 'sync_id')
  if (findTombstone(tx, 'prompt', syncId) !== undefined) return accepted('buried')
  if (promptBySyncId(tx, syncId) !== undefined) return accepted('unchanged')
  const nowMs = deps.clock.nowMs()
  const cleaner = createCleaner(deps)
  const content = cleaner.text(record.content, limits.promptBytesMax)
  if (isBlank(content)) throw badRecord('Expected content, got only white space.', 'content')
  if (record.ext?.hlc !== undefined) receiveHlc(tx, record.ext.hlc, nowMs)
  const createdAt = timeOr(record.created_at, '1970-01-01 00:00:00')
  const project = filedUnder(tx, cleaner.name(record.project), nowMs)
  const sessionId = cleaner.name(record.session_id)
  ensureSession(tx, sessionId, project, nowMs)
  insertPrompt(tx, {
    sync_id: syncId,
    session_id: sessionId,
    content,
    project: project === '' ? null : project,
    source_inbox_id: takeInboxId(tx, sessionId, cleaner.name(record.source_inbox_id), syncId),
    author: cleaner.name(record.ext?.author) ?? null,
    created_at: createdAt,
    hlc: record.ext?.hlc ?? legacyHlc(createdAt),
    origin: record.ext?.hlc === undefined ? legacyOrigin : (record.ext.origin ?? legacyOrigin),
    change_seq: nextChangeSeq(tx),
  })
  return accepted('inserted', told(cleaner))
}

/** An inbox id belongs to one prompt of a session: to the one whose name is the lesser, whichever came first. */
function takeInboxId(tx: WriteTx, sessionId: string, inboxId: string | undefined, syncId: string): string | null {
  if (inboxId === undefined) return null
  const holder = promptByInbox(tx, sessionId, inboxId)
  if (holder === undefined) return inboxId
  if (holder.sync_id < syncId) return null
  updatePrompt(tx, { ...holder, source_inbox_id: null, change_seq: nextChangeSeq(tx) })
  return inboxId
}

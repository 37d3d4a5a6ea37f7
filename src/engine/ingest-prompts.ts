import type { Parsed } from '../api/operations.ts'
import { isBlank } from '../model/text.ts'
import { normaliseTime, parseTime } from '../model/times.ts'
import { sha256Hex } from '../platform/bytes.ts'
import { stampChange } from '../store/change-clock.ts'
import { insertPrompt, promptByInbox } from '../store/prompts.ts'
import type { SessionRow } from '../store/rows.ts'
import { findTombstone } from '../store/tombstones.ts'
import type { ReadTx, WriteTx } from '../store/transaction.ts'
import type { EngineDeps } from './handler.ts'
import type { IngestCleaner } from './ingest-text.ts'

/** A prompt keeps this much here; the archive has all of it (ING-SES-2). */
const promptCharsMax = 2_000

/** The session what is ingested belongs to, and the project it is filed under. */
export type Filed = { readonly session: SessionRow; readonly project: string | null }

/**
 * Each human turn once: not when its inbox id is known, not when a hook stored the same text in the session, not when
 * somebody deleted it. Answers how many are new.
 */
export function ingestPrompts(
  tx: WriteTx,
  deps: EngineDeps,
  input: Pick<Parsed<'ingest.commit'>, 'prompts' | 'source'>,
  { session, project }: Filed,
  cleaner: IngestCleaner,
): number {
  const fromHooks = input.prompts.length === 0 ? new Set() : textsFromHooks(tx, session.id, input.source.agent)
  let saved = 0
  for (const prompt of input.prompts) {
    const syncId = promptIdOf(session.id, prompt.source_inbox_id)
    if (promptByInbox(tx, session.id, prompt.source_inbox_id) !== undefined) continue
    if (findTombstone(tx, 'prompt', syncId) !== undefined) continue
    const cleaned = cleaner.clean(prompt.content)
    const content = firstCharacters(cleaned.text)
    if (isBlank(content) || fromHooks.has(comparable(content))) continue
    cleaner.keep(cleaned)
    const stamp = stampChange(tx, deps.clock.nowMs())
    insertPrompt(tx, {
      sync_id: syncId,
      session_id: session.id,
      content,
      project,
      source_inbox_id: prompt.source_inbox_id,
      author: 'user',
      created_at: parseTime(prompt.created_at) === null ? stamp.at : normaliseTime(prompt.created_at),
      hlc: stamp.hlc,
      origin: stamp.origin,
      change_seq: stamp.changeSeq,
    })
    saved++
  }
  return saved
}

/** The same on every machine, so that two which read one transcript hold one prompt. */
const promptIdOf = (sessionId: string, inboxId: string): string =>
  `prompt-${sha256Hex(`ingest/1\n${sessionId}\n${inboxId}`).slice(0, 16)}`

const firstCharacters = (text: string): string =>
  text.length <= promptCharsMax
    ? text
    : Array.from(text.slice(0, 2 * promptCharsMax))
        .slice(0, promptCharsMax)
        .join('')

const comparable = (text: string): string => firstCharacters(text).replace(/\s+/g, ' ').trim()

/** Hooks name their prompts themselves, or not at all; ours begin with the agent. */
function textsFromHooks(tx: ReadTx, sessionId: string, agent: string): ReadonlySet<string> {
  const rows = tx.all<{ content: string }>(
    `SELECT content FROM prompts
     WHERE session_id = ?1 AND (source_inbox_id IS NULL OR substr(source_inbox_id, 1, length(?2)) <> ?2)
     ORDER BY id DESC LIMIT 5000`,
    sessionId,
    `${agent}:`,
  )
  return new Set(rows.map((row) => comparable(row.content)))
}

import type { SavedPrompt } from '../api/prompts.ts'
import type { Parsed } from '../api/operations.ts'
import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import type { Redacted } from '../model/records.ts'
import { cutUtf8, isBlank } from '../model/text.ts'
import { formatTime } from '../model/times.ts'
import { stampChange } from '../store/change-clock.ts'
import { countToday } from '../store/columns.ts'
import { insertPrompt, promptById, promptByInbox, promptBySyncId } from '../store/prompts.ts'
import { fileUnder } from '../store/projects.ts'
import type { PromptRow, SessionRow } from '../store/rows.ts'
import type { ReadTx, WriteTx } from '../store/transaction.ts'
import { createTextCleaner } from './clean-texts.ts'
import type { EngineDeps, Handlers } from './handler.ts'
import { localNumber } from './lookup-observation.ts'
import { keptDirectory, placeOfRead, placeOfWrite, type Place } from './places.ts'
import { toPrompt } from './present.ts'
import { cutText, type Cut } from './rules/cut.ts'
import { sessionOfWrite } from './session-of-write.ts'
import { checkSessionId, deletePromptRow } from './sessions.ts'
import { sharedPrompt } from './shared-saves.ts'

const listDefault = 20

export const promptHandlers: Handlers<'prompt.save' | 'prompt.list' | 'prompt.delete'> = {
  'prompt.save': async (deps, input, context) => {
    const prepared = preparePrompt(deps, input)
    const place = await placeOfWrite(deps, { ...input, session_id: sessionIdOf(input) })
    return deps.store.write((tx) => savePrompt(tx, deps, input, { ...prepared, place }), {
      ...context,
      shared: () => sharedPrompt(deps.redactor, input, place),
    })
  },
  'prompt.list': async (deps, input) => {
    const place = await placeOfRead(deps, input)
    const rows = deps.store.read((tx) =>
      tx.all<PromptRow>(
        `SELECT * FROM prompts WHERE (?1 IS NULL OR project = ?1) AND (?2 IS NULL OR session_id = ?2)
         ORDER BY created_at DESC, hlc DESC, id DESC LIMIT ?3`,
        place.project,
        input.session_id || null,
        input.limit ?? listDefault,
      ),
    )
    return rows.map(toPrompt)
  },
  'prompt.delete': (deps, input, context) =>
    deps.store.write((tx) => {
      const row = requirePrompt(tx, input.id)
      deletePromptRow(tx, deps, row)
      return { id: row.id, sync_id: row.sync_id }
    }, context),
}

type PreparedPrompt = { readonly content: Cut; readonly author: string | null; readonly redacted: Redacted }

/** What may be written of a prompt; the first steps of a save (MEM-311). */
function preparePrompt(deps: Pick<EngineDeps, 'redactor'>, input: Parsed<'prompt.save'>): PreparedPrompt {
  if (!isBlank(input.session_id)) checkSessionId(input.session_id ?? '')
  const cleaner = createTextCleaner(deps.redactor)
  const content = cutText(cleaner.clean(input.content), limits.promptBytesMax)
  if (isBlank(content.text)) {
    throw new EngramError('invalid_request', 'Expected content, got only white space.', {
      details: { field: 'content' },
    })
  }
  const author = cutUtf8(cleaner.clean(input.author ?? '').trim(), limits.authorBytesMax)
  return { content, author: author === '' ? null : author, redacted: cleaner.redacted() }
}

type PlacedPrompt = PreparedPrompt & { readonly place: Place }

const sessionIdOf = (input: Parsed<'prompt.save'>): string | undefined =>
  isBlank(input.session_id) ? undefined : input.session_id

/** A whole prompt in the transaction of somebody else. */
export const savePromptAt = (tx: WriteTx, deps: EngineDeps, input: Parsed<'prompt.save'>, place: Place): SavedPrompt =>
  savePrompt(tx, deps, input, { ...preparePrompt(deps, input), place })

/** `source_inbox_id` is unique per session: the second arrival of one prompt answers the first (MEM-311). */
function savePrompt(tx: WriteTx, deps: EngineDeps, input: Parsed<'prompt.save'>, made: PlacedPrompt): SavedPrompt {
  const nowMs = deps.clock.nowMs()
  const at = formatTime(nowMs)
  const project = made.place.project === null ? null : fileUnder(tx, made.place.project, at)
  const session = sessionOfWrite(
    tx,
    {
      sessionId: sessionIdOf(input),
      project,
      directory: keptDirectory(deps, input.directory),
      agent: null,
      agentPid: input.agent_pid,
      strict: false,
    },
    nowMs,
    deps.settings,
  )
  const inboxId = input.source_inbox_id || null
  const known = inboxId === null ? undefined : promptByInbox(tx, session.row.id, inboxId)
  const row = known ?? newPrompt(tx, deps, { ...made, project, session: session.row, inboxId })
  if (known === undefined) countToday(tx, 'redactions', at, made.redacted.count)
  return {
    id: row.id,
    sync_id: row.sync_id,
    status: known === undefined ? 'saved' : 'repeated',
    session_id: row.session_id,
    project: row.project ?? '',
    ...(made.content.truncation === undefined ? {} : { truncation: made.content.truncation }),
    redacted: made.redacted,
    warnings: [...made.place.warnings, ...session.warnings],
  }
}

function newPrompt(
  tx: WriteTx,
  deps: EngineDeps,
  made: PreparedPrompt & {
    readonly project: string | null
    readonly session: SessionRow
    readonly inboxId: string | null
  },
): PromptRow {
  const stamp = stampChange(tx, deps.clock.nowMs())
  return insertPrompt(tx, {
    sync_id: deps.ids.record('prompt'),
    session_id: made.session.id,
    content: made.content.text,
    project: made.project,
    source_inbox_id: made.inboxId,
    author: made.author,
    created_at: stamp.at,
    hlc: stamp.hlc,
    origin: stamp.origin,
    change_seq: stamp.changeSeq,
  })
}

/** The prompt a reference names: a local number, digits, `#41`, or a sync id (MEM-1205). */
export function findPrompt(tx: ReadTx, reference: number | string): PromptRow | undefined {
  const bySyncId = typeof reference === 'string' ? promptBySyncId(tx, reference) : undefined
  const number = localNumber(reference)
  return bySyncId ?? (number === null ? undefined : promptById(tx, number))
}

function requirePrompt(tx: ReadTx, reference: number | string): PromptRow {
  const row = findPrompt(tx, reference)
  if (row !== undefined) return row
  throw new EngramError('not_found', `Unknown prompt ${JSON.stringify(reference)}.`, { details: { id: reference } })
}

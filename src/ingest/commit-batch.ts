import type { IngestCommitted } from '../api/ingest.ts'
import type { Input } from '../api/operations.ts'
import { archiveBatch, keepCompactSummary, noteSession } from './archive.ts'
import type { Archived } from './archive.ts'
import { candidateInput } from './candidate-input.ts'
import type { Cursor } from './cursor.ts'
import { digestOf, entriesOf } from './digest.ts'
import type { TranscriptFile } from './discover.ts'
import type { Archive, IngestDoors } from './doors.ts'
import type { Entry } from './entries.ts'
import { presentRules } from './extract/extract.ts'
import type { Rules } from './extract/extract.ts'
import type { OpenedFile, ReadBatch } from './file-reader.ts'
import { fingerprint } from './fingerprint.ts'
import { messageIdOf } from './identity.ts'
import { knowledgeOf, poolOf, withContents } from './knowledge.ts'
import type { Knowledge } from './knowledge.ts'
import { rowOf } from './manifest-row.ts'
import { messagesOf } from './messages.ts'
import { isFolder } from './project.ts'
import type { Reader } from './readers/reader.ts'
import { idleMs, modifiedMs } from './select.ts'
import { summarise } from './summary.ts'

/** What a file is filed as, decided with its first batch. */
export type FiledAs = {
  readonly sessionId: string
  readonly key: string
  readonly project: string
  /** The program's own doing: nothing of it becomes memory (ING-DIS-4). */
  readonly isOwn: boolean
  /** Null where nothing is to be archived, or a person removed the conversation. */
  readonly archive: Archive | null
  /** Its transcript was there before the file was opened. */
  readonly isKnown: boolean
}

export type CommitOptions = {
  readonly dryRun: boolean
  readonly knowledge: boolean
  /** Milliseconds from now; null for none. */
  readonly ttlMs: number | null
  readonly nowMs: number
}

export type BatchResult = {
  readonly cursor: Cursor
  readonly archived: Archived
  readonly prompts: number
  readonly knowledge: Knowledge
  /** Null in a dry run. */
  readonly committed: IngestCommitted | null
}

type Job = {
  readonly doors: IngestDoors
  readonly file: TranscriptFile
  readonly reader: Reader
  readonly opened: OpenedFile
  readonly batch: ReadBatch
  readonly filed: FiledAs
  readonly options: CommitOptions
}

/**
 * One batch: archive, rules, then everything of memory in one transaction (ING-CRS-1). The archive is on the disk before
 * that; what a power cut takes of memory is read again.
 */
export async function commitBatch(job: Job): Promise<BatchResult> {
  const { doors, batch, filed, options } = job
  const { decoded } = batch
  const cursor = await withContents(doors.caller, batch.cursor)
  const isSidechain = decoded.head.agentId !== null
  const knowledge = filed.isOwn
    ? nothingKnown
    : knowledgeOf({ ...namesOf(job), rules: rulesOf(job), isSidechain, cursor, batch: decoded })
  const archived = await archive(job, cursor)
  const read = nextCursor(job, cursor, knowledge, archived)
  const isSettled = batch.lines.isAtEnd && options.knowledge
  const next: Cursor = isSettled ? { ...read, former: [] } : read
  const prompts = filed.isOwn || isSidechain ? [] : promptsOf(job.file.agent, decoded.fresh)
  if (options.dryRun) return { cursor: next, archived, prompts: prompts.length, knowledge, committed: null }
  const found = options.knowledge ? knowledge.found : []
  const commit: Input<'ingest.commit'> = {
    source: rowOf({
      file: job.file,
      facts: job.opened.facts,
      sessionId: filed.sessionId,
      key: filed.key,
      project: filed.project,
      cursor: next,
      counts: decoded.counts,
      hashes: await fingerprint(job.opened.handle, next.offset),
      isAtEnd: batch.lines.isAtEnd,
      readerVersion: job.reader.version,
      extractorVersion: versionOfRules(job),
      lookedMs: options.nowMs,
    }),
    session: sessionOf(job, cursor),
    prompts,
    candidates: found.map((each) => candidateInput(each, { ...namesOf(job), ...options, rules: rulesOf(job) })),
    withdraw: options.knowledge ? [...knowledge.withdraw, ...(isSettled ? idsOf(read.former) : [])] : [],
    seen: [...batch.seen.own],
    redacted: archived.redacted,
  }
  const committed = await doors.caller.call('ingest.commit', commit, { durability: 'normal' })
  return { cursor: next, archived, prompts: committed.prompts_saved, knowledge, committed }
}

/** Of what an earlier reading gave and this one, now at its end, did not. */
const idsOf = (former: Cursor['former']): readonly string[] => former.map((each) => each.syncId)

const rulesOf = ({ doors }: Job): Rules => doors.rules ?? presentRules

const namesOf = ({ file, filed }: Job) => ({ agent: file.agent, sessionId: filed.sessionId, key: filed.key })

const nothingKnown: Knowledge = { found: [], withdraw: [], given: [], belowThreshold: 0, openFrom: null }

/** Rules of an earlier version have seen the rest of the file (ING-INC-6); 0 when none have. */
function versionOfRules(job: Job): number {
  const { opened, options } = job
  const { version } = rulesOf(job)
  if (opened.state !== 'grown') return options.knowledge ? version : 0
  return opened.row?.extractor_version ?? version
}

async function archive(job: Job, cursor: Cursor): Promise<Archived> {
  const { filed, file, batch, options } = job
  const { fresh, head } = batch.decoded
  const nothing: Archived = { appended: 0, position: cursor.archivePosition, redacted: 0, refused: 0, lastId: null }
  if (filed.isOwn) return nothing
  if (options.dryRun) return { ...nothing, appended: messagesOf(file.agent, fresh).filter(isKept).length }
  if (filed.archive === null) return nothing
  const idsAfter = looksThroughOf(job, cursor) === 'tail' ? cursor.archivePosition : 0
  const { agentId } = head
  const messages = { agent: file.agent, sessionId: filed.sessionId, agentId, entries: fresh, idsAfter }
  const done = fresh.length === 0 ? nothing : await archiveBatch(filed.archive, messages)
  await keepCompactSummary(filed.archive, filed.key, fresh)
  if (batch.lines.isAtEnd && (await filed.archive.exists(filed.key))) {
    await noteSession(filed.archive, filed.key, { head, sessionId: filed.sessionId, project: filed.project })
  }
  return done
}

/** Another file of the session may have given what this one is still to give. */
const looksThroughOf = ({ opened, filed }: Job, cursor: Cursor): Cursor['looksThrough'] =>
  opened.row === null && filed.isKnown ? 'always-all' : cursor.looksThrough

/** The store drops a thought alone. */
const isKept = ({ message }: ReturnType<typeof messagesOf>[number]): boolean =>
  message.content !== '' || message.tool_calls !== undefined

function nextCursor(job: Job, cursor: Cursor, knowledge: Knowledge, archived: Archived): Cursor {
  const { decoded, lines } = job.batch
  const restart = decoded.restart(knowledge.openFrom ?? lines.end.offset)
  const given = job.options.knowledge ? knowledge.given : cursor.given
  const ids = new Set(given.map((each) => each.syncId))
  const before = looksThroughOf(job, cursor)
  const looksThrough = before === 'all' && lines.isAtEnd ? 'tail' : before
  return {
    ...lines.end,
    extractOffset: restart.extractOffset,
    readOffset: restart.offset,
    readLine: restart.line,
    reader: restart.reader,
    flushes: restart.flushes,
    digest: digestBefore(restart.extractOffset, job, cursor),
    given,
    former: cursor.former.filter((each) => !ids.has(each.syncId)),
    archivePosition: looksThrough !== 'tail' ? 0 : archived.position,
    looksThrough,
    lastId: archived.lastId ?? cursor.lastId,
  }
}

/** The digest with what no later read will see again. */
function digestBefore(offset: number, job: Job, cursor: Cursor): Cursor['digest'] {
  const pool = mainOf(poolOf({ cursor, batch: job.batch.decoded }))
  const isGone = (entry: Entry): boolean => entry.origin.offset < offset
  const calls = new Set(pool.flatMap((entry) => (entry.kind === 'call' && isGone(entry) ? [entry.callId] : [])))
  // A result goes with its call; alone it would tell nothing.
  const gone = pool.filter((entry) => isGone(entry) || (entry.kind === 'result' && calls.has(entry.callId)))
  return gone.length === 0 ? cursor.digest : digestOf([...entriesOf(cursor.digest), ...gone])
}

const mainOf = (entries: readonly Entry[]): readonly Entry[] => entries.filter((entry) => !entry.origin.sidechain)

function promptsOf(agent: string, fresh: readonly Entry[]): Input<'ingest.commit'>['prompts'] {
  return fresh.flatMap((entry) =>
    entry.kind === 'human' && !entry.origin.sidechain
      ? [
          {
            source_inbox_id: messageIdOf(agent, entry.origin),
            content: entry.text,
            created_at: (entry.origin.at ?? '').slice(0, 64),
          },
        ]
      : [],
  )
}

/** Null while the file has said nothing of its own: others' summaries and repeated records make no session. */
function sessionOf(job: Job, cursor: Cursor): Input<'ingest.commit'>['session'] {
  const { decoded, lines } = job.batch
  const { human, assistant, call, result } = decoded.counts.entries
  if (job.filed.isOwn || human + assistant + call + result === 0) return null
  const { head } = decoded
  const session = {
    id: job.filed.sessionId,
    agent: job.file.agent,
    project: job.filed.project,
    directory: head.cwd !== null && isFolder(head.cwd) ? head.cwd : '',
    started_at: (head.startedAt ?? '').slice(0, 64),
  }
  if (head.agentId !== null || !lines.isAtEnd) return session
  const isIdle = job.options.nowMs - modifiedMs(job.opened.facts) >= idleMs
  const summary = summarise([...entriesOf(cursor.digest), ...mainOf(poolOf({ cursor, batch: decoded }))])
  return {
    ...session,
    ...(isIdle && head.endedAt === null ? {} : { ended_at: isIdle ? (head.endedAt ?? '').slice(0, 64) : null }),
    ...(summary === '' ? {} : { summary }),
  }
}

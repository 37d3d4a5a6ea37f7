import { EngramError } from '../model/errors.ts'
import type { BatchAppended, BatchItem, TranscriptMessage, TranscriptNotes } from '../transcript/store.ts'
import type { Archive } from './doors.ts'
import type { Entry, SessionHead } from './entries.ts'
import { sessionIdOf, transcriptKey } from './identity.ts'
import { messagesOf } from './messages.ts'
import { cutEnd } from './readers/cut.ts'

export type ArchiveJob = {
  readonly agent: string
  readonly sessionId: string
  /** Of the file itself; null in a main file, whose side chains have transcripts of their own (ING-CC-20). */
  readonly agentId: string | null
  /** What no batch gave before. */
  readonly entries: readonly Entry[]
  /** Messages after this position may be ours, left by a crash; 0 looks at all (ING-ARC-3). */
  readonly idsAfter: number
}

export type Archived = {
  readonly appended: number
  /** Of the last message of the file's own transcript. */
  readonly position: number
  readonly redacted: number
  /** Messages that could not be kept as they are. */
  readonly refused: number
  readonly lastId: string | null
}

/** Appends what a batch gave to the transcripts it belongs to, each message once whatever happened before. */
export async function archiveBatch(archive: Archive, job: ArchiveJob): Promise<Archived> {
  let total: Archived = { appended: 0, position: job.idsAfter, redacted: 0, refused: 0, lastId: null }
  for (const [agentId, entries] of byTranscript(job)) {
    const isOwn = agentId === job.agentId
    const key = transcriptKey(job.agent, job.sessionId, agentId)
    const items = messagesOf(job.agent, entries)
    const done = await append(archive, key, items, isOwn ? job.idsAfter : 0)
    total = {
      appended: total.appended + done.appended,
      position: isOwn ? done.position : total.position,
      redacted: total.redacted + done.redacted,
      refused: total.refused + done.refused,
      lastId: isOwn && done.position > 0 ? (items.at(-1)?.messageId ?? null) : total.lastId,
    }
  }
  return total
}

/** Side chains inside a main file that bear no name are one. */
export const unnamedChain = 'sidechain'

function byTranscript(job: ArchiveJob): ReadonlyMap<string | null, readonly Entry[]> {
  const found = new Map<string | null, Entry[]>()
  for (const entry of job.entries) {
    const { sidechain, agentId } = entry.origin
    const chain = sidechain && job.agentId === null ? (agentId ?? unnamedChain) : job.agentId
    const entries = found.get(chain)
    if (entries === undefined) found.set(chain, [entry])
    else entries.push(entry)
  }
  return found
}

type Done = Pick<BatchAppended, 'appended' | 'position' | 'redacted'> & { readonly refused: number }

async function append(archive: Archive, key: string, items: readonly BatchItem[], idsAfter: number): Promise<Done> {
  try {
    return { ...(await archive.appendBatch(key, items, { idsAfter, durability: 'full' })), refused: 0 }
  } catch (error) {
    if (!isRefusal(error)) throw error
    return appendSingly(archive, key, items, idsAfter)
  }
}

const isRefusal = (error: unknown): boolean =>
  error instanceof EngramError && (error.code === 'payload_too_large' || error.code === 'invalid_request')

/** One message the store refuses is set aside alone, and its place is marked. */
async function appendSingly(
  archive: Archive,
  key: string,
  items: readonly BatchItem[],
  idsAfter: number,
): Promise<Done> {
  let done: Done = { appended: 0, position: idsAfter, redacted: 0, refused: 0 }
  for (const item of items) {
    const one = await appendOne(archive, key, item, idsAfter)
    done = {
      appended: done.appended + one.appended,
      position: one.position,
      redacted: done.redacted + one.redacted,
      refused: done.refused + one.refused,
    }
  }
  return done
}

async function appendOne(archive: Archive, key: string, item: BatchItem, idsAfter: number): Promise<Done> {
  const options = { idsAfter, durability: 'full' } as const
  try {
    return { ...(await archive.appendBatch(key, [item], options)), refused: 0 }
  } catch (error) {
    if (!isRefusal(error)) throw error
    const message: TranscriptMessage = {
      role: 'system',
      content: `[message of ${JSON.stringify(item.message).length} characters left out]`,
    }
    return { ...(await archive.appendBatch(key, [{ ...item, message }], options)), refused: 1 }
  }
}

/** What the archive tells of a session beside its messages (ING-ARC-1); written only when it says something else. */
export async function noteSession(
  archive: Archive,
  key: string,
  about: { readonly head: SessionHead; readonly sessionId: string; readonly project: string },
): Promise<void> {
  const { head, sessionId, project } = about
  const known = await archive.notes(key)
  const earlier = head.continues === null ? null : sessionIdOf({ sessionId: head.continues })
  const continues = earlier === null ? null : transcriptKey(head.agent, earlier, null)
  const scope = {
    ...known.scope,
    agent: head.agent,
    ...(head.version === null ? {} : { version: head.version.slice(0, 64) }),
    ...(head.branch === null ? {} : { branch: head.branch.slice(0, 256) }),
    ...(continues === null ? {} : { continues }),
  }
  const notes: TranscriptNotes = {
    ...(head.title === null ? {} : { title: head.title }),
    project,
    session_id: sessionId,
    scope,
  }
  const told = (from: TranscriptNotes): string => JSON.stringify([from.project, from.session_id, from.scope])
  const isNoted = told(known) === told(notes) && (notes.title ?? known.title) === known.title
  if (!isNoted) await archive.setNotes(key, notes)
}

const summaryBytesMax = 512 * 1024

/** The agent's own summary of what it compacted becomes the transcript's (ING-CC-21). */
export async function keepCompactSummary(archive: Archive, key: string, entries: readonly Entry[]): Promise<void> {
  const last = entries.findLast((entry) => entry.kind === 'note' && entry.note === 'compact-summary')
  if (last?.kind === 'note') await archive.setSummary(key, cutEnd(last.text, summaryBytesMax))
}

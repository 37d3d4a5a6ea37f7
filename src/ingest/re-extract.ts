import type { IngestSource } from '../api/ingest.ts'
import { archivedEntries } from './archived-entries.ts'
import type { ArchivedIn } from './archived-entries.ts'
import { createArchivedTurns } from './archived-turns.ts'
import type { ArchivedTurns } from './archived-turns.ts'
import { cursorOf, startCursor } from './cursor.ts'
import type { Given } from './cursor.ts'
import type { Conversations } from './doors.ts'
import type { Entry } from './entries.ts'
import type { Rules } from './extract/extract.ts'
import { overlaps, wordSet } from './extract/overlap.ts'
import { knowledgeOf } from './knowledge.ts'
import type { Found } from './knowledge.ts'

/** One transcript of the archive, and what memory has of it. */
export type ArchivedTranscript = {
  /** As the manifest has it, with the state of its reader. */
  readonly row: IngestSource
  /** A sub-agent's own file. */
  readonly isSidechain: boolean
  /** Side chains written into the main file: their own transcripts, and the name the reader knows them by. */
  readonly chains: readonly { readonly key: string; readonly agentId: string | null }[]
  readonly about: Pick<ArchivedIn, 'reader' | 'cwd' | 'isMixed'>
}

export type ReExtracted = {
  readonly found: readonly Found[]
  /** What earlier rules gave and these do not, though the record it stood on was read again. */
  readonly withdraw: readonly string[]
  /** What earlier rules gave and these do not, whether it goes or not. */
  readonly missed: readonly Given[]
  /** For the next reading of the file. */
  readonly given: readonly Given[]
  readonly belowThreshold: number
  readonly counts: Readonly<Record<Entry['kind'], number>>
  /** Time of the first record, as it stands there. */
  readonly startedAt: string | null
}

/** Messages in memory at once; the rules look back over no more lines than that (ING-INC-3). */
const pageMessages = 500

/**
 * What these rules find in an archived conversation, read from its start as a file is: in pieces, each with what was still
 * open before it (ING-INC-6).
 */
export async function reExtract(
  archive: Pick<Conversations, 'readHistory'>,
  transcript: ArchivedTranscript,
  rules: Rules,
): Promise<ReExtracted> {
  const { row, about, isSidechain } = transcript
  const turns = createArchivedTurns()
  const counts = { human: 0, assistant: 0, thinking: 0, call: 0, result: 0, note: 0 }
  const names = { agent: row.agent, sessionId: row.session_id, rules, isSidechain }
  const found = new Map<string, Found>()
  let given: readonly Given[] = []
  let belowThreshold = 0
  let startedAt: string | null = null
  const feed = (entries: readonly Entry[], fresh: readonly Entry[], extractOffset: number): number | null => {
    turns.add(fresh)
    for (const { kind } of fresh) counts[kind]++
    startedAt ??= fresh[0]?.origin.at ?? null
    const cursor = { ...startCursor, given, extractOffset }
    const knowledge = knowledgeOf({ ...names, cursor, batch: { entries, fresh, abandoned: turns } })
    for (const each of knowledge.found) found.set(each.syncId, each)
    for (const syncId of knowledge.withdraw) found.delete(syncId)
    given = knowledge.given
    belowThreshold += knowledge.belowThreshold
    return knowledge.openFrom
  }
  let open: readonly Entry[] = []
  let from = 0
  for await (const entries of pagesOf(archive, row.transcript_key, { ...about, chain: null })) {
    const all = [...open, ...entries]
    from = feed(all, entries, from) ?? lineAfter(all)
    open = all.filter((entry) => entry.origin.offset >= from)
  }
  for (const { key, agentId } of transcript.chains) {
    const chain: Entry[] = []
    for await (const entries of pagesOf(archive, key, { ...about, chain: { agentId } })) chain.push(...entries)
    feed(chain, chain, Infinity)
  }
  return { found: [...found.values()], ...comparedWith(transcript, given, turns), belowThreshold, counts, startedAt }
}

async function* pagesOf(archive: Pick<Conversations, 'readHistory'>, key: string, about: ArchivedIn) {
  for (let after: number | null = 0; after !== null;) {
    const page: Awaited<ReturnType<Conversations['readHistory']>> = await archive.readHistory(key, {
      after,
      limit: pageMessages,
    })
    yield archivedEntries(page.messages, about)
    after = page.next
  }
}

const lineAfter = (entries: readonly Entry[]): number =>
  entries.reduce((last, { origin }) => Math.max(last, origin.offset), 0) + 1

type Compared = Pick<ReExtracted, 'withdraw' | 'missed' | 'given'>

/**
 * Beside what earlier rules gave. What the archive cannot tell any more proves nothing: messages somebody truncated, and
 * answers that an agent gave as a table only (X-ASK).
 */
function comparedWith(transcript: ArchivedTranscript, now: readonly Given[], turns: ArchivedTurns): Compared {
  const cursor = cursorOf(transcript.row)
  const before = cursor === null ? [] : [...cursor.given, ...cursor.former]
  const ids = new Set(now.map((each) => each.syncId))
  const missed = before.filter((each) => !ids.has(each.syncId))
  const goes = (each: Given): boolean => turns.holds(each.anchor) && each.rule !== 'X-ASK'
  return {
    withdraw: missed.filter(goes).map((each) => each.syncId),
    missed,
    given: [...placedInFile(transcript, now), ...missed.filter((each) => !goes(each))],
  }
}

/**
 * As a later reading of the file must know it: by bytes. They are known of what was given before; else only whether it
 * stands before the window that reading begins with. What cannot be told stands before it and is left alone.
 */
function placedInFile({ row, about }: ArchivedTranscript, now: readonly Given[]): readonly Given[] {
  const cursor = cursorOf(row)
  if (cursor === null) return now
  const before = new Map([...cursor.given, ...cursor.former].map((each) => [each.syncId, each]))
  const isKnown = cursor.readOffset === cursor.extractOffset && !about.isMixed
  return now.flatMap((each) => {
    const offset = before.get(each.syncId)?.offset
    if (offset !== undefined) return [{ ...each, offset }]
    // One of several files of a transcript: which of them gave it is not told.
    if (about.isMixed) return []
    return [{ ...each, offset: isKnown && each.offset > cursor.readLine ? cursor.extractOffset : 0 }]
  })
}

/**
 * Of what earlier rules gave, that which tells the same as a new find under another name: at the same record, or in the
 * same words. Where somebody made it their own, the new find is no news.
 *
 * @param missed with the words memory has for them now
 */
export function toldBefore({ candidate }: Found, missed: readonly Given[]): readonly string[] {
  const words = wordSet(candidate.content)
  return missed
    .filter(
      (each) =>
        each.anchor === candidate.anchorUuid ||
        overlaps(wordSet(each.content ?? ''), words, each.rule === candidate.rule),
    )
    .map((each) => each.syncId)
}

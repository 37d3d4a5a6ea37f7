import type { IngestFileReport } from '../api/ingest.ts'
import { commitBatch } from './commit-batch.ts'
import type { BatchResult, CommitOptions, FiledAs } from './commit-batch.ts'
import type { TranscriptFile } from './discover.ts'
import type { IngestDoors } from './doors.ts'
import type { ReadCounts } from './entries.ts'
import type { Candidate } from './extract/candidate.ts'
import { nextBatch, openTranscript } from './file-reader.ts'
import type { OpenedFile, ReadBatch } from './file-reader.ts'
import { sessionIdOf, transcriptKey } from './identity.ts'
import type { Projects } from './project.ts'
import type { Reader } from './readers/reader.ts'

export type FollowOptions = CommitOptions & {
  readonly force: boolean
  readonly archive: boolean
  /** Only sessions of this project; null for all. */
  readonly project: string | null
  /** Asked after each batch: a run that is to end does so there (ING-CRS-2). */
  readonly isStopped: () => boolean
}

export type Followed = {
  readonly report: IngestFileReport
  readonly isSidechain: boolean
  /** The file is read to its end. */
  readonly isDone: boolean
  readonly session: 'created' | 'completed' | 'unchanged' | 'none'
  readonly badLines: number
  readonly saved: number
  readonly repeated: number
  readonly suppressed: number
  readonly belowThreshold: number
  readonly withdrawn: number
  readonly redacted: number
  readonly refused: number
  readonly isOwn: boolean
}

/** Reads one file from where it was left to its end. Null when it belongs to another project than is asked for. */
export async function followFile(
  doors: IngestDoors,
  projects: Projects,
  file: TranscriptFile,
  reader: Reader,
  options: FollowOptions,
): Promise<Followed | null> {
  const opened = await openTranscript(doors, file, reader, options)
  try {
    const results: Step[] = []
    let filed: FiledAs | null = null
    let cursor = opened.cursor
    for (;;) {
      const batch = await nextBatch(doors, file, reader, opened, cursor)
      filed ??= await fileAs(doors, projects, file, opened, batch, options)
      if (options.project !== null && filed.project !== options.project) return null
      const result = await commitBatch({ doors, file, reader, opened, batch, filed, options })
      results.push({ result, ...figuresOf(batch) })
      cursor = result.cursor
      if (batch.lines.isAtEnd || options.isStopped()) break
    }
    return summed(file, opened, filed, results)
  } finally {
    await opened.handle.close()
  }
}

async function fileAs(
  doors: IngestDoors,
  projects: Projects,
  file: TranscriptFile,
  opened: OpenedFile,
  batch: ReadBatch,
  options: FollowOptions,
): Promise<FiledAs> {
  const { head } = batch.decoded
  const sessionId = sessionIdOf(head)
  const key = transcriptKey(file.agent, sessionId, head.agentId)
  const isOwn = isInside(head.cwd, doors.dataDir)
  const project = await projects.of(sessionId, head.cwd)
  const wantsArchive = options.archive && !options.dryRun && !isOwn
  const archive = wantsArchive ? await doors.transcripts.open() : null
  // There was a conversation and somebody removed it: it must not come back by itself.
  const isKnown = archive !== null && (await archive.exists(key))
  const isRemoved = !isKnown && (opened.row?.last_id ?? '') !== ''
  return { sessionId, key, project, isOwn, archive: isRemoved ? null : archive, isKnown }
}

const isInside = (cwd: string | null, directory: string): boolean =>
  cwd !== null && (cwd === directory || cwd.startsWith(`${directory}/`))

type Figures = {
  readonly records: number
  readonly badLines: number
  readonly bytes: number
  readonly counts: ReadCounts
  readonly isSidechain: boolean
  readonly isAtEnd: boolean
}

type Step = Figures & { readonly result: BatchResult }

function figuresOf({ decoded, lines, cursor }: ReadBatch): Figures {
  return {
    records: decoded.counts.records - decoded.countsBefore.records,
    badLines: decoded.counts.badLines - decoded.countsBefore.badLines,
    bytes: lines.end.offset - cursor.offset,
    counts: decoded.counts,
    isSidechain: decoded.head.agentId !== null,
    isAtEnd: lines.isAtEnd,
  }
}

function summed(file: TranscriptFile, opened: OpenedFile, filed: FiledAs, steps: readonly Step[]): Followed {
  const total = (of: (step: Step) => number): number => steps.reduce((sum, step) => sum + of(step), 0)
  const last = steps.at(-1)
  const outcomes = outcomesOf(opened, steps)
  const count = (outcome: string): number => [...outcomes.values()].filter((each) => each === outcome).length
  const sessions = steps.map(({ result }) => result.committed?.session ?? 'none')
  return {
    report: {
      agent: file.agent,
      path: file.path,
      key: filed.key,
      project: last?.result.committed?.project || filed.project,
      state: opened.state,
      ...(opened.reason === null ? {} : { reason: opened.reason }),
      new_bytes: total((step) => step.bytes),
      waiting_bytes: opened.facts.size - (last?.result.cursor.offset ?? 0),
      records: total((step) => step.records),
      records_total: last?.counts.records ?? 0,
      entries: { ...last?.counts.entries },
      counts: last === undefined ? {} : placesOf(last.counts),
      archived: total(({ result }) => result.archived.appended),
      prompts: total(({ result }) => result.prompts),
      candidates: shownOf(steps),
    },
    isSidechain: last?.isSidechain ?? false,
    isDone: last?.isAtEnd ?? false,
    session: sessions.find((each) => each === 'created') ?? sessions.find((each) => each === 'completed') ?? 'none',
    badLines: total((step) => step.badLines),
    saved: count('saved'),
    repeated: count('repeated'),
    suppressed: count('suppressed'),
    belowThreshold: total(({ result }) => result.knowledge.belowThreshold),
    withdrawn: total(({ result }) => result.committed?.withdrawn ?? 0),
    redacted: total(({ result }) => result.archived.redacted + (result.committed?.redacted ?? 0)),
    refused: total(({ result }) => result.archived.refused),
    isOwn: filed.isOwn,
  }
}

/** Each observation once, however often a window found it again; what an earlier run told is not told again. */
function outcomesOf(opened: OpenedFile, steps: readonly Step[]): ReadonlyMap<string, string> {
  const told = new Set([...opened.cursor.given, ...opened.cursor.former].map((each) => each.syncId))
  const outcomes = new Map<string, string>()
  for (const { result } of steps) {
    for (const { sync_id, outcome } of result.committed?.candidates ?? []) {
      const isNews = outcome === 'saved' || (!told.has(sync_id) && !outcomes.has(sync_id))
      if (isNews) outcomes.set(sync_id, outcome)
    }
  }
  return outcomes
}

/** What the file gives now, with the titles memory took where it took them. */
function shownOf(steps: readonly Step[]): IngestFileReport['candidates'] {
  const shown = new Map<string, IngestFileReport['candidates'][number]>()
  for (const { result } of steps) {
    const titles = new Map(result.committed?.candidates.map((each) => [each.sync_id, each.title]))
    for (const { syncId, candidate } of result.knowledge.found) {
      shown.set(syncId, lineOf(candidate, titles.get(syncId) ?? candidate.title))
    }
    for (const syncId of result.knowledge.withdraw) shown.delete(syncId)
  }
  return [...shown.values()]
}

const lineOf = ({ rule, confidence }: Candidate, title: string) => ({ rule, title, confidence })

/** Where each record of the file went; adds up to all of them. */
function placesOf(counts: ReadCounts): Readonly<Record<string, number>> {
  const named = (prefix: string, names: Readonly<Record<string, number>>): [string, number][] =>
    Object.entries(names).map(([name, count]) => [`${prefix}:${name}`, count])
  const places: readonly (readonly [string, number])[] = [
    ['decoded', counts.decoded],
    ['waiting', counts.waiting],
    ['duplicate', counts.duplicates],
    ['bad', counts.badLines],
    ['oversized', counts.oversizedLines],
    ...named('ignored', counts.ignored),
    ...named('unknown', counts.unknown),
  ]
  return Object.fromEntries(places.filter(([, count]) => count > 0))
}

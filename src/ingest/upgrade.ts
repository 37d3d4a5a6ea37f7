import type { CandidateOutcome, IngestCommitted, IngestSource } from '../api/ingest.ts'
import type { Input } from '../api/operations.ts'
import { EngramError, toEngramError } from '../model/errors.ts'
import { candidateInput } from './candidate-input.ts'
import { cursorOf, startCursor, stateWithGiven } from './cursor.ts'
import type { Conversations, IngestDoors } from './doors.ts'
import { presentRules } from './extract/extract.ts'
import type { Rules } from './extract/extract.ts'
import type { Followed } from './follow-file.ts'
import { hopeless } from './hopeless.ts'
import { withContents } from './knowledge.ts'
import { reExtract, toldBefore } from './re-extract.ts'
import type { ReExtracted } from './re-extract.ts'
import type { Reader } from './readers/reader.ts'
import type { Report } from './report.ts'
import { isSidechainKey, rowsBehind, sessionsBehind } from './sessions-behind.ts'
import type { SessionBehind } from './sessions-behind.ts'

/** Sessions of one run (ING-INC-6): some seconds of work, so that nobody waits for an archive of years. */
export const sessionsPerUpgrade = 50

export type UpgradeOptions = {
  readonly readers: readonly Reader[]
  /** Only sessions of this project; null for all. */
  readonly project: string | null
  /** Only files last written since then; null for all. */
  readonly sinceMs: number | null
  readonly dryRun: boolean
  /** Milliseconds from now; null for none. */
  readonly ttlMs: number | null
  readonly nowMs: number
  /** Sessions, if fewer than a run takes. */
  readonly limit: number | undefined
  /** Asked after each transcript. */
  readonly isStopped: () => boolean
}

/**
 * Reads anew, from the archive, what rules of an earlier version have seen: oldest first, so many sessions a run
 * (ING-INC-6). Each transcript is one transaction with its row in the manifest, so that a killed run goes on where it was.
 */
export async function upgrade(doors: IngestDoors, report: Report, options: UpgradeOptions): Promise<void> {
  const rules = doors.rules ?? presentRules
  const rows = await doors.caller.call('ingest.sources', {})
  const waiting = rowsBehind(rows, rules.version, options)
  if (waiting.length === 0) return report.upgraded({ sessions: 0, left: 0, unarchived: [] })
  const archive = await doors.transcripts.open()
  const behind = await sessionsBehind(archive, rows, waiting)
  const most = Math.min(options.limit ?? sessionsPerUpgrade, sessionsPerUpgrade)
  const job: Job = { doors, archive, rules, report, options }
  let done = 0
  for (const session of behind.archived) {
    if (done >= most) break
    if (options.isStopped()) {
      report.leave({ interrupted: true, files: 0, bytes: 0 })
      break
    }
    if (await upgradeSession(job, session)) done++
  }
  await setAside(job, behind.unarchived)
  report.upgraded({
    sessions: done,
    left: behind.archived.length - done,
    unarchived: behind.unarchived.map(({ session_id, transcript_key, path }) => ({ session_id, transcript_key, path })),
  })
}

type Job = {
  readonly doors: IngestDoors
  readonly archive: Conversations
  readonly rules: Rules
  readonly report: Report
  readonly options: UpgradeOptions
}

/** Answers whether all of it was done. What is wrong with one transcript is told, and the others go on (ING-CLI-5). */
async function upgradeSession(job: Job, session: SessionBehind): Promise<boolean> {
  let isDone = true
  for (const row of session.rows) {
    if (job.options.isStopped()) return false
    try {
      job.report.add(await upgradeTranscript(job, session, row))
    } catch (error) {
      const failure = toEngramError(error)
      if (hopeless.has(failure.code)) throw failure
      isDone = false
      job.report.fail(row.path, `${failure.code}: ${failure.message}`)
      job.doors.log.warn('a conversation could not be read again', { path: row.path, code: failure.code })
    }
  }
  return isDone
}

async function upgradeTranscript(job: Job, session: SessionBehind, listed: IngestSource): Promise<Followed> {
  const { doors, archive, rules, options } = job
  const [row = listed] = await doors.caller.call('ingest.sources', { path: listed.path })
  const reader = options.readers.find((each) => each.agent === row.agent)
  if (reader === undefined) throw new EngramError('invalid_request', `Nobody here reads files of ${row.agent}.`)
  const isSidechain = isSidechainKey(row)
  const cwd = await folderOf(doors, row.session_id)
  const about = { reader, cwd, isMixed: session.mixed.has(row.transcript_key) }
  const chains = isSidechain ? [] : session.chains
  const extracted = await reExtract(archive, { row, isSidechain, chains, about }, rules)
  if (options.dryRun) return followed(row, extracted, null)
  const commit = await commitOf(job, row, extracted)
  const committed = await doors.caller.call('ingest.commit', commit, { durability: 'normal' })
  return followed(row, extracted, committed)
}

/** Where the session worked, as memory knows it: the archive does not say. */
async function folderOf({ caller }: IngestDoors, sessionId: string): Promise<string | null> {
  try {
    const { directory } = await caller.call('session.get', { id: sessionId })
    return directory === '' ? null : directory
  } catch (error) {
    if (error instanceof EngramError && error.row.http === 404) return null
    throw error
  }
}

async function commitOf(job: Job, row: IngestSource, extracted: ReExtracted): Promise<Input<'ingest.commit'>> {
  const { doors, rules, options } = job
  const { human, assistant, call, result } = extracted.counts
  const missed = (await withContents(doors.caller, { ...startCursor, given: extracted.missed })).given
  const from = { agent: row.agent, sessionId: row.session_id, key: row.transcript_key, rules, ...options }
  return {
    ...nothingElse,
    source: {
      ...row,
      extractor_version: rules.version,
      reader_state: stateWithGiven(row.reader_state, extracted.given),
    },
    session:
      human + assistant + call + result === 0
        ? null
        : {
            id: row.session_id,
            agent: row.agent,
            project: row.project,
            directory: '',
            started_at: (extracted.startedAt ?? '').slice(0, 64),
          },
    candidates: extracted.found.map((each) => ({
      ...candidateInput(each, from),
      instead_of: toldBefore(each, missed).slice(0, insteadOfMax),
    })),
    withdraw: [...extracted.withdraw],
  }
}

const insteadOfMax = 24

const nothingElse = { prompts: [], candidates: [], withdraw: [], seen: [], redacted: 0 }

/** There is nothing to read anew: what they gave stays as it is, and the next run does not ask again. */
async function setAside({ doors, rules, options }: Job, rows: readonly IngestSource[]): Promise<void> {
  if (options.dryRun) return
  for (const { path } of rows) {
    const [row] = await doors.caller.call('ingest.sources', { path })
    if (row === undefined) continue
    const source = { ...row, extractor_version: rules.version }
    await doors.caller.call('ingest.commit', { ...nothingElse, source, session: null })
  }
}

const noFigures = { new_bytes: 0, waiting_bytes: 0, records: 0, counts: {}, archived: 0, prompts: 0 } as const

/** What came of one transcript, as a run tells of files. */
function followed(row: IngestSource, extracted: ReExtracted, committed: IngestCommitted | null): Followed {
  const { found } = extracted
  const isKnown = new Set(cursorOf(row)?.given.map((each) => each.syncId))
  const outcomes = committed?.candidates ?? []
  const count = (outcome: CandidateOutcome): number =>
    outcomes.filter((each) => each.outcome === outcome && (outcome === 'saved' || !isKnown.has(each.sync_id))).length
  return {
    report: {
      ...noFigures,
      agent: row.agent,
      path: row.path,
      key: row.transcript_key,
      project: committed?.project || row.project,
      state: 'upgraded',
      records_total: row.records,
      entries: extracted.counts,
      candidates: found.map(({ candidate }) => ({
        rule: candidate.rule,
        title: candidate.title,
        confidence: candidate.confidence,
      })),
    },
    isSidechain: isSidechainKey(row),
    isDone: true,
    session: 'none',
    badLines: 0,
    saved: count('saved'),
    repeated: count('repeated'),
    suppressed: count('suppressed'),
    belowThreshold: extracted.belowThreshold,
    withdrawn: committed?.withdrawn ?? 0,
    redacted: committed?.redacted ?? 0,
    refused: 0,
    isOwn: false,
  }
}

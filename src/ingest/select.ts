import type { IngestSource } from '../api/ingest.ts'
import { parseTime } from '../model/times.ts'
import type { FileFacts } from '../platform/files.ts'
import { stillnessAtLastLook } from './cursor.ts'
import type { TranscriptFile } from './discover.ts'

/** A session ends with its file's last line once nobody wrote for so long (ING-SES-1). */
export const idleMs = 30 * 60_000
/** As `isQuiet` of the plan: what is half-written or undecided is taken as it is then. */
const quietMs = 5 * 60_000
/** Agents delete transcripts after 30 days; 90 days later nobody resumes one (ING-INC-5). */
const seenKeptMs = 120 * 24 * 3_600_000

export type Wanted = {
  readonly force: boolean
  readonly knowledge: boolean
  readonly nowMs: number
  /** Files last written before are left alone; null for none. */
  readonly sinceMs: number | null
  /** The resolved name; null for all. */
  readonly project: string | null
}

export const modifiedMs = (facts: FileFacts): number => Number(facts.mtimeNs / 1_000_000n)

/** Whether a file is to be opened at all; told by its facts and its row alone (ING-INC-2). */
export function needsVisit(file: TranscriptFile, row: IngestSource | undefined, wanted: Wanted): boolean {
  const { facts } = file
  if (wanted.sinceMs !== null && modifiedMs(facts) < wanted.sinceMs) return false
  if (row === undefined) return true
  if (wanted.project !== null && row.project !== '' && row.project !== wanted.project) return false
  const isSame = row.size === facts.size && row.mtime_ns === String(facts.mtimeNs) && row.inode === String(facts.inode)
  if (wanted.force || !isSame || row.last_error !== '') return true
  if (wanted.knowledge && row.extractor_version === 0) return true
  const before = stillnessAtLastLook(row)
  const still = wanted.nowMs - modifiedMs(facts)
  return [quietMs, idleMs].some((threshold) => still >= threshold && before < threshold)
}

/** Files that were deleted so long ago that what they gave is no longer looked up. */
export function longGone(
  rows: readonly IngestSource[],
  files: readonly TranscriptFile[],
  found: readonly string[],
  nowMs: number,
): readonly string[] {
  const there = new Set(files.map((file) => file.path))
  return rows.flatMap(({ path, inode, updated_at }) => {
    const isLookedFor = found.some((root) => path.startsWith(`${root}/`))
    const isOld = nowMs - (parseTime(updated_at) ?? nowMs) >= seenKeptMs
    const isForgotten = inode === '0'
    return isLookedFor && isOld && !isForgotten && !there.has(path) ? [path] : []
  })
}

import { limits } from '../../model/limits.ts'
import { utf8Bytes } from '../../model/text.ts'
import { sha256Hex } from '../../platform/bytes.ts'
import type { SessionRow } from '../../store/rows.ts'

const unleasedActiveMs = 7 * 24 * 3_600_000

export type SessionChoice =
  | { readonly kind: 'none' }
  | { readonly kind: 'one'; readonly row: SessionRow }
  | { readonly kind: 'ambiguous'; readonly row: SessionRow; readonly candidates: readonly string[] }

/**
 * Which open session an unnamed write belongs to (MEM-701, MEM-702). A live lease beats none; with none, those used
 * within 7 days count. Several: the one registered by the same agent process, else the most recently active.
 */
export function chooseSession(
  open: readonly SessionRow[],
  now: { readonly ms: number; readonly agentPid: number | undefined },
): SessionChoice {
  const leased = open.filter((row) => row.lease_until_ms > now.ms)
  const candidates = leased.length > 0 ? leased : open.filter((row) => row.last_activity_ms > now.ms - unleasedActiveMs)
  const [first] = candidates
  if (first === undefined) return { kind: 'none' }
  if (candidates.length === 1) return { kind: 'one', row: first }
  const mine = candidates.find((row) => now.agentPid !== undefined && row.agent_pid === now.agentPid)
  if (mine !== undefined) return { kind: 'one', row: mine }
  const latest = candidates.reduce((a, b) => (b.last_activity_ms > a.last_activity_ms ? b : a))
  return { kind: 'ambiguous', row: latest, candidates: candidates.map((row) => row.id) }
}

/** The session of saves that belong to none (MEM-701, step 5). */
export const manualSessionId = (project: string | null): string =>
  project === null || project === '' ? 'manual-save' : `manual-save-${project}`

/**
 * `<id>:resume:N` continues an ended session; N from 2 (MEM-705). A continuation is continued under the id it came from,
 * so that names do not grow; where the name would be too long, a digest of the id stands for it.
 */
export function continuationId(id: string, number: number): string {
  const suffix = `:resume:${number}`
  const first = id.replace(/:resume:\d{1,9}$/, '')
  const fits = utf8Bytes(first) + suffix.length <= limits.sessionIdBytesMax
  return `${fits ? first : `session-${sha256Hex(first).slice(0, 32)}`}${suffix}`
}

/** Ended for lack of news, not by anybody: it goes on when its agent comes back (MEM-707, ING-SES-1). */
export const endedByItself = (row: Pick<SessionRow, 'ended_at' | 'ended_by'>): boolean =>
  row.ended_at !== null && (row.ended_by === 'idle' || row.ended_by === 'ingest')

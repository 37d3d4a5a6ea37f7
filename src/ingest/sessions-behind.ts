import type { IngestSource } from '../api/ingest.ts'
import { unnamedChain } from './archive.ts'
import type { Conversations } from './doors.ts'
import type { Reader } from './readers/reader.ts'

/** A session that rules of an earlier version have seen, with the transcripts of it that wait. */
export type SessionBehind = {
  readonly rows: readonly IngestSource[]
  /** Transcripts of side chains written into the main file. */
  readonly chains: readonly { readonly key: string; readonly agentId: string | null }[]
  /** Keys of transcripts that several files gave. */
  readonly mixed: ReadonlySet<string>
}

export type Behind = {
  /** Oldest first. */
  readonly archived: readonly SessionBehind[]
  /** Files whose conversation is not in the archive: never was, or somebody removed it. */
  readonly unarchived: readonly IngestSource[]
}

export type BehindWanted = {
  readonly readers: readonly Pick<Reader, 'agent'>[]
  readonly project: string | null
  readonly sinceMs: number | null
}

/** Rows of what rules of this version have not seen, oldest first. */
export const rowsBehind = (
  rows: readonly IngestSource[],
  version: number,
  wanted: BehindWanted,
): readonly IngestSource[] =>
  rows.filter((row) => row.extractor_version < version && isWanted(row, wanted)).toSorted(olderFirst)

/** How many sessions they are of. */
export const sessionsOf = (rows: readonly IngestSource[]): number => new Set(rows.map(sessionNameOf)).size

const sessionNameOf = (row: IngestSource): string => `${row.agent}:${row.session_id}`

/** The sessions of rows that are to be read anew, as far as the archive holds them (ING-INC-6). */
export async function sessionsBehind(
  archive: Pick<Conversations, 'exists' | 'listSessions'>,
  rows: readonly IngestSource[],
  waiting: readonly IngestSource[],
): Promise<Behind> {
  const unarchived: IngestSource[] = []
  const sessions = new Map<string, IngestSource[]>()
  for (const row of waiting) {
    if (!(await archive.exists(row.transcript_key))) unarchived.push(row)
    else {
      const name = sessionNameOf(row)
      sessions.set(name, [...(sessions.get(name) ?? []), row])
    }
  }
  const mixed = keysOfSeveral(rows)
  const chains = sessions.size === 0 ? new Map<string, string[]>() : await chainsIn(archive, rows)
  const archived = [...sessions].map(([name, each]) => ({
    rows: each,
    mixed,
    chains: (chains.get(name) ?? []).map((key) => ({ key, agentId: chainName(key.slice(name.length)) })),
  }))
  return { archived, unarchived }
}

function isWanted(row: IngestSource, { readers, project, sinceMs }: BehindWanted): boolean {
  // A file that failed before it could be filed has no session.
  if (row.transcript_key === '' || !readers.some((reader) => reader.agent === row.agent)) return false
  if (project !== null && row.project !== project) return false
  return sinceMs === null || BigInt(row.mtime_ns) >= BigInt(sinceMs) * 1_000_000n
}

/** By when their files were written last. */
function olderFirst(left: IngestSource, right: IngestSource): number {
  const order = BigInt(left.mtime_ns) - BigInt(right.mtime_ns)
  return order === 0n ? (left.path < right.path ? -1 : 1) : order < 0n ? -1 : 1
}

function keysOfSeveral(rows: readonly IngestSource[]): ReadonlySet<string> {
  const once = new Set<string>()
  return new Set(
    rows.flatMap(({ transcript_key: key }) => {
      if (once.has(key)) return [key]
      once.add(key)
      return []
    }),
  )
}

const chainMark = ':agent:'
const keysAtOnce = 1_000

export const isSidechainKey = (row: Pick<IngestSource, 'agent' | 'session_id' | 'transcript_key'>): boolean =>
  row.transcript_key !== `${row.agent}:${row.session_id}`

const chainName = (rest: string): string | null => {
  const name = rest.slice(chainMark.length)
  return name === unnamedChain ? null : name
}

/** Transcripts of side chains by the key of the main one; those with a file of their own have a row of their own. */
async function chainsIn(
  archive: Pick<Conversations, 'listSessions'>,
  rows: readonly IngestSource[],
): Promise<ReadonlyMap<string, string[]>> {
  const own = new Set(rows.map((row) => row.transcript_key))
  const chains = new Map<string, string[]>()
  for (let cursor: string | undefined = ''; cursor !== undefined;) {
    const page: Awaited<ReturnType<Conversations['listSessions']>> = await archive.listSessions({
      sort: 'key',
      limit: keysAtOnce,
      ...(cursor === '' ? {} : { cursor }),
    })
    for (const { key } of page.sessions) {
      const main = key.slice(0, Math.max(0, key.indexOf(chainMark)))
      if (main !== '' && !own.has(key)) chains.set(main, [...(chains.get(main) ?? []), key])
    }
    cursor = page.next ?? undefined
  }
  return chains
}

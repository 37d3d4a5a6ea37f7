import type { Caller } from '../api/caller.ts'
import { seenIdOf } from './identity.ts'
import type { RawLine } from './lines.ts'
import { lineId } from './readers/record.ts'
import type { SeenRecords } from './readers/reader.ts'

/** Records of one batch that other files gave (ING-CC-16), and those this one gives. */
export type BatchSeen = SeenRecords & {
  /** 32 hex each, of the records decoded so far. */
  readonly own: ReadonlySet<string>
}

const idsPerCall = 20_000

/** Asks memory for all ids the lines may bring; the reader then needs no answer from elsewhere. */
export async function lookUpSeen(
  caller: Caller,
  file: { readonly agent: string; readonly path: string },
  lines: readonly RawLine[],
): Promise<BatchSeen> {
  const ids = new Set(lines.flatMap(idsOf))
  const asked = [...new Set([...ids].map(seenIdOf))]
  const found = new Map<string, string>()
  for (let at = 0; at < asked.length; at += idsPerCall) {
    const answer = await caller.call('ingest.seen', { ...file, ids: asked.slice(at, at + idsPerCall) })
    for (const [id, session] of Object.entries(answer.seen)) found.set(id, session)
  }
  const own = new Set<string>()
  return {
    own,
    // Only what was asked for is marked: other names would tell lines apart that merely say the same.
    has: (uuid) => found.size > 0 && found.has(seenIdOf(uuid)),
    add: (uuid) => {
      if (ids.has(uuid)) own.add(seenIdOf(uuid))
    },
    sessionOf: (uuid) => found.get(seenIdOf(uuid)) || null,
  }
}

/** A reader that is fed lines again, for its state alone. */
export const withoutNotes = (seen: SeenRecords): SeenRecords => ({ ...seen, add: () => undefined })

const uuidField = /"uuid"\s{0,8}:\s{0,8}"([^"\\]{1,256})"/g

/**
 * Ids a line may be known by: whatever it calls `uuid`, else its hash. Two lines without a time may be equal and yet two,
 * so those have none.
 */
function idsOf(line: RawLine): readonly string[] {
  const text = line.kind === 'line' ? line.text : line.head
  const named = text.includes('"uuid"') ? Array.from(text.matchAll(uuidField), (match) => match[1] ?? '') : []
  return named.length === 0 && text.includes('"timestamp"') ? [lineId(text)] : named
}

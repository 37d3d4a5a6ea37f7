import type { ChunkState, KnownChunk } from '../model/sync.ts'

/**
 * A chunk as one store knows it (CHK-611).
 *
 *   unknown ──read──▶ imported            exported ◀──written── any but imported
 *      │ └─damaged─▶ quarantined ──read──▶ imported
 *      └───absent──▶ missing ─────read───▶ imported
 *                       └─────damaged────▶ quarantined
 *
 * `imported` and `exported` are final: what was taken in is in, whatever happens to the file.
 */
export type ChunkEvent = 'read' | 'damaged' | 'absent' | 'written'

type State = ChunkState | 'unknown'

const next: Readonly<Record<State, Readonly<Record<ChunkEvent, ChunkState>>>> = {
  unknown: { read: 'imported', damaged: 'quarantined', absent: 'missing', written: 'exported' },
  quarantined: { read: 'imported', damaged: 'quarantined', absent: 'missing', written: 'exported' },
  missing: { read: 'imported', damaged: 'quarantined', absent: 'missing', written: 'exported' },
  imported: { read: 'imported', damaged: 'imported', absent: 'imported', written: 'imported' },
  exported: { read: 'exported', damaged: 'exported', absent: 'exported', written: 'exported' },
}

export const stateAfter = (state: State, event: ChunkEvent): ChunkState => next[state][event]

/** What a store knows of a remote's chunks; an id may have been given to more than one document (CHK-601). */
export type KnownChunks = ReadonlyMap<string, readonly KnownChunk[]>

export function byId(chunks: readonly KnownChunk[]): KnownChunks {
  const known = new Map<string, KnownChunk[]>()
  for (const chunk of chunks) {
    const same = known.get(chunk.id)
    if (same === undefined) known.set(chunk.id, [chunk])
    else same.push(chunk)
  }
  return known
}

export const isIn = (chunk: Pick<KnownChunk, 'state'>): boolean =>
  chunk.state === 'imported' || chunk.state === 'exported'

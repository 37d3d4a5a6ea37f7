import { limits } from '../model/limits.ts'
import type { PreparedChunk } from '../model/sync.ts'
import type { PendingChunk } from './plan.ts'
import type { PreparerDoor } from './preparer.ts'

/** How many chunks behind the one that is taken in are made ready: its thread must never wait for ours, nor ours for it. */
export const preparedAhead = 2

export type Preparing = {
  /** Null for a chunk that is not worth it. */
  prepare(pending: PendingChunk, packed: Uint8Array): Promise<PreparedChunk | null> | null
  stop(): Promise<void>
}

/** Null where there is too little to take in. What counts is what the manifest tells: where it is wrong, only time is lost. */
export function preparingOf(door: PreparerDoor | undefined, pending: readonly PendingChunk[]): Preparing | null {
  if (door === undefined) return null
  const meanwhile = new Set(pending.slice(0, door.beginsBehind))
  const worthIt = new Set(pending.filter(({ entry }) => entry.memories >= door.recordsMin))
  const theirs = [...worthIt].filter((one) => !meanwhile.has(one))
  const together = theirs.reduce((sum, { entry }) => sum + entry.memories, 0)
  if (theirs.length === 0 || together < door.recordsTogetherMin) return null
  const preparer = door.start()
  return {
    prepare: (one, packed) => {
      if (!worthIt.has(one) || packed.length > limits.chunkPartBytes) return null
      const { id, created_at: createdAt, ext } = one.entry
      const file = { packed, id, hash: ext?.hash, createdAt }
      return meanwhile.has(one) ? door.prepareHere(file) : preparer.prepare(file)
    },
    stop: () => preparer.stop(),
  }
}

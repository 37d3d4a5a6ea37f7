import type { PreparedChunk } from '../model/sync.ts'

/** A chunk's file as it was read, and what is said of it. */
export type PackedFile = {
  readonly packed: Uint8Array
  readonly id: string
  /** Of its document, where the manifest tells it. */
  readonly hash: string | undefined
  /** Of the manifest's entry. */
  readonly createdAt: string
}

/** Makes chunks ready beside the thread that takes them in (CHK-613). */
export interface ChunkPreparer {
  /**
   * In the order they are asked for. Never rejects: null for a chunk that is damaged, too large or not plain, and for every
   * one once the thread has ended; whoever asks then reads the file itself.
   */
  prepare(file: PackedFile): Promise<PreparedChunk | null>
  stop(): Promise<void>
}

/** Where a preparer comes from, and when one is worth its start. */
export type PreparerDoor = {
  start(): ChunkPreparer
  /** Records of a chunk: a smaller one is taken in before it would be handed over. */
  readonly recordsMin: number
  /** Records of all such chunks: fewer are in before the thread has begun. */
  readonly recordsTogetherMin: number
  /** So many chunks at the front are taken in while it begins. */
  readonly beginsBehind: number
  /** The same in this thread, for those. Never rejects. */
  prepareHere(file: PackedFile): Promise<PreparedChunk | null>
}

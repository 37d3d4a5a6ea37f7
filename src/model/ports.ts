/** Ports that cross folders: declared here, implemented where the work lies, joined by the composition root. */

import type {
  AcceptedChunk,
  ChangeWindow,
  IncomingRecord,
  KnownChunk,
  PreparedChunk,
  RefusedRow,
  SyncSelection,
} from './sync.ts'

/** A message as an archive gives it to who exports or shows it. */
export type ArchivedMessage = {
  readonly role: string
  readonly content: string
  readonly created_at?: string
  readonly model_name?: string
  readonly tool_calls?: readonly { readonly function?: { readonly name: string; readonly arguments: string } }[]
}

/** Whole conversations by transcript key. */
export interface ConversationArchive {
  /** Messages in order; empty when the key is unknown. */
  messages(key: string): Promise<readonly ArchivedMessage[]>
  /** Removes a conversation for ever; false when there was none. */
  remove(key: string): Promise<boolean>
}

/**
 * A conversation there is. `stamp`: another one whenever its messages, or what is noted beside them, may have changed.
 * `begunAt`: another one when it was deleted and begun again, so that its positions name other messages.
 */
export type ListedConversation = { readonly key: string; readonly stamp: string; readonly begunAt: string }

/** `next`: where the following page begins; null at the end. */
export type ConversationPage = {
  readonly messages: readonly { readonly position: number; readonly message: ArchivedMessage }[]
  readonly next: number | null
}

/**
 * Conversations as search reads them.
 * - Only what may be seen: no hidden message, no deleted conversation, texts without secrets.
 * - A page of an unknown key is empty; positions are exclusive.
 */
export interface SearchedConversations {
  /** Those written last come first. */
  list(): Promise<readonly ListedConversation[]>
  about(key: string): Promise<{ readonly project: string; readonly sessionId: string }>
  page(key: string, after: number, limit: number): Promise<ConversationPage>
}

/** How far a remote was told of what is here. */
export type RemoteCursor = {
  /** Number of the last change it was told; null when it was told nothing through this selection. */
  readonly cursor: number | null
  /** The chunks written to it last and read from it last; while they are there, the cursor can be trusted (CHK-504). */
  readonly lastChunks: readonly string[]
}

/**
 * Memory as whoever carries chunks sees it (CHK-903).
 * - `accept`: one chunk, one transaction: rows, the note of the chunk, and what is known of the remote (CHK-603).
 * - Changes that came from a remote are not given back to it, unless something here had changed before (CHK-612).
 * - Rejects with EngramError when the store cannot be read or written; nothing is then half done.
 */
export interface SyncStore {
  /** The name of this data dir in records (MEM-102). */
  readonly origin: string
  /** `engram/<version>`. */
  readonly writer: string
  cursor(remote: string, selection: SyncSelection): RemoteCursor
  /** The next changes after `after`, none later than `until`; with null for the remote also those it told us itself. */
  changes(remote: string | null, selection: SyncSelection, after: number, until: number): ChangeWindow
  changeSeqNow(): number
  /** How many records of the selection the remote was not told. */
  countUntold(remote: string, selection: SyncSelection): number
  knownChunks(remote: string): readonly KnownChunk[]
  /** Of these hashes those that were imported or exported, here or through another remote (CHK-601). */
  knownHashes(hashes: readonly string[]): ReadonlySet<string>
  accept(
    remote: string,
    chunk: KnownChunk,
    records: readonly IncomingRecord[],
    refused: readonly RefusedRow[],
  ): Promise<AcceptedChunk>
  /** As `accept`; null, with nothing changed, where its records have to be looked at one by one (CHK-613). */
  acceptPrepared(remote: string, chunk: KnownChunk, prepared: PreparedChunk): Promise<AcceptedChunk | null>
  /** Notes a chunk that gave nothing: quarantined, missing, or known by its hash. */
  noteChunks(remote: string, chunks: readonly KnownChunk[]): Promise<void>
  /** Notes that changes up to `cursor` have left, and in which chunk; null when none was needed. */
  noteExport(remote: string, selection: SyncSelection, cursor: number, chunk: KnownChunk | null): Promise<void>
  /** What it was told and what it told us counts no more; which chunks were taken in stays known. */
  forget(remote: string): Promise<void>
  /** Tries waiting relations again (CHK-609). */
  replay(
    remote: string,
  ): Promise<{ readonly replayed: number; readonly dead: number; readonly dropped: readonly string[] }>
  countDeferred(): number
}

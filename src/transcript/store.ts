/**
 * The port of the transcript store (TRN-101): one append-only list of messages per session key.
 *
 * - Each method is atomic by itself and durable when its promise resolves; there is no save step.
 * - Calls on one key in one process take effect in call order.
 * - An unknown key reads as empty; the first write creates it.
 * - After `close` every call rejects with `store_closed`.
 */
export interface TranscriptStore {
  addMessage(sessionKey: string, role: string, content: string, options?: AppendOptions): Promise<Appended>
  addFullMessage(sessionKey: string, message: TranscriptMessage, options?: AppendOptions): Promise<Appended>
  getHistory(sessionKey: string, options?: HistoryOptions): Promise<readonly TranscriptMessage[]>
  getSummary(sessionKey: string, options?: CallOptions): Promise<string>
  setSummary(sessionKey: string, summary: string, options?: CallOptions): Promise<void>
  truncateHistory(sessionKey: string, keepLast: number, options?: CallOptions): Promise<void>
  setHistory(sessionKey: string, history: readonly TranscriptMessage[], options?: CallOptions): Promise<void>
  compact(sessionKey: string, options?: CompactOptions): Promise<void>
  listSessions(options?: ListOptions): Promise<SessionPage>
  close(): Promise<void>
}

/** `full`: on the disk before the answer. `normal`: survives a killed process, synced within a second. */
export type Durability = 'full' | 'normal'

export type CallOptions = { readonly signal?: AbortSignal; readonly durability?: Durability }

/** `force`: also when nothing is hidden, but bad, blank or transient lines stand in the file (TRN-507). */
export type CompactOptions = CallOptions & { readonly force?: boolean }

/** `messageId` (1..256 bytes) makes a repeated append harmless within the last 512 messages (TRN-610). */
export type AppendOptions = CallOptions & { readonly messageId?: string }

/** Positions are `base` + raw line number, from 1; `after` and `before` are exclusive. */
export type HistoryOptions = CallOptions & {
  readonly last?: number
  readonly after?: number
  readonly before?: number
  readonly limit?: number
}

export type Appended = {
  /** False for a thought alone, which is not kept (TRN-205). */
  readonly stored: boolean
  readonly duplicate: boolean
  readonly position: number
  /** How many places the redactor masked. */
  readonly redacted: number
  readonly durability: Durability
}

export type ToolCall = {
  readonly id: string
  readonly type?: string
  /** `arguments` is a JSON string, kept byte for byte (TRN-202). */
  readonly function?: { readonly name: string; readonly arguments: string; readonly thought_signature?: string }
  readonly extra_content?: Readonly<Record<string, unknown>>
}

/** One message on one line, fields in this order (TRN-201). Unknown fields are kept. */
export type TranscriptMessage = {
  readonly role: string
  readonly content: string
  readonly model_name?: string
  readonly created_at?: string
  readonly media?: readonly string[]
  readonly attachments?: readonly Readonly<Record<string, string>>[]
  readonly reasoning_content?: string
  readonly system_parts?: readonly Readonly<Record<string, unknown>>[]
  readonly tool_calls?: readonly ToolCall[]
  readonly tool_call_id?: string
  readonly message_id?: string
  readonly [extra: string]: unknown
}

export type ListOptions = {
  readonly limit?: number
  readonly cursor?: string
  readonly sort?: 'updated' | 'created' | 'key'
  readonly prefix?: string
  readonly counts?: boolean
}

export type SessionListing = {
  readonly key: string
  readonly createdAt: string
  readonly updatedAt: string
  readonly bytes: number
  readonly messages?: number
  readonly summary?: string
  readonly title?: string
  readonly aliases: readonly string[]
}

export type SessionPage = { readonly sessions: readonly SessionListing[]; readonly next: string | null }

/** What ingest notes beside a transcript: readable title, project, memory's session id, and free scope. */
export type TranscriptNotes = {
  readonly title?: string
  readonly project?: string
  readonly session_id?: string
  readonly scope?: Readonly<Record<string, unknown>>
}

/** One message of a batch. Ids are required: a batch is written by whoever may have to write it again. */
export type BatchItem = { readonly message: TranscriptMessage; readonly messageId: string }

/** `idsAfter`: only messages at later positions are looked through for ids that are already there; 0 means all. */
export type BatchOptions = CallOptions & { readonly idsAfter?: number }

export type BatchAppended = {
  readonly appended: number
  readonly duplicates: number
  /** Position of the last message of the transcript after the batch; 0 when it has none. */
  readonly position: number
  readonly redacted: number
}

export type PositionedMessage = { readonly position: number; readonly message: TranscriptMessage }

/** `next` is the `after` of the following page, or null at the end (TRN-904). */
export type HistoryPage = { readonly messages: readonly PositionedMessage[]; readonly next: number | null }

export type HistoryRange = CallOptions & { readonly after?: number; readonly before?: number; readonly limit?: number }

/**
 * The store as the program itself uses it: batches, positions, notes and removal on top of the port.
 *
 * - `appendBatch` skips ids that are already there, writes the rest in blocks of at most 1 MiB and syncs once.
 * - `readHistory` gives messages with positions; a position never names two messages.
 * - `setNotes` sets the fields given and keeps the rest (TRN-1206).
 * - `savepoint` and `rewindHistory` take back what came after a position, an aborted turn (TRN-509); the answer is the
 *   position of the last message then.
 * - `deleteSession` answers whether there was one; without `purge` it goes to the trash for 7 days (TRN-1303).
 */
export interface TranscriptArchive extends TranscriptStore {
  appendBatch(sessionKey: string, messages: readonly BatchItem[], options?: BatchOptions): Promise<BatchAppended>
  readHistory(sessionKey: string, options?: HistoryRange): Promise<HistoryPage>
  notes(sessionKey: string, options?: CallOptions): Promise<TranscriptNotes>
  setNotes(sessionKey: string, notes: TranscriptNotes, options?: CallOptions): Promise<void>
  savepoint(sessionKey: string, options?: CallOptions): Promise<number>
  rewindHistory(sessionKey: string, position: number, options?: CallOptions): Promise<number>
  deleteSession(sessionKey: string, options?: CallOptions & { readonly purge?: boolean }): Promise<boolean>
  exists(sessionKey: string, options?: CallOptions): Promise<boolean>
  /** Messages one can read: retained and not truncated. */
  count(sessionKey: string, options?: CallOptions): Promise<number>
}

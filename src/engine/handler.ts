import type { OperationName, Output, Parsed } from '../api/operations.ts'
import type { LogStore } from '../model/log-store.ts'
import type { CallContext } from '../model/operation.ts'
import type { ConversationArchive, SearchedConversations } from '../model/ports.ts'
import type { Settings } from '../model/settings.ts'
import type { Clock } from '../platform/clock.ts'
import type { Files } from '../platform/files.ts'
import type { Git } from '../platform/git.ts'
import type { Ids } from '../platform/ids.ts'
import type { Log } from '../platform/log.ts'
import type { EmbedUpkeep } from '../search/embed-step.ts'
import type { Meaning } from '../search/meaning.ts'
import type { Store } from '../store/store.ts'
import type { Redactor } from './rules/redact.ts'

/** Everything a handler may reach. One per engine; nothing is global. */
export type EngineDeps = {
  readonly store: Store
  /** The log of contexts, and the locks. */
  readonly contextLog: LogStore
  readonly clock: Clock
  readonly ids: Ids
  readonly files: Files
  readonly git: Git
  readonly log: Log
  readonly redactor: Redactor
  readonly settings: Settings
  /** Null where no conversations are kept. */
  readonly archive: ConversationArchive | null
  readonly conversations: SearchedConversations | null
  /** Null where nothing can be searched by meaning. */
  readonly meaning: Meaning | null
  readonly embedding: EmbedUpkeep | null
  readonly dataDir: string
  readonly homeDir: string
  readonly version: string
}

/** Reads, asks a pure rule, writes: one per operation. The input has passed its schema. */
export type Handler<N extends OperationName> = (
  deps: EngineDeps,
  input: Parsed<N>,
  context: CallContext,
) => Output<N> | Promise<Output<N>>

export type Handlers<Names extends OperationName = OperationName> = { readonly [N in Names]: Handler<N> }

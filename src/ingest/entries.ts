/**
 * The agent-neutral model of a transcript: what a reader makes of one file and what archive and rules see.
 * Nothing behind a reader knows which agent wrote the file (ING-DIS-3).
 */

/** Where in its file an entry stands. `uuid` is the record's own id, or a hash of its line when it has none. */
export type Origin = {
  readonly uuid: string
  readonly parent: string | null
  /** 1-based line number. */
  readonly line: number
  /** Byte offset of the line's first byte. */
  readonly offset: number
  /** RFC 3339 as it stands in the record, or null. */
  readonly at: string | null
  readonly cwd: string | null
  readonly branch: string | null
  /** Belongs to a sub-agent's side chain, and which. */
  readonly sidechain: boolean
  readonly agentId: string | null
  /** Which of the entries of its line this is, from 0; absent is 0. `uuid` and `part` together name an entry. */
  readonly part?: number
}

/** How a call ended (ING-CC-17). */
export type CallOutcome = 'ok' | 'failed' | 'rejected' | 'unknown'

export type HumanEntry = {
  readonly kind: 'human'
  readonly origin: Origin
  readonly text: string
  /** Typed while the agent worked. */
  readonly queued: boolean
  /** A slash command with arguments, written `/<name> <args>`. */
  readonly command: boolean
}

export type AssistantEntry = {
  readonly kind: 'assistant'
  readonly origin: Origin
  /** Groups the lines of one message (ING-CC-14). */
  readonly messageId: string
  readonly model: string | null
  readonly text: string
}

export type ThinkingEntry = {
  readonly kind: 'thinking'
  readonly origin: Origin
  readonly messageId: string
  readonly text: string
}

export type CallEntry = {
  readonly kind: 'call'
  readonly origin: Origin
  readonly messageId: string
  readonly callId: string
  readonly name: string
  readonly input: Readonly<Record<string, unknown>>
  /** What the call is to the rules, whatever the agent calls its tools. */
  readonly action: CallAction
}

export type CallAction =
  | { readonly kind: 'command'; readonly command: string }
  | { readonly kind: 'change'; readonly files: readonly string[]; readonly diff: string | null }
  | { readonly kind: 'read'; readonly path: string }
  | { readonly kind: 'question'; readonly questions: readonly AskedQuestion[] }
  | { readonly kind: 'plan'; readonly plan: string }
  | { readonly kind: 'other' }

export type AskedQuestion = {
  readonly question: string
  readonly options: readonly { readonly label: string; readonly description: string }[]
}

export type ResultEntry = {
  readonly kind: 'result'
  readonly origin: Origin
  readonly callId: string
  readonly text: string
  readonly outcome: CallOutcome
  readonly exitCode: number | null
  /** Answers by question, when the call asked the person (X-ASK). */
  readonly answers: Readonly<Record<string, string>> | null
}

export type NoteEntry = {
  readonly kind: 'note'
  readonly origin: Origin
  readonly note:
    | 'compaction'
    | 'compact-summary'
    | 'interrupt'
    | 'rewind'
    | 'api-error'
    | 'command'
    | 'skipped'
    | 'other'
  readonly text: string
  /** Of a rewind: the heads of the turns it leaves (ING-CC-19). */
  readonly abandoned?: readonly string[]
}

export type Entry = HumanEntry | AssistantEntry | ThinkingEntry | CallEntry | ResultEntry | NoteEntry

/** A finished read of (part of) one file. */
export type Usage = {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cacheReadTokens: number
  readonly cacheWriteTokens: number
}

/** What a file says of its session, as far as it was read. */
export type SessionHead = {
  readonly agent: string
  readonly sessionId: string
  /** Set for a sub-agent's own transcript. */
  readonly agentId: string | null
  readonly version: string | null
  readonly model: string | null
  readonly title: string | null
  readonly cwd: string | null
  readonly branch: string | null
  readonly startedAt: string | null
  readonly endedAt: string | null
  readonly usage: Usage
  /** Different messages of the agent, however many lines they take (ING-CC-14). */
  readonly messages?: number
  /** The session this one continues (ING-CC-16). */
  readonly continues: string | null
}

/**
 * What was read, and what was not and why; printed by `--verbose`.
 *
 * Every line is in exactly one place:
 * records = decoded + waiting + duplicates + badLines + oversizedLines + all of `ignored` + all of `unknown`.
 */
export type ReadCounts = {
  readonly records: number
  /** Records that gave at least one entry. */
  readonly decoded: number
  /** Records whose meaning a later line decides (queued prompts, ING-CC-9; mirrored items, ING-CX-8). */
  readonly waiting: number
  readonly badLines: number
  readonly oversizedLines: number
  readonly duplicates: number
  /** Records that give no entry, by type. */
  readonly ignored: Readonly<Record<string, number>>
  /** Record types nobody here knows, by name. */
  readonly unknown: Readonly<Record<string, number>>
  readonly entries: Readonly<Record<Entry['kind'], number>>
}

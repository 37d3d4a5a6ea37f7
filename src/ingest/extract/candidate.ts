/** What the rules find, before and after it is judged (ingest §10). */

export const ruleNames = [
  'X-LEARN',
  'X-ASK',
  'X-HUMAN',
  'X-DECL',
  'X-CHOICE',
  'X-FIX',
  'X-CMD',
  'X-COMMIT',
  'X-COMPACT',
  'X-CAUSE',
  'X-PLAN',
] as const

export type RuleName = (typeof ruleNames)[number]

export type Strength = 'strong' | 'weak'

/** One piece of knowledge found in a transcript, ready to be saved for review (ING-EXT-7, ING-EXT-9). */
export type Candidate = {
  readonly rule: RuleName
  /** Observation type (MEM-205). */
  readonly type: string
  /** At most 80 code points, without Markdown. */
  readonly title: string
  /** The text's own words, at most 2,000 characters. */
  readonly content: string
  /** 0.50 to 0.95, two decimals. */
  readonly confidence: number
  readonly strength: Strength
  /** The record the candidate stands on. Together with rule and ordinal it is the candidate's identity. */
  readonly anchorUuid: string
  /** Counts what the same rule found at the same anchor, from 0, whether it was kept or not. */
  readonly ordinal: number
  readonly fromUuid: string
  readonly toUuid: string
  /** The anchor's time as it stands in the record. */
  readonly at: string | null
  /** At most 12, below the session's directory where they lie there. */
  readonly files: readonly string[]
  /** At most 3. */
  readonly commands: readonly string[]
  readonly commit?: string
  readonly model?: string
  /** Other rules that found the same (ING-EXT-4). */
  readonly also?: readonly RuleName[]
  /** Byte offset of the first record of the span: a later read must begin at or before it to find the same (ING-INC-3). */
  readonly fromOffset: number
}

/** What a rule hands over. Indices are places in the timeline's entries. */
export type Draft = {
  readonly rule: RuleName
  readonly type: string
  /** Already cut and without Markdown. */
  readonly title: string
  readonly content: string
  readonly base: number
  /** The prose that gates and adjustments look at; null when the candidate stands on facts alone. */
  readonly judged: string | null
  /** Open questions and questions to the person may be questions. */
  readonly asks?: boolean
  readonly anchor: number
  readonly from: number
  readonly to: number
  readonly files?: readonly string[]
  readonly commands?: readonly string[]
  readonly commit?: string
}

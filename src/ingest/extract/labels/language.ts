/**
 * What the prose rules know of one language (ING-EXT-5). Every text is the source of a regular expression, read without
 * regard to case over one sentence of bounded length; a straight apostrophe stands for the curly one too.
 */
export type Language = {
  readonly code: 'en' | 'es' | 'de' | 'fr' | 'pt' | 'zh'
  /** False where words stand without spaces between them, so that no word boundary is asked for. */
  readonly spaced: boolean
  /** X-DECL: labels of one statement. */
  readonly labels: LabelTable
  /** X-DECL: labels of a list whose items are statements of their own. */
  readonly listLabels: LabelTable
  /** X-DECL: openings of a heading that names a procedure (`How to …`). */
  readonly howTo: readonly string[]
  /** X-HUMAN: sentences that set a lasting rule, whole patterns with their own anchors. */
  readonly lasting: readonly string[]
  /** X-HUMAN: what says that a rule lasts, although it holds a word of {@link Language.oneTask}. */
  readonly fromNowOn: readonly string[]
  /** X-HUMAN: openings that ask to remember what follows. */
  readonly remember: readonly string[]
  /** X-HUMAN: words that tie a sentence to the task at hand. */
  readonly oneTask: readonly string[]
  /** X-CHOICE: a choice was made. */
  readonly choice: readonly string[]
  /** X-CHOICE and X-COMMIT: a reason is given. */
  readonly reason: readonly string[]
  /** X-CAUSE: a cause is named. */
  readonly cause: readonly string[]
  /** X-FIX: a failure that was meant to happen. */
  readonly expected: readonly string[]
  /** ING-EXT-1: the speaker is not sure. */
  readonly hedge: readonly string[]
  /** ING-EXT-1: how a person's answer begins that rejects what came before. */
  readonly contradiction: readonly string[]
  /** ING-EXT-1: how a person's answer begins that accepts it. */
  readonly confirmation: readonly string[]
  /** ING-EXT-1: how a sentence begins that only announces the next step of work. */
  readonly step: readonly string[]
  /** ING-EXT-1: how praise or an apology begins. */
  readonly courtesy: readonly string[]
}

export const declaredTypes = [
  'decision',
  'root_cause',
  'bugfix',
  'solution',
  'discovery',
  'pattern',
  'procedure',
  'question',
] as const

export type DeclaredType = (typeof declaredTypes)[number]

export type LabelTable = Readonly<Partial<Record<DeclaredType, readonly string[]>>>

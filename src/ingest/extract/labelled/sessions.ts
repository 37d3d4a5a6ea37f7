import type { LabelledSession } from './builder.ts'
import { englishClaude } from './english-claude.ts'
import { englishCodex } from './english-codex.ts'
import { german } from './german.ts'
import { longRuns } from './long-runs.ts'
import { spanish } from './spanish.ts'

/** The labelled set by which the rules are measured (ING-EXT-11). All of it is invented. */
export const labelledSessions: readonly LabelledSession[] = [
  ...englishClaude,
  ...englishCodex,
  ...spanish,
  ...german,
  ...longRuns,
]

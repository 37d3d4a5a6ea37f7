import type { Candidate, RuleName } from '../candidate.ts'
import { extract } from '../extract.ts'
import { Story } from './builder.ts'

/** What the rules find in a story, of one rule or of all. */
export const found = (story: Story, rule?: RuleName): readonly Candidate[] =>
  extract(story.entries, { abandoned: new Set(), sidechain: false }).candidates.filter(
    (candidate) => rule === undefined || candidate.rule === rule,
  )

export const titles = (story: Story, rule: RuleName): readonly string[] =>
  found(story, rule).map((candidate) => candidate.title)

/** A story of one text of the agent. */
export const said = (text: string): Story => new Story('s').says(text)

/** A story of one prompt of a person. */
export const asked = (text: string): Story => new Story('s').human(text)

import { ruleNames } from '../candidate.ts'
import type { Candidate, RuleName } from '../candidate.ts'
import { extract } from '../extract.ts'
import { plain } from '../prose.ts'
import type { Label, LabelledSession } from './builder.ts'

/** How one rule did: what it gave, how much of it was asked for, and how much of what was asked for was found. */
export type Score = {
  readonly rule: RuleName
  readonly strong: number
  readonly strongRight: number
  readonly weak: number
  readonly weakRight: number
  readonly labels: number
  readonly found: number
}

export type Measured = {
  readonly scores: readonly Score[]
  /** Candidates nobody asked for, and labels nothing was found for, as text to read. */
  readonly wrong: readonly string[]
  readonly missed: readonly string[]
}

/**
 * A candidate is right when a label lies within its span and shows its words in title or content; which rule found it does
 * not matter. Two candidates for one label: the second one is wrong.
 */
export function measure(sessions: readonly LabelledSession[]): Measured {
  const results = sessions.map((session) => ({ session, ...matched(session) }))
  const hits = results.flatMap((result) => result.hits)
  const labels = results.flatMap((result) => result.session.labels)
  const found = new Set(hits.flatMap((hit) => (hit.label === null ? [] : [hit.label])))
  return {
    scores: ruleNames.map((rule) => scoreOf(rule, hits, labels, found)),
    wrong: results.flatMap(({ session, hits: own }) =>
      own
        .filter((hit) => hit.label === null)
        .map(({ candidate }) => `${session.name} ${candidate.rule} ${candidate.confidence}: ${candidate.title}`),
    ),
    missed: results.flatMap(({ session }) =>
      session.labels
        .filter((label) => !found.has(label))
        .map((label) => `${session.name} ${label.rule}: ${label.words}`),
    ),
  }
}

type Hit = { readonly candidate: Candidate; readonly label: Label | null }

function matched(session: LabelledSession): { readonly hits: readonly Hit[] } {
  const { candidates } = extract(session.entries, { abandoned: new Set(), sidechain: false })
  const lineOf = new Map(session.entries.map(({ origin }) => [origin.uuid, origin.line]))
  const taken = new Set<Label>()
  const hits = candidates.map((candidate) => {
    const [from = 0, to = 0] = [lineOf.get(candidate.fromUuid), lineOf.get(candidate.toUuid)]
    const said = read(`${candidate.title} ${candidate.content}`)
    const label = session.labels.find(
      (each) => !taken.has(each) && each.line >= from && each.line <= to && said.includes(read(each.words)),
    )
    if (label !== undefined) taken.add(label)
    return { candidate, label: label ?? null }
  })
  return { hits }
}

const read = (text: string): string => plain(text).toLowerCase()

function scoreOf(rule: RuleName, hits: readonly Hit[], labels: readonly Label[], found: ReadonlySet<Label>): Score {
  const own = hits.filter((hit) => hit.candidate.rule === rule)
  const count = (strength: string, right: boolean): number =>
    own.filter((hit) => hit.candidate.strength === strength && (!right || hit.label !== null)).length
  const asked = labels.filter((label) => label.rule === rule)
  return {
    rule,
    strong: count('strong', false),
    strongRight: count('strong', true),
    weak: count('weak', false),
    weakRight: count('weak', true),
    labels: asked.length,
    found: asked.filter((label) => found.has(label)).length,
  }
}

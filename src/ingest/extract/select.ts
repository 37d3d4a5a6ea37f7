import type { Candidate, Draft, RuleName, Strength } from './candidate.ts'
import { overlaps, wordSet } from './overlap.ts'

/** A draft with what gates and adjustments made of it; strength null: below the threshold. */
export type Judged = {
  readonly draft: Draft
  readonly ordinal: number
  readonly confidence: number
  readonly strength: Strength | null
}

export type Selected = { readonly judged: Judged; readonly also: readonly RuleName[] }

const perSessionMax = 24
const perRuleMax = 10

/**
 * Which rule tells a matter better: by the base it starts with, then by how much it tells (ING-EXT-4). The order is of rules,
 * not of single candidates, so that a later read can weigh what an earlier one saved.
 */
const standing: Readonly<Record<RuleName, number>> = {
  'X-ASK': 0,
  'X-LEARN': 1,
  'X-DECL': 2,
  'X-HUMAN': 3,
  'X-FIX': 4,
  'X-PLAN': 5,
  'X-COMMIT': 6,
  'X-COMPACT': 7,
  'X-CMD': 8,
  'X-CHOICE': 9,
  'X-CAUSE': 10,
}

/** What must be known of a candidate that an earlier read of the session saved. */
export type EarlierCandidate = Pick<Candidate, 'rule' | 'content'>

type Slot = {
  words: ReadonlySet<string>
  rule: RuleName
  held:
    | { readonly from: 'now'; readonly judged: Judged }
    | { readonly from: 'earlier'; readonly candidate: EarlierCandidate }
  also: Set<RuleName>
}

export type Selection<Earlier extends EarlierCandidate> = {
  readonly selected: readonly Selected[]
  /** Those of an earlier read that a better one now stands for. */
  readonly beaten: readonly Earlier[]
  readonly overCap: number
}

/**
 * Makes one of what overlaps, then keeps the first 24 of a session and the first 10 of a rule (ING-EXT-2, ING-EXT-4). What
 * an earlier read kept has its place first. Linear: nothing is compared with more than 24 others.
 */
export function select<Earlier extends EarlierCandidate>(
  found: readonly Judged[],
  earlier: readonly Earlier[],
): Selection<Earlier> {
  const slots: Slot[] = earlier.map((candidate) => ({
    words: wordSet(tellingPart(candidate)),
    rule: candidate.rule,
    held: { from: 'earlier', candidate },
    also: new Set(),
  }))
  let overCap = 0
  for (const judged of found) if (!place(slots, judged)) overCap++
  const selected = slots.flatMap(({ held, also }) =>
    held.from === 'now' ? [{ judged: held.judged, also: [...also] }] : [],
  )
  const kept = new Set(slots.map(({ held }) => (held.from === 'earlier' ? held.candidate : null)))
  return {
    selected: selected.toSorted((left, right) => left.judged.draft.anchor - right.judged.draft.anchor),
    beaten: earlier.filter((candidate) => !kept.has(candidate)),
    overCap,
  }
}

function place(slots: Slot[], judged: Judged): boolean {
  const { rule } = judged.draft
  const words = wordSet(tellingPart(judged.draft))
  const same = slots.find((slot) => overlaps(slot.words, words, slot.rule === rule))
  if (same !== undefined) {
    merge(same, judged, words)
    return true
  }
  if (slots.length >= perSessionMax || slots.filter((slot) => slot.rule === rule).length >= perRuleMax) return false
  slots.push({ words, rule, held: { from: 'now', judged }, also: new Set() })
  return true
}

function merge(slot: Slot, judged: Judged, words: ReadonlySet<string>): void {
  const { rule } = judged.draft
  if (standing[rule] < standing[slot.rule]) {
    slot.also.add(slot.rule)
    slot.also.delete(rule)
    slot.held = { from: 'now', judged }
    slot.words = words
    slot.rule = rule
  } else if (rule !== slot.rule) slot.also.add(rule)
}

/** What a content tells in words: of a fix its error and cause, not the diff and the command that many fixes share. */
function tellingPart({ rule, content }: EarlierCandidate): string {
  if (rule !== 'X-FIX') return content
  const told = content.split('\n**Fix** ', 1)[0] ?? content
  return told.replace('**Error**', '').replace('**Cause**', '')
}

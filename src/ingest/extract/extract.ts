import type { Entry } from '../entries.ts'
import { refusal, strengthOf, verdictOf, weigh } from '../gate.ts'
import type { Verdict } from '../gate.ts'
import { ask } from './ask.ts'
import type { Candidate, Draft, RuleName } from './candidate.ts'
import { cause } from './cause.ts'
import { choice } from './choice.ts'
import { command, replacements } from './command.ts'
import { commit } from './commit.ts'
import { compact } from './compact.ts'
import { declared, declaredIn } from './declared.ts'
import { fix } from './fix.ts'
import { human } from './human.ts'
import { learn, learnFrom } from './learn.ts'
import { openFrom } from './open-from.ts'
import { plan } from './plan.ts'
import { select } from './select.ts'
import type { EarlierCandidate, Judged, Selected } from './select.ts'
import { timelineOf } from './spans.ts'
import type { Check, Timeline, Uuids } from './spans.ts'
import { cutContent } from './title.ts'

/** Raised whenever a change of the rules can change what comes out (ING-INC-6). */
export const extractorVersion = 1

export type ExtractOptions<Earlier extends EarlierCandidate = EarlierCandidate> = {
  /** The uuids of the records of abandoned turns (ING-CC-19): a set of them, or the reader's own answer. */
  readonly abandoned: Uuids
  /** The entries are a sub-agent's side chain: only its last assistant text is read, for X-LEARN and X-DECL (ING-CC-20). */
  readonly sidechain: boolean
  /** What the session's earlier part gave before the first of these entries: it counts for the caps and for overlap. */
  readonly earlier?: readonly Earlier[]
}

export type Extraction<Earlier extends EarlierCandidate = EarlierCandidate> = {
  readonly candidates: readonly Candidate[]
  /** Those of `earlier` that a better candidate now stands for: to be withdrawn where nobody touched them (ING-EXT-9). */
  readonly beaten: readonly Earlier[]
  /** Found, but with a confidence below 0.50 (ING-EXT-1). */
  readonly belowThreshold: number
  /** Left out by the caps of 24 a session and 10 a rule (ING-EXT-2). */
  readonly overCap: number
  /** Byte offset from which a later read must begin: the last open turn, or the oldest failure not yet resolved (ING-INC-3). */
  readonly openFrom: number
}

/** What finds knowledge in entries, and how its versions are told apart. */
export type Rules = { readonly version: number; readonly extract: typeof extract }

const filesMax = 12
const commandsMax = 3
const verdictReach = 30

/**
 * What one session's transcript teaches, without any model: pure, deterministic, linear in the text (ingest §10).
 * Candidates come in order of appearance.
 */
export function extract<Earlier extends EarlierCandidate>(
  entries: readonly Entry[],
  options: ExtractOptions<Earlier>,
): Extraction<Earlier> {
  return options.sidechain ? fromSidechain(entries, options) : fromMainChain(entries, options)
}

/** The rules of this program. */
export const presentRules: Rules = { version: extractorVersion, extract }

function fromMainChain<Earlier extends EarlierCandidate>(
  entries: readonly Entry[],
  options: ExtractOptions<Earlier>,
): Extraction<Earlier> {
  const timeline = timelineOf(entries, options.abandoned)
  const replaced = replacements(timeline)
  const closed: ReadonlySet<Check> = new Set(replaced.map((found) => found.failed))
  const drafts = [
    ...learn(timeline),
    ...ask(timeline),
    ...human(timeline),
    ...declared(timeline),
    ...choice(timeline),
    ...fix(timeline, closed),
    ...command(replaced),
    ...commit(timeline),
    ...compact(timeline),
    ...cause(timeline),
    ...plan(timeline),
  ]
  return conclude(drafts, timeline, options, openFrom(timeline, closed))
}

function fromSidechain<Earlier extends EarlierCandidate>(
  entries: readonly Entry[],
  options: ExtractOptions<Earlier>,
): Extraction<Earlier> {
  const own = entries.map((entry) => ({ ...entry, origin: { ...entry.origin, sidechain: false } }))
  const timeline = timelineOf(own, options.abandoned)
  const last = timeline.entries.findLastIndex((entry) => entry.kind === 'assistant' && entry.text.trim() !== '')
  const entry = timeline.entries[last]
  if (entry?.kind !== 'assistant') return conclude([], timeline, options, entries[0]?.origin.offset ?? 0)
  const drafts = [...learnFrom(entry.text, last), ...declaredIn(timeline.blocksAt(last), last)]
  return conclude(drafts, timeline, options, entry.origin.offset)
}

function conclude<Earlier extends EarlierCandidate>(
  drafts: readonly Draft[],
  timeline: Timeline,
  options: ExtractOptions<Earlier>,
  from: number,
): Extraction<Earlier> {
  const judged = judge(inOrder(drafts), timeline)
  const kept = judged.filter((found) => found.strength !== null)
  const { selected, beaten, overCap } = select(kept, options.earlier ?? [])
  return {
    candidates: selected.map((chosen) => toCandidate(chosen, timeline)),
    beaten,
    belowThreshold: judged.length - kept.length,
    overCap,
    openFrom: from,
  }
}

const inOrder = (drafts: readonly Draft[]): readonly Draft[] =>
  drafts.toSorted((left, right) => left.anchor - right.anchor)

/** Numbers each draft among those of its rule and anchor, before anything is dropped, then gates and weighs it. */
function judge(drafts: readonly Draft[], timeline: Timeline): readonly Judged[] {
  const counts = new Map<string, number>()
  return drafts.flatMap((draft) => {
    const place = `${draft.rule} ${timeline.entries[draft.anchor]?.origin.uuid ?? ''}`
    const ordinal = counts.get(place) ?? 0
    counts.set(place, ordinal + 1)
    if (draft.judged !== null && refusal(draft.judged, { asks: draft.asks ?? false }) !== null) return []
    const confidence = weigh({ base: draft.base, judged: draft.judged, verdict: verdictOn(draft, timeline) })
    return [{ draft, ordinal, confidence, strength: strengthOf(confidence) }]
  })
}

/** What the next human turn says, when the candidate lies among the 30 entries before it. */
function verdictOn(draft: Draft, timeline: Timeline): Verdict {
  const next = timeline.nextHuman(draft.to)
  const entry = next === null ? undefined : timeline.entries[next]
  if (next === null || next - draft.to > verdictReach || entry?.kind !== 'human') return 'none'
  return verdictOf(entry.text)
}

function toCandidate({ judged, also }: Selected, timeline: Timeline): Candidate {
  const { draft, ordinal, confidence, strength } = judged
  const anchor = timeline.entries[draft.anchor]?.origin
  const from = timeline.entries[draft.from]?.origin
  const model = draft.rule === 'X-HUMAN' ? null : timeline.modelAt(draft.to)
  return {
    rule: draft.rule,
    type: draft.type,
    title: draft.title,
    content: cutContent(draft.content),
    confidence,
    strength: strength ?? 'weak',
    anchorUuid: anchor?.uuid ?? '',
    ordinal,
    fromUuid: from?.uuid ?? '',
    toUuid: timeline.entries[draft.to]?.origin.uuid ?? '',
    at: anchor?.at ?? null,
    files: (draft.files ?? []).slice(0, filesMax),
    commands: (draft.commands ?? []).slice(0, commandsMax),
    ...(draft.commit === undefined ? {} : { commit: draft.commit }),
    ...(model === null ? {} : { model }),
    ...(also.length === 0 ? {} : { also: also satisfies readonly RuleName[] }),
    fromOffset: from?.offset ?? 0,
  }
}

import type { Caller } from '../api/caller.ts'
import { EngramError } from '../model/errors.ts'
import type { Cursor, Given } from './cursor.ts'
import type { DecodedBatch } from './decode-batch.ts'
import type { AssistantEntry, Entry } from './entries.ts'
import type { Candidate, RuleName } from './extract/candidate.ts'
import { ruleNames } from './extract/candidate.ts'
import type { Rules } from './extract/extract.ts'
import { observationIdOf } from './identity.ts'

export type Found = { readonly syncId: string; readonly candidate: Candidate }

export type Knowledge = {
  readonly found: readonly Found[]
  /** What the file gave and does not give any more (ING-EXT-9). */
  readonly withdraw: readonly string[]
  readonly given: readonly Given[]
  readonly belowThreshold: number
  /** Where the rules must begin the next time; null when nothing is open. */
  readonly openFrom: number | null
}

export type KnowledgeInput = {
  readonly agent: string
  readonly sessionId: string
  readonly rules: Rules
  /** The file is a sub-agent's own. */
  readonly isSidechain: boolean
  readonly cursor: Cursor
  readonly batch: Pick<DecodedBatch, 'entries' | 'fresh' | 'abandoned'>
}

type Earlier = { readonly given: Given; readonly rule: RuleName; readonly content: string }

/**
 * What the rules find in the part of a file they look at (ING-INC-3): the window they begin with and what is new. What
 * they found in the window before is replaced; what stands before the window counts for caps and overlap.
 */
export function knowledgeOf(input: KnowledgeInput): Knowledge {
  const pool = poolOf(input)
  const main = input.isSidechain ? pool : pool.filter((entry) => !entry.origin.sidechain)
  const own = fromChain(input, main, null, input.isSidechain)
  const chains = input.isSidechain ? [] : chainsIn(pool).map(([name, entries]) => fromChain(input, entries, name, true))
  const all = [own, ...chains.filter((each) => each !== null)].filter((each) => each !== null)
  const touched = new Set(all.map((each) => each.chain))
  const untouched = input.cursor.given.filter((each) => !touched.has(each.chain))
  return {
    found: all.flatMap((each) => each.found),
    withdraw: all.flatMap((each) => each.withdraw),
    given: [...untouched, ...all.flatMap((each) => each.given)],
    belowThreshold: all.reduce((sum, each) => sum + each.belowThreshold, 0),
    openFrom: own?.openFrom ?? null,
  }
}

/** Entries the rules look at: those from the window's start on, and what came late. */
export function poolOf({ cursor, batch }: Pick<KnowledgeInput, 'cursor' | 'batch'>): readonly Entry[] {
  const fresh = new Set(batch.fresh)
  return batch.entries.filter((entry) => entry.origin.offset >= cursor.extractOffset || fresh.has(entry))
}

type ChainKnowledge = Knowledge & { readonly chain: string | null }

/** Null where there is nothing to look at. */
function fromChain(
  input: KnowledgeInput,
  entries: readonly Entry[],
  chain: string | null,
  isSidechain: boolean,
): ChainKnowledge | null {
  const { abandoned } = input.batch
  const mine = input.cursor.given.filter((each) => each.chain === chain)
  const before = mine.filter((each) => each.offset < input.cursor.extractOffset)
  // A side chain written into the main file is told by its last text alone, wherever the one before stood.
  const kept = before.filter((each) => chain === null && !abandoned.has(each.anchor))
  if (!entries.some((entry) => !abandoned.has(entry.origin.uuid))) {
    if (chain !== null || kept.length === mine.length) return null
    return { chain, found: [], withdraw: idsOf(mine, kept), given: kept, belowThreshold: 0, openFrom: null }
  }
  const earlier = kept.map((given) => ({ given, rule: ruleOf(given.rule), content: given.content ?? '' }))
  const result = input.rules.extract<Earlier>(entries, { abandoned, sidechain: isSidechain, earlier })
  const beaten = new Set(result.beaten.map((each) => each.given))
  const found = result.candidates.map((candidate) => ({ syncId: syncIdOf(input, candidate), candidate }))
  const given = [...kept.filter((each) => !beaten.has(each)), ...found.map((each) => toGiven(each, chain))]
  return {
    chain,
    found,
    withdraw: idsOf(mine, given),
    given,
    belowThreshold: result.belowThreshold,
    openFrom: result.openFrom,
  }
}

const idsOf = (before: readonly Given[], after: readonly Given[]): readonly string[] => {
  const left = new Set(after.map((each) => each.syncId))
  return before.flatMap((each) => (left.has(each.syncId) ? [] : [each.syncId]))
}

const ruleOf = (name: string): RuleName => ruleNames.find((each) => each === name) ?? 'X-CAUSE'

const syncIdOf = ({ agent, sessionId }: KnowledgeInput, { rule, anchorUuid, ordinal }: Candidate): string =>
  observationIdOf({ agent, sessionId, rule, anchorUuid, ordinal })

const toGiven = ({ syncId, candidate }: Found, chain: string | null): Given => ({
  syncId,
  rule: candidate.rule,
  offset: candidate.fromOffset,
  anchor: candidate.anchorUuid,
  chain,
  content: candidate.content,
})

const isSaid = (entry: Entry): entry is AssistantEntry => entry.kind === 'assistant' && entry.text.trim() !== ''

/** Side chains inside a main file that say something here. */
function chainsIn(entries: readonly Entry[]): readonly (readonly [name: string, entries: readonly Entry[]])[] {
  const chains = new Map<string, Entry[]>()
  for (const entry of entries) {
    if (!entry.origin.sidechain) continue
    const name = entry.origin.agentId ?? ''
    const chain = chains.get(name)
    if (chain === undefined) chains.set(name, [entry])
    else chain.push(entry)
  }
  return [...chains].filter(([, each]) => each.some(isSaid))
}

/** What an earlier run found, in the words memory has for it now: overlap is judged by them. */
export async function withContents(caller: Caller, cursor: Cursor): Promise<Cursor> {
  const given: Given[] = []
  for (const each of cursor.given) {
    given.push(each.content === null ? { ...each, content: await contentOf(caller, each.syncId) } : each)
  }
  return { ...cursor, given }
}

/** Empty when memory has no such observation any more, or never had, its text being there already. */
async function contentOf(caller: Caller, syncId: string): Promise<string> {
  try {
    return (await caller.call('observation.get', { id: syncId })).content
  } catch (error) {
    if (error instanceof EngramError && error.row.http === 404) return ''
    throw error
  }
}

import type { SessionHead, Usage } from '../entries.ts'
import { timeOrder } from '../../model/times.ts'
import { isObject, nameAt } from './record.ts'
import type { JsonObject } from './record.ts'

/** What one record says of its session. */
export type RecordFacts = {
  readonly sessionId: string | null
  readonly version: string | null
  readonly branch: string | null
  readonly cwd: string | null
  readonly at: string | null
}

/** What the records of a file say of their session, so far (ING-CC-10, ING-PRJ-1, ING-SES-1). */
export type HeadFacts = {
  readonly sessionId: string | null
  readonly version: string | null
  readonly branch: string | null
  /** Of the first human turn, else of the first record that has one. */
  readonly cwd: string | null
  readonly isCwdOfHuman: boolean
  readonly startedAt: string | null
  readonly endedAt: string | null
  readonly continues: string | null
  /** By kind of record, in the words of {@link titleKinds}. */
  readonly titles: Readonly<Partial<Record<TitleKind, string>>>
}

type TitleKind = 'custom-title' | 'agent-name' | 'ai-title' | 'summary'

/** In order of precedence (ING-CC-10). */
const titleKinds: readonly TitleKind[] = ['custom-title', 'agent-name', 'ai-title', 'summary']

const titleKeys: Readonly<Record<TitleKind, readonly string[]>> = {
  'custom-title': ['customTitle', 'title'],
  'agent-name': ['agentName', 'name'],
  'ai-title': ['aiTitle', 'title'],
  summary: ['summary'],
}

const titleCharsMax = 500

export const noFacts: HeadFacts = {
  sessionId: null,
  version: null,
  branch: null,
  cwd: null,
  isCwdOfHuman: false,
  startedAt: null,
  endedAt: null,
  continues: null,
  titles: {},
}

/** The facts with those of one more record. Times may go backwards, so the earliest and latest count. */
export function withRecord(facts: HeadFacts, record: RecordFacts, isHuman: boolean): HeadFacts {
  const takesCwd = record.cwd !== null && (facts.cwd === null || (isHuman && !facts.isCwdOfHuman))
  return {
    ...facts,
    sessionId: facts.sessionId ?? record.sessionId,
    version: record.version ?? facts.version,
    branch: record.branch ?? facts.branch,
    cwd: takesCwd ? record.cwd : facts.cwd,
    isCwdOfHuman: facts.isCwdOfHuman || (takesCwd && isHuman),
    startedAt: earlier(facts.startedAt, record.at),
    endedAt: later(facts.endedAt, record.at),
  }
}

/** Null when the record is no title, or an empty one. The first summary counts, of the others the last. */
export function withTitle(facts: HeadFacts, type: string, record: JsonObject): HeadFacts | null {
  const kind = titleKinds.find((each) => each === type)
  if (kind === undefined) return null
  const title = titleKeys[kind].map((key) => nameAt(record, key)).find((each) => each !== null)
  if (title === undefined || title === null) return facts
  if (kind === 'summary' && facts.titles.summary !== undefined) return facts
  return { ...facts, titles: { ...facts.titles, [kind]: title.slice(0, titleCharsMax) } }
}

export function titleOf(facts: HeadFacts): string | null {
  return titleKinds.map((kind) => facts.titles[kind]).find((title) => title !== undefined) ?? null
}

const earlier = (a: string | null, b: string | null): string | null =>
  b === null || !isTime(b) || (a !== null && timeOrder(a) <= timeOrder(b)) ? a : b

const later = (a: string | null, b: string | null): string | null =>
  b === null || !isTime(b) || (a !== null && timeOrder(a) >= timeOrder(b)) ? a : b

const isTime = (text: string): boolean => timeOrder(text) !== Number.NEGATIVE_INFINITY

export type HeadParts = {
  readonly agent: string
  readonly sessionId: string
  readonly agentId: string | null
  readonly model: string | null
  readonly usage: Usage
  readonly messages: number
}

export function headOf(facts: HeadFacts, parts: HeadParts): SessionHead {
  const { version, cwd, branch, startedAt, endedAt, continues } = facts
  return { ...parts, title: titleOf(facts), version, cwd, branch, startedAt, endedAt, continues }
}

/** Saved facts, or null when they are none. */
export function factsFrom(value: unknown): HeadFacts | null {
  if (!isObject(value) || !isObject(value.titles)) return null
  const titles = value.titles
  const text = (key: string): string | null => nameAt(value, key)
  const known = titleKinds.flatMap((kind): [TitleKind, string][] => {
    const title = nameAt(titles, kind)
    return title === null ? [] : [[kind, title]]
  })
  return {
    sessionId: text('sessionId'),
    version: text('version'),
    branch: text('branch'),
    cwd: text('cwd'),
    isCwdOfHuman: value.isCwdOfHuman === true,
    startedAt: text('startedAt'),
    endedAt: text('endedAt'),
    continues: text('continues'),
    titles: Object.fromEntries(known),
  }
}

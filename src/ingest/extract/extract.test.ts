import { describe, expect, it } from 'vitest'
import type { Entry } from '../entries.ts'
import type { Candidate } from './candidate.ts'
import { extract } from './extract.ts'
import type { Extraction } from './extract.ts'
import { Story } from './labelled/builder.ts'
import { labelledSessions } from './labelled/sessions.ts'

const whole = (entries: readonly Entry[]): Extraction => extract(entries, { abandoned: new Set(), sidechain: false })
const nameOf = ({ rule, anchorUuid, ordinal }: Candidate): string => `${rule} ${anchorUuid} ${ordinal}`
const subjects = [
  'parser',
  'queue',
  'router',
  'mailer',
  'ledger',
  'cache',
  'index',
  'socket',
  'canvas',
  'printer',
  'planner',
  'beacon',
]
const verbs = [
  'reads',
  'drops',
  'keeps',
  'sends',
  'locks',
  'warms',
  'sorts',
  'opens',
  'paints',
  'spools',
  'books',
  'blinks',
]
const things = [
  'tokens',
  'jobs',
  'paths',
  'letters',
  'rows',
  'pages',
  'terms',
  'frames',
  'layers',
  'sheets',
  'rooms',
  'lamps',
]
const decision = (index: number): string =>
  `Decision: the ${subjects[index]} always ${verbs[index]} its own ${things[index]}.`

describe('extract', () => {
  it('ING-EXT-9 the same transcript gives the same candidates, and each has an identity of its own', () => {
    for (const { entries } of labelledSessions) {
      const { candidates } = whole(entries)
      expect(whole(entries).candidates).toEqual(candidates)
      expect(new Set(candidates.map(nameOf)).size).toBe(candidates.length)
    }
  })

  it('ING-EXT-9 the ordinal counts what one rule found at one anchor, also what was dropped', () => {
    const story = new Story('s').says(
      'Decision: maybe we keep the queue?\n\nDecision: jobs are retried three times at most.',
    )
    expect(whole(story.entries).candidates.map(({ ordinal, title }) => ({ ordinal, title }))).toEqual([
      { ordinal: 1, title: 'jobs are retried three times at most' },
    ])
  })

  it('ING-EXT-2 at most 10 per rule and 24 per session, in order of appearance', () => {
    const story = new Story('s')
    for (let index = 0; index < 12; index++) story.says(decision(index))
    const { candidates, overCap } = whole(story.entries)
    expect(candidates).toHaveLength(10)
    expect(overCap).toBe(2)
    expect(candidates[9]?.title).toContain('printer')
  })

  it('ING-EXT-2 titles have at most 80 code points and contents at most 2,000 characters', () => {
    const long = `Decision: ${'the importer reads every supplier file as a stream and '.repeat(60)}`
    const [candidate] = whole(new Story('s').says(long.slice(0, 290)).entries).candidates
    expect(Array.from(candidate?.title ?? '').length).toBeLessThanOrEqual(80)
    expect(candidate?.title).toMatch(/ \S+…$/)
    const list = Array.from(
      { length: 40 },
      (_, index) => `- step ${index} writes the file of supplier ${index} and checks its sum twice`,
    )
    const [listed] = whole(new Story('s').says(`Solution:\n${list.join('\n')}`).entries).candidates
    expect(listed?.content.length).toBeLessThanOrEqual(2_000)
    expect(listed?.content).toMatch(/…$/)
  })

  it('ING-EXT-4 what two rules found is one candidate, the higher base wins and names the other', () => {
    const story = new Story('s')
      .fails('npm test', 'TypeError: cannot read length of undefined\n 1 failed')
      .says('The problem is that `parse` returns undefined for empty lines.')
      .edits('src/parse.ts', '+if (line === "") return []')
      .runs('npm test', 'ok')
    expect(whole(story.entries).candidates.map(({ rule, also }) => ({ rule, also }))).toEqual([
      { rule: 'X-FIX', also: ['X-CAUSE'] },
    ])
  })

  it('ING-CC-19 nothing comes from abandoned turns', () => {
    const story = new Story('s').says(decision(1)).says(decision(2))
    const { candidates } = extract(story.entries, { abandoned: new Set(['s-1']), sidechain: false })
    expect(candidates.map(({ anchorUuid }) => anchorUuid)).toEqual(['s-2'])
  })

  it('ING-CC-20 a side chain gives learnings and labels of its last text only', () => {
    const story = new Story('s')
      .says(decision(1))
      .fails('npm test', 'TypeError: x is undefined')
      .edits('a.ts', '+x')
      .runs('npm test')
      .says(
        '## Learnings\n- The report must name every file it read\n\nDecision: reports are written in the language of the prompt.',
      )
    const own = story.entries.map((entry) => ({
      ...entry,
      origin: { ...entry.origin, sidechain: true, agentId: 'a1' },
    }))
    const found = extract(own, { abandoned: new Set(), sidechain: true })
    expect(found.candidates.map(({ rule }) => rule)).toEqual(['X-LEARN', 'X-DECL'])
    expect(found.openFrom).toBe(own.at(-1)?.origin.offset)
    expect(whole(own).candidates).toEqual([])
  })

  it('ING-EXT-7 carries span, time, files, commands and model', () => {
    const story = new Story('s').fails('npm test', 'TypeError: cannot read length of undefined')
    for (let index = 0; index < 15; index++) story.edits(`src/file-${index}.ts`, '+x')
    const [candidate] = whole(story.says('Done.').runs('npm test').entries).candidates
    expect(candidate).toMatchObject({
      rule: 'X-FIX',
      anchorUuid: 's-2',
      fromUuid: 's-1',
      toUuid: 's-35',
      fromOffset: 0,
      model: 'model-a',
    })
    expect(candidate?.files).toHaveLength(12)
    expect(candidate?.files[0]).toBe('src/file-0.ts')
    expect(candidate?.at).toMatch(/^2026-01-05T/)
    expect(candidate?.content).toContain('and 3 more')
  })

  it('ING-EXT-1 counts what fell below the threshold', () => {
    const { candidates, belowThreshold } = whole(
      new Story('s')
        .says('We chose Redis instead of a file, because I think it is faster.')
        .says('ok')
        .human('no, that is wrong').entries,
    )
    expect(candidates).toEqual([])
    expect(belowThreshold).toBe(1)
  })

  it('ING-EXT-1 an empty session gives nothing', () => {
    expect(whole([])).toEqual({ candidates: [], beaten: [], belowThreshold: 0, overCap: 0, openFrom: 0 })
  })
})

/** Reads in two pieces as the run does: what lies in the re-read window is replaced by what the second read gives. */
function inPieces(entries: readonly Entry[], cutLine: number): readonly Candidate[] {
  const before = whole(entries.filter(({ origin }) => origin.line <= cutLine))
  const earlier = before.candidates.filter(({ fromOffset }) => fromOffset < before.openFrom)
  const again = entries.filter(({ origin }) => origin.offset >= before.openFrom)
  const after = extract(again, { abandoned: new Set(), sidechain: false, earlier })
  return [...earlier.filter((candidate) => !after.beaten.includes(candidate)), ...after.candidates]
}

const told = (candidates: readonly Candidate[]): readonly string[] =>
  candidates.map((candidate) => `${nameOf(candidate)} ${candidate.confidence} ${candidate.title}`).toSorted()

describe('ING-INC-3', () => {
  it.each(labelledSessions.map((session) => [session.name, session] as const))(
    'ING-INC-3 %s read in two pieces, cut at every line, gives what one read gives',
    (_name, { entries }) => {
      const expected = told(whole(entries).candidates)
      for (const { origin } of entries)
        expect(told(inPieces(entries, origin.line)), `cut after line ${origin.line}`).toEqual(expected)
    },
  )

  it('ING-INC-3 reaches back to the oldest failure that nothing resolved, and to a call without a result', () => {
    const story = new Story('s')
      .human('go')
      .fails('npm test', 'Error: the queue is full of jobs')
      .human('next')
      .says('ok')
      .human('more')
      .says('ok')
    expect(whole(story.entries).openFrom).toBe(story.entries[1]?.origin.offset)
    const resolved = story.runs('npm test').human('again')
    expect(whole(resolved.entries).openFrom).toBe(resolved.entries.at(-1)?.origin.offset)
    const pending = new Story('s').human('go').runs('sleep 100').human('and now')
    const withoutResult = pending.entries.filter((entry) => entry.kind !== 'result')
    expect(whole(withoutResult).openFrom).toBe(withoutResult[1]?.origin.offset)
  })

  it('ING-INC-3 reaches back 400 records at most', () => {
    const story = new Story('s').human('go').fails('npm test', 'Error: the queue is full of jobs')
    for (let index = 0; index < 500; index++) story.says('working')
    const { entries } = story
    expect(whole(entries).openFrom).toBe(entries.find(({ origin }) => origin.line === 503 - 400)?.origin.offset)
  })
})

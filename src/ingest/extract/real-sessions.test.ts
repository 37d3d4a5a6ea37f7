import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Entry } from '../entries.ts'
import { claudeCodeReader } from '../readers/claude-code.ts'
import type { AbandonedTurns } from '../readers/reader.ts'
import { summarise } from '../summary.ts'
import type { Candidate, RuleName } from './candidate.ts'
import { commits } from './commit.ts'
import { extract } from './extract.ts'

/** Figures counted in published sessions (ING-SES-4, ING-EXT-6). Their text stays where it is. */
const folder = '../shared/data/transcripts/claude-code/projects'
const isHere = existsSync(folder)
if (!isHere) console.log(`skipped: ${folder} not found`)

type Read = { readonly entries: readonly Entry[]; readonly abandoned: AbandonedTurns }

function read(start: string): Read {
  const path = fileOf(start)
  const session = claudeCodeReader.start({
    path,
    sidechainOf: null,
    agentId: null,
    seen: { has: () => false, add: () => undefined },
  })
  const entries: Entry[] = []
  let offset = 0
  for (const [index, text] of readFileSync(path, 'utf8').split('\n').entries()) {
    const end = offset + Buffer.byteLength(text) + 1
    if (text.trim() !== '') entries.push(...session.take({ kind: 'line', line: index + 1, offset, end, text }))
    offset = end
  }
  entries.push(...session.finish(true))
  return { entries, abandoned: session.abandoned() }
}

function fileOf(start: string): string {
  for (const project of readdirSync(folder)) {
    const name = readdirSync(join(folder, project)).find((file) => file.startsWith(start) && file.endsWith('.jsonl'))
    if (name !== undefined) return join(folder, project, name)
  }
  throw new Error(`no session ${start} below ${folder}`)
}

const nothingAbandoned = { abandoned: new Set<string>(), sidechain: false } as const

const candidatesOf = ({ entries, abandoned }: Read): readonly Candidate[] =>
  extract(entries, { abandoned, sidechain: false }).candidates

const of = (candidates: readonly Candidate[], rule: RuleName): readonly Candidate[] =>
  candidates.filter((candidate) => candidate.rule === rule)

describe.skipIf(!isHere)('published sessions', () => {
  it('ING-EXT-6 258c…: 4 strong X-FIX, 1 strong X-CMD, no X-COMMIT, at most 10 X-COMPACT', () => {
    const found = candidatesOf(read('258c'))
    const fixes = of(found, 'X-FIX')
    expect(fixes.map((candidate) => candidate.strength)).toEqual(['strong', 'strong', 'strong', 'strong'])
    const errors = [
      /undefined function \w+\/2/,
      /no :\w+ configuration found/,
      /requires \w+ as a test dependency/,
      /Assertion with =~ failed/,
    ]
    for (const [index, error] of errors.entries()) expect(fixes[index]?.content).toMatch(error)
    expect(new Set(fixes.flatMap((candidate) => candidate.commands)).size).toBe(1)
    expect(fixes[0]?.commands[0]).toMatch(/^mix test test\/\S+_test\.exs$/)
    expect(of(found, 'X-CMD').map(({ strength, commands }) => ({ strength, commands }))).toEqual([
      { strength: 'strong', commands: ['git push', expect.stringMatching(/^git push --set-upstream origin \S+$/)] },
    ])
    expect(of(found, 'X-COMMIT')).toEqual([])
    expect(of(found, 'X-COMPACT').length).toBeLessThanOrEqual(10)
  })

  it('ING-EXT-6 491e…: 2 X-ASK', () => {
    const found = candidatesOf(read('491e'))
    expect(of(found, 'X-ASK').map((candidate) => candidate.strength)).toEqual(['strong', 'strong'])
  })

  it.each(['5560', 'd6e0'])('ING-EXT-6 %s…: nothing from failures that were refused or broken off', (start) => {
    const rules = candidatesOf(read(start)).map((candidate) => candidate.rule)
    expect(rules.filter((rule) => rule === 'X-FIX' || rule === 'X-CMD' || rule === 'X-CAUSE')).toEqual([])
  })

  it('ING-INC-3 258c… read in two pieces gives what one read gives', () => {
    const { entries } = read('258c')
    const whole = extract(entries, nothingAbandoned)
    const told = (candidates: readonly Candidate[]): readonly string[] =>
      candidates
        .map(({ rule, anchorUuid, ordinal, confidence }) => `${rule} ${anchorUuid} ${ordinal} ${confidence}`)
        .toSorted()
    for (let cut = 1; cut < entries.length; cut += 7) {
      const line = entries[cut]?.origin.line ?? 0
      const before = extract(
        entries.filter(({ origin }) => origin.line <= line),
        nothingAbandoned,
      )
      const earlier = before.candidates.filter(({ fromOffset }) => fromOffset < before.openFrom)
      const again = entries.filter(({ origin }) => origin.offset >= before.openFrom)
      const after = extract(again, { ...nothingAbandoned, earlier })
      const live = [...earlier.filter((candidate) => !after.beaten.includes(candidate)), ...after.candidates]
      expect(told(live), `cut after line ${line}`).toEqual(told(whole.candidates))
    }
  })

  it('ING-SES-4 258c…: 5 commits', () => {
    const made = commits(read('258c').entries)
    expect(made.map((commit) => commit.sha)).toEqual(['99b497c', 'ceff8c3', 'bb53fb4', '05fd186', 'a230dbf'])
    for (const commit of made) expect(commit.body.length).toBeGreaterThan(40)
    for (const commit of made) expect(commit.body).not.toMatch(/^Co-Authored-By/m)
  })

  it.each(['258c', '491e', '5560', 'd6e0'])('ING-SES-3 %s…: a summary within its bound', (start) => {
    const text = summarise(read(start).entries)
    expect(text).toMatch(/^Asked: /)
    expect(text.length).toBeLessThanOrEqual(1_500)
  })
})

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { intervals, measures } from '../../bench/retrieval/measures.ts'
import { conversationTime, findSets } from '../../bench/retrieval/sets.ts'

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'engram-harness-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const program = resolve(import.meta.dirname, '../../bench/retrieval.ts')
const run = (...words: readonly string[]): string =>
  execFileSync(process.execPath, [program, ...words], { encoding: 'utf8', cwd: directory })

const turn = (id: string, speaker: string, text: string) => ({ id, speaker, text })
const conversation = (id: string, about: string) => ({
  id,
  sessions: [
    {
      id: 'S1',
      date: '1:56 pm on 8 May, 2023',
      turns: [
        turn('D1:1', 'Ana', `The ${about} arrived in the harbour`),
        turn('D1:2', 'Ben', 'Good, then we can unload tomorrow'),
        turn('D1:3', 'Ana', 'The crane is out of order'),
      ],
    },
  ],
  questions: [
    { question: `When did the ${about} arrive?`, category: 2, evidence: ['D1:1'] },
    { question: 'What is broken?', category: 4, evidence: ['D1:3', 'D9:9'] },
    { question: 'Nobody knows?', category: 4, evidence: ['D9:9'] },
    { question: 'Never asked?', category: 5, evidence: ['D1:1'] },
  ],
})
const memory = (id: string, title: string, created: string) => ({
  id,
  title,
  text: `${title}\nabout ${title}`,
  type: 'task',
  created,
})

function writeSets(): void {
  mkdirSync(join(directory, 'talk'))
  writeFileSync(
    join(directory, 'talk', 'any.json'),
    JSON.stringify([conversation('one', 'ship'), conversation('two', 'train')]),
  )
  mkdirSync(join(directory, 'work'))
  const memories = [
    memory('m-1', 'retry the upload', '2026-01-01T10:00:00Z'),
    memory('m-2', 'close the socket', '2026-01-03T10:00:00+02:00'),
  ]
  const query = {
    id: 'q',
    when: '2026-01-02T00:00:00Z',
    query: 'socket upload',
    query_long: 'upload it',
    split: 'hard',
  }
  writeFileSync(join(directory, 'work', 'memories.json'), JSON.stringify(memories))
  writeFileSync(join(directory, 'work', 'queries.json'), JSON.stringify([{ ...query, gold: ['m-1'] }]))
}

it('RET-1101/means over questions, a question of several sources in part', () => {
  const found = measures([{ places: [1] }, { places: [7, null] }, { places: [null] }, { places: [2, 12] }])
  expect(found).toMatchObject({ n: 4, recall_at_5: 37.5, recall_at_10: 50, hit_at_5: 50, hit_at_10: 75 })
  expect(found).toMatchObject({ recall_at_20: 62.5, strict_at_10: 25, mrr: 0.4107 })
  const same = Array.from({ length: 50 }, () => ({ places: [3] }))
  expect(intervals(same)).toEqual({ recall_at_10: 0, hit_at_5: 0, mrr: 0 })
  const mixed = same.map((one, at) => (at % 2 === 0 ? one : { places: [null] }))
  expect(intervals(mixed)).toEqual(intervals(mixed))
  expect(intervals(mixed).hit_at_5).toBeGreaterThan(8)
})

it('RET-1202/sets are known by their shape; what is missing is named', () => {
  writeSets()
  expect(findSets(directory).map(({ kind }) => kind)).toEqual(['conversations', 'code-memory'])
  writeFileSync(join(directory, 'work', 'queries.json'), JSON.stringify([{ id: 'q' }]))
  expect(() => findSets(directory)).toThrow(/queries\.json: 0\.when/)
  expect(conversationTime('12:05 am on 1 January, 2024')).toBe(Date.UTC(2024, 0, 1, 0, 5))
  expect(conversationTime('1:56 pm on 8 May, 2023')).toBe(Date.UTC(2023, 4, 8, 13, 56))
  expect(conversationTime('some day')).toBeNaN()
})

it('RET-1201/no data is no failure, and says where it looked', () => {
  expect(run('--data', join(directory, 'nowhere'))).toBe(
    `retrieval data not found at ${join(directory, 'nowhere')}: skipped\n`,
  )
})

it('RET-1201/asks as a user would, beside the plain index, and writes what it found', () => {
  writeSets()
  const file = join(directory, 'out.json')
  const text = run(
    '--data',
    directory,
    '--mode',
    'lexical',
    '--no-costs',
    '--json',
    file,
    '--misses',
    join(directory, 'misses'),
  )
  expect(text).toMatch(/any \(conversations\), 2 skipped/)
  const { results, parameters } = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly results: readonly Readonly<Record<string, unknown>>[]
    readonly parameters: string
  }
  expect(parameters).toMatch(/^[0-9a-f]{12}$/)
  expect(results.map(({ kind, order, field, mode }) => [kind, order, field, mode])).toEqual([
    ['conversations', undefined, undefined, 'lexical'],
    ['code-memory', 'replay', 'query', 'lexical'],
    ['code-memory', 'replay', 'query_long', 'lexical'],
    ['code-memory', 'static', 'query', 'lexical'],
    ['code-memory', 'static', 'query_long', 'lexical'],
  ])
  expect(results[0]).toMatchObject({
    overall: { n: 4, hit_at_5: expect.any(Number) },
    baseline: { n: 4 },
    by_category: { 2: { n: 2, mrr: 1 } },
    latency_ms: { p50: expect.any(Number), p95: expect.any(Number), max: expect.any(Number) },
  })
  const percents = ['recall_at_5', 'recall_at_10', 'recall_at_20', 'hit_at_5', 'hit_at_10', 'hit_at_20']
  for (const { overall, baseline, hard } of results) {
    for (const one of [overall, baseline, ...(hard === undefined ? [] : [hard])] as Readonly<
      Record<string, number>
    >[]) {
      for (const name of percents) expect(one[name], name).toBeGreaterThanOrEqual(0)
      expect(Math.max(...percents.map((name) => one[name] ?? 0))).toBeGreaterThan(1)
      expect(one['mrr']).toBeLessThanOrEqual(1)
    }
  }
  // In replay the later memory is not there yet; asked after all, it competes.
  expect(results[1]).toMatchObject({ hard: { n: 1, recall_at_10: 100, mrr: 1 } })
})

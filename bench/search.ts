import { openEngine, type OpenedEngine } from '../src/open-engine.ts'
import { refreshIndex } from '../src/search/indexer.ts'
import { postingsBudget } from '../src/search/match.ts'
import { parameters, parametersHash } from '../src/search/parameters.ts'
import { englishStopWords } from '../src/search/stop-words.ts'
import { nextChangeSeq } from '../src/store/change-clock.ts'
import { bestRows } from '../src/store/full-text-search.ts'
import { wordsOf } from '../src/store/index-text.ts'
import { insertObservation } from '../src/store/observations.ts'
import { insertSession } from '../src/store/sessions.ts'
import type { WriteTx } from '../src/store/transaction.ts'
import { formatTime } from '../src/model/times.ts'
import { benchOptions, percentile, report, temporaryDirectory, timed, timedAsync, type Figure } from './harness.ts'
import { randomFrom } from './invented-text.ts'

/**
 * Lexical search over invented stores of 10,000 and 100,000 observations (RET-901, G11): natural questions of 5 to 10
 * words and pasted ones of 60, each beside the bare FTS query of all its words in the same run; how much of that query's
 * first ten survives pruning; what upkeep costs.
 */
const options = benchOptions()
const figures: Figure[] = []
const project = 'bench'
const vocabularySize = 30_000
const perSession = 40

const wants = (part: string): boolean => options.only.length === 0 || options.only.includes(part)

/** Words by Zipf's law, as languages have them; among the most frequent are the real stop words. */
function vocabulary(random: () => number): readonly string[] {
  const syllables = 'ba ko ri ten mu sal vor pli ga ne tru shi lo den fra qui mo zer ath ul'.split(' ')
  const stopWords = [...englishStopWords].filter((word) => word.length > 1)
  const words = new Set(stopWords)
  while (words.size < vocabularySize) {
    const length = 2 + Math.floor(random() * 3)
    const word = Array.from({ length }, () => syllables[Math.floor(random() * syllables.length)]).join('')
    words.add(word)
  }
  return [...words]
}

function zipf(words: readonly string[], random: () => number): () => string {
  const cumulative: number[] = []
  let sum = 0
  for (let place = 0; place < words.length; place++) cumulative.push((sum += 1 / (place + 2.7)))
  return () => {
    const wanted = random() * sum
    let [low, high] = [0, words.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((cumulative[middle] ?? 0) < wanted) low = middle + 1
      else high = middle
    }
    return words[low] ?? ''
  }
}

type Invented = { readonly title: string; readonly content: string }

function texts(count: number, seed: number): readonly Invented[] {
  const random = randomFrom(seed)
  const word = zipf(vocabulary(random), random)
  const many = (length: number): string => Array.from({ length }, word).join(' ')
  return Array.from({ length: count }, () => ({ title: many(6), content: many(20 + Math.floor(random() * 60)) }))
}

/** Words of one record in any order, stop words in between: about something, and not one after the other. */
function question(about: Invented, length: number, random: () => number): string {
  const words = wordsOf(`${about.title} ${about.content}`)
  return Array.from({ length }, () => words[Math.floor(random() * words.length)]).join(' ')
}

/** Rows as saves write them, without what a save does beside. */
async function fill(opened: OpenedEngine, memories: readonly Invented[]): Promise<void> {
  const startMs = Date.UTC(2026, 0, 1)
  for (let from = 0; from < memories.length; from += 5_000) {
    await opened.deps.store.write(
      (tx) => {
        for (const [index, memory] of memories.slice(from, from + 5_000).entries()) {
          insertMemory(tx, memory, from + index, startMs + (from + index) * 60_000)
        }
      },
      { durability: 'normal' },
    )
  }
}

function insertMemory(tx: WriteTx, memory: Invented, serial: number, atMs: number): void {
  const at = formatTime(atMs)
  const session = `s-${Math.floor(serial / perSession)}`
  const stamp = { hlc: atMs.toString(16).padStart(12, '0') + '0000', origin: 'bench', change_seq: nextChangeSeq(tx) }
  if (serial % perSession === 0) {
    insertSession(tx, {
      id: session,
      project,
      ownership_mode: 'shared',
      directory: '',
      started_at: at,
      ended_at: null,
      summary: null,
      summary_by: null,
      agent: null,
      ended_by: null,
      isolated: 0,
      lease_until_ms: 0,
      agent_pid: null,
      last_activity_ms: 0,
      ...stamp,
    })
  }
  insertObservation(tx, {
    sync_id: `obs-${serial.toString(16).padStart(16, '0')}`,
    session_id: session,
    type: 'discovery',
    ...memory,
    tool_name: null,
    project,
    scope: 'project',
    topic_key: null,
    normalized_hash: '',
    revision_count: 1,
    duplicate_count: 1,
    last_seen_at: null,
    review_after: null,
    expires_at: null,
    created_at: at,
    updated_at: at,
    deleted_at: null,
    pinned: 0,
    author: null,
    confidence: null,
    provenance: null,
    version: '',
    ancestors: '[]',
    ...stamp,
  })
}

/** Steps until the index has caught up and its segments are merged; the longest one, and all of them together. */
async function catchUp(
  opened: OpenedEngine,
): Promise<{ readonly longestMs: number; readonly allMs: number; readonly rows: number }> {
  let [longestMs, allMs, rows] = [0, 0, 0]
  for (;;) {
    let done = false
    const ms = await timedAsync(() =>
      opened.deps.store.write(
        (tx) => {
          const step = refreshIndex(tx, { rowsMax: 200, budgetMs: 20, clock: opened.deps.clock })
          done = step.done
          rows += step.rows
        },
        { durability: 'normal' },
      ),
    )
    longestMs = Math.max(longestMs, ms)
    allMs += ms
    if (done) return { longestMs, allMs, rows }
  }
}

const { observationWeights: w } = parameters
const weights = [w.facet, w.title, w.content, w.keys, w.before, w.after, w.day]

/** What anybody gets from FTS5 with the same words: all of them joined by OR, bm25 with the same weights. */
function bareQuery(opened: OpenedEngine, text: string): readonly number[] {
  const words = [...new Set(wordsOf(text.toLowerCase()))].filter((word) => !englishStopWords.has(word))
  if (words.length === 0) return []
  const match = `{title content keys before after day} : (${words.map((word) => `"${word}"`).join(' OR ')})`
  return opened.deps.store.read((tx) => bestRows(tx, 'observation_fts', match, weights, 10)).map((row) => row.id)
}

async function measure(opened: OpenedEngine, name: string, questions: readonly string[], goal: string): Promise<void> {
  const [ours, bare, kept]: [number[], number[], number[]] = [[], [], []]
  for (const [index, query] of questions.entries()) {
    let expected: readonly number[] = []
    let found: readonly number[] = []
    const search = async (): Promise<void> => {
      const answer = await opened.caller.call('memory.search', { query, project, limit: 10, collapse: false })
      found = answer.hits.map((hit) => hit.id)
    }
    const plain = (): void => {
      expected = bareQuery(opened, query)
    }
    // In turns, so that neither always finds the pages warm.
    if (index % 2 === 0) bare.push(timed(plain))
    ours.push(await timedAsync(search))
    if (index % 2 === 1) bare.push(timed(plain))
    if (expected.length > 0) kept.push(expected.filter((id) => found.includes(id)).length / expected.length)
  }
  for (const [label, share] of [
    ['p50', 0.5],
    ['p95', 0.95],
    ['p99', 0.99],
  ] as const) {
    figures.push(figure(`${name} ${label}`, percentile(ours, share), 'ms', percentile(bare, share), goal))
  }
  const mean = (kept.reduce((sum, value) => sum + value, 0) / Math.max(1, kept.length)) * 100
  figures.push(figure(`${name}: of the plain query's first ten`, mean, '%', null, '>= 95 % (G11)'))
}

/** Bytes of any kind as questions: none may raise, reach another project or take long. */
async function measureBytes(opened: OpenedEngine, name: string, count: number): Promise<void> {
  const random = randomFrom(31)
  let [longestMs, errors, strangers] = [0, 0, 0]
  for (let serial = 0; serial < count; serial++) {
    const bytes = Uint8Array.from({ length: 1 + Math.floor(random() * 200) }, () => Math.floor(random() * 256))
    const query = Buffer.from(bytes).toString(serial % 2 === 0 ? 'utf8' : 'latin1')
    const start = performance.now()
    try {
      const answer = await opened.caller.call('memory.search', { query, project, limit: 10 })
      strangers += answer.hits.filter((hit) => hit.project !== project).length
    } catch {
      errors++
    }
    longestMs = Math.max(longestMs, performance.now() - start)
  }
  figures.push(
    figure(`${name}: random bytes, longest of ${count}`, longestMs, 'ms', null, 'no query over 250 ms'),
    figure(`${name}: random bytes, errors and strangers`, errors + strangers, '', null, '0'),
  )
}

const figure = (name: string, value: number, unit: string, baseline: number | null, goal: string): Figure => ({
  name,
  value,
  unit,
  baseline,
  baselineName: baseline === null ? '' : 'bare FTS, OR of all words',
  durability: '',
  goal,
})

async function run(count: number): Promise<void> {
  const directory = temporaryDirectory()
  const opened = await openEngine({ dataDir: directory.path, embedder: null })
  try {
    const memories = texts(count, 11)
    const fillMs = await timedAsync(() => fill(opened, memories))
    figures.push(figure(`${count}: rows written`, count / (fillMs / 1_000), 'rows/s', null, ''))
    const upkeep = await catchUp(opened)
    figures.push(
      figure(`${count}: upkeep`, upkeep.rows / (upkeep.allMs / 1_000), 'rows/s', null, '>= 5,000 (RET-904)'),
      figure(`${count}: longest step of upkeep`, upkeep.longestMs, 'ms', null, '20 ms budget (RET-104)'),
    )
    const random = randomFrom(23)
    const size = options.quick ? 100 : 1_000
    const ask = (length: () => number): readonly string[] =>
      Array.from({ length: size }, () =>
        question(memories[Math.floor(random() * memories.length)] ?? { title: '', content: '' }, length(), random),
      )
    const goal = count > 10_000 ? 'p95 < 50 ms (RET-901), p50 <= 1 (G11)' : 'p95 < 10 ms (RET-901)'
    await measure(
      opened,
      `${count}: 5 words`,
      ask(() => 5),
      goal,
    )
    await measure(
      opened,
      `${count}: 5-10 words`,
      ask(() => 5 + Math.floor(random() * 6)),
      goal,
    )
    await measure(opened, `${count}: 60 words`, ask(() => 60).slice(0, size / 5), goal)
    await measureBytes(opened, String(count), options.quick && count < 100_000 ? 300 : 3_000)
  } finally {
    await opened.close()
    directory.remove()
  }
}

if (wants('10k')) await run(10_000)
if (wants('100k')) await run(100_000)
report('search', figures, options, { parameters: parametersHash(), postings_budget_100k: postingsBudget(100_000) })

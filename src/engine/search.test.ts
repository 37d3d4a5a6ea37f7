import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Input } from '../api/operations.ts'
import type { SearchAnswer } from '../api/search.ts'
import { EngramError } from '../model/errors.ts'
import { estimateTokens } from '../model/text.ts'
import { refreshIndex } from '../search/indexer.ts'
import { nextChangeSeq } from '../store/change-clock.ts'
import { observationById, updateObservation } from '../store/observations.ts'
import type { ObservationRow } from '../store/rows.ts'
import { openTestEngine, type TestEngine } from './testing/test-engine.ts'

let test: TestEngine
const opening = (): void => {
  test = openTestEngine()
}
const closing = (): Promise<void> => test.close()

type Save = Partial<Input<'observation.save'>> & { readonly content: string }

async function save(given: Save): Promise<number> {
  test.clock.advance(60_000)
  const saved = await test.engine.call('observation.save', {
    project: 'alpha',
    title: given.content.slice(0, 40),
    ...given,
  })
  return saved.id ?? 0
}
const search = (query: string, more: Partial<Input<'memory.search'>> = {}): Promise<SearchAnswer> =>
  test.engine.call('memory.search', { query, project: 'alpha', ...more })
const ids = (answer: SearchAnswer): readonly number[] => answer.hits.map((hit) => hit.id)

/** Changes fields that no operation changes. */
const set = (id: number, fields: Partial<ObservationRow>): Promise<void> =>
  test.deps.store.write((tx) => {
    const row = observationById(tx, id)
    if (row !== undefined) updateObservation(tx, { ...row, ...fields, change_seq: nextChangeSeq(tx) })
  })

async function catchUp(): Promise<void> {
  const budget = { rowsMax: 500, budgetMs: 50, clock: test.clock }
  while (!(await test.deps.store.write((tx) => refreshIndex(tx, budget))).done) continue
}

describe('finding', () => {
  beforeEach(opening)
  afterEach(closing)

  it('MEM-601/a long question finds by any of its words, best first, with its parts', async () => {
    await save({ content: 'The invoice export fails on leap days' })
    const best = await save({ content: 'Session tokens expire early because the clock went back' })
    const answer = await search('why did the session token of the user expire so early?')
    expect(answer.hits[0]).toMatchObject({
      id: best,
      project: 'alpha',
      ext: { preview_truncated: false, relations: [] },
    })
    expect(answer).toMatchObject({ mode: 'lexical', confidence: 'ok', project: 'alpha' })
    expect(answer.hits[0]?.rank).toBe(-(answer.hits[0]?.ext.score ?? 0))
  })

  it('RET-307/all: every word in own columns', async () => {
    const both = await save({ content: 'session token expired' })
    await save({ content: 'session closed' })
    expect(ids(await search('session token', { match_mode: 'all' }))).toEqual([both])
    expect(ids(await search('session tok', { match_mode: 'all' }))).toEqual([both])
    expect(ids(await search('session nowhere', { match_mode: 'all' }))).toEqual([])
  })

  it('RET-307/a quoted phrase leads', async () => {
    await save({ content: 'cache token and token and cache of cache, token' })
    const phrase = await save({
      content: 'one long sentence in which the token cache stands once among many other words',
    })
    expect(ids(await search('"token cache"'))[0]).toBe(phrase)
  })

  it('MEM-603/an exact topic key or id leads with rank -1000, newest first, the rest follows', async () => {
    const other = await save({ content: 'the token cache of bugs' })
    const keyed = await save({ content: 'kept under a key', topic_key: 'bug/token-cache' })
    const answer = await search('bug/token-cache')
    expect(answer.hits.map((hit) => [hit.id, hit.rank === -1000])).toEqual([
      [keyed, true],
      [other, false],
    ])
    expect((await search(`see #${other}`)).hits[0]).toMatchObject({ id: other, rank: -1000 })
    const syncId = answer.hits[0]?.sync_id ?? ''
    expect(ids(await search(syncId))).toEqual([keyed])
    expect(ids(await search('bug/token-cache', { type: 'nothing' }))).toEqual([])
  })

  it('MEM-604/pins and freshness order near-equals', async () => {
    const old = await save({ content: 'parser limit', title: 'one' })
    test.clock.advance(30 * 86_400_000)
    const fresh = await save({ content: 'parser limit.', title: 'two' })
    expect(ids(await search('parser limit'))).toEqual([fresh, old])
    test.clock.advance(300 * 86_400_000)
    await test.engine.call('observation.pin', { id: old, pinned: true })
    expect(ids(await search('parser limit'))).toEqual([old, fresh])
  })

  it('RET-405/time words lift what was saved then', async () => {
    const then = await save({ content: 'release plan of the importer', title: 'a' })
    test.clock.advance(200 * 86_400_000)
    await save({ content: 'release plan of the importer.', title: 'b' })
    expect(ids(await search('release plan of the importer in january 2026'))[0]).toBe(then)
  })

  it('RET-404/the named author leads', async () => {
    await save({ content: 'prefers short functions', title: 'x', author: 'Bo Lind' })
    const ana = await save({ content: 'prefers short functions!', title: 'y', author: 'Ána' })
    test.clock.advance(400 * 86_400_000)
    expect(ids(await search('what does ana say on short functions'))[0]).toBe(ana)
  })

  it('MEM-606/a superseded hit stands below what supersedes it; relations and conflicts are shown', async () => {
    const old = await save({ content: 'retry limit three retry limit', title: 'Retry limit' })
    const next = await save({ content: 'We chose another number for attempts; see the retry limit', title: 'Attempts' })
    await test.engine.call('relation.compare', {
      memory_id_a: next,
      memory_id_b: old,
      relation: 'supersedes',
      confidence: 1,
      reasoning: 'newer',
    })
    const answer = await search('retry limit')
    expect(ids(answer)).toEqual([next, old])
    expect(answer.hits[1]?.ext.relations).toEqual([
      expect.objectContaining({ relation: 'supersedes', direction: 'in', id: next, title: 'Attempts' }),
    ])
    await test.deps.store.write((tx) =>
      tx.run(
        `INSERT INTO observation_conflicts (id, kind, sync_id, heads, detected_at) VALUES ('cfl-1', 'edit', ?, '[]', '')`,
        answer.hits[0]?.sync_id ?? '',
      ),
    )
    expect((await search('retry limit')).hits[0]?.ext.conflicts).toEqual(['cfl-1'])
  })

  it('RET-408/twins stand as one unless asked otherwise', async () => {
    const first = await save({ content: 'deploy went well on monday', title: 'Deploy done' })
    const second = await save({ content: 'deploy went well on sunday', title: 'deploy  done' })
    const answer = await search('deploy went well')
    expect(answer.hits).toHaveLength(1)
    expect(new Set([...ids(answer), ...(answer.hits[0]?.ext.twins ?? [])])).toEqual(new Set([first, second]))
    expect((await search('deploy went well', { collapse: false })).hits).toHaveLength(2)
  })

  it('RET-409/order=recent sorts the same candidates by time', async () => {
    const strong = await save({ content: 'queue queue queue', title: 'queue' })
    const weak = await save({ content: 'one word about many things and a queue among them', title: 'other' })
    expect(ids(await search('queue', { order: 'recent' }))).toEqual([weak, strong])
    expect(ids(await search('queue', { order: 'relevance' }))).toEqual([strong, weak])
  })

  it('RET-607/by meaning alone is refused, hybrid falls back and says so', async () => {
    await save({ content: 'something' })
    await expect(search('x', { mode: 'semantic' })).rejects.toMatchObject({ code: 'semantic_unavailable' })
    expect(await search('x', { mode: 'hybrid' })).toMatchObject({ mode: 'lexical', mode_reason: 'no_embedder' })
  })

  it('MEM-607/a deleted record is found by none of its words, a restored one again', async () => {
    const id = await save({ content: 'vanishing sentence' })
    await test.engine.call('observation.delete', { id })
    expect(ids(await search('vanishing'))).toEqual([])
    expect(ids(await search(`#${id}`))).toEqual([])
    await test.engine.call('observation.restore', { id })
    expect(ids(await search('vanishing'))).toEqual([id])
  })

  it('MEM-602/identifiers find each other in every spelling', async () => {
    const id = await save({ content: 'calls getUserName on load', title: 'a' })
    const snake = await save({ content: 'calls get_user_name on load', title: 'b' })
    for (const query of ['getUserName', 'get_user_name', 'get user name']) {
      expect([query, new Set(ids(await search(query)))]).toEqual([query, new Set([id, snake])])
    }
  })

  it('RET-305/short words as beginnings, longer ones inside titles', async () => {
    const id = await save({ content: 'The whole table was written', title: 'Conversion of tables' })
    expect(ids(await search('conv'))).toEqual([id])
    expect(ids(await search('ersion'))).toEqual([id])
  })
})

describe('filters', () => {
  beforeEach(opening)
  afterEach(closing)

  it('RET-501/each filter is hard, and unknown values give nothing', async () => {
    const id = await save({
      content: 'alpha beta',
      type: 'decision',
      tool_name: 'Edit',
      author: 'Ana',
      session_id: 's-7',
    })
    await save({ content: 'alpha beta gamma', type: 'bugfix' })
    for (const filter of [
      { type: 'decision' },
      { type: ['decision', 'nothing'] },
      { tool: 'Edit' },
      { author: 'ana' },
      { session_id: 's-7' },
      { until: '2026-01-01 00:01:30' },
    ]) {
      expect([filter, ids(await search('alpha beta', filter))]).toEqual([filter, [id]])
    }
    for (const filter of [
      { type: 'nothing' },
      { scope: 'nowhere' },
      { scope: 'personal' },
      { tool: 'x' },
      { since: '2027-01-01' },
    ]) {
      expect([filter, ids(await search('alpha beta', filter))]).toEqual([filter, []])
    }
    await expect(search('alpha', { since: 'soonish' })).rejects.toThrow(EngramError)
  })

  it('RET-501/five inside are found among thousands outside', async () => {
    const inside = [1, 2, 3, 4, 5].map((n) => ({ content: `needle ${n}`, type: 'rare' }))
    const wanted: number[] = []
    for (const one of inside) wanted.push(await save(one))
    await test.deps.store.write((tx) => {
      const sessionId = observationById(tx, wanted[0] ?? 0)?.session_id ?? ''
      for (let index = 0; index < 3_000; index++) {
        tx.run(
          `INSERT INTO observations (sync_id, session_id, type, title, content, project, scope, normalized_hash, created_at, updated_at, version, hlc, origin, change_seq)
           VALUES (?, ?, 'common', 'needle', 'needle needle needle', 'alpha', 'project', '', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '', '', '', ?)`,
          `obs-x${index}`,
          sessionId,
          nextChangeSeq(tx),
        )
        tx.run(
          `INSERT INTO observation_fts (rowid, facet, title, content, keys, before, after, day) VALUES (last_insert_rowid(), 'fp1 fsp', 'needle', 'needle needle needle', '', '', '', '')`,
        )
      }
    })
    expect(new Set(ids(await search('needle', { type: 'rare', limit: 100 })))).toEqual(new Set(wanted))
  })

  it('MEM-405/expired records are held back unless asked for', async () => {
    const id = await save({ content: 'temporary token', ttl: '1h' })
    expect(ids(await search('temporary'))).toEqual([id])
    test.clock.advance(2 * 3_600_000)
    expect(ids(await search('temporary'))).toEqual([])
    expect(ids(await search('temporary', { include_expired: true }))).toEqual([id])
  })

  it('MEM-605/personal memories without a project are those of all projects', async () => {
    const a = await save({ content: 'likes tabs', scope: 'personal', project: 'alpha' })
    const b = await save({ content: 'likes tabs too', scope: 'personal', project: 'beta' })
    const all = await test.engine.call('memory.search', { query: 'tabs', scope: 'personal' })
    expect(new Set(ids(all))).toEqual(new Set([a, b]))
    expect(ids(await search('tabs', { scope: 'personal' }))).toEqual([a])
  })
})

const wordsOfTest = ['token', 'cache', 'queue', 'index', 'parser', 'lock']
const anyText = fc
  .array(fc.constantFrom(...wordsOfTest), { minLength: 1, maxLength: 5 })
  .map((words) => words.join(' '))

type Place = { readonly id: number; readonly word: string; project: string; scope: 'project' | 'personal' }
type Step = Pick<Place, 'project'> & { readonly what: string; readonly at: number; readonly scope: Place['scope'] }

/** Saves, moves and changes of scope, each record with a word of its own; where each stands in the end. */
async function walk(steps: readonly Step[]): Promise<readonly Place[]> {
  const places: Place[] = []
  for (const { what, at, project, scope } of steps) {
    const record = places[at % Math.max(1, places.length)]
    if (record === undefined || what === 'save') {
      const word = `zeb${String.fromCharCode(97 + places.length).repeat(3)}q`
      const content = `token ${word}`
      places.push({ id: await save({ content, project, scope, session_id: 'shared' }), word, project, scope })
    } else if (what === 'move') {
      await test.engine.call('observation.move', { ids: [record.id], to: project })
      record.project = project
    } else {
      await test.engine.call('observation.update', { id: record.id, scope })
      record.scope = scope
    }
  }
  return places
}

async function expectFoundOnlyIn(record: Place, places: readonly Place[]): Promise<void> {
  for (const project of ['alpha', 'beta']) {
    for (const scope of ['project', 'personal'] as const) {
      const room = places.filter((one) => one.project === project && one.scope === scope)
      const found = ids(await search(record.word, { project, scope, collapse: false, limit: 100 }))
      const all = await search('token', { project, scope, collapse: false, limit: 100 })
      expect(found.includes(record.id)).toBe(room.includes(record))
      if (!room.includes(record)) expect(found).toEqual([])
      expect(new Set(ids(all))).toEqual(new Set(room.map(({ id }) => id)))
    }
  }
}

describe('isolation and determinism', () => {
  beforeEach(opening)
  afterEach(closing)

  it('RET-502, MEM-607/nothing of another project is in an answer, and its records never change ours', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyText, { maxLength: 6 }),
        fc.array(anyText, { maxLength: 12 }),
        anyText,
        async (own, others, query) => {
          test = openTestEngine()
          try {
            await save({ content: 'the first of alpha' })
            for (const content of own) await save({ content })
            await catchUp()
            const before = ids(await search(query, { collapse: false, limit: 100 }))
            for (const content of others)
              await save({ content: `${content} foreign`, title: 'foreign', project: 'beta', session_id: 'shared' })
            await catchUp()
            const after = await search(query, { collapse: false, limit: 100 })
            expect(new Set(ids(after))).toEqual(new Set(before))
            expect(JSON.stringify(after)).not.toContain('foreign')
          } finally {
            await test.close()
          }
        },
      ),
      { numRuns: 12 },
    )
    opening()
  })

  it('RET-502/what moved to another project or scope is found there alone, and nothing here holds its words', async () => {
    const step = fc.record({
      what: fc.constantFrom('save', 'move', 'scope'),
      at: fc.nat(7),
      project: fc.constantFrom('alpha', 'beta'),
      scope: fc.constantFrom('project', 'personal'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
        test = openTestEngine()
        try {
          for (const project of ['alpha', 'beta']) await save({ content: 'the first', project })
          const places = await walk(steps)
          await catchUp()
          for (const record of places) await expectFoundOnlyIn(record, places)
        } finally {
          await test.close()
        }
      }),
      { numRuns: 25 },
    )
    opening()
  })

  it('RET-306/with the facet or by the join the list is the same', async () => {
    for (let index = 0; index < 30; index++) {
      await save({
        content: `${wordsOfTest[index % 6]} ${wordsOfTest[(index * 5) % 6]} number${index}`,
        project: index % 3 === 0 ? 'alpha' : 'beta',
      })
    }
    const byFacet = await search('token cache queue', { limit: 100, collapse: false })
    // A filter that every record passes takes the other way.
    const byJoin = await search('token cache queue', { limit: 100, collapse: false, since: '2000-01-01' })
    expect(byFacet.hits.length).toBeGreaterThan(3)
    expect(byJoin.hits.map((hit) => [hit.id, hit.rank])).toEqual(byFacet.hits.map((hit) => [hit.id, hit.rank]))
  })

  it('RET-407/ties stand by sync id; the list is the same again and after other saves were taken back', async () => {
    const saved: number[] = []
    for (let index = 0; index < 12; index++)
      saved.push(await save({ content: 'same words here', title: `t${index}`, type: `k${index}` }))
    for (const id of saved)
      await set(id, { created_at: '2026-01-01 00:00:00', updated_at: '2026-01-01 00:00:00', last_seen_at: null })
    await catchUp()
    const answer = await search('same words', { limit: 100 })
    const byName = answer.hits.toSorted((a, b) => a.rank - b.rank || (a.sync_id < b.sync_id ? -1 : 1))
    expect(ids(answer)).toEqual(byName.map((hit) => hit.id))
    expect(await search('same words', { limit: 100 })).toEqual(answer)
  })

  it('RET-308/no text raises, and none reaches another project', async () => {
    await save({ content: 'token cache' })
    await save({ content: 'token cache', project: 'beta' })
    const hostile = fc.array(
      fc.oneof(
        fc.string({ unit: 'binary', maxLength: 6 }),
        fc.constantFrom(
          '"',
          '*',
          'NEAR(',
          '-',
          '^',
          '{',
          '}',
          ':',
          'title:',
          'facet:fp2',
          ' OR ',
          ' AND ',
          '\0',
          '\ud800',
          'token',
          "'",
          ')',
          '#2',
          'fp2',
        ),
      ),
      { maxLength: 14 },
    )
    await fc.assert(
      fc.asyncProperty(hostile, fc.constantFrom('any', 'all'), async (parts, match_mode) => {
        const answer = await search(parts.join(''), { match_mode: match_mode === 'all' ? 'all' : 'any' })
        for (const hit of answer.hits) expect(hit.project).toBe('alpha')
      }),
      { numRuns: 400 },
    )
  })
})

describe('what comes back', () => {
  beforeEach(opening)
  afterEach(closing)

  it('RET-308/no words left is an empty answer with its reason', async () => {
    await save({ content: 'something' })
    expect(await search('?!')).toMatchObject({ hits: [], confidence: 'none', reason: 'no_words' })
  })

  it('RET-702, RET-703/little of the query found is low confidence; strict then gives nothing', async () => {
    for (let index = 0; index < 20; index++) await save({ content: `invoice number ${index} sent` })
    const doubtful = 'invoice zebrafish astrolabe quasar penguins'
    expect((await search(doubtful)).confidence).toBe('low')
    expect((await search(doubtful)).hits.length).toBeGreaterThan(0)
    expect(await search(doubtful, { strict: true })).toMatchObject({ hits: [], reason: 'low_confidence' })
    expect((await search('invoice sent')).confidence).toBe('ok')
  })

  it('RET-753/the parts multiply to the score, and every word is accounted for', async () => {
    await save({ content: 'session token expires', title: 'Cache' })
    const answer = await search('the session cache nowhere', { explain: true })
    const explanation = answer.hits[0]?.ext.explanation
    const product = Object.values(explanation?.factors ?? {}).reduce((a, b) => a * b, explanation?.L ?? 0)
    expect(product).toBeCloseTo(explanation?.S ?? 0, 8)
    expect(explanation?.words).toEqual([
      { word: 'session', df: 1, in: ['content'] },
      { word: 'cache', df: 1, in: ['title'] },
    ])
    expect(answer.explanation).toMatchObject({
      dropped: [{ word: 'the', why: 'stop_word' }],
      words: [{ word: 'session' }, { word: 'cache' }, { word: 'nowhere', df: 0 }],
      parameters: expect.stringMatching(/^[0-9a-f]{12}$/),
    })
    expect((await search('session')).explanation).toBeUndefined()
  })

  it('RET-755/a budget keeps whole entries, then short ones, and counts the rest', async () => {
    for (let index = 0; index < 8; index++)
      await save({ content: `queue ${'word '.repeat(150)}`, title: `q${index}`, type: `t${index}` })
    const answer = await search('queue', { budget_tokens: 440 })
    const text = answer.hits.map((hit) => `${hit.title}\n${hit.content}`).join('')
    expect(estimateTokens(text)).toBeLessThanOrEqual(440)
    expect(answer.hits.some((hit) => hit.ext.preview_truncated && hit.content.length <= 120)).toBe(true)
    expect(answer.hits.length + (answer.left_out?.count ?? 0)).toBe(8)
    expect((await search('queue', { max_bytes: 1 })).left_out).toMatchObject({ count: 8 })
  })

  it('RET-751/snippets come from own text only', async () => {
    await save({ content: 'neighbouring secret of the first', title: 'a', session_id: 's' })
    const second = await save({ content: 'plain words', title: 'b', session_id: 's' })
    const hit = (await search('neighbouring')).hits.find((one) => one.id === second)
    expect(hit?.ext.snippet).toBe('plain words')
    expect(hit?.ext.matches).toEqual([])
  })

  it('RET-756/an over-long query is cut and says so', async () => {
    await save({ content: 'token' })
    expect(await search(`token ${'x'.repeat(5_000)}`)).toMatchObject({ query_cut: true, hits: [{ id: 1 }] })
  })

  it('MEM-608/prompts by the same rules', async () => {
    const saved = await test.engine.call('prompt.save', { content: 'please repair the token cache', project: 'alpha' })
    await test.engine.call('prompt.save', { content: 'write the release notes', project: 'alpha' })
    await test.engine.call('prompt.save', { content: 'repair the token cache', project: 'beta' })
    const found = await test.engine.call('prompt.search', { query: 'how was the cache repaired', project: 'alpha' })
    expect(found[0]?.id).toBe(saved.id)
    expect(found.every((prompt) => prompt.project === 'alpha' && prompt.rank <= 0)).toBe(true)
    expect(await test.engine.call('prompt.search', { query: '"*', project: 'alpha' })).toEqual([])
  })
})

describe('regular expressions', () => {
  beforeEach(opening)
  afterEach(closing)

  it('ING-CMD-6/over titles and contents, newest first, within the filters', async () => {
    const first = await save({ content: 'retry after 250ms', title: 'a' })
    const second = await save({ content: 'nothing', title: 'retry after 30ms' })
    await save({ content: 'retry after 9ms', title: 'c', project: 'beta' })
    const answer = await search('after \\d+ms', { regex: true })
    expect(answer.hits.map((hit) => [hit.id, hit.rank])).toEqual([
      [second, 0],
      [first, 0],
    ])
    expect(answer).toMatchObject({ confidence: 'ok', mode_reason: 'regex' })
    expect(ids(await search('after \\d+ms', { regex: true, limit: 1 }))).toEqual([second])
    expect(ids(await search('after \\d+ms', { regex: true, type: 'nothing' }))).toEqual([])
    expect((await search('absent', { regex: true })).confidence).toBe('none')
    await expect(search('(?=x)', { regex: true })).rejects.toMatchObject({ code: 'invalid_request' })
  })
})

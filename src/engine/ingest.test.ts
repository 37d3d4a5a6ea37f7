import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Input } from '../api/operations.ts'
import { createRedactor } from './rules/redact.ts'
import { cleanState } from './ingest-text.ts'
import { openTestEngine, type TestEngine } from './testing/test-engine.ts'

type Commit = Input<'ingest.commit'>

let test: TestEngine
beforeEach(() => {
  test = openTestEngine()
})
afterEach(() => test.close())

const source = (path: string, sessionId: string): Commit['source'] => ({
  path,
  agent: 'an-agent',
  session_id: sessionId,
  transcript_key: `an-agent:${sessionId}`,
  project: 'orchard',
  size: 10,
  mtime_ns: '1',
  inode: '7',
  offset: 10,
  line: 2,
  head_hash: '10:ab',
  head_bytes: 10,
  tail_hash: '10:ab',
  extract_offset: 5,
  llm_offset: 0,
  archive_position: 3,
  reader_version: 1,
  extractor_version: 1,
  records: 2,
  bad_lines: 0,
  unknown_records: 0,
  last_id: 'an-agent:u2',
  reader_state: '{"version":1}',
  last_error: '',
  updated_at: '2026-01-01 00:00:00',
})

const commit = (change: Partial<Commit> = {}): Commit => ({
  source: source('/f/one.jsonl', 's1'),
  session: {
    id: 's1',
    agent: 'an-agent',
    project: 'orchard',
    directory: '/home/someone/orchard',
    started_at: '2025-12-01T10:00:00Z',
  },
  prompts: [],
  candidates: [],
  withdraw: [],
  seen: [],
  redacted: 0,
  ...change,
})

const candidate = (number: number, content: string): Commit['candidates'][number] => ({
  sync_id: `obs-${String(number).padStart(16, '0')}`,
  rule: 'X-DECL',
  rule_version: 1,
  type: 'decision',
  title: 'A decision',
  content,
  confidence: 0.8,
  author: 'an-agent',
  created_at: '2025-12-01T10:05:00Z',
  provenance: {
    agent: 'an-agent',
    session_id: 's1',
    transcript_key: 'an-agent:s1',
    from_uuid: 'a',
    to_uuid: 'b',
    files: [],
    commands: [],
  },
})

const call = (change: Partial<Commit> = {}) => test.engine.call('ingest.commit', commit(change))
const changes = (): number =>
  test.deps.store.read((tx) =>
    Number(tx.get<{ value: string }>(`SELECT value FROM meta WHERE key = 'change_seq'`)?.value),
  )

describe('the manifest', () => {
  it('ING-INC-1 all rows come without the notes of the reader, one with them', async () => {
    await call()
    await call({ source: source('/f/two.jsonl', 's2'), session: null })
    const rows = await test.engine.call('ingest.sources', {})
    expect(rows.map(({ path, reader_state }) => [path, reader_state])).toEqual([
      ['/f/one.jsonl', ''],
      ['/f/two.jsonl', ''],
    ])
    expect(await test.engine.call('ingest.sources', { path: '/f/one.jsonl' })).toEqual([source('/f/one.jsonl', 's1')])
    expect(await test.engine.call('ingest.sources', { path: '/f/none.jsonl' })).toEqual([])
    expect(await test.engine.call('ingest.sources', { agent: 'another' })).toEqual([])
  })

  it('ING-INC-5 a record is that of the file that gave it first, until that file is long gone', async () => {
    const ids = ['a', 'b', 'c'].map((letter) => letter.repeat(32))
    await call({ seen: ids.slice(0, 2) })
    await call({ source: source('/f/two.jsonl', 's2'), session: null, seen: ids })
    const seenFrom = (path: string) => test.engine.call('ingest.seen', { agent: 'an-agent', path, ids })
    expect((await seenFrom('/f/one.jsonl')).seen).toEqual({ [ids[2] ?? '']: 's2' })
    expect((await seenFrom('/f/two.jsonl')).seen).toEqual({ [ids[0] ?? '']: 's1', [ids[1] ?? '']: 's1' })
    expect((await seenFrom('/f/new.jsonl')).seen).toEqual({
      [ids[0] ?? '']: 's1',
      [ids[1] ?? '']: 's1',
      [ids[2] ?? '']: 's2',
    })
    expect((await test.engine.call('ingest.seen', { agent: 'another', path: '/f/new.jsonl', ids })).seen).toEqual({})
    await call({ source: source('/f/two.jsonl', 's2'), session: null, gone: ['/f/one.jsonl'] })
    expect((await seenFrom('/f/new.jsonl')).seen).toEqual({ [ids[2] ?? '']: 's2' })
    expect(await test.engine.call('ingest.sources', { path: '/f/one.jsonl' })).toMatchObject([{ inode: '0' }])
  })
})

describe('a commit', () => {
  it('ING-CRS-1 said twice changes nothing', async () => {
    const whole = {
      prompts: [{ source_inbox_id: 'an-agent:u1', content: 'Which tree?', created_at: '2025-12-01T10:00:00Z' }],
      candidates: [candidate(1, 'We prune the young trees in the third year because they break.')],
    }
    expect(await call(whole)).toMatchObject({
      session: 'created',
      prompts_saved: 1,
      candidates: [{ outcome: 'saved' }],
    })
    const before = changes()
    expect(await call(whole)).toMatchObject({
      session: 'unchanged',
      prompts_saved: 0,
      candidates: [{ outcome: 'untouched' }],
    })
    expect(changes()).toBe(before)
  })

  it('ING-CRS-1 is one transaction: what fails leaves nothing', async () => {
    await test.deps.store.write((tx) => tx.run('DROP TABLE ingest_seen'))
    await expect(call({ seen: ['a'.repeat(32)] })).rejects.toThrow()
    const counts = test.deps.store.read((tx) =>
      tx.get('SELECT (SELECT count(*) FROM sessions) AS sessions, (SELECT count(*) FROM ingest_sources) AS sources'),
    )
    expect(counts).toEqual({ sessions: 0, sources: 0 })
  })

  it('ING-SES-1 a session somebody deleted is not made again', async () => {
    await call()
    await test.engine.call('session.delete', { id: 's1' })
    const answer = await call({
      prompts: [{ source_inbox_id: 'an-agent:u1', content: 'Which tree?', created_at: '' }],
      candidates: [candidate(1, 'We prune the young trees in the third year because they break.')],
    })
    expect(answer).toMatchObject({ session: 'none', prompts_saved: 0, candidates: [] })
    await expect(test.engine.call('session.get', { id: 's1' })).rejects.toMatchObject({ code: 'unknown_session' })
  })

  it('ING-SES-2 a prompt somebody deleted is not made again, and a long one keeps its beginning', async () => {
    const prompts = [
      { source_inbox_id: 'an-agent:u1', content: 'Which tree?', created_at: '2025-12-01T10:00:00Z' },
      { source_inbox_id: 'an-agent:u2', content: '🌳'.repeat(3_000), created_at: 'yesterday' },
    ]
    await call({ prompts })
    const stored = await test.engine.call('prompt.list', { project: 'orchard' })
    expect(stored.map(({ content }) => Array.from(content).length).toSorted((a, b) => a - b)).toEqual([11, 2_000])
    const short = stored.find(({ content }) => content === 'Which tree?')
    await test.engine.call('prompt.delete', { id: short?.id ?? 0 })
    expect(await call({ prompts })).toMatchObject({ prompts_saved: 0 })
  })

  it.each([
    [{ ended_at: '2025-12-01T11:00:00Z' }, { ended_at: '2025-12-01 11:00:00', ended_by: 'idle' }],
    [{ ended_at: null }, { ended_at: null, ended_by: null }],
    [{}, { ended_at: null, ended_by: null }],
  ])('ING-SES-1 %j', async (said, expected) => {
    const { session } = commit()
    await call({ session: session === null ? null : { ...session, ...said } })
    const [row] = test.deps.store.read((tx) => tx.all('SELECT ended_at, ended_by FROM sessions'))
    expect(row).toEqual(expected)
  })

  it('ING-EXT-9 what it withdraws is its own work alone', async () => {
    const texts = ['We prune in the third year because they break.', 'We water at night because the sun burns.']
    const candidates = texts.map((text, index) => candidate(index + 1, text))
    await call({ candidates })
    await test.engine.call('observation.update', { id: candidates[0]?.sync_id ?? '', title: 'My own title' })
    const withdraw = [...candidates.map((each) => each.sync_id), 'obs-ffffffffffffffff']
    expect((await call({ withdraw })).withdrawn).toBe(1)
    expect((await call({ withdraw })).withdrawn).toBe(0)
  })
})

describe('notes of a reader', () => {
  const redactor = createRedactor()
  const token = `ghp_${'A1b2C3d4E5'.repeat(4).slice(0, 36)}`
  // What looks like chance is an id here.
  const id = 'msg_01Zx9Yw8Vu7Ts6Rq5Po4Nm3Lk2Ji1Hg'

  it.each([
    [{ text: `the key is ${token}` }, { text: 'the key is [REDACTED:github]' }],
    [{ text: token }, { text: '[REDACTED:github]' }],
    [{ [token]: 1 }, { '[REDACTED:github]': 1 }],
    [{ ids: [id, 'a'.repeat(64)] }, { ids: [id, 'a'.repeat(64)] }],
    [{ text: '<private>it</private> rest' }, { text: '[REDACTED] rest' }],
    [
      { deep: [{ __proto__: null, text: 'password: "hunter2hunter2"' }] },
      { deep: [{ text: 'password: "[REDACTED:assignment]"' }] },
    ],
  ])('ING-RED-7 %j', (state, expected) => {
    expect(JSON.parse(cleanState(JSON.stringify(state), redactor))).toEqual(expected)
  })

  it.each(['', '{', 'not json'])('ING-RED-7 %j is not kept', (state) => {
    expect(cleanState(state, redactor)).toBe('')
  })
})

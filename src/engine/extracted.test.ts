import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Input } from '../api/operations.ts'
import { observationById } from '../store/observations.ts'
import { openTestEngine, type TestEngine } from './testing/test-engine.ts'

let test: TestEngine
let removed: string[]
beforeEach(() => {
  removed = []
  const remove = (key: string): Promise<boolean> => Promise.resolve(removed.push(key) > 0)
  test = openTestEngine({ archive: { messages: () => Promise.resolve([]), remove } })
})
afterEach(() => test.close())

const day = 86_400_000
let texts = 0
async function save(more: Partial<Input<'observation.save'>> = {}): Promise<number> {
  const content = `Content ${++texts}`
  const saved = await test.engine.call('observation.save', { project: 'acme', title: `T${texts}`, content, ...more })
  return saved.id ?? 0
}
/** As extraction leaves a row. */
async function extracted(confidence: number, more: Partial<Input<'observation.save'>> = {}): Promise<number> {
  const id = await save(more)
  const provenance = JSON.stringify({ kind: 'extracted', review: 'unreviewed', rule: 'X-DECL' })
  await test.deps.store.write((tx) =>
    tx.run('UPDATE observations SET confidence = ?, provenance = ? WHERE id = ?', confidence, provenance, id),
  )
  return id
}
/** As reading a transcript leaves it. */
const transcriptOf = (session_id: string) =>
  test.engine.call('ingest.commit', {
    source: {
      path: `/t/${session_id}.jsonl`,
      agent: 'codex',
      session_id,
      transcript_key: `codex:${session_id}`,
      project: 'acme',
      size: 1,
      mtime_ns: '1',
      inode: '1',
      offset: 1,
      line: 1,
      head_hash: '',
      head_bytes: 0,
      tail_hash: '',
      extract_offset: 1,
      llm_offset: 0,
      archive_position: 0,
      reader_version: 1,
      extractor_version: 1,
      records: 1,
      bad_lines: 0,
      unknown_records: 0,
      last_id: '',
      reader_state: '',
      last_error: '',
      updated_at: '',
    },
    session: null,
    prompts: [],
    candidates: [],
    withdraw: [],
    redacted: 0,
    seen: [],
  })
const row = (id: number) => test.deps.store.read((tx) => observationById(tx, id))
const live = async (): Promise<number[]> =>
  (await test.engine.call('observation.list', { sort: 'created_at:asc', limit: 100 })).map((one) => one.id)
const forget = (more: Partial<Input<'memory.forget'>> = {}) =>
  test.engine.call('memory.forget', { project: 'acme', ...more })

describe('reviewing what was extracted', () => {
  it('ING-REV-1 unreviewed ones, strong first', async () => {
    const weak = await extracted(0.69)
    const strong = await extracted(0.7)
    const best = await extracted(0.9)
    await save()
    const list = async (more: Partial<Input<'extracted.list'>> = {}) =>
      (await test.engine.call('extracted.list', { project: 'acme', ...more })).map((one) => one.id)
    expect(await list()).toEqual([best, strong, weak])
    expect(await list({ strength: 'strong' })).toEqual([best, strong])
    expect(await list({ strength: 'weak' })).toEqual([weak])
    expect((await test.engine.call('system.status', {})).review).toMatchObject({ strong: 2, weak: 1 })
  })

  it('ING-REV-2 promoting makes it curated, keeps the confidence, and is always a new version', async () => {
    const id = await extracted(0.8)
    const promote = (more: Partial<Input<'extracted.promote'>> = {}) =>
      test.engine.call('extracted.promote', { project: 'acme', ids: [id], ...more })
    const [first] = (await promote({ reviewer: 'ada' })).promoted
    expect(first).toMatchObject({
      type: 'manual',
      ext: { confidence: 0.8, provenance: { review: 'promoted', reviewer: 'ada' } },
    })
    const [again] = (await promote()).promoted
    expect(again?.ext?.version).not.toBe(first?.ext?.version)
    const [moved] = (await promote({ category: 'decisions', label: 'Tabs', global: true, ttl: '1d' })).promoted
    expect(moved).toMatchObject({
      type: 'decision',
      scope: 'global',
      topic_key: 'label/tabs',
      review_after: '2026-07-01 00:00:00',
      ext: { expires_at: '2026-01-02 00:00:00' },
    })
    const history = await test.engine.call('observation.history', { id })
    expect(history.versions).toHaveLength(3)
  })

  it('ING-REV-2 all strong at once; nothing named, a stranger or a deleted one is refused', async () => {
    const strong = await extracted(0.8)
    const weak = await extracted(0.6)
    const promote = (more: Partial<Input<'extracted.promote'>>) =>
      test.engine.call('extracted.promote', { project: 'acme', ...more })
    expect((await promote({ all_strong: true })).promoted.map((one) => one.id)).toEqual([strong])
    await expect(promote({})).rejects.toMatchObject({ code: 'invalid_request' })
    await test.engine.call('observation.delete', { id: weak })
    await expect(promote({ ids: [weak] })).rejects.toMatchObject({ code: 'not_found' })
    const theirs = await save({ project: 'beta' })
    await expect(promote({ ids: [theirs] })).rejects.toMatchObject({ code: 'observation_project_mismatch' })
  })
})

describe('forgetting', () => {
  it('ING-REV-3 without a selector nothing is forgotten: the sessions are listed', async () => {
    await save({ session_id: 's' })
    expect(await forget()).toMatchObject({
      dry_run: true,
      selected: [],
      deleted: 0,
      sessions: [{ session_id: 's', observations: 1 }],
    })
    expect(await live()).toHaveLength(1)
  })

  it.each<[string, Partial<Input<'memory.forget'>>, readonly string[]]>([
    ['one', { ids: [1] }, ['curated']],
    ['a session', { session_id: 's2' }, ['topic']],
    ['a topic', { topic: 'A/B' }, ['topic']],
    ['expired', { expired: true }, ['expired']],
    ['all', { all: true }, ['curated', 'topic', 'expired', 'auto', 'pinned']],
    ['extracted only', { all: true, auto: true }, ['auto']],
    ['one, if it is extracted', { ids: [1], auto: true }, []],
    ['stale', { stale: '5d' }, ['curated', 'topic', 'expired', 'auto']],
  ])('ING-REV-3 %s', async (_what, selector, titles) => {
    await save({ title: 'curated' })
    await save({ title: 'topic', topic_key: 'a/b', session_id: 's2' })
    await save({ title: 'expired', ttl: '1d' })
    await extracted(0.8, { title: 'auto' })
    const pinned = await save({ title: 'pinned' })
    await test.engine.call('observation.pin', { id: pinned, pinned: true })
    test.clock.advance(10 * day)
    const dry = await forget({ ...selector, dry_run: true })
    expect([dry.dry_run, dry.selected.map((one) => one.title)]).toEqual([true, titles])
    expect(await live()).toHaveLength(5)
    const done = await forget(selector)
    expect([done.deleted, done.hard_delete]).toEqual([titles.length, false])
    expect(await live()).toHaveLength(5 - titles.length)
  })

  it('ING-REV-4 stale spares what was used or confirmed since, is pinned, promoted, or lives on a ttl', async () => {
    const stale = await save()
    const content = 'Seen again'
    await save({ title: 'used', content })
    const edited = await save()
    const promoted = await extracted(0.8)
    await test.engine.call('extracted.promote', { project: 'acme', ids: [promoted] })
    await save({ ttl: '90d' })
    test.clock.advance(10 * day)
    await save({ title: 'used', content })
    await test.engine.call('observation.update', { id: edited, title: 'New' })
    test.clock.advance(day)
    expect((await forget({ stale: '5d', dry_run: true })).selected.map((one) => one.id)).toEqual([stale])
    await expect(forget({ stale: 'old' })).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('ING-REV-3 more than 20 at once asks first', async () => {
    for (let index = 0; index < 21; index++) await save()
    await expect(forget({ all: true })).rejects.toMatchObject({ code: 'confirmation_required', details: { count: 21 } })
    expect(await live()).toHaveLength(21)
    expect((await forget({ all: true, confirmed: true })).deleted).toBe(21)
  })

  it('ING-REV-3 a purge is for ever, and takes prompts and transcript of the session along', async () => {
    const id = await save({ session_id: 's' })
    await test.engine.call('prompt.save', { project: 'acme', session_id: 's', content: 'Mine' })
    await test.engine.call('prompt.save', { project: 'acme', session_id: 'other', content: 'Stays' })
    await transcriptOf('s')
    await transcriptOf('other')
    expect(await forget({ session_id: 's', purge: true })).toMatchObject({
      deleted: 1,
      prompts_deleted: 1,
      hard_delete: true,
      transcript_keys: ['codex:s'],
    })
    expect(removed).toEqual(['codex:s'])
    expect(row(id)).toBeUndefined()
    expect((await test.engine.call('prompt.list', {})).map((one) => one.content)).toEqual(['Stays'])
  })

  it('ING-REV-3 a purge of one project leaves the sessions of another alone', async () => {
    await save({ project: 'beta', session_id: 'theirs' })
    await test.engine.call('prompt.save', { project: 'beta', session_id: 'theirs', content: 'Theirs' })
    await transcriptOf('theirs')
    await save()
    expect(await forget({ session_id: 'theirs', purge: true })).toMatchObject({
      deleted: 0,
      prompts_deleted: 0,
      transcript_keys: [],
    })
    expect(removed).toEqual([])
    expect(await test.engine.call('prompt.list', { project: 'beta' })).toHaveLength(1)
    await test.engine.call('session.start', { id: 'both', project: 'acme' })
    await test.engine.call('prompt.save', { project: 'acme', session_id: 'both', content: 'Mine' })
    await test.engine.call('prompt.save', { project: 'beta', session_id: 'both', content: 'Theirs' })
    expect(await forget({ session_id: 'both', purge: true })).toMatchObject({ prompts_deleted: 1 })
    expect(await test.engine.call('prompt.list', { project: 'beta' })).toHaveLength(2)
  })

  it('ING-REV-3 purging everything takes what was soft-deleted, every prompt and every transcript', async () => {
    const id = await save({ session_id: 's' })
    await test.engine.call('observation.delete', { id })
    await test.engine.call('prompt.save', { project: 'acme', session_id: 's', content: 'Mine' })
    await transcriptOf('s')
    expect(await forget({ all: true, purge: true })).toMatchObject({
      deleted: 1,
      prompts_deleted: 1,
      transcript_keys: ['codex:s'],
    })
  })

  it('ING-EXT-10 what was extracted and forgotten is noted, restored is not', async () => {
    const noted = () => test.deps.store.read((tx) => tx.all('SELECT fingerprint FROM ingest_suppressed').length)
    const id = await extracted(0.8)
    const curated = await save()
    await forget({ ids: [id, curated] })
    expect(noted()).toBe(1)
    await test.engine.call('observation.restore', { id })
    expect(noted()).toBe(0)
  })

  it('ING-REV-3 an observation of another project is not forgotten by naming it', async () => {
    const theirs = await save({ project: 'beta' })
    await save()
    await expect(forget({ ids: [theirs] })).rejects.toMatchObject({ code: 'observation_project_mismatch' })
  })
})

describe('adding by category', () => {
  const add = (more: Partial<Input<'memory.add'>> = {}) =>
    test.engine.call('memory.add', { project: 'acme', category: 'decisions', content: 'Use tabs', ...more })

  it('ING-REV-5 the same label replaces; without one nothing ever is', async () => {
    const first = await add({ label: 'Indent' })
    expect(await add({ label: 'indent', content: 'Use spaces' })).toMatchObject({ outcome: 'revised', id: first.id })
    expect((await add({ content: 'Use spaces, please' })).outcome).toBe('created')
    expect((await add({ content: 'Use tabs, please', label: ' ' })).outcome).toBe('created')
    expect(row(first.id ?? 0)?.topic_key).toBe('label/indent')
  })

  it.each<[Partial<Input<'memory.add'>>, object]>([
    [{}, { type: 'decision', scope: 'project', title: 'Use tabs' }],
    [{ category: 'preferences' }, { type: 'preference', scope: 'global' }],
    [{ global: true }, { type: 'decision', scope: 'global' }],
    [
      { category: 'bugs', title: 'Crash', ttl: '1d', author: 'ada' },
      { type: 'bugfix', title: 'Crash', author: 'ada' },
    ],
    [{ content: `\n${'w'.repeat(90)}\nmore` }, { title: `${'w'.repeat(80)}…` }],
  ])('ING-REV-5 %j', async (more, shown) => {
    expect(row((await add(more)).id ?? 0)).toMatchObject(shown)
  })
})

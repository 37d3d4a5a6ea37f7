import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Input } from '../api/operations.ts'
import { limits } from '../model/limits.ts'
import { utf8Bytes } from '../model/text.ts'
import { observationBySyncId } from '../store/observations.ts'
import { truncationMark } from './rules/cut.ts'
import { openTestEngine, type TestEngine, type TestEngineOptions } from './testing/test-engine.ts'

let test: TestEngine
const reopen = async (options: TestEngineOptions): Promise<void> => {
  await test.close()
  test = openTestEngine(options)
}
beforeEach(() => {
  test = openTestEngine()
})
afterEach(() => test.close())

const minute = 60_000
const day = 24 * 60 * minute

const save = (more: Partial<Input<'observation.save'>> = {}) =>
  test.engine.call('observation.save', { project: 'acme', title: 'A title', content: 'Some content', ...more })
const get = (id: number | null) => test.engine.call('observation.get', { id: id ?? 0, include_history: true })
const rows = (sql: string): number => test.deps.store.read((tx) => tx.get<{ n: number }>(sql)?.n ?? -1)

describe('outcomes', () => {
  it.each<[string, Partial<Input<'observation.save'>>, string]>([
    ['the same again', {}, 'repeated'],
    ['other case and white space', { content: 'SOME   content\n' }, 'repeated'],
    ['another session', { session_id: 'other' }, 'repeated'],
    ['another title', { title: 'B title' }, 'created'],
    ['another type', { type: 'decision' }, 'created'],
    ['another scope', { scope: 'personal' }, 'created'],
    ['another project', { project: 'beta' }, 'created'],
    ['another text', { content: 'Other content' }, 'created'],
  ])('MEM-304 %s', async (_what, more, outcome) => {
    const first = await save()
    const second = await save(more)
    expect(second.outcome).toBe(outcome)
    expect(second.id === first.id).toBe(outcome === 'repeated')
  })

  it('MEM-304 a repeat counts on the row, and makes no version', async () => {
    const first = await save()
    test.clock.advance(400 * day)
    const second = await save()
    expect(second).toMatchObject({ outcome: 'repeated', duplicate_count: 2, revision_count: 1, candidates: [] })
    const { history, ...row } = await get(first.id)
    expect(row).toMatchObject({ created_at: '2026-01-01 00:00:00', updated_at: '2027-02-05 00:00:00' })
    expect(row.last_seen_at).toBe(row.updated_at)
    expect(history?.versions).toEqual([])
  })

  it('MEM-304 dedupe_window: 15m looks back 15 minutes from creation, as the Go program does', async () => {
    await reopen({ settings: { dedupeWindowMs: 15 * minute } })
    await save()
    test.clock.advance(14 * minute)
    expect((await save()).outcome).toBe('repeated')
    test.clock.advance(2 * minute)
    expect((await save()).outcome).toBe('created')
  })

  it('MEM-304 what has expired comes back when it is saved again', async () => {
    const first = await save({ ttl: '1d', topic_key: 'a/b' })
    test.clock.advance(2 * day)
    const again = await save()
    expect(again).toMatchObject({ id: first.id, outcome: 'revised', state: 'active' })
    expect(await get(first.id)).toMatchObject({ topic_key: 'a/b', ext: { state: 'active' } })
  })

  it('MEM-303 the same topic is revised in place, the state before becomes a version', async () => {
    const first = await save({ topic_key: 'Auth/Model', type: 'decision' })
    test.clock.advance(day)
    const second = await save({ topic_key: 'auth/model', title: 'New', content: 'New text', session_id: 's2' })
    expect(second).toMatchObject({ outcome: 'revised', id: first.id, sync_id: first.sync_id, revision_count: 2 })
    const { history, ...row } = await get(first.id)
    expect(row).toMatchObject({ title: 'New', type: 'manual', session_id: 's2', topic_key: 'auth/model' })
    expect(row.last_seen_at).toBe(row.updated_at)
    expect(history?.versions.map((one) => [one.version, one.title, one.type])).toEqual([[1, 'A title', 'decision']])
  })

  it('MEM-303 the same topic with unchanged text is a repeat', async () => {
    await save({ topic_key: 'auth/model' })
    const again = await save({ topic_key: 'auth/model', session_id: 'other' })
    expect(again).toMatchObject({ outcome: 'repeated', revision_count: 1, duplicate_count: 2 })
  })

  it.each([{ project: 'beta' }, { scope: 'personal' }])(
    'MEM-303 the topic is one of its project and scope: %j',
    async (more) => {
      await save({ topic_key: 'auth/model' })
      expect((await save({ topic_key: 'auth/model', content: 'Other', ...more })).outcome).toBe('created')
    },
  )

  it('MEM-303 a deleted row is not revised', async () => {
    const first = await save({ topic_key: 'auth/model' })
    await test.engine.call('observation.delete', { id: first.id ?? 0 })
    expect((await save({ topic_key: 'auth/model', content: 'Other' })).outcome).toBe('created')
  })

  it('MEM-304 a deleted row is not repeated', async () => {
    const first = await save()
    await test.engine.call('observation.delete', { id: first.id ?? 0 })
    expect((await save()).outcome).toBe('created')
  })

  it('MEM-304 a repeat that brings the first topic key gives it to the row', async () => {
    const first = await save()
    expect(await save({ topic_key: 'a/b' })).toMatchObject({ outcome: 'revised', id: first.id })
    expect((await save({ topic_key: 'c/d' })).outcome).toBe('created')
  })

  it('MEM-307 MEM-310 the answer names outcome, session, redaction and a topic', async () => {
    expect(await save({ title: 'Fix the parser', type: 'bugfix' })).toMatchObject({
      outcome: 'created',
      project: 'acme',
      project_source: 'explicit_override',
      session_id: 'manual-save-acme',
      state: 'active',
      redacted: { count: 0, kinds: [] },
      suggested_topic_key: 'bug/fix-the-parser',
    })
    expect((await save({ topic_key: 'a/b' })).suggested_topic_key).toBeUndefined()
  })
})

describe('limits', () => {
  it('MEM-301 10 MB are cut at 50,000 bytes, marked, and reported with their size', async () => {
    const content = 'é word '.repeat(1_310_720)
    const saved = await save({ content })
    expect(saved.truncation).toEqual({
      original_bytes: 8 * 1_310_720,
      limit_bytes: limits.contentBytesMax,
      truncated: true,
    })
    const row = await get(saved.id)
    expect(utf8Bytes(row.content)).toBe(limits.contentBytesMax + truncationMark.length)
    expect(row.content.endsWith(truncationMark)).toBe(true)
    expect((await save({ content })).outcome).toBe('repeated')
  })

  it('MEM-301 the size that is reported is the one after redaction', async () => {
    const saved = await save({ content: `<private>${'x'.repeat(60_000)}</private> ${'y'.repeat(50_000)}` })
    expect(saved.truncation?.original_bytes).toBe(50_000 + '[REDACTED] '.length)
  })

  it('MEM-110 a long title is cut and reported; so are author and tool name', async () => {
    const saved = await save({ title: 'é'.repeat(2_000), author: 'ü'.repeat(100), tool_name: 'ä'.repeat(200) })
    const told = saved.warnings.map((one) => one.code).sort()
    expect(told).toEqual(['author_cut', 'project_created', 'title_cut', 'tool_name_cut'])
    const row = await get(saved.id)
    expect(row.title).toBe('é'.repeat(500) + truncationMark)
    expect(utf8Bytes(row.ext?.author ?? '')).toBe(limits.authorBytesMax)
    expect(utf8Bytes(row.tool_name ?? '')).toBe(limits.toolNameBytesMax)
  })

  it.each<[string, Partial<Input<'observation.save'>>]>([
    ['type', { type: 'é'.repeat(33) }],
    ['session_id', { session_id: 's'.repeat(257) }],
    ['session_id', { session_id: 'é'.repeat(129) }],
    ['session_id', { session_id: 'a\0b' }],
    ['session_id', { session_id: 'a\ud800' }],
    ['project', { project: 'p'.repeat(101) }],
    ['project', { project: 'a\0b' }],
  ])('MEM-110 a %s over its limit or with NUL is refused, and nothing is written', async (_field, more) => {
    await expect(save(more)).rejects.toMatchObject({ row: { http: 400, exit: 2 } })
    expect(rows('SELECT count(*) AS n FROM observations')).toBe(0)
    expect(rows('SELECT count(*) AS n FROM sessions')).toBe(0)
  })

  it('MEM-110 NUL and lone surrogates leave every text', async () => {
    const bad = 'a\0b\ud800c'
    const saved = await save({ title: bad, content: `${bad} content`, tool_name: undefined, author: 'x\ud800' })
    const row = await get(saved.id)
    expect([row.title, row.content, row.ext?.author]).toEqual(['ab\ufffdc', 'ab\ufffdc content', 'x\ufffd'])
  })

  it.each(['', '  \n\t ', '\0\0'])('MEM-302 content %j is refused', async (content) => {
    await expect(save({ content })).rejects.toMatchObject({ code: 'observation_content_required' })
  })

  it('MEM-302 a blank title is taken from the content, with a warning', async () => {
    const saved = await save({ title: ' ', content: `\n  ${'w'.repeat(70)}\nmore` })
    expect(saved.title).toBe('w'.repeat(60))
    expect(saved.warnings.map((one) => one.code)).toContain('title_from_content')
  })

  it('MEM-205 an unknown scope is project, a blank type is manual', async () => {
    expect(await get((await save({ scope: 'team', type: ' ' })).id)).toMatchObject({ scope: 'project', type: 'manual' })
  })
})

describe('dates', () => {
  it.each([
    ['decision', '2026-07-01 00:00:00'],
    ['policy', '2027-01-01 00:00:00'],
    ['preference', '2026-04-01 00:00:00'],
    ['bugfix', undefined],
  ])('MEM-305 a %s is due at %s', async (type, due) => {
    expect((await save({ type })).review_after).toBe(due)
  })

  it.each<[Partial<Input<'observation.save'>>, string | undefined]>([
    [{ ttl: '30d' }, '2026-01-31 00:00:00'],
    [{ expires_at: '2026-03-01T10:00:00+01:00' }, '2026-03-01 09:00:00'],
    [{ ttl: ' ', expires_at: '2027-01-01' }, '2027-01-01 00:00:00'],
    [{ ttl: '' }, undefined],
  ])('MEM-305 %j expires at %s', async (more, at) => {
    expect((await save(more)).expires_at).toBe(at)
  })

  it.each(['soon', '99999999w', '10000-01-01'])('MEM-305 a ttl of %s is refused', async (ttl) => {
    await expect(save({ ttl })).rejects.toMatchObject({ code: 'invalid_request', details: { field: 'ttl' } })
  })

  it('MEM-503 a clock that goes back still orders every change', async () => {
    const first = await save()
    test.clock.set(Date.UTC(2025, 0, 1))
    const second = await save({ content: 'Two' })
    const third = await save({ content: 'Three' })
    const times = [first, second, third].map(
      (one) => test.deps.store.read((tx) => observationBySyncId(tx, one.sync_id))?.hlc ?? '',
    )
    expect([...new Set(times)].sort()).toEqual(times)
  })
})

describe('operation ids', () => {
  const operation_id = 'op-1'

  it('MEM-306 the same fields answer the first result again', async () => {
    const first = await save({ operation_id })
    await save({ content: 'Between' })
    expect(await save({ operation_id })).toEqual({ ...first, replayed: true })
    expect(rows('SELECT max(duplicate_count) AS n FROM observations')).toBe(1)
    expect(await test.engine.call('observation.save-result', { operation_id })).toEqual({ ...first, replayed: true })
  })

  it.each<Partial<Input<'observation.save'>>>([
    { content: 'Other' },
    { title: 'Other' },
    { ttl: '1d' },
    { project: 'beta' },
  ])('MEM-306 other fields are a conflict: %j', async (more) => {
    await save({ operation_id })
    await expect(save({ operation_id, ...more })).rejects.toMatchObject({ code: 'operation_conflict' })
  })

  it('MEM-306 no two sets of fields read alike', async () => {
    await save({ operation_id, title: 'ab', content: 'c' })
    await expect(save({ operation_id, title: 'a', content: 'bc' })).rejects.toMatchObject({
      code: 'operation_conflict',
    })
  })

  it('MEM-306 after seven days it has expired', async () => {
    await save({ operation_id })
    test.clock.advance(7 * day)
    expect((await save({ operation_id })).replayed).toBe(true)
    test.clock.advance(1)
    await expect(save({ operation_id })).rejects.toMatchObject({ code: 'operation_expired' })
  })

  it('MEM-306 a blank id is no id', async () => {
    await save({ operation_id: '' })
    expect((await save({ operation_id: '', content: 'Other' })).outcome).toBe('created')
  })

  it('MEM-306 of a deleted observation the result is gone; of an unknown id there is none', async () => {
    const saved = await save({ operation_id })
    await test.engine.call('observation.delete', { id: saved.id ?? 0, hard: true })
    await expect(test.engine.call('observation.save-result', { operation_id })).rejects.toMatchObject({ code: 'gone' })
    await expect(test.engine.call('observation.save-result', { operation_id: 'x' })).rejects.toMatchObject({
      code: 'not_found',
    })
  })
})

describe('passive capture', () => {
  const learned = 'The parser needs two passes over the file'
  const capture = (content: string, more: Partial<Input<'observation.capture'>> = {}) =>
    test.engine.call('observation.capture', { project: 'acme', content, ...more })

  it.each<[string, string, number]>([
    ['numbered', `## Key Learnings:\n1. ${learned}\n2) The cache must be cleared before a run`, 2],
    ['bullets', `### Learnings\n- ${learned}\n* A second thing that was learnt here`, 2],
    ['numbered wins over bullets', `## Key Learning\n- A bullet that would count as one\n1. ${learned}`, 1],
    ['Spanish', `## Aprendizajes Clave\n- ${learned}`, 1],
    ['upper case, no colon', `## KEY LEARNINGS\n- ${learned}`, 1],
    [
      'the last section with items',
      `## Learnings\n- First thing that was learnt here\n## Learnings\n- ${learned}\n## Learnings\n`,
      1,
    ],
    ['ends at the next header', `## Learnings\n- ${learned}\n# Next\n- Something else that is no learning`, 1],
    ['too short', '## Learnings\n- Too short\n- fourwordsbutveryshort a', 0],
    ['no section', `- ${learned}`, 0],
    ['marks are taken off', `## Learnings\n- **The parser** needs \`two\` passes over *the* file`, 1],
  ])('MEM-309 %s', async (_what, content, extracted) => {
    expect(await capture(content)).toEqual({ extracted, saved: extracted, duplicates: 0 })
  })

  it('MEM-309 type, title and tool of what is captured', async () => {
    await capture(`## Learnings\n- **The parser** needs \`two\` passes ${'😀'.repeat(60)}`, { source: 'subagent-stop' })
    const [row] = await test.engine.call('observation.list', { project: 'acme' })
    expect(row).toMatchObject({ type: 'passive', tool_name: 'subagent-stop' })
    expect(row?.title).toBe(`The parser needs two passes ${'😀'.repeat(32)}...`)
  })

  it('MEM-309 what is live in the project is skipped at any age, under any title', async () => {
    await save({ content: learned.toUpperCase(), title: 'Typed by hand' })
    test.clock.advance(300 * day)
    const text = `## Learnings\n- ${learned}\n- A second thing that was learnt here\n- A second thing that was learnt here`
    expect(await capture(text)).toEqual({ extracted: 3, saved: 1, duplicates: 2 })
    expect(await capture(text)).toEqual({ extracted: 3, saved: 0, duplicates: 3 })
    expect(await capture(text, { project: 'beta' })).toEqual({ extracted: 3, saved: 2, duplicates: 1 })
  })

  it('MEM-309 an item over the content limit is recognised the second time', async () => {
    const long = `## Learnings\n- ${'some words of it '.repeat(4_000)}`
    expect(await capture(long)).toMatchObject({ saved: 1 })
    expect(await capture(long)).toMatchObject({ saved: 0, duplicates: 1 })
  })
})

describe('names', () => {
  it('MEM-308 the first save to a name close to a known one says so', async () => {
    await save()
    const second = await save({ project: 'acme-web' })
    const told = second.warnings.find((one) => one.code === 'project_created')
    expect(told?.details).toEqual({ similar: ['acme'] })
    expect(told?.message).toContain('acme')
    expect((await save({ project: 'acme-web', content: 'Two' })).warnings).toEqual([])
  })

  it('MEM-312 the author is the one given, else the agent of the session', async () => {
    await test.engine.call('session.start', { id: 's1', project: 'acme', agent: 'codex' })
    expect(await get((await save({ session_id: 's1' })).id)).toMatchObject({ ext: { author: 'codex' } })
    const named = await save({ session_id: 's1', content: 'Two', author: ' ada ' })
    expect(await get(named.id)).toMatchObject({ ext: { author: 'ada' } })
    expect((await get((await save({ content: 'Three' })).id)).ext?.author).toBeUndefined()
  })
})

import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Input } from '../api/operations.ts'
import { estimateTokens, utf8Bytes } from '../model/text.ts'
import type { ObservationRow, PromptRow } from '../store/rows.ts'
import type { CountedSession } from '../store/sessions.ts'
import { localTime, renderContext, type ContextParts } from './rules/context-text.ts'
import { renderRecall, type RecallItem } from './rules/recall-text.ts'
import { openTestEngine, type TestEngine } from './testing/test-engine.ts'

let test: TestEngine
beforeEach(() => {
  test = openTestEngine()
})
afterEach(() => test.close())

let texts = 0
const save = (more: Partial<Input<'observation.save'>> = {}) =>
  test.engine.call('observation.save', { project: 'acme', title: `T${++texts}`, content: `Content ${texts}`, ...more })
const context = async (more: Input<'memory.context'> = {}) =>
  (await test.engine.call('memory.context', { project: 'acme', ...more })).context

/** As extraction leaves a row; the engine has no operation for one alone. */
async function extracted(title: string, confidence: number, more: Partial<Input<'observation.save'>> = {}) {
  const { id } = await save({ title, ...more })
  const provenance = JSON.stringify({ kind: 'extracted', review: 'unreviewed', rule: 'X-DECL' })
  await test.deps.store.write((tx) =>
    tx.run('UPDATE observations SET confidence = ?, provenance = ? WHERE id = ?', confidence, provenance, id),
  )
  return id ?? 0
}

// ── made rows, for what is pure ──

const observation = (title: string, content: string, type = 'manual'): ObservationRow => ({
  id: 1,
  sync_id: 'obs-1',
  session_id: 's',
  type,
  title,
  content,
  tool_name: null,
  project: 'acme',
  scope: 'project',
  topic_key: null,
  normalized_hash: '',
  revision_count: 1,
  duplicate_count: 1,
  last_seen_at: null,
  review_after: null,
  expires_at: null,
  created_at: '2026-01-01 00:00:00',
  updated_at: '2026-01-01 00:00:00',
  deleted_at: null,
  pinned: 0,
  author: null,
  confidence: null,
  provenance: null,
  version: 'v',
  ancestors: '[]',
  hlc: '',
  origin: '',
  change_seq: 1,
})
const session = (summary: string | null): CountedSession => ({
  number: 1,
  id: 's',
  project: 'acme',
  ownership_mode: 'shared',
  directory: '',
  started_at: '2026-01-01 00:00:00',
  ended_at: null,
  summary,
  summary_by: null,
  agent: null,
  ended_by: null,
  isolated: 0,
  lease_until_ms: 0,
  agent_pid: null,
  last_activity_ms: 0,
  hlc: '',
  origin: '',
  change_seq: 1,
  observation_count: 3,
})
const prompt = (content: string): PromptRow => ({
  id: 1,
  sync_id: 'prompt-1',
  session_id: 's',
  content,
  project: 'acme',
  source_inbox_id: null,
  author: null,
  created_at: '2026-01-01 00:00:00',
  hlc: '',
  origin: '',
  change_seq: 1,
})

const anyText = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.constantFrom('```\ncode', '# Heading\n- bullet', 'a\r\nb', '😀'.repeat(200), 'é'.repeat(400)),
)
const anyParts: fc.Arbitrary<ContextParts> = fc.record({
  sessions: fc.array(fc.option(anyText).map(session), { maxLength: 5 }),
  prompts: fc.array(anyText.map(prompt), { maxLength: 6 }),
  pinned: fc.array(
    fc.tuple(anyText, anyText).map(([title, text]) => observation(title, text)),
    { maxLength: 4 },
  ),
  observations: fc.array(
    fc.tuple(anyText, anyText).map(([title, text]) => observation(title, text)),
    { maxLength: 8 },
  ),
})
const plain = { compact: false, maxBytes: null, timezone: undefined }

describe('context', () => {
  it('MEM-610 sections, bullets and blank lines as they are read by programs', async () => {
    await test.engine.call('session.start', { id: 's', project: 'acme', directory: '/srv/acme' })
    await test.engine.call('prompt.save', { project: 'acme', session_id: 's', content: 'Do\nthis' })
    const { id } = await save({ session_id: 's', title: 'Use tabs', content: 'Always tabs.', type: 'decision' })
    await save({ session_id: 's', title: 'Cache', content: 'x'.repeat(400), type: 'bugfix' })
    await test.engine.call('observation.pin', { id: id ?? 0, pinned: true })
    await test.engine.call('session.end', { id: 's', summary: 'Did it' })
    expect(await context()).toBe(
      [
        '## Memory from Previous Sessions',
        '',
        '### Recent Sessions',
        '- **acme** (2026-01-01 00:00:00): Did it [2 observations]',
        '',
        '### Recent User Prompts',
        '- 2026-01-01 00:00:00: Do this',
        '',
        '### Pinned',
        '- [decision] **Use tabs**: Always tabs.',
        '',
        '### Recent Observations',
        `- [bugfix] **Cache**: ${'x'.repeat(300)}...`,
        '',
        '',
      ].join('\n'),
    )
    expect(await context({ compact: true })).toContain('- [bugfix] **Cache**\n')
  })

  it('MEM-610 an empty store gives an empty text', async () => {
    expect(await context({ project: undefined })).toBe('')
  })

  it.each<[Input<'memory.context'>, readonly number[]]>([
    [{}, [5, 10, 2, 20]],
    [{ sessions: 1, prompts: 2, pinned: 1, observations: 3 }, [1, 2, 1, 3]],
    [{ sessions: -1, prompts: -1, pinned: -1, observations: -1 }, [0, 0, 0, 0]],
    [{ sessions: 0, prompts: 0, pinned: 0, observations: 0 }, [5, 10, 2, 20]],
    [{ observations: 10_000, sessions: -1, prompts: -1, pinned: -1 }, [0, 0, 0, 23]],
  ])('MEM-610 %j shows %j of sessions, prompts, pinned, observations', async (input, shown) => {
    for (let index = 0; index < 25; index++) {
      const { id } = await save({ session_id: `s${index % 7}`, title: 'obs' })
      if (index < 2) await test.engine.call('observation.pin', { id: id ?? 0, pinned: true })
      if (index < 12)
        await test.engine.call('prompt.save', { project: 'acme', session_id: 's1', content: `p ${index}` })
    }
    const text = await context(input)
    const section = (name: string) => text.split(`### ${name}\n`)[1]?.split('\n\n')[0]?.split('\n').length ?? 0
    expect(['Recent Sessions', 'Recent User Prompts', 'Pinned', 'Recent Observations'].map(section)).toEqual(shown)
  })

  it('ING-EXT-8 at most five extracted ones, strong only, after the curated', async () => {
    for (let index = 0; index < 7; index++) await extracted(`strong ${index}`, 0.7)
    await extracted('weak', 0.69)
    await save({ title: 'curated' })
    const lines = (text: string) => text.split('\n').filter((line) => line.startsWith('- [manual]'))
    const text = await context()
    expect(lines(text)).toHaveLength(6)
    expect(lines(text)[0]).toContain('curated')
    expect(lines(text)[1]).toContain('(auto 0.70)')
    expect(text).not.toContain('weak')
    const { context: ofSession } = await test.engine.call('memory.session-context', { session_id: 'manual-save-acme' })
    expect(lines(ofSession)).toHaveLength(6)
    expect(ofSession).not.toContain('weak')
  })

  it('MEM-611 one session only', async () => {
    await save({ session_id: 's', title: 'mine' })
    await save({ session_id: 'other', title: 'theirs' })
    const { context: text } = await test.engine.call('memory.session-context', { session_id: 's' })
    expect(text.startsWith('## Memory from This Session\n\n')).toBe(true)
    expect([text.includes('mine'), text.includes('theirs')]).toEqual([true, false])
    expect((await test.engine.call('memory.session-context', { session_id: 'unknown' })).context).toBe('')
  })

  it('MEM-205 what is global belongs to every project; what is personal to its own', async () => {
    await save({ project: 'beta', scope: 'global', title: 'for all' })
    await save({ project: 'beta', scope: 'personal', title: 'for me' })
    await save({ title: 'own' })
    const text = await context()
    expect([text.includes('for all'), text.includes('for me')]).toEqual([true, false])
    expect(await context({ scope: 'personal', project: 'beta' })).toContain('for me')
  })

  it.each([
    ['Europe/Berlin', '2026-07-01 14:00:00'],
    ['America/Bogota', '2026-07-01 07:00:00'],
    [undefined, '2026-07-01 12:00:00'],
    ['', '2026-07-01 12:00:00'],
  ])('MEM-612 in %s it is %s', (timezone, shown) => {
    expect(localTime('2026-07-01 12:00:00', timezone)).toBe(shown)
  })

  it('MEM-612 an unknown zone is the machine’s; an unreadable time stays', () => {
    const local = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium' })
    expect(localTime('2026-07-01 12:00:00', 'Mars/Olympus')).toBe(local.format(Date.UTC(2026, 6, 1, 12)))
    expect(localTime('long ago', 'Europe/Berlin')).toBe('long ago')
  })

  it('MEM-610 a budget in bytes is never exceeded, whatever stands in the records', () => {
    fc.assert(
      fc.property(anyParts, fc.integer({ min: 1, max: 4_000 }), (parts, maxBytes) => {
        const text = renderContext('Memory', parts, { ...plain, maxBytes })
        expect(utf8Bytes(text)).toBeLessThanOrEqual(maxBytes)
        expect(text.isWellFormed()).toBe(renderContext('Memory', parts, plain).isWellFormed())
      }),
      { numRuns: 300 },
    )
  })

  it('MEM-610 a budget keeps whole bullets, each section from its first, and the order of the sections', () => {
    fc.assert(
      fc.property(anyParts, fc.integer({ min: 200, max: 4_000 }), (parts, maxBytes) => {
        const whole = renderContext('Memory', parts, plain)
        const cut = renderContext('Memory', parts, { ...plain, maxBytes })
        if (cut === whole || !/\n- /.test(cut) || !cut.endsWith('\n\n[truncated]\n')) return
        const lines = whole.split('\n')
        let from = -1
        for (const line of cut.split('\n').filter((one) => /^(?:- |###)/.test(one))) {
          from = lines.indexOf(line, from + 1)
          expect(from).toBeGreaterThanOrEqual(0)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('MEM-610 pinned are kept before sessions, observations and prompts', () => {
    const parts: ContextParts = {
      sessions: [session('s '.repeat(40))],
      prompts: [prompt('p '.repeat(40))],
      pinned: [observation('pinned', 'a '.repeat(40))],
      observations: [observation('seen', 'o '.repeat(40))],
    }
    const shown = (maxBytes: number) =>
      ['Pinned', 'Sessions', 'Observations', 'Prompts'].filter((name) =>
        renderContext('Memory', parts, { ...plain, maxBytes }).includes(name),
      )
    expect([200, 330, 450, 100_000].map(shown)).toEqual([
      ['Pinned'],
      ['Pinned', 'Sessions'],
      ['Pinned', 'Sessions', 'Observations'],
      ['Pinned', 'Sessions', 'Observations', 'Prompts'],
    ])
    const tight = renderContext('Memory', parts, { ...plain, maxBytes: 60 })
    expect(tight).toBe('## Memory\n\n### Pinned\n- [manual] **pinned**: a \n[truncated]\n')
  })

  it('RET-757 a record cannot open a heading, a bullet or a fence of its own', () => {
    fc.assert(
      fc.property(anyText, anyText, (title, content) => {
        const parts = { sessions: [], prompts: [], pinned: [], observations: [observation(title, content)] }
        const lines = renderContext('Memory', parts, plain).split(/[\n\r\u2028\u2029\u0085]/)
        expect(lines.filter((line) => line !== '')).toHaveLength(3)
      }),
    )
  })
})

describe('recall', () => {
  const item = (title: string, content: string): RecallItem => ({
    row: observation(title, content),
    category: 'insights',
  })

  it('ING-CMD-1 the budget in tokens is never exceeded, and every bullet is whole', () => {
    const items = fc.array(
      fc.tuple(anyText, anyText).map(([title, text]) => item(title, text)),
      { maxLength: 12 },
    )
    fc.assert(
      fc.property(items, fc.option(anyText.map(session)), fc.integer({ min: 1, max: 800 }), (all, last, budget) => {
        const shown = renderRecall('acme', all, last, { tokens: budget, here: null })
        expect(estimateTokens(shown.text)).toBeLessThanOrEqual(budget)
        const whole = renderRecall('acme', all, last, { tokens: 1_000_000, here: null }).text.split('\n')
        for (const line of shown.text.split('\n')) expect(whole).toContain(line)
        expect(shown.text.split('\n').filter((line) => line.startsWith('- **'))).toHaveLength(shown.items.length)
      }),
      { numRuns: 300 },
    )
  })

  it('ING-CMD-1 categories with their headings, pinned first, questions and the last summary at the end', async () => {
    await save({ type: 'question', title: 'Why?', content: 'Nobody knows' })
    await save({ type: 'decision', title: 'Use tabs', content: 'Always' })
    const { id } = await save({ type: 'decision', title: 'Use spaces', content: 'Never' })
    await save({ type: 'decision', title: 'Old', content: 'Over', ttl: '1d' })
    await save({ type: 'decision', title: 'Mine', content: 'Private', scope: 'personal' })
    await save({ project: 'beta', type: 'preference', scope: 'global', title: 'Short answers', content: 'Please' })
    await test.engine.call('session.start', { id: 's', project: 'acme' })
    await test.engine.call('session.end', { id: 's', summary: 'Went well' })
    test.clock.advance(2 * 86_400_000)
    await test.engine.call('observation.pin', { id: id ?? 0, pinned: true })
    const recall = (more: object = {}) => test.engine.call('memory.recall', { project: 'acme', ...more })
    const { text, items, left_out, tokens } = await recall()
    expect(text).toBe(
      [
        '# acme - Project Context',
        '',
        '## Decisions',
        '',
        '- **Use spaces** — Never',
        '- **Use tabs** — Always',
        '',
        '## Preferences',
        '',
        '- **Short answers** — Please',
        '',
        '## Open questions',
        '',
        '- **Why?** — Nobody knows',
        '',
        '## Last session',
        '',
        '- 2026-01-01 00:00:00: Went well',
        '',
      ].join('\n'),
    )
    expect([items.length, left_out, tokens]).toEqual([4, 0, estimateTokens(text)])
    expect((await recall({ all: true })).text).toContain('Old')
    expect((await recall({ category: 'questions' })).items.map((one) => one.title)).toEqual(['Why?'])
    const little = await recall({ budget_tokens: 30 })
    expect(little.items.length + little.left_out).toBe(4)
  })

  it('ING-CMD-1 extracted ones are marked until somebody has looked at them; reading writes nothing', async () => {
    const id = await extracted('Use tabs', 0.75, { type: 'decision' })
    const seq = () => test.deps.store.read((tx) => tx.get("SELECT value FROM meta WHERE key = 'change_seq'"))
    const before = seq()
    const recall = () => test.engine.call('memory.recall', { project: 'acme' })
    expect((await recall()).text).toContain('**Use tabs** (auto 0.75) — ')
    expect((await recall()).items).toMatchObject([{ auto: 0.75 }])
    expect(seq()).toEqual(before)
    await test.engine.call('extracted.promote', { project: 'acme', ids: [id] })
    expect((await recall()).text).toContain('**Use tabs** — ')
  })
})

describe('lookup', () => {
  it('ING-CMD-3 lines that hold the text in any case, at most five each, of every memory', async () => {
    for (let index = 0; index < 30; index++) await save({ content: 'nothing here', title: `filler ${index}` })
    await save({
      type: 'decision',
      title: 'Use TABS',
      content: Array.from({ length: 9 }, (_, at) => `tabs ${at}\nno`).join('\n'),
    })
    await save({ type: 'bugfix', title: 'Größe', content: 'GRÖSSE zählt', ttl: '1d' })
    test.clock.advance(2 * 86_400_000)
    const lookup = (query: string, more: object = {}) =>
      test.engine.call('memory.lookup', { project: 'acme', query, ...more })
    expect((await lookup('tAbS')).matches).toMatchObject([
      { category: 'decisions', lines: ['Use TABS', 'tabs 0', 'tabs 1', 'tabs 2', 'tabs 3'], expired: false },
    ])
    expect((await lookup('zählt')).matches).toEqual([])
    expect((await lookup('ZÄHLT', { all: true })).matches).toMatchObject([{ category: 'bugs', expired: true }])
    expect((await lookup('tabs', { category: 'bugs' })).matches).toEqual([])
    expect((await lookup('filler')).matches).toHaveLength(30)
  })
})

import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Input } from '../../api/operations.ts'
import type { ArchivedMessage } from '../../model/ports.ts'
import { openTestEngine, type TestEngine } from '../testing/test-engine.ts'

let test: TestEngine
const messages: readonly ArchivedMessage[] = [
  { role: 'user', content: 'Show me </pre><script>alert(1)</script>', created_at: '2026-01-01T00:00:00Z' },
  { role: 'assistant', content: '```js\nopen', tool_calls: [{ function: { name: 'run', arguments: '{}' } }] },
]
beforeEach(() => {
  test = openTestEngine({
    archive: { messages: () => Promise.resolve(messages), remove: () => Promise.resolve(false) },
  })
})
afterEach(() => test.close())

type Format = Input<'project.export'>['format']
let texts = 0
const save = (more: Partial<Input<'observation.save'>> = {}, on = test) =>
  on.engine.call('observation.save', { project: 'acme', title: `T${++texts}`, content: `Content ${texts}`, ...more })
const exported = async (format: Format, more: Partial<Input<'project.export'>> = {}) =>
  (await test.engine.call('project.export', { project: 'acme', format, ...more })).text
/** As reading a transcript leaves it. */
const withTranscript = (id: string) =>
  test.deps.store.write((tx) =>
    tx.run(
      `INSERT INTO ingest_sources (path, agent, session_id, transcript_key, project, size, mtime_ns, inode, "offset", line,
         head_hash, head_bytes, tail_hash, extract_offset, llm_offset, archive_position, reader_version, extractor_version,
         records, bad_lines, unknown_records, last_id, reader_state, last_error, updated_at)
       VALUES ('/t', 'codex', ?1, 'codex:' || ?1, 'acme', 0, '0', '0', 0, 0, '', 0, '', 0, 0, 0, 1, 1, 0, 0, 0, '', '', '', '')`,
      id,
    ),
  )

/** What records may hold that a page, a document or a parser would act on. */
const hostile = [
  '</script><script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '"><svg/onload=alert(1)>',
  "' onmouseover='alert(1)",
  '<!-- open comment',
  '```js\nopen fence',
  '~~~~\nopen fence of another mark',
  '<pre>open block',
  '<style>* { display: none }',
  '# Heading\n\n## Decisions',
  ']]> &amp; &lt; \u2028 \u0000 \\u003c',
  '{{7*7}} ${7*7} <%= 7*7 %>',
]

describe('what an export holds', () => {
  it('ING-EXP-2 the keys other programs read, and canonical records', async () => {
    await save({ type: 'decision', title: 'Use tabs', content: 'Always', session_id: 's' })
    await save({ type: 'question', title: 'Why?', content: 'Nobody knows', session_id: 's' })
    await withTranscript('s')
    const document = JSON.parse(await exported('json', { include_conversations: true })) as Record<string, unknown>
    expect(Object.keys(document)).toEqual([
      'project',
      'exported_at',
      'tool',
      'tool_url',
      'knowledge',
      'conversations',
      'format_version',
      'observations',
      'relations',
      'sessions',
      'tombstones',
    ])
    expect(document).toMatchObject({ project: 'acme', tool: 'engram', format_version: 2 })
    expect(Object.keys(document['knowledge'] as object)).toEqual(
      'context decisions solutions patterns bugs insights questions procedures preferences'.split(' '),
    )
    expect(document['knowledge']).toMatchObject({
      solutions: '',
      questions: expect.stringContaining('### Why?') as string,
    })
    expect(document['conversations']).toMatchObject([
      { session_id: 's', meta: { project: 'acme', turn_count: 1, tool_usage: { run: 1 } } },
    ])
  })

  it('ING-EXP-2 exporting and importing into an empty data dir loses nothing', async () => {
    const other = openTestEngine({ seed: 2 })
    const kinds = fc.constantFrom('decision', 'bugfix', 'session_summary', 'manual')
    const anyMemory = fc.record({
      title: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
      content: fc.oneof(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), fc.constantFrom(...hostile)),
      type: kinds,
      topic_key: fc.option(fc.constantFrom('a/b', 'c/d'), { nil: undefined }),
      session_id: fc.constantFrom('s1', 's2'),
    })
    const all = fc.sample(anyMemory, { numRuns: 25, seed: 7 }).filter((one) => one.content.trim() !== '')
    for (const one of all) await save(one)
    const { id } = await save({ ttl: '30d', author: 'ada', title: 'Last one' })
    await test.engine.call('observation.update', { id: id ?? 0, content: 'Edited' })
    const { id: gone } = await save({ session_id: 's1' })
    await test.engine.call('observation.delete', { id: gone ?? 0, hard: true })
    const given = await exported('json')
    const result = await other.engine.call('backup.import', { backup: JSON.parse(given) })
    expect(result.skipped).toEqual([])
    const back = (await other.engine.call('project.export', { project: 'acme', format: 'json' })).text
    const records = (text: string) => {
      const { observations, sessions, relations, tombstones } = JSON.parse(text) as Record<
        string,
        { id?: unknown; sync_id?: string }[]
      >
      const sorted = (rows: { id?: unknown; sync_id?: string }[] = [], drop: boolean) =>
        rows.map((row) => JSON.stringify(drop ? { ...row, id: 0 } : row)).sort()
      return [sorted(observations, true), sorted(sessions, false), sorted(relations, false), sorted(tombstones, false)]
    }
    expect(records(back)).toEqual(records(given))
    await other.close()
  })

  it('ING-EXP-1 all categories, or those asked for; only what somebody looked at', async () => {
    await save({ type: 'decision', title: 'Decided' })
    await save({ type: 'procedure', title: 'Procedure' })
    const { id } = await save({ type: 'bugfix', title: 'Found' })
    await test.deps.store.write((tx) =>
      tx.run(
        `UPDATE observations SET confidence = 0.8, provenance = '{"kind":"extracted","review":"unreviewed"}' WHERE id = ?`,
        id,
      ),
    )
    const has = (text: string) => ['Decided', 'Procedure', 'Found'].filter((title) => text.includes(title))
    for (const format of ['markdown', 'json', 'html'] as const) {
      expect(has(await exported(format))).toEqual(['Decided', 'Procedure', 'Found'])
      expect(has(await exported(format, { categories: ['decisions'] }))).toEqual(['Decided'])
      expect(has(await exported(format, { only_curated: true }))).toEqual(['Decided', 'Procedure'])
    }
    expect(await exported('markdown')).toContain('· auto 0.80*')
    expect(await exported('html')).toContain('· auto 0.80<')
  })

  it.each<Format>(['markdown', 'json', 'html'])(
    'ING-EXP-1 of an unknown or empty project there is no %s at all',
    async (format) => {
      await expect(exported(format)).rejects.toMatchObject({ code: 'unknown_project' })
      await test.deps.store.write((tx) =>
        tx.run(`INSERT INTO projects (name, created_at) VALUES ('acme', '2026-01-01 00:00:00')`),
      )
      await expect(exported(format)).rejects.toMatchObject({ code: 'not_found', row: { exit: 5 } })
    },
  )

  it('MEM-1703 nothing personal leaves, whatever else is exported', async () => {
    await save({ scope: 'personal', title: 'Mine alone', content: 'Diary' })
    await save({ title: 'Mine alone, too' })
    for (const format of ['markdown', 'json', 'html'] as const) {
      const text = await exported(format, { include_conversations: true })
      expect([text.includes('Diary'), text.includes('Mine alone, too')]).toEqual([false, true])
    }
    const { relations } = JSON.parse(await exported('json')) as { relations: unknown[] }
    expect(relations).toEqual([])
  })
})

describe('hostile content', () => {
  const everywhere = async (): Promise<void> => {
    for (const text of hostile)
      await save({
        project: `it's <b>"acme"`,
        title: text,
        content: text,
        type: 'decision',
        author: text.replaceAll('\0', ''),
        session_id: 's',
      })
    await save({ project: `it's <b>"acme"`, title: 'The last one', content: 'After all others', type: 'preference' })
    await test.engine.call('session.end', { id: 's', summary: hostile.join('\n') })
    await withTranscript('s')
  }
  const exportHostile = async (format: Format) =>
    (await test.engine.call('project.export', { project: `it's <b>"acme"`, format, include_conversations: true })).text

  it('ING-EXP-3 the page holds no tag, attribute or script but its own', async () => {
    await everywhere()
    const page = await exportHostile('html')
    const tags = [...page.matchAll(/<(\/?[a-zA-Z!][^\s>]*)([^>]*)>/g)].map(
      ([, name, rest]) => [name, rest?.trim()] as const,
    )
    const known = new Set(
      'html head meta title style body header h1 p label input output main section h2 article h3 pre script'
        .split(' ')
        .flatMap((name) => [name, `/${name}`])
        .concat('!doctype'),
    )
    expect([...new Set(tags.map(([name]) => name))].filter((name) => !known.has(name ?? ''))).toEqual([])
    expect(tags.filter(([name]) => name === 'script')).toEqual([['script', '']])
    expect(tags.filter(([, rest]) => /\bon[a-z]+\s*=|src\s*=|href\s*=/i.test(rest ?? ''))).toEqual([])
    expect(page).toContain('<title>it&#39;s &#60;b&#62;&#34;acme&#34; · Engram</title>')
  })

  it('ING-EXP-3 the policy names the two blocks by their hashes and allows nothing else', async () => {
    await everywhere()
    const page = await exportHostile('html')
    const policy =
      /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1]?.replaceAll('&#39;', "'") ?? ''
    const hashed = async (text: string) =>
      Buffer.from(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))).toString('base64')
    const [, style = ''] = /<style>([^]*?)<\/style>/.exec(page) ?? []
    const [, script = ''] = /<script>([^]*?)<\/script>/.exec(page) ?? []
    expect(policy).toBe(
      `default-src 'none'; style-src 'sha256-${await hashed(style)}'; script-src 'sha256-${await hashed(script)}'; base-uri 'none'; form-action 'none'`,
    )
  })

  it('ING-EXP-2 the JSON can be parsed, and gives every text back', async () => {
    await everywhere()
    const { observations } = JSON.parse(await exportHostile('json')) as { observations: { content: string }[] }
    expect(observations.map((one) => one.content).slice(0, -1)).toEqual(
      hostile.map((text) => text.replaceAll('\0', '')),
    )
  })

  it.each(hostile)('ING-EXP-3 RET-757 in Markdown %j stays open no longer than its own record', async (text) => {
    await save({ title: text, content: text, type: 'decision' })
    await save({ title: 'The last one', content: 'After', type: 'preference' })
    const markdown = await exported('markdown')
    const before = markdown.slice(0, markdown.indexOf('### The last one'))
    const fences = before.split('\n').filter((line) => /^ {0,3}(?:`{3,}|~{3,})/.test(line))
    expect(fences.length % 2).toBe(0)
    for (const [open, end] of [
      ['<!--', '-->'],
      ['<pre', '</pre>'],
      ['<style', '</style>'],
      ['<script', '</script>'],
    ] as const) {
      const body = before.slice(before.lastIndexOf('*\n\n'))
      expect(body.lastIndexOf(open)).toBeLessThanOrEqual(body.lastIndexOf(end))
    }
    const titles = markdown.split('\n').filter((line) => line.startsWith('### '))
    expect(titles).toHaveLength(2)
  })

  it('RET-757 a fence is closed only by its own mark, alone on its line and long enough', async () => {
    await save({ type: 'decision', content: '````\n```\n~~~~\n```` js\ninside' })
    expect(await exported('markdown')).toContain('```` js\ninside\n````\n')
    await save({ type: 'decision', content: '```one-line```\nno fence at all' })
    expect(await exported('markdown')).toContain('no fence at all\n')
    expect(await exported('markdown')).not.toContain('no fence at all\n```')
  })
})

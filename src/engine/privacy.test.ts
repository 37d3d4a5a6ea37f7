import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Input } from '../api/operations.ts'
import { Connection } from '../store/driver.ts'
import { openTestEngine, type TestEngine } from './testing/test-engine.ts'

let test: TestEngine
beforeEach(() => {
  test = openTestEngine()
})
afterEach(() => test.close())

/** Put together here, so that no scanner takes this file for a leak. */
const token = ['ghp', 'aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6'].join('_')
const hidden = 'zebra-crossing-at-midnight'
const planted = `<private>${hidden}</private> token ${token}`

/** Every byte below the data dir: database, write-ahead log, spool, marks. */
function filesHolding(directory: string, words: readonly string[]): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(directory, name)).isFile())
    .flatMap((name) => {
      const bytes = readFileSync(join(directory, name))
      return words.filter((word) => bytes.includes(word)).map((word) => `${name} holds ${word}`)
    })
}

/** Known by its capitals: what lowers a text first would hide it from whoever looks for secrets. */
const capitals = ['AKIA', 'QZRTYWIOPASDFGHJ'].join('')

const leaks = (): string[] =>
  filesHolding(test.directory, [
    token,
    token.toLowerCase(),
    hidden,
    token.slice(0, 20),
    capitals,
    capitals.toLowerCase(),
  ])
const save = (more: Partial<Input<'observation.save'>>) =>
  test.engine.call('observation.save', { project: 'acme', title: 'T', content: 'Some content', ...more })

describe('what is private never makes two things one', () => {
  it('MEM-1701 drops a topic key that redaction changed, and says so', async () => {
    const first = await save({ title: 'One', content: 'The first memory', topic_key: `plans/<private>a</private>` })
    const second = await save({ title: 'Two', content: 'The second memory', topic_key: `plans/<private>b</private>` })
    expect([first.outcome, second.outcome]).toEqual(['created', 'created'])
    expect(second.warnings.map(({ code }) => code)).toContain('topic_key_dropped')
    const added = await Promise.all(
      [token, hidden].map((label, index) =>
        test.engine.call('memory.add', {
          project: 'acme',
          category: 'patterns',
          content: `Pattern number ${index} of the house`,
          label: `<private>${label}</private>`,
        }),
      ),
    )
    expect(new Set(added.map(({ id }) => id)).size).toBe(2)
  })

  it('MEM-1701 leaves a topic key with white space around it as it is', async () => {
    const { warnings } = await save({ topic_key: '  Plans / Next ' })
    expect(warnings.map(({ code }) => code)).not.toContain('topic_key_dropped')
  })
})

describe('nothing private and no secret reaches a file', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['title', () => save({ title: planted })],
    ['content', () => save({ content: planted })],
    ['type', () => save({ type: token })],
    ['tool name', () => save({ tool_name: planted })],
    ['author', () => save({ author: planted })],
    ['topic key', () => save({ topic_key: planted })],
    ['title taken from content', () => save({ title: '', content: `at ${token} and ${'x'.repeat(60)}` })],
    ['a secret where the content is cut', () => save({ content: `${'w '.repeat(24_985)}${token} tail` })],
    ['NUL in the tag', () => save({ content: `<pri\0vate>${hidden}</private>` })],
    ['an unclosed tag', () => save({ content: `Seen <PRIVATE>${hidden}` })],
    ['an operation that is kept', () => save({ operation_id: 'op', title: planted })],
    ['prompt', () => test.engine.call('prompt.save', { project: 'acme', content: planted })],
    ['author of a prompt', () => test.engine.call('prompt.save', { project: 'acme', content: 'x', author: token })],
    ['agent', () => test.engine.call('session.start', { id: 's', project: 'acme', agent: token })],
    [
      'directory of a session',
      async () => {
        const directory = `/home/${token}/shop`
        await test.engine.call('session.start', { id: 's', project: 'acme', directory })
        await save({ session_id: undefined, directory, content: 'Another' })
        await test.engine.call('prompt.save', { project: 'acme', content: 'A prompt', session_id: 'p', directory })
      },
    ],
    [
      'summary at the end',
      async () => {
        await test.engine.call('session.start', { id: 's', project: 'acme' })
        await test.engine.call('session.end', { id: 's', summary: planted })
      },
    ],
    ['summary that is saved', () => save({ type: 'session_summary', content: planted })],
    [
      'passive text',
      () =>
        test.engine.call('observation.capture', {
          project: 'acme',
          content: `## Learnings\n- ${planted} and a few words more`,
          source: token,
        }),
    ],
    [
      'label',
      () => test.engine.call('memory.add', { project: 'acme', category: 'bugs', content: 'Some text', label: token }),
    ],
    [
      'a label and a topic key, which are lowered',
      async () => {
        await save({ topic_key: capitals })
        await test.engine.call('memory.add', { project: 'acme', category: 'bugs', content: 'x', label: capitals })
        const { id } = await save({})
        await test.engine.call('observation.update', { id: id ?? 0, topic_key: capitals })
        await test.engine.call('extracted.promote', { project: 'acme', ids: [id ?? 0], label: capitals })
      },
    ],
    [
      'a title that is cut',
      () =>
        test.engine.call('memory.add', {
          project: 'acme',
          category: 'bugs',
          content: `${'w'.repeat(60)} ${token} and more`,
        }),
    ],
    [
      'update',
      async () => {
        const { id } = await save({})
        const fields = { title: planted, content: planted, tool_name: planted, topic_key: planted, author: planted }
        await test.engine.call('observation.update', { id: id ?? 0, ...fields, type: token })
      },
    ],
    [
      'the seam of a replacement',
      async () => {
        const { id } = await save({ content: `the key is ${token.slice(0, 12)}-HERE-` })
        await test.engine.call('observation.update', { id: id ?? 0, find: '-HERE-', replace: token.slice(12) })
      },
    ],
    [
      'promotion',
      async () => {
        const { id } = await save({})
        const more = { label: token, reviewer: planted }
        await test.engine.call('extracted.promote', { project: 'acme', ids: [id ?? 0], ...more })
      },
    ],
  ])('MEM-1701 MEM-1702 %s', async (_where, act) => {
    await act()
    expect(leaks()).toEqual([])
    await test.deps.store.close()
    expect(leaks()).toEqual([])
  })

  it('MEM-1701 the search looks where texts are: what may be kept is found', async () => {
    await save({ content: 'periwinkle' })
    expect(filesHolding(test.directory, ['periwinkle'])).not.toEqual([])
  })

  it('MEM-1701 MEM-111 a save that is queued is clean as well', async () => {
    const locked = await lockFor(test, () =>
      save({ title: planted, content: planted, author: planted, topic_key: token }),
    )
    expect(locked.outcome).toBe('queued')
    expect(readdirSync(join(test.directory, 'spool'))).toHaveLength(1)
    expect(leaks()).toEqual([])
  })

  it('MEM-307 the answer says how much was taken out, never what', async () => {
    const saved = await save({ content: `${planted} and ${planted}` })
    expect(saved.redacted).toEqual({ count: 4, kinds: ['github', 'private'] })
    expect(JSON.stringify(saved)).not.toContain(hidden)
    expect((await test.engine.call('system.status', {})).redactions_today).toBe(4)
  })

  it('MEM-406 a hard delete takes the text out of answers that are kept', async () => {
    const title = 'quartzite glossary'
    const { id } = await save({ title, content: `${title} content`, operation_id: 'op-1', topic_key: 'a/b' })
    await save({ title: `${title} again`, content: 'Another text', operation_id: 'op-2' })
    await test.engine.call('observation.delete', { id: id ?? 0, hard: true })
    const kept = test.deps.store.read((tx) =>
      tx.all<{ result: string }>('SELECT result FROM save_operations ORDER BY operation_id'),
    )
    expect(kept[0]?.result).not.toContain('quartzite')
    expect(kept[1]?.result).not.toContain(`"title":"${title}"`)
  })
})

/** Runs while another connection holds the write lock. */
async function lockFor<T>(on: TestEngine, work: () => Promise<T>): Promise<T> {
  const other = Connection.open(on.deps.store.path, { access: 'read-write', busyTimeoutMs: 0 })
  other.run('BEGIN IMMEDIATE')
  try {
    return await work()
  } finally {
    other.run('ROLLBACK')
    other.close()
  }
}

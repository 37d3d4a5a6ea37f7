import fc from 'fast-check'
import { appendFile, cp, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { compatName } from './keys.ts'
import { JsonlStore } from './jsonl-store.ts'
import { migrateLayout } from './migrate-layout.ts'

/** Directories as picoclaw writes them, read and written in turn (TRN-P7). */

const fixtures = join(import.meta.dirname, '../../test/golden/transcripts-compat')
const root = await mkdtemp(join(tmpdir(), 'engram-compat-'))
afterAll(() => rm(root, { recursive: true, force: true }))
let directory = ''
let made = 0
beforeEach(async () => {
  directory = join(root, `d${made++}`)
  await cp(fixtures, directory, { recursive: true })
})

const contents = async (store: JsonlStore, key: string): Promise<string[]> =>
  (await store.getHistory(key)).map((message) => message.content)

type Seen = { readonly visible: readonly string[]; readonly summary: string; readonly key: string }

/** What picoclaw shows of a session: lines decode one by one or are lost, `skip` raw lines are hidden. */
async function asOther(key: string): Promise<Seen> {
  const base = join(directory, compatName(key))
  const meta = JSON.parse(await readFile(`${base}.meta.json`, 'utf8')) as { skip: number; summary: string; key: string }
  const raw = (await readFile(`${base}.jsonl`, 'utf8')).split('\n').filter((line) => line.trim() !== '')
  const visible = raw.slice(meta.skip).flatMap((line) => {
    try {
      const value = JSON.parse(line) as Record<string, unknown> | null
      const named = Object.fromEntries(Object.entries(value ?? {}).map(([name, one]) => [name.toLowerCase(), one]))
      const { role = '', content = '', reasoning_content: thought = '' } = named
      if (typeof role !== 'string' || typeof content !== 'string') return []
      const isThought = role === 'assistant' && content.trim() === '' && thought !== '' && !('tool_calls' in named)
      return isThought ? [] : [content]
    } catch {
      return []
    }
  })
  return { visible, summary: meta.summary, key: meta.key }
}

const snapshot = async (): Promise<unknown> => {
  const names = (await readdir(directory, { recursive: true })).toSorted()
  return Promise.all(
    names.map(async (name) => {
      const facts = await stat(join(directory, name), { bigint: true })
      return [name, facts.mtimeNs, facts.isFile() ? await readFile(join(directory, name), 'latin1') : '']
    }),
  )
}

describe('a directory of picoclaw', () => {
  it('TRN-206 TRN-P7 escapes, nanoseconds, offsets and zero times read as they were meant', async () => {
    const store = await JsonlStore.open(directory)
    expect(await store.getHistory('telegram:-100/7')).toEqual([
      {
        role: 'assistant',
        content: '',
        model_name: 'model-1',
        created_at: '2026-03-01T09:11:13.5Z',
        reasoning_content: 'compare the numbers',
        tool_calls: [
          { id: 'call_1', type: 'function', function: { name: 'calc', arguments: '{"expr":"1 < 2", "n": 1.0}' } },
        ],
      },
      { role: 'tool', content: 'true', created_at: '0001-01-01T00:00:00Z', tool_call_id: 'call_1' },
      {
        role: 'user',
        content: 'picture',
        media: ['media://1', 'data:image/png;base64,iVBORw0KGgo='],
        attachments: [{ type: 'image', ref: 'media://1', filename: 'a.png', content_type: 'image/png' }],
      },
      {
        role: 'assistant',
        content: 'naïve — 日本 😀',
        created_at: '2026-03-01T09:11:14.000000001Z',
        system_parts: [{ type: 'text', text: 'sys', cache_control: { type: 'ephemeral' } }],
      },
    ])
    expect(await store.getSummary('telegram:-100/7')).toBe('asks <math> & pictures')
    await store.close()
  })

  it('TRN-207 TRN-208 CRLF, blank lines, null, names in any case, a wrong type and a torn tail read as there', async () => {
    const store = await JsonlStore.open(directory)
    expect(await contents(store, 'cli:default')).toEqual(['old one', 'old two', '', 'any case'])
    expect((await asOther('cli:default')).visible).toEqual(['old one', 'old two', '', 'any case'])
    await store.close()
  })

  it('TRN-305 ColonInKey: keys that map to one name are one session, and the first key stays', async () => {
    const store = await JsonlStore.open(directory)
    expect(await contents(store, 'telegram_-100_7')).toEqual(await contents(store, 'telegram:-100/7'))
    await Promise.all(['a:b', 'a/b', 'a_b', String.raw`a\b`].map((key) => store.addMessage(key, 'user', key)))
    expect((await contents(store, 'a_b')).toSorted()).toEqual(['a/b', 'a:b', String.raw`a\b`, 'a_b'].toSorted())
    expect(await asOther('a:b')).toMatchObject({ key: 'a:b' })
    const { sessions } = await store.listSessions({ sort: 'key' })
    expect(sessions.map((one) => one.key)).toEqual(['a:b', 'agent_main_main', 'cli:default', 'telegram:-100/7'])
    await store.close()
  })

  it('TRN-P9 read only, listing, reading and inspecting leave every byte, name and time as they were', async () => {
    const before = await snapshot()
    const store = await JsonlStore.open(directory, { readOnly: true })
    for (const { key } of (await store.listSessions({ counts: true })).sessions) {
      await store.getHistory(key)
      await store.getHistory(key, { last: 2 })
      await store.inspect(key)
    }
    await store.close()
    expect(await snapshot()).toEqual(before)
  })

  it('TRN-304 reading adds nothing to it either; the first write notes the layout', async () => {
    const names = await readdir(directory)
    const store = await JsonlStore.open(directory)
    await contents(store, 'cli:default')
    expect(await readdir(directory)).toEqual(names)
    await store.addMessage('cli:default', 'user', 'new')
    await store.close()
    expect(JSON.parse(await readFile(join(directory, '.engram/format.json'), 'utf8'))).toMatchObject({
      layout: 'compat',
    })
    expect((await readdir(directory)).filter((name) => name !== '.engram')).toEqual(names)
    await expect(JsonlStore.open(directory, { layout: 'native' })).rejects.toMatchObject({
      code: 'transcript_layout_mismatch',
    })
  })

  it('TRN-309 TRN-401 TRN-1201 what we write keeps modes, scope, aliases, and has no field of ours', async () => {
    const store = await JsonlStore.open(directory)
    await store.addMessage('telegram:-100/7', 'user', 'more')
    await store.addMessage('fresh:1', 'user', 'x')
    await store.truncateHistory('telegram:-100/7', 2)
    await store.compact('telegram:-100/7')
    await store.close()
    const meta = JSON.parse(await readFile(join(directory, 'telegram_-100_7.meta.json'), 'utf8')) as object
    expect(Object.keys(meta)).toEqual('key summary skip count created_at updated_at scope aliases'.split(' '))
    expect(meta).toMatchObject({ skip: 0, count: 2, scope: { channel: 'telegram' }, aliases: ['telegram:group:-100'] })
    expect((await stat(join(directory, 'fresh_1.jsonl'))).mode & 0o777).toBe(0o644)
    expect(await readFile(join(directory, 'telegram_-100_7.jsonl'), 'utf8')).not.toContain('"crc"')
  })

  it('TRN-602 TRN-806 a line of another program between ours is kept, and its torn tail swallows nothing', async () => {
    const store = await JsonlStore.open(directory)
    const path = join(directory, 'agent_main_main.jsonl')
    await store.addMessage('agent:main:main', 'user', 'ours')
    await appendFile(path, '{"role":"user","content":"theirs"}\n{"role":"user","con')
    await store.addMessage('agent:main:main', 'user', 'ours again')
    await store.close()
    expect((await asOther('agent:main:main')).visible).toEqual(['without meta', 'ours', 'theirs', 'ours again'])
  })

  it('TRN-405 a meta file rebuilt from nothing has times that Go can read', async () => {
    await writeFile(join(directory, 'empty_1.meta.json'), '')
    const store = await JsonlStore.open(directory)
    expect(await store.getSummary('empty:1')).toBe('')
    await store.close()
    const zero = '0001-01-01T00:00:00Z'
    const meta = JSON.parse(await readFile(join(directory, 'empty_1.meta.json'), 'utf8')) as object
    expect(meta).toMatchObject({ key: 'empty:1', created_at: zero, updated_at: zero })
  })

  it('TRN-P7 whatever we do, the other side sees the same history and summary', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 12 })
    const step = fc.oneof(
      fc.record({ do: fc.constant('add' as const), text }),
      fc.record({ do: fc.constant('truncate' as const), keep: fc.integer({ min: -1, max: 6 }) }),
      fc.record({ do: fc.constant('compact' as const) }),
      fc.record({ do: fc.constant('summary' as const), text }),
      fc.record({ do: fc.constant('set' as const), texts: fc.array(text, { maxLength: 3 }) }),
    )
    const store = await JsonlStore.open(directory)
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
        const key = `run:${run++}`
        await store.addMessage(key, 'user', 'first')
        for (const one of steps) {
          if (one.do === 'add') await store.addMessage(key, 'user', one.text)
          else if (one.do === 'truncate') await store.truncateHistory(key, one.keep)
          else if (one.do === 'compact') await store.compact(key)
          else if (one.do === 'summary') await store.setSummary(key, one.text)
          else
            await store.setHistory(
              key,
              one.texts.map((content) => ({ role: 'user', content })),
            )
        }
        const seen = await asOther(key)
        expect(seen.visible).toEqual(await contents(store, key))
        expect([seen.summary, seen.key]).toEqual([await store.getSummary(key), key])
      }),
      { numRuns: 40 },
    )
    await store.close()
  })
})

describe('TRN-1106 from one layout to the other', () => {
  const linesOf = async (path: string): Promise<string[]> => (await readFile(path, 'utf8')).split('\n').filter(Boolean)

  it('every line byte for byte, hidden and bad ones too, and what is unknown in the meta', async () => {
    const to = join(root, `native${made}`)
    expect(await migrateLayout(directory, to, 'native')).toBe(3)
    const [source, target] = [await JsonlStore.open(directory, { readOnly: true }), await JsonlStore.open(to)]
    for (const key of ['telegram:-100/7', 'cli:default', 'agent_main_main']) {
      const name = (await readdir(to)).find((one) => one.includes(key.slice(0, 3)) && one.endsWith('.jsonl')) ?? ''
      const complete = (await linesOf(join(directory, `${compatName(key)}.jsonl`))).filter((one) => one !== '\r')
      expect(await linesOf(join(to, name))).toEqual(complete)
      expect(await target.getSummary(key)).toEqual(await source.getSummary(key))
    }
    expect(await target.getHistory('telegram:-100/7')).toEqual(await source.getHistory('telegram:-100/7'))
    await source.close()
    await target.close()
    const told: string[] = []
    await migrateLayout(directory, to, 'native', { onSession: (one) => told.push(one.outcome) })
    expect(told).toEqual(['present', 'present', 'present'])
  })

  it('back again without sums; keys that collide are told and left', async () => {
    const [from, to] = [join(root, `from${made}`), join(root, `to${made}`)]
    const store = await JsonlStore.open(from)
    for (const key of ['a:b', 'a/b', 'c']) await store.addMessage(key, 'user', `of ${key}`)
    await store.close()
    const told: string[] = []
    const count = await migrateLayout(from, to, 'compat', {
      onSession: (one) => told.push(`${one.key} ${one.outcome}`),
    })
    expect([count, told.toSorted()]).toEqual([2, ['a/b copied', 'a:b conflict', 'c copied']])
    expect(await readFile(join(to, 'c.jsonl'), 'utf8')).not.toContain('crc')
    const copy = await JsonlStore.open(to)
    expect(await contents(copy, 'a/b')).toEqual(['of a/b'])
    await copy.close()
  })
})

describe('keys in this layout', () => {
  it.each([
    ['a\0b', 'invalid_key'],
    ['x'.repeat(246), 'invalid_key'],
    ['é'.repeat(123), 'invalid_key'],
  ])('TRN-306 refuse what makes no file name: %#', async (key, code) => {
    const store = await JsonlStore.open(directory)
    await expect(store.addMessage(key, 'user', 'x')).rejects.toMatchObject({ code })
    await store.close()
  })

  it('TRN-305 TRN-P3 the longest, dotted, empty and climbing keys stay in the directory', async () => {
    const store = await JsonlStore.open(directory)
    const keys = ['x'.repeat(245), '', '.', '..', '../x', 'a.b.c', '.engram', 'con', 'a ', 'a\n']
    for (const key of keys) {
      await store.addMessage(key, 'user', key)
      await store.truncateHistory(key, 1)
      await store.setHistory(key, [{ role: 'user', content: key }])
    }
    for (const key of keys) expect(await contents(store, key)).toEqual([key])
    await store.close()
    expect(await readdir(root)).toContain(directory.split('/').at(-1))
    expect((await readdir(join(directory, '.engram/tmp'))).length).toBe(0)
  })
})

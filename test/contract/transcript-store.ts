import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import type { TranscriptArchive, TranscriptMessage } from '../../src/transcript/store.ts'

/** A store to try, and how to put it away. `now` is the time its clock stands at. */
export type OpenStore = (options: {
  readonly redact?: (text: string) => { readonly text: string; readonly places: number }
  readonly keepThoughts?: boolean
}) => Promise<{ readonly store: TranscriptArchive; readonly now: string; readonly dispose: () => Promise<void> }>

/** What a layout of others cannot hold: our notes, thoughts, sums, and keys that share a name. */
export type Traits = { readonly layout: 'native' | 'compat' }
const native: Traits = { layout: 'native' }

const contents = (messages: readonly TranscriptMessage[]): string[] => messages.map((message) => message.content)
const user = (content: string): TranscriptMessage => ({ role: 'user', content })
const thought: TranscriptMessage = { role: 'assistant', content: ' ', reasoning_content: 'hm' }

/** What every transcript store promises, whatever it is made of. */
export function transcriptStoreContract(name: string, open: OpenStore, traits: Traits = native): void {
  describe(`transcript store: ${name}`, () => {
    const isNative = traits.layout === 'native'
    const opened: (() => Promise<void>)[] = []
    afterEach(async () => {
      for (const dispose of opened.splice(0)) await dispose()
    })
    const fresh = async (
      options: Parameters<OpenStore>[0] = {},
    ): Promise<{ store: TranscriptArchive; now: string }> => {
      const { store, now, dispose } = await open(options)
      opened.push(dispose)
      return { store, now }
    }
    const withMessages = async (...texts: string[]): Promise<TranscriptArchive> => {
      const { store } = await fresh()
      for (const text of texts) await store.addMessage('k', 'user', text)
      return store
    }
    const letters = 'abcdefghij'.split('')

    describe('unknown sessions', () => {
      it('TRN-108 read as empty, and reading makes none (GetHistory_EmptySession)', async () => {
        const { store } = await fresh()
        expect(await store.getHistory('none')).toEqual([])
        expect(await store.getSummary('none')).toBe('')
        expect(await store.readHistory('none')).toEqual({ messages: [], next: null })
        expect(await store.notes('none')).toEqual({})
        expect(await store.count('none')).toBe(0)
        expect(await store.exists('none')).toBe(false)
        expect(await store.deleteSession('none')).toBe(false)
        await store.truncateHistory('none', 3)
        await store.compact('none')
        expect((await store.listSessions()).sessions).toEqual([])
      })
    })

    describe('messages', () => {
      it('TRN-501 come back in order with what was given (AddMessage_BasicRoundtrip, GetHistory_Ordering)', async () => {
        const { store, now } = await fresh()
        expect(await store.addMessage('k', 'user', 'one')).toEqual({
          stored: true,
          duplicate: false,
          position: 1,
          redacted: 0,
          durability: 'full',
        })
        expect((await store.addMessage('k', 'assistant', '')).position).toBe(2)
        expect(await store.getHistory('k')).toEqual([
          { role: 'user', content: 'one', created_at: now },
          { role: 'assistant', content: '', created_at: now },
        ])
        expect(await store.exists('k')).toBe(true)
        expect(await store.count('k')).toBe(2)
      })

      it('TRN-201 TRN-202 TRN-204 keep every field, arguments byte for byte (AddFullMessage_WithToolCalls, …ToolCallID)', async () => {
        const { store } = await fresh()
        const message: TranscriptMessage = {
          role: 'assistant',
          content: 'line one\nline two \u2028 <b>&</b> \u{1F600}',
          model_name: 'model-1',
          created_at: '2026-01-02T03:04:05.123456789+02:00',
          media: ['ref-1'],
          attachments: [{ type: 'image', url: 'https://example.org/x.png' }],
          reasoning_content: 'because',
          system_parts: [{ type: 'text', text: 'part', cache_control: { type: 'ephemeral' } }],
          tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{ "a" : 1.0,"b":[ ] }' } }],
          tool_call_id: 't1',
          own_field: { deep: [1, null, 'x'] },
          other: null,
        }
        const handed = structuredClone(message)
        await store.addFullMessage('k', message)
        expect(message).toEqual(handed)
        expect(await store.getHistory('k')).toEqual([message])
      })

      it.each([undefined, '', '0001-01-01T00:00:00Z'])('TRN-203 fill a missing time %j', async (createdAt) => {
        const { store, now } = await fresh()
        await store.addFullMessage('k', { ...user('x'), ...(createdAt === undefined ? {} : { created_at: createdAt }) })
        await store.setHistory('l', [user('x'), user('y')])
        expect((await store.getHistory('k'))[0]?.created_at).toBe(now)
        expect((await store.getHistory('l')).map((message) => message.created_at)).toEqual([now, now])
      })

      it('TRN-205 a thought alone is not kept (AddFullMessage_DropsTransientAssistantThought)', async () => {
        const { store } = await fresh()
        expect(await store.addFullMessage('k', thought)).toMatchObject({ stored: false, duplicate: false })
        expect(await store.exists('k')).toBe(false)
        await store.setHistory('k', [user('a'), thought, user('b')])
        expect(contents(await store.getHistory('k'))).toEqual(['a', 'b'])
        if (!isNative) return
        const kept = await fresh({ keepThoughts: true })
        expect(await kept.store.addFullMessage('k', thought)).toMatchObject({ stored: true })
        expect(await kept.store.getHistory('k')).toHaveLength(1)
      })

      const misfits: [string, unknown][] = [
        ['role', { content: 'x' }],
        ['content', { role: 'user', content: 7 }],
        ['created_at', { ...user('x'), created_at: 'yesterday' }],
        ['tool_calls[0].function.arguments', { ...user('x'), tool_calls: [{ id: 'c', function: { arguments: {} } }] }],
        ['media[1]', { ...user('x'), media: ['a', 1] }],
        ['message', null],
      ]
      // Elsewhere a field of this name is one like any other.
      if (isNative) misfits.push(['crc', { ...user('x'), crc: '00000000' }])
      it.each(misfits)('TRN-110 refuse a wrong %s', async (field, message) => {
        const { store } = await fresh()
        const given = message as TranscriptMessage
        const failure = { code: 'invalid_request', message: expect.stringContaining(field) as unknown }
        await expect(store.addFullMessage('k', given)).rejects.toMatchObject(failure)
        await expect(store.setHistory('k', [given])).rejects.toMatchObject(failure)
        expect(await store.exists('k')).toBe(false)
      })

      it('TRN-1701 above the limit are refused, and nothing is stored', async () => {
        const { store } = await fresh()
        const over = store.addMessage('k', 'user', 'x'.repeat(10 * 1024 * 1024))
        await expect(over).rejects.toMatchObject({ code: 'payload_too_large' })
        expect(await store.exists('k')).toBe(false)
      })

      it('TRN-610 with an id that is there are not written twice', async () => {
        const { store } = await fresh()
        expect((await store.addMessage('k', 'user', 'a', { messageId: 'id-1' })).position).toBe(1)
        await store.addMessage('k', 'user', 'b')
        const again = await store.addMessage('k', 'user', 'a', { messageId: 'id-1' })
        expect(again).toMatchObject({ stored: false, duplicate: true, position: 1 })
        expect(contents(await store.getHistory('k'))).toEqual(['a', 'b'])
        expect((await store.getHistory('k'))[0]?.message_id).toBe('id-1')
        await expect(store.addMessage('k', 'user', 'a', { messageId: '' })).rejects.toMatchObject({
          code: 'invalid_request',
        })
      })

      it('TRN-610 an id is remembered for 512 messages', async () => {
        const { store } = await fresh()
        await store.addMessage('k', 'user', 'a', { messageId: 'old' })
        await Promise.all(Array.from({ length: 511 }, (_, n) => store.addMessage('k', 'user', `${n}`)))
        expect((await store.addMessage('k', 'user', 'a', { messageId: 'old' })).duplicate).toBe(true)
        await store.addMessage('k', 'user', 'one more')
        expect((await store.addMessage('k', 'user', 'a', { messageId: 'old' })).duplicate).toBe(false)
      })

      it('TRN-1401 are redacted before they are kept, and arguments stay JSON', async () => {
        const redact = (text: string): { text: string; places: number } => {
          const places = text.split('SECRET').length - 1
          return { text: text.replaceAll('SECRET', '***'), places }
        }
        const { store } = await fresh({ redact })
        const answer = await store.addFullMessage('k', {
          role: 'assistant',
          content: 'a SECRET SECRET',
          reasoning_content: 'SECRET',
          system_parts: [{ type: 'text', text: 'SECRET' }],
          tool_calls: [{ id: 'c', function: { name: 'f', arguments: '{"key":"SECRET"}' } }],
        })
        expect(answer.redacted).toBe(5)
        await store.setSummary('k', 'sum SECRET')
        if (isNative) await store.setNotes('k', { title: 'SECRET' })
        const all = JSON.stringify([await store.getHistory('k'), await store.getSummary('k'), await store.notes('k')])
        expect(all).not.toContain('SECRET')
        const call = (await store.getHistory('k'))[0]?.tool_calls?.[0]
        expect(JSON.parse(call?.function?.arguments ?? '')).toEqual({ key: '***' })
      })
    })

    describe('truncating, replacing, compacting', () => {
      it.each([
        [4, ['g', 'h', 'i', 'j']],
        [0, []],
        [-2, []],
        [99, letters],
      ])('TRN-504 keep the last %d of ten', async (keepLast, left) => {
        const store = await withMessages(...letters)
        await store.truncateHistory('k', keepLast)
        expect(contents(await store.getHistory('k'))).toEqual(left)
        expect(await store.count('k')).toBe(left.length)
        await store.truncateHistory('k', 1_000)
        expect(contents(await store.getHistory('k'))).toEqual(left)
      })

      it('TRN-505 setHistory replaces all, keeps the summary, ends truncation (SetHistory_ReplacesAll, …ResetsSkip)', async () => {
        const store = await withMessages(...letters)
        await store.setSummary('k', 'sum')
        await store.truncateHistory('k', 2)
        await store.setHistory('k', [user('x'), user('y')])
        expect(contents(await store.getHistory('k'))).toEqual(['x', 'y'])
        expect(await store.getSummary('k')).toBe('sum')
        await store.setHistory('k', [])
        expect(await store.getHistory('k')).toEqual([])
        expect(await store.exists('k')).toBe(true)
      })

      it('TRN-506 compact changes nothing visible (Compact_RemovesSkippedMessages, …NoOpWhenNoSkip, …ThenAppend)', async () => {
        const store = await withMessages(...letters)
        await store.compact('k')
        expect(await store.getHistory('k')).toHaveLength(10)
        await store.truncateHistory('k', 3)
        await store.compact('k')
        await store.addMessage('k', 'user', 'k')
        expect(contents(await store.getHistory('k'))).toEqual(['h', 'i', 'j', 'k'])
      })

      if (isNative)
        it('TRN-904 a position never names two messages', async () => {
          const store = await withMessages('a', 'b', 'c', 'd')
          await store.truncateHistory('k', 2)
          const before = await store.readHistory('k')
          expect(before.messages.map((one) => one.position)).toEqual([3, 4])
          await store.compact('k')
          expect(await store.readHistory('k')).toEqual(before)
          expect((await store.addMessage('k', 'user', 'e')).position).toBe(5)
          await store.setHistory('k', [user('n')])
          expect((await store.readHistory('k')).messages[0]?.position).toBe(6)
        })
    })

    describe('reading parts', () => {
      it('TRN-903 last, after, before and limit', async () => {
        const store = await withMessages(...letters)
        await store.truncateHistory('k', 8)
        const read = async (options: Parameters<TranscriptArchive['getHistory']>[1]): Promise<string> =>
          contents(await store.getHistory('k', options)).join('')
        expect(await read({ last: 3 })).toBe('hij')
        expect(await read({ last: 0 })).toBe('')
        expect(await read({ last: 50 })).toBe('cdefghij')
        expect(await read({ after: 5 })).toBe('fghij')
        expect(await read({ after: 0, limit: 2 })).toBe('cd')
        expect(await read({ after: 4, before: 8 })).toBe('efg')
        expect(await read({ before: 8, last: 2 })).toBe('fg')
        await expect(store.getHistory('k', { last: -1 })).rejects.toMatchObject({ code: 'invalid_request' })
      })

      it('TRN-904 pages follow each other without gap or repetition', async () => {
        const store = await withMessages(...letters)
        let seen = ''
        let pages = 0
        for (let after: number | null = 0; after !== null && pages < 10; pages++) {
          const page: Awaited<ReturnType<TranscriptArchive['readHistory']>> = await store.readHistory('k', {
            after,
            limit: 4,
          })
          seen += page.messages.map((one) => one.message.content).join('')
          after = page.next
        }
        expect([seen, pages]).toEqual([letters.join(''), 3])
      })

      it('what is returned can be changed without changing what is stored', async () => {
        const store = await withMessages('a')
        const read = (await store.getHistory('k')) as unknown as { content: string }[]
        if (read[0] !== undefined) read[0].content = 'changed'
        expect(contents(await store.getHistory('k'))).toEqual(['a'])
      })
    })

    describe('batches', () => {
      const batch = (...ids: string[]): { message: TranscriptMessage; messageId: string }[] =>
        ids.map((id) => ({ message: user(id), messageId: id }))

      it('ING-ARC-3 skip every id that is there, however far back', async () => {
        const { store } = await fresh()
        const many = Array.from({ length: 700 }, (_, n) => `m${n}`)
        expect(await store.appendBatch('k', batch(...many))).toEqual({
          appended: 700,
          duplicates: 0,
          position: 700,
          redacted: 0,
        })
        const answer = await store.appendBatch('k', batch('m0', 'm699', 'new', 'new'))
        expect(answer).toEqual({ appended: 1, duplicates: 3, position: 701, redacted: 0 })
        expect(await store.count('k')).toBe(701)
      })

      it('look only after the position given', async () => {
        const { store } = await fresh()
        await store.appendBatch('k', batch('a', 'b', 'c'))
        expect(await store.appendBatch('k', batch('a', 'c', 'd'), { idsAfter: 2 })).toMatchObject({
          appended: 2,
          duplicates: 1,
        })
        expect(contents(await store.getHistory('k'))).toEqual(['a', 'b', 'c', 'a', 'd'])
      })

      it('are refused as a whole when one message is wrong', async () => {
        const { store } = await fresh()
        const wrong = [...batch('a'), { message: { role: 'user' } as unknown as TranscriptMessage, messageId: 'b' }]
        const failure = { code: 'invalid_request', message: expect.stringContaining('messages[1].content') as unknown }
        await expect(store.appendBatch('k', wrong)).rejects.toMatchObject(failure)
        expect(await store.exists('k')).toBe(false)
      })
    })

    describe('summary, notes, sessions', () => {
      it('TRN-503 summary: empty, set, overwritten, cleared (SetSummary_GetSummary)', async () => {
        const { store } = await fresh()
        for (const summary of ['one', 'two', '']) {
          await store.setSummary('k', summary)
          expect(await store.getSummary('k')).toBe(summary)
        }
        expect(await store.getHistory('k')).toEqual([])
        const over = store.setSummary('k', 'x'.repeat(1024 * 1024 + 1))
        await expect(over).rejects.toMatchObject({ code: 'payload_too_large' })
      })

      if (isNative)
        it('TRN-1206 notes: what is given is set, the rest stays', async () => {
          const { store } = await fresh()
          await store.setNotes('k', { title: 'T', project: 'p', scope: { channel: 'c' } })
          await store.setNotes('k', { session_id: 's', project: 'q' })
          expect(await store.notes('k')).toEqual({ title: 'T', project: 'q', session_id: 's', scope: { channel: 'c' } })
          expect((await store.listSessions()).sessions[0]?.title).toBe('T')
          const wrong = store.setNotes('k', { title: 7 } as unknown as { title: string })
          await expect(wrong).rejects.toMatchObject({ code: 'invalid_request' })
        })

      it('TRN-1301 sessions are listed by true key, paged, filtered and counted', async () => {
        const { store } = await fresh()
        const keys = isNative ? ['A:b', 'a/b', 'a_b', 'b', ''] : ['A:b', 'a/b', 'b', '']
        for (const key of keys) await store.addMessage(key, 'user', 'x')
        await store.setSummary('b', 'sum')
        const sorted = [...keys].sort()
        const first = await store.listSessions({ sort: 'key', limit: 2 })
        const second = await store.listSessions({
          sort: 'key',
          limit: 9,
          ...(first.next === null ? {} : { cursor: first.next }),
        })
        expect([...first.sessions, ...second.sessions].map((one) => one.key)).toEqual(sorted)
        expect(second.next).toBe(null)
        const found = await store.listSessions({ prefix: 'b', counts: true })
        expect(found.sessions).toMatchObject([{ key: 'b', messages: 1, summary: 'sum', aliases: [] }])
        expect(found.sessions[0]?.bytes).toBeGreaterThan(10)
        await expect(store.listSessions({ cursor: 'nonsense' })).rejects.toMatchObject({ code: 'invalid_request' })
        await expect(store.listSessions({ limit: 0 })).rejects.toMatchObject({ code: 'invalid_request' })
      })

      it('TRN-509 what came after a savepoint is taken back, and its positions are given again', async () => {
        const store = await withMessages('a', 'b', 'c')
        await store.truncateHistory('k', 2)
        const before = await store.savepoint('k')
        expect(before).toBe(3)
        await store.addMessage('k', 'user', 'd', { messageId: 'd' })
        await store.addMessage('k', 'assistant', 'e')
        expect(await store.rewindHistory('k', before)).toBe(3)
        expect(contents(await store.getHistory('k'))).toEqual(['b', 'c'])
        expect(await store.addMessage('k', 'user', 'other', { messageId: 'd' })).toMatchObject({ position: 4 })
        expect(await store.rewindHistory('k', 99)).toBe(4)
        expect(await store.rewindHistory('k', 1)).toBe(1)
        expect(contents(await store.getHistory('k'))).toEqual([])
        expect([await store.savepoint('unknown'), await store.rewindHistory('unknown', 0)]).toEqual([0, 0])
        expect(await store.exists('unknown')).toBe(false)
        await expect(store.rewindHistory('k', -1)).rejects.toMatchObject({ code: 'invalid_request' })
      })

      it('TRN-1303 a deleted session is gone, and may begin anew', async () => {
        const store = await withMessages('a')
        await store.setSummary('k', 'sum')
        for (const purge of [false, true]) {
          expect(await store.deleteSession('k', { purge })).toBe(true)
          expect(await store.exists('k')).toBe(false)
          expect([await store.getHistory('k'), await store.getSummary('k')]).toEqual([[], ''])
          expect((await store.listSessions()).sessions).toEqual([])
          await store.addMessage('k', 'user', 'new')
          expect(contents(await store.getHistory('k'))).toEqual(['new'])
        }
      })

      if (isNative)
        it('TRN-307 keys that look alike are sessions of their own (MultipleSessions_Isolation)', async () => {
          const { store } = await fresh()
          const keys = [
            'a:b',
            'a/b',
            'a_b',
            'A:B',
            'a\\b',
            '.',
            '..',
            '\u00e9',
            'e\u0301',
            '../x',
            'con',
            'a\0',
            'a\n',
            'x'.repeat(4096),
          ]
          for (const key of keys) await store.addMessage(key, 'user', key)
          for (const key of keys) expect(contents(await store.getHistory(key))).toEqual([key])
        })

      it.each([
        ['\ud800', 'invalid_key'],
        ['x'.repeat(4097), 'invalid_key'],
        [7 as unknown as string, 'invalid_request'],
      ])('TRN-306 refuse key %#', async (key, code) => {
        const { store } = await fresh()
        await expect(store.addMessage(key, 'user', 'x')).rejects.toMatchObject({ code })
        await expect(store.getHistory(key)).rejects.toMatchObject({ code })
      })
    })

    describe('calls', () => {
      it('TRN-103 on one key take effect in call order', async () => {
        const { store } = await fresh()
        const done: string[] = []
        const calls = [
          store.addMessage('k', 'user', 'a').then(() => done.push('a')),
          store.addMessage('k', 'user', 'b', { durability: 'normal' }).then(() => done.push('b')),
          store.truncateHistory('k', 1).then(() => done.push('truncate')),
          store.addMessage('k', 'user', 'c').then(() => done.push('c')),
          store.setHistory('k', [user('x')]).then(() => done.push('set')),
          store.addMessage('k', 'user', 'd').then(() => done.push('d')),
        ]
        await Promise.all(calls)
        expect(done).toEqual(['a', 'b', 'truncate', 'c', 'set', 'd'])
        expect(contents(await store.getHistory('k'))).toEqual(['x', 'd'])
      })

      it('TRN-103 the caller may change the message once the call was made', async () => {
        const { store } = await fresh()
        const message = { role: 'user', content: 'before' }
        const call = store.addFullMessage('k', message)
        message.content = 'after'
        await call
        expect(contents(await store.getHistory('k'))).toEqual(['before'])
      })

      it('TRN-104 given up before the first byte: nothing happens', async () => {
        const { store } = await fresh()
        const signal = AbortSignal.abort()
        await expect(store.addMessage('k', 'user', 'x', { signal })).rejects.toMatchObject({ code: 'aborted' })
        await expect(store.setSummary('k', 'x', { signal })).rejects.toMatchObject({ code: 'aborted' })
        await expect(store.getHistory('k', { signal })).rejects.toMatchObject({ code: 'aborted' })
        expect(await store.exists('k')).toBe(false)
      })

      it('TRN-105 closed twice is closed once, and every call after it is refused', async () => {
        const store = await withMessages('a')
        const last = store.addMessage('k', 'user', 'b')
        await store.close()
        await store.close()
        expect((await last).stored).toBe(true)
        await expect(store.addMessage('k', 'user', 'c')).rejects.toMatchObject({ code: 'store_closed' })
        await expect(store.getHistory('k')).rejects.toMatchObject({ code: 'store_closed' })
        await expect(store.listSessions()).rejects.toMatchObject({ code: 'store_closed' })
      })

      it('TRN-103 many writers and readers at once (Concurrent_AddAndRead)', async () => {
        const { store } = await fresh()
        const write = async (writer: number): Promise<void> => {
          for (let n = 0; n < 20; n++) {
            await store.addMessage('k', 'user', `${writer}:${n}`)
            await store.getHistory('k', { last: 5 })
          }
        }
        await Promise.all(Array.from({ length: 10 }, (_, writer) => write(writer)))
        const all = contents(await store.getHistory('k'))
        expect(new Set(all).size).toBe(200)
        for (let writer = 0; writer < 10; writer++) {
          const own = all.filter((text) => text.startsWith(`${writer}:`))
          expect(own).toEqual(Array.from({ length: 20 }, (_, n) => `${writer}:${n}`))
        }
      })
    })

    type Step =
      | { readonly do: 'add'; readonly text: string; readonly id: string | undefined }
      | { readonly do: 'thought' }
      | { readonly do: 'truncate'; readonly keepLast: number }
      | { readonly do: 'set'; readonly texts: readonly string[] }
      | { readonly do: 'compact' }
      | { readonly do: 'rewind'; readonly position: number }
      | { readonly do: 'batch'; readonly ids: readonly string[] }

    const step: fc.Arbitrary<Step> = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          do: fc.constant('add' as const),
          text: fc.string(),
          id: fc.option(fc.constantFrom('i', 'j', 'k'), { nil: undefined }),
        }),
      },
      fc.record({ do: fc.constant('thought' as const) }),
      {
        weight: 2,
        arbitrary: fc.record({ do: fc.constant('truncate' as const), keepLast: fc.integer({ min: -1, max: 8 }) }),
      },
      fc.record({ do: fc.constant('set' as const), texts: fc.array(fc.string(), { maxLength: 4 }) }),
      fc.record({ do: fc.constant('compact' as const) }),
      fc.record({ do: fc.constant('rewind' as const), position: fc.nat(20) }),
      fc.record({
        do: fc.constant('batch' as const),
        ids: fc.array(fc.constantFrom('i', 'j', 'k', 'l'), { maxLength: 4 }),
      }),
    )

    /** The contract in ten lines: all lines still in the file, the visible ones, and where positions stand. */
    class Model {
      lines: { text: string; id: string | undefined }[] = []
      skip = 0
      base = 0

      apply(one: Step): void {
        if (one.do === 'add') this.#add(one.text, one.id)
        else if (one.do === 'truncate') this.skip = Math.max(this.skip, this.lines.length - Math.max(0, one.keepLast))
        else if (one.do === 'batch') for (const id of one.ids) this.#add(id, id)
        else if (one.do === 'compact') {
          this.base += isNative ? this.skip : 0
          this.lines.splice(0, this.skip)
          this.skip = 0
        } else if (one.do === 'set') {
          this.base += isNative ? this.lines.length : 0
          this.lines = one.texts.map((text) => ({ text, id: undefined }))
          this.skip = 0
        } else if (one.do === 'rewind') {
          this.lines.splice(Math.max(one.position - this.base, 0))
          this.skip = Math.min(this.skip, this.lines.length)
        }
      }

      #add(text: string, id: string | undefined): void {
        if (id === undefined || this.lines.every((line) => line.id !== id)) this.lines.push({ text, id })
      }

      get visible(): [number, string][] {
        const all = this.lines.map((line, index): [number, string] => [this.base + index + 1, line.text])
        return all.slice(this.skip)
      }
    }

    const apply = (store: TranscriptArchive, key: string, one: Step): Promise<unknown> => {
      switch (one.do) {
        case 'add':
          return store.addMessage(key, 'user', one.text, one.id === undefined ? {} : { messageId: one.id })
        case 'thought':
          return store.addFullMessage(key, thought)
        case 'truncate':
          return store.truncateHistory(key, one.keepLast)
        case 'set':
          return store.setHistory(key, one.texts.map(user))
        case 'compact':
          return store.compact(key)
        case 'rewind':
          return store.rewindHistory(key, one.position)
        case 'batch':
          return store.appendBatch(
            key,
            one.ids.map((id) => ({ message: user(id), messageId: id })),
          )
      }
    }

    it('TRN-P4 any order of calls gives what the model gives', async () => {
      const { store } = await fresh()
      let run = 0
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.nat(12), async (steps, last) => {
          const key = `run ${run++}`
          const model = new Model()
          for (const one of steps) {
            model.apply(one)
            await apply(store, key, one)
          }
          const page = await store.readHistory(key)
          expect(page.messages.map((one) => [one.position, one.message.content])).toEqual(model.visible)
          const tail = contents(await store.getHistory(key, { last }))
          expect(tail).toEqual(last === 0 ? [] : model.visible.map(([, text]) => text).slice(-last))
        }),
        { numRuns: 60 },
      )
    })
  })
}

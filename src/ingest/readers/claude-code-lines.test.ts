import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Entry } from '../entries.ts'
import { call, recordChain, text } from '../testing/claude-records.ts'
import type { RecordChain } from '../testing/claude-records.ts'
import { addsUp, rawLines, readInPieces, readWhole, seenRecords, sessionOptions } from '../testing/read-text.ts'
import { claudeCodeReader } from './claude-code.ts'

const read = (chain: RecordChain): readonly Entry[] => readWhole(claudeCodeReader, chain.text()).entries

/** What an entry is, in few words. */
function brief(entry: Entry): string {
  if (entry.kind === 'note') return `note ${entry.note}: ${entry.text}`
  if (entry.kind === 'call') return `call ${entry.name} ${entry.action.kind}`
  if (entry.kind === 'result') return `result ${entry.outcome} ${entry.exitCode ?? '-'}: ${entry.text}`
  return `${entry.kind}${entry.kind === 'human' && entry.queued ? ' queued' : ''}: ${entry.text}`
}

describe('queued prompts', () => {
  const enqueue = (chain: RecordChain, content: string): unknown =>
    chain.bare('queue-operation', { operation: 'enqueue', content })
  const remove = (chain: RecordChain): unknown => chain.bare('queue-operation', { operation: 'remove' })
  const work = (chain: RecordChain, times: number): void => {
    for (let count = 0; count < times; count++) chain.assistant([text(`step ${count}`)])
  }
  const prompts = (chain: RecordChain): readonly string[] => {
    const { entries, session } = readWhole(claudeCodeReader, chain.text())
    expect(addsUp(session)).toBe(true)
    expect(session.counts().waiting).toBe(0)
    return entries.flatMap((entry) => (entry.kind === 'human' ? [brief(entry)] : []))
  }

  it('ING-CC-9/absorbed while working: only its queueing tells', () => {
    const chain = recordChain()
    chain.user('start')
    enqueue(chain, 'also blue')
    remove(chain)
    work(chain, 20)
    chain.user('end')
    expect(prompts(chain)).toEqual(['human: start', 'human queued: also blue', 'human: end'])
    expect(read(chain).find((entry) => entry.kind === 'human' && entry.queued)?.origin).toMatchObject({
      line: 2,
      at: '2030-01-01T10:00:01.000Z',
    })
  })

  it.each([
    ['a user line', (c: RecordChain) => c.user('also  blue\n')],
    [
      'an attachment',
      (c: RecordChain) => c.attachment({ type: 'queued_command', commandMode: 'prompt', prompt: 'also blue' }),
    ],
    ['a user line of several', (c: RecordChain) => c.user('also blue\nand red')],
  ])('ING-CC-9/repeated by %s: one human turn', (_, repeat) => {
    const chain = recordChain()
    chain.user('start')
    enqueue(chain, 'also blue')
    enqueue(chain, 'and red')
    work(chain, 3)
    chain.bare('queue-operation', { operation: 'dequeue' })
    repeat(chain)
    const given = prompts(chain)
    expect(given.filter((each) => each.includes('blue'))).toHaveLength(1)
    expect(given.filter((each) => each.includes('red'))).toHaveLength(1)
  })

  it('ING-CC-9/given before it is repeated: still one human turn', () => {
    const chain = recordChain()
    enqueue(chain, 'also blue')
    remove(chain)
    work(chain, 20)
    chain.user('also blue')
    chain.user('also blue')
    expect(prompts(chain)).toEqual(['human queued: also blue', 'human: also blue'])
  })

  it('ING-CC-9/commands and notifications are none', () => {
    const chain = recordChain()
    enqueue(chain, '/mcp')
    enqueue(chain, '<task-notification>x</task-notification>')
    expect(prompts(chain)).toEqual([])
  })

  it('ING-CC-9/a file that ends so gives them when it is quiet', () => {
    const chain = recordChain()
    enqueue(chain, 'last words')
    expect(prompts(chain)).toEqual(['human queued: last words'])
    const session = claudeCodeReader.start(sessionOptions())
    for (const line of rawLines(chain.text())) session.take(line)
    expect(session.finish(false)).toEqual([])
    expect(session.counts().waiting).toBe(1)
  })
})

describe('repeated records', () => {
  function resumed(): { readonly old: string; readonly continued: string; readonly ids: ReadonlySet<string> } {
    const first = recordChain('old-session', 'o')
    const ids = new Set([first.user('one'), first.assistant([text('two')])])
    const continued = recordChain('aaaaaaaa-0000-4000-8000-000000000001', 'n')
    continued.user('three', { parentUuid: 'o-2' })
    return { old: first.text(), continued: first.text() + continued.text(), ids }
  }

  it('ING-CC-16/a resumed file gives what is new and names the session it continues', () => {
    const { continued, ids } = resumed()
    const { entries, session } = readWhole(claudeCodeReader, continued, { seen: seenRecords(ids) })
    expect(entries.map(brief)).toEqual(['human: three'])
    expect(session.counts().duplicates).toBe(2)
    expect(session.head()).toMatchObject({
      sessionId: 'aaaaaaaa-0000-4000-8000-000000000001',
      continues: 'old-session',
    })
    expect(addsUp(session)).toBe(true)
  })

  it('ING-CC-16/in either order the same set', () => {
    const { old, continued } = resumed()
    const both = (texts: readonly string[]): readonly string[] => {
      const known: string[] = []
      return texts
        .flatMap((each) => {
          const seen = seenRecords(known)
          const { entries } = readWhole(claudeCodeReader, each, { seen })
          known.push(...seen.added)
          return entries.map(brief)
        })
        .toSorted()
    }
    expect(both([old, continued])).toEqual(both([continued, old]))
    expect(both([old, continued])).toHaveLength(3)
  })

  it('ING-CC-16/a malformed record does not shadow the good one, a good one stands once', () => {
    const chain = recordChain()
    chain.user(undefined, { uuid: 'same', message: 'error' })
    chain.user('good', { uuid: 'same' })
    chain.user('good', { uuid: 'same' })
    const { entries, session } = readWhole(claudeCodeReader, chain.text())
    expect(entries.map(brief)).toEqual(['human: good'])
    expect(session.counts()).toMatchObject({ ignored: { 'user:malformed': 1 }, duplicates: 1 })
  })
})

describe('reading in pieces', () => {
  function busySession(): string {
    const chain = recordChain()
    chain.bare('summary', { summary: 'title' })
    const base = chain.user('first')
    chain.assistant([call('a', 'Bash', { command: 'make | tail' })], { id: 'm1', usage: { output_tokens: 3 } })
    chain.bare('queue-operation', { operation: 'enqueue', content: 'typed meanwhile' })
    chain.result('a', '2 failures')
    chain.bare('queue-operation', { operation: 'remove' })
    chain.assistant([text('more')], { id: 'm1', usage: { output_tokens: 9 } })
    chain.user(undefined, { message: 'broken' })
    for (let count = 0; count < 10; count++) chain.assistant([text(`s${count}`)])
    chain.user('second')
    chain.assistant([call('q', 'Read', { file_path: '/f' })])
    chain.result('q', 'contents')
    chain.user('instead of second', { parentUuid: base })
    chain.system('compact_boundary', { parentUuid: null, logicalParentUuid: base })
    chain.user('Summary', { isCompactSummary: true })
    chain.bare('queue-operation', { operation: 'enqueue', content: 'never taken' })
    return `${chain.text()}nonsense\n`
  }

  it('ING-INC-3/two pieces at every line boundary give what one gives', () => {
    const content = busySession()
    const whole = readWhole(claudeCodeReader, content)
    for (let cut = 0; cut <= rawLines(content).length; cut++) {
      const pieces = readInPieces(claudeCodeReader, content, cut)
      expect(pieces.entries).toEqual(whole.entries)
      expect(pieces.session.counts()).toEqual(whole.session.counts())
      expect(pieces.session.head()).toEqual(whole.session.head())
      expect(pieces.session.abandoned().heads).toEqual(whole.session.abandoned().heads)
      expect(pieces.session.save()).toBe(whole.session.save())
    }
  })

  it('ING-INC-1/a state that is none is refused', () => {
    for (const state of ['', '{}', '[1]', '{"version":1}', '{"version":99}']) {
      expect(claudeCodeReader.resume(sessionOptions(), state)).toBeNull()
    }
    const saved: unknown = JSON.parse(claudeCodeReader.start(sessionOptions()).save())
    const broken = { ...Object(saved), threads: { groups: [[null, 5, 0, 0]], records: [] } }
    expect(claudeCodeReader.resume(sessionOptions(), JSON.stringify(broken))).toBeNull()
  })

  it('ING-LIN-5/any damage to any line throws nothing and loses no other line', () => {
    const lines = rawLines(busySession())
    const junk = fc.oneof(
      fc.json(),
      fc.constantFrom(
        '{"type":"user"}',
        '{"type":"assistant","message":{"content":[null,[],{"type":"tool_use"}]}}',
        '{"type":"attachment","attachment":[]}',
        '{"type":"system"}',
        '{"type":"user","uuid":"x","parentUuid":"x","message":{"content":"loop"}}',
      ),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat({ max: lines.length }), junk), { maxLength: 8 }), (damage) => {
        const texts: string[] = lines.map((line) => (line.kind === 'line' ? line.text : ''))
        for (const [at, bad] of damage) texts.splice(at, 0, bad.replaceAll('\n', ' '))
        const { entries, session } = readWhole(claudeCodeReader, `${texts.join('\n')}\n`)
        expect(addsUp(session)).toBe(true)
        expect(entries.filter((entry) => entry.kind === 'result')).toHaveLength(2)
      }),
      { numRuns: 200 },
    )
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { call, recordChain, text } from '../../testing/claude-records.ts'
import type { RecordChain } from '../../testing/claude-records.ts'
import { readWhole } from '../../testing/read-text.ts'
import { claudeCodeReader } from '../claude-code.ts'
import { createThreads, threadsFrom } from './threads.ts'

type Told = {
  readonly abandoned: readonly string[]
  readonly markers: readonly (readonly string[])[]
  readonly has: (uuid: string) => boolean
}

function told(chain: RecordChain): Told {
  const { entries, session } = readWhole(claudeCodeReader, chain.text())
  const { heads, has } = session.abandoned()
  const markers = entries.flatMap((entry) =>
    entry.kind === 'note' && entry.note === 'rewind' ? [entry.abandoned ?? []] : [],
  )
  return { abandoned: [...heads].toSorted(), markers, has }
}

/** A prompt and its answer; gives the answer's uuid. */
function turn(chain: RecordChain, words: string, extra = {}): { readonly head: string; readonly end: string } {
  const head = chain.user(words, extra)
  return { head, end: chain.assistant([text(`answer to ${words}`)]) }
}

describe('turns of a session', () => {
  it('ING-CC-18/parallel calls, their results and progress are no rewinds', () => {
    const chain = recordChain()
    chain.user('do both')
    const a = chain.assistant([call('a', 'Bash', { command: 'a' })], { id: 'm' })
    const b = chain.assistant([call('b', 'Bash', { command: 'b' })], { id: 'm' })
    chain.progress({ parentUuid: a })
    chain.progress({ parentUuid: a })
    chain.result('a', 'A', { parentUuid: a })
    const last = chain.result('b', 'B', { parentUuid: b })
    chain.assistant([text('done')], { parentUuid: last })
    turn(chain, 'next')
    expect(told(chain)).toMatchObject({ abandoned: [], markers: [] })
  })

  it('ING-CC-19/retry of the last prompt', () => {
    const chain = recordChain()
    const first = turn(chain, 'one')
    const second = turn(chain, 'two')
    turn(chain, 'two, better', { parentUuid: first.end })
    const { abandoned, markers, has } = told(chain)
    expect(abandoned).toEqual([second.head])
    expect(markers).toEqual([[second.head]])
    expect([has(second.end), has(first.end), has('nobody')]).toEqual([true, false, false])
  })

  it('ING-CC-19/retry of the very first prompt', () => {
    const chain = recordChain()
    const root = chain.progress()
    const first = turn(chain, 'one')
    turn(chain, 'one, better', { parentUuid: root })
    expect(told(chain).abandoned).toEqual([first.head])
  })

  it('ING-CC-19/jump back five turns', () => {
    const chain = recordChain()
    const start = turn(chain, 'start')
    const left = ['1', '2', '3', '4', '5'].map((words) => turn(chain, words).head)
    turn(chain, 'other way', { parentUuid: start.end })
    turn(chain, 'and on')
    expect(told(chain)).toMatchObject({ abandoned: left.toSorted(), markers: [left] })
  })

  it('ING-CC-19/back and back again: the branch with the latest record lives', () => {
    const chain = recordChain()
    const start = turn(chain, 'start')
    const one = turn(chain, 'one')
    const two = turn(chain, 'two', { parentUuid: start.end })
    turn(chain, 'more of one', { parentUuid: one.end })
    expect(told(chain).abandoned).toEqual([two.head])
  })

  it('ING-CC-19/rewind into a compacted part', () => {
    const chain = recordChain()
    const start = turn(chain, 'start')
    const middle = turn(chain, 'middle')
    chain.system('compact_boundary', { parentUuid: null, logicalParentUuid: middle.end })
    const summary = chain.user('Summary', { isCompactSummary: true })
    const after = turn(chain, 'after')
    expect(told(chain).abandoned).toEqual([])
    turn(chain, 'before it all', { parentUuid: start.end })
    expect(told(chain).abandoned).toEqual([middle.head, summary, after.head].toSorted())
  })

  it('ING-CC-19/rewind to the middle turn leaves what was compacted after it', () => {
    const chain = recordChain()
    const middle = turn(chain, 'middle')
    chain.system('compact_boundary', { parentUuid: null, logicalParentUuid: middle.end })
    const summary = chain.user('Summary', { isCompactSummary: true })
    turn(chain, 'instead', { parentUuid: middle.end })
    expect(told(chain).abandoned).toEqual([summary])
  })

  it('ING-CC-19/no head reachable: live', () => {
    const chain = recordChain()
    turn(chain, 'one', { parentUuid: null })
    turn(chain, 'two', { parentUuid: null })
    turn(chain, 'three', { parentUuid: 'in another file' })
    expect(told(chain)).toMatchObject({ abandoned: [], markers: [] })
  })

  it('ING-CC-18/parents written after their children', () => {
    const chain = recordChain()
    const start = turn(chain, 'start')
    chain.user('late child', { parentUuid: 'comes later', uuid: 'child' })
    chain.assistant([text('late')], { uuid: 'comes later', parentUuid: start.end })
    const other = turn(chain, 'other', { parentUuid: start.end })
    expect(told(chain).abandoned).toEqual(['child'])
    expect(told(chain).has(other.head)).toBe(false)
  })

  it('ING-CC-19/notes, notifications and queued prompts without an id are no heads', () => {
    const chain = recordChain()
    const start = turn(chain, 'start')
    chain.user([text('[Request interrupted by user]')])
    chain.user('<task-notification>x</task-notification>', { parentUuid: start.end })
    chain.bare('queue-operation', { operation: 'enqueue', content: 'typed' })
    turn(chain, 'next')
    expect(told(chain)).toMatchObject({ abandoned: [], markers: [] })
  })

  it('ING-CC-19/circles and orphans end, and saving keeps everything', () => {
    const id = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g')
    const record = fc.record({
      uuid: id,
      parent: fc.option(id, { nil: null }),
      isHead: fc.boolean(),
      isDecoded: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(record, { maxLength: 25 }), fc.nat({ max: 25 }), (records, cut) => {
        const whole = createThreads(null)
        let pieces = createThreads(null)
        for (const [index, each] of records.entries()) {
          if (index === cut) pieces = createThreads(threadsFrom(JSON.parse(JSON.stringify(pieces.save()))))
          const line = index + 1
          expect(pieces.add({ ...each, line })).toEqual(whole.add({ ...each, line }))
        }
        expect(pieces.abandoned().heads).toEqual(whole.abandoned().heads)
        const heads = records.filter((each) => each.isHead).length
        expect(whole.abandoned().heads.length).toBeLessThan(Math.max(1, heads))
      }),
      { numRuns: 300 },
    )
  })

  it('ING-CC-19/a file of heads without end costs bounded time and state', () => {
    const threads = createThreads(null)
    for (let line = 1; line <= 30_000; line++) {
      threads.add({
        uuid: `u${line}`,
        parent: line % 3 === 0 ? `u${line - 1}` : null,
        line,
        isHead: line % 2 === 0,
        isDecoded: true,
      })
    }
    expect(JSON.stringify(threads.save()).length).toBeLessThan(1_500_000)
  })
})

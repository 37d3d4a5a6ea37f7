import { describe, expect, it } from 'vitest'
import { EngramError } from '../model/errors.ts'
import { MemoryTranscriptStore } from '../transcript/memory-store.ts'
import { archiveBatch, keepCompactSummary, noteSession } from './archive.ts'
import type { Archive } from './doors.ts'
import type { Entry, Origin, SessionHead } from './entries.ts'

const origin = (line: number, change: Partial<Origin> = {}): Origin => ({
  uuid: `u${line}`,
  parent: null,
  line,
  offset: line,
  at: '2026-04-01T09:00:00Z',
  cwd: null,
  branch: null,
  sidechain: false,
  agentId: null,
  ...change,
})

const human = (line: number, text = `text ${line}`, change: Partial<Origin> = {}): Entry => ({
  kind: 'human',
  origin: origin(line, change),
  text,
  queued: false,
  command: false,
})

const head: SessionHead = {
  agent: 'x',
  sessionId: 's1',
  agentId: null,
  version: '1.2',
  model: null,
  title: 'A title',
  cwd: null,
  branch: 'main',
  startedAt: null,
  endedAt: null,
  usage: { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 },
  continues: 's0',
}

const job = (entries: readonly Entry[], idsAfter = 0) => ({
  agent: 'x',
  sessionId: 's1',
  agentId: null,
  entries,
  idsAfter,
})

describe('archive', () => {
  it('ING-ARC-3 what is there is not written again', async () => {
    const store: Archive = new MemoryTranscriptStore()
    const first = await archiveBatch(store, job([human(1), human(2)]))
    expect(first).toMatchObject({ appended: 2, position: 2, lastId: 'x:u2' })
    expect(await archiveBatch(store, job([human(1), human(2), human(3)]))).toMatchObject({ appended: 1, position: 3 })
    expect(await archiveBatch(store, job([human(3), human(4)], 2))).toMatchObject({ appended: 1, position: 4 })
  })

  it('ING-CC-20 side chains of a main file go to transcripts of their own', async () => {
    const store = new MemoryTranscriptStore()
    const chain = { sidechain: true, agentId: 'a1' }
    const done = await archiveBatch(
      store,
      job([human(1), human(2, 'b', chain), human(3), human(4, 'd', { sidechain: true })]),
    )
    expect(done).toMatchObject({ appended: 4, position: 2, lastId: 'x:u3' })
    const texts = async (key: string) => (await store.getHistory(key)).map(({ content }) => content)
    expect(await texts('x:s1')).toEqual(['text 1', 'text 3'])
    expect(await texts('x:s1:agent:a1')).toEqual(['b'])
    expect(await texts('x:s1:agent:sidechain')).toEqual(['d'])
  })

  it('ING-CLI-5 a message the store refuses is set aside alone, its place marked', async () => {
    const store = new MemoryTranscriptStore()
    const refusing: Archive = {
      ...bound(store),
      appendBatch: (key, items, options) =>
        items.some(({ message }) => message.content === 'too much')
          ? Promise.reject(new EngramError('payload_too_large', 'too large'))
          : store.appendBatch(key, items, options),
    }
    const done = await archiveBatch(refusing, job([human(1), human(2, 'too much'), human(3)]))
    expect(done).toMatchObject({ appended: 3, refused: 1, position: 3 })
    const history = await store.getHistory('x:s1')
    expect(history.map(({ role, content }) => [role, content])).toEqual([
      ['user', 'text 1'],
      ['system', expect.stringMatching(/^\[message of \d+ characters left out\]$/)],
      ['user', 'text 3'],
    ])
  })

  it('ING-ARC-1 notes say whose the session is, and are written only when they say something else', async () => {
    const store = new MemoryTranscriptStore()
    let written = 0
    const counting: Archive = {
      ...bound(store),
      setNotes: (...call) => {
        written += 1
        return store.setNotes(...call)
      },
    }
    const about = { head, sessionId: 's1', project: 'orchard' }
    await archiveBatch(store, job([human(1)]))
    await noteSession(counting, 'x:s1', about)
    await noteSession(counting, 'x:s1', about)
    expect(written).toBe(1)
    expect(await store.notes('x:s1')).toEqual({
      title: 'A title',
      project: 'orchard',
      session_id: 's1',
      scope: { agent: 'x', version: '1.2', branch: 'main', continues: 'x:s0' },
    })
    await noteSession(counting, 'x:s1', { ...about, head: { ...head, title: 'Another' } })
    expect((await store.notes('x:s1')).title).toBe('Another')
  })

  it('ING-CC-21 the last summary of a compaction is the transcript’s', async () => {
    const store = new MemoryTranscriptStore()
    const summary = (line: number, text: string): Entry => ({
      kind: 'note',
      origin: origin(line),
      note: 'compact-summary',
      text,
    })
    await archiveBatch(store, job([human(1)]))
    await keepCompactSummary(store, 'x:s1', [summary(1, 'first'), summary(2, 'y'.repeat(2_000_000))])
    expect((await store.getSummary('x:s1')).length).toBeLessThan(600_000)
    await keepCompactSummary(store, 'x:s1', [human(3)])
    expect(await store.getSummary('x:s1')).toMatch(/^yyy/)
  })
})

/** The store's methods as an object, to put others in their place. */
const bound = (store: Archive): Archive => ({
  appendBatch: (...call) => store.appendBatch(...call),
  exists: (...call) => store.exists(...call),
  notes: (...call) => store.notes(...call),
  setNotes: (...call) => store.setNotes(...call),
  getSummary: (...call) => store.getSummary(...call),
  setSummary: (...call) => store.setSummary(...call),
})

import { describe, expect, it } from 'vitest'
import type { IngestSource } from '../api/ingest.ts'
import { cursorOf, repeatCursor, startCursor, stateText } from './cursor.ts'
import type { Cursor, Given } from './cursor.ts'
import { failedRow } from './manifest-row.ts'

const given = (number: number, change: Partial<Given> = {}): Given => ({
  syncId: `obs-${number}`,
  rule: 'X-FIX',
  offset: number,
  anchor: `u${number}`,
  chain: null,
  content: null,
  ...change,
})

const cursor: Cursor = {
  offset: 900,
  line: 9,
  extractOffset: 500,
  readOffset: 400,
  readLine: 4,
  reader: '{"version":1,"waiting":[]}',
  flushes: [450, 900],
  digest: {
    asked: [['Why?', 1]],
    commits: [{ sha: 'ab12', subject: 'fix' }],
    files: [['a.ts', 2]],
    checks: [{ command: 'npm test', failed: true }],
    ended: 'Done.',
  },
  given: [given(1), given(2, { chain: 'a1' })],
  former: [given(3)],
  archivePosition: 77,
  looksThrough: 'all',
  lastId: 'x:u9',
}

const row = (of: Cursor, change: Partial<IngestSource> = {}): IngestSource => ({
  ...failedRow(
    {
      agent: 'x',
      path: '/r/a.jsonl',
      facts: { kind: 'file', size: 1, mtimeNs: 1n, inode: 1n, device: 1n, mode: 0 },
      sidechainOf: null,
      agentId: null,
    },
    null,
    '',
    0,
  ),
  offset: of.offset,
  line: of.line,
  extract_offset: of.extractOffset,
  archive_position: of.archivePosition,
  last_id: of.lastId,
  reader_state: stateText(of),
  ...change,
})

describe('cursor', () => {
  it.each<readonly [string, Cursor]>([
    ['one in the middle', cursor],
    ['one at the start', startCursor],
    ['one of a file that was another', repeatCursor(cursor, { isSameFile: false })],
  ])('ING-INC-1 %s comes back from the manifest as it was', (_, each) => {
    expect(cursorOf(row(each))).toEqual(each)
  })

  it('ING-INC-1 what was found is kept without its text', () => {
    const state = stateText({ ...cursor, given: [given(1, { content: 'the words of it' })] })
    expect(state).not.toContain('the words of it')
  })

  it.each(['', '{', '[]', '{"version":2}', '{"version":1,"given":[[1],["a"],"x"],"flushes":["x"],"digest":3}'])(
    'ING-INC-7 from %j nothing wrong comes',
    (reader_state) => {
      const found = cursorOf(row(cursor, { reader_state }))
      if (!reader_state.startsWith('{"version":1')) expect(found).toBeNull()
      else expect(found).toMatchObject({ given: [], flushes: [], reader: null, digest: { asked: [] } })
    },
  )

  it('ING-EXT-9 read again, the same file has to give again what it gave; another file has not', () => {
    expect(repeatCursor(cursor, { isSameFile: true })).toMatchObject({
      offset: 0,
      given: [],
      former: [...cursor.given, ...cursor.former],
      looksThrough: 'all',
    })
    expect(repeatCursor(cursor, { isSameFile: false })).toMatchObject({ former: [], looksThrough: 'always-all' })
    const unsure: Cursor = { ...cursor, looksThrough: 'always-all' }
    expect(repeatCursor(unsure, { isSameFile: true }).looksThrough).toBe('always-all')
  })
})

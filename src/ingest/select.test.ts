import { describe, expect, it } from 'vitest'
import type { IngestSource } from '../api/ingest.ts'
import { formatTime } from '../model/times.ts'
import type { FileFacts } from '../platform/files.ts'
import type { TranscriptFile } from './discover.ts'
import { failedRow } from './manifest-row.ts'
import { idleMs, longGone, needsVisit } from './select.ts'
import type { Wanted } from './select.ts'

const nowMs = Date.UTC(2026, 5, 1)
const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs

const factsAt = (mtimeMs: number, change: Partial<FileFacts> = {}): FileFacts => ({
  kind: 'file',
  size: 100,
  mtimeNs: BigInt(mtimeMs) * 1_000_000n,
  inode: 5n,
  device: 1n,
  mode: 0o600,
  ...change,
})

const file = (facts: FileFacts, path = '/r/a.jsonl'): TranscriptFile => ({
  agent: 'x',
  path,
  facts,
  sidechainOf: null,
  agentId: null,
})

/** A row of a file that was read to its end at `lookedMs`. */
const rowOf = (facts: FileFacts, lookedMs: number, change: Partial<IngestSource> = {}): IngestSource => ({
  ...failedRow(file(facts), null, '', lookedMs),
  project: 'orchard',
  size: facts.size,
  mtime_ns: String(facts.mtimeNs),
  inode: String(facts.inode),
  offset: facts.size,
  extractor_version: 1,
  updated_at: formatTime(lookedMs),
  ...change,
})

const plain: Wanted = { force: false, knowledge: true, nowMs, sinceMs: null, project: null }

describe('which files are opened', () => {
  const old = factsAt(nowMs - dayMs)
  const settled = rowOf(old, nowMs - dayMs / 2)

  it.each<readonly [string, FileFacts, IngestSource | undefined, Partial<Wanted>, boolean]>([
    ['a new one', old, undefined, {}, true],
    ['one nothing happened to', old, settled, {}, false],
    ['one that was made longer', factsAt(nowMs - dayMs, { size: 101 }), settled, {}, true],
    ['one that was touched', factsAt(nowMs - dayMs + 1), settled, {}, true],
    ['another file of its name', factsAt(nowMs - dayMs, { inode: 6n }), settled, {}, true],
    ['all, when forced', old, settled, { force: true }, true],
    ['one that failed', old, { ...settled, last_error: 'x' }, {}, true],
    ['one the rules have not seen', old, { ...settled, extractor_version: 0 }, {}, true],
    ['the same without rules', old, { ...settled, extractor_version: 0 }, { knowledge: false }, false],
    ['one written before', old, undefined, { sinceMs: nowMs - minuteMs }, false],
    ['one written since', old, undefined, { sinceMs: nowMs - 2 * dayMs }, true],
    ['one of another project', factsAt(nowMs), settled, { project: 'meadow' }, false],
    ['one of the project', factsAt(nowMs), settled, { project: 'orchard' }, true],
    ['one of a project not known yet', factsAt(nowMs), { ...settled, project: '' }, { project: 'meadow' }, true],
  ])('ING-INC-2 %s', (_, facts, row, wanted, expected) => {
    expect(needsVisit(file(facts), row, { ...plain, ...wanted })).toBe(expected)
  })

  it.each([
    [0, 4, false],
    [0, 5, true],
    [4, 6, true],
    [6, 20, false],
    [6, idleMs / minuteMs, true],
    [31, 60 * 24 * 365, false],
  ])(
    'ING-LIN-2 ING-SES-1 looked at %i minutes after the last word, it is looked at after %i: %s',
    (then, now, expected) => {
      const written = nowMs - now * minuteMs
      const row = rowOf(factsAt(written), written + then * minuteMs)
      expect(needsVisit(file(factsAt(written)), row, plain)).toBe(expected)
    },
  )

  it('ING-INC-5 long gone are files below a place that was looked at, not there, not looked at for months', () => {
    const row = (path: string, days: number, inode = '5'): IngestSource => ({
      ...rowOf(old, nowMs - days * dayMs),
      path,
      inode,
    })
    const rows = [
      row('/r/there.jsonl', 200),
      row('/r/gone.jsonl', 200),
      row('/r/lately.jsonl', 100),
      row('/elsewhere/gone.jsonl', 200),
      row('/r/known-as-gone.jsonl', 200, '0'),
    ]
    expect(longGone(rows, [file(old, '/r/there.jsonl')], ['/r'], nowMs)).toEqual(['/r/gone.jsonl'])
  })
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { systemFiles } from '../platform/files.ts'
import type { OpenFile } from '../platform/files.ts'
import { readLines } from './lines.ts'
import type { LineOptions, RawLine } from './lines.ts'

const directory = mkdtempSync(join(tmpdir(), 'engram-lines-'))
afterAll(() => rmSync(directory, { recursive: true }))

const options: LineOptions = { from: 0, fromLine: 0, size: 0, lineBytesMax: 1000, blockBytes: 64, isQuiet: false }

async function linesOf(content: string | Uint8Array, extra: Partial<LineOptions> = {}): Promise<readonly RawLine[]> {
  const path = join(directory, 'file.jsonl')
  writeFileSync(path, content)
  const file = await systemFiles.open(path, 'read')
  try {
    const size = (await file.facts()).size
    const lines: RawLine[] = []
    for await (const line of readLines(file, { ...options, size, ...extra })) lines.push(line)
    return lines
  } finally {
    await file.close()
  }
}

const texts = (lines: readonly RawLine[]): readonly string[] =>
  lines.map((line) => (line.kind === 'line' ? line.text : 'oversized'))

/** A file made as it is read. */
function virtualFile(size: number, byteAt: (position: number) => number): OpenFile {
  const refuse = (): Promise<never> => Promise.reject(new Error('read only'))
  return {
    read: (into, position) => {
      const count = Math.max(0, Math.min(into.length, size - position))
      for (let at = 0; at < count; at++) into[at] = byteAt(position + at)
      return Promise.resolve(count)
    },
    write: refuse,
    sync: refuse,
    truncate: refuse,
    facts: refuse,
    close: () => Promise.resolve(),
  }
}

describe('lines of a transcript', () => {
  it('ING-LIN-1/carriage returns, a byte order mark and blank lines', async () => {
    const lines = await linesOf('\uFEFF{"a":1}\r\n\r\n  \n{"b":"ü"}\n')
    expect(texts(lines)).toEqual(['{"a":1}', '{"b":"ü"}'])
    expect(lines.map((line) => line.line)).toEqual([1, 4])
    expect(lines.at(-1)?.end).toBe(Buffer.byteLength('\uFEFF{"a":1}\r\n\r\n  \n{"b":"ü"}\n'))
  })

  it('ING-LIN-6/bytes that are no UTF-8 become U+FFFD and spoil no neighbour', async () => {
    const bytes = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xc3]), Buffer.from('"}\n{"b":2}\n')])
    expect(texts(await linesOf(bytes))).toEqual(['{"a":"\uFFFD\uFFFD"}', '{"b":2}'])
  })

  it.each([
    ['half written, file busy', '{"a":1}\n{"b":', false, ['{"a":1}']],
    ['half written, file quiet', '{"a":1}\n{"b":', true, ['{"a":1}']],
    ['whole without line feed, file busy', '{"a":1}\n{"b":2}', false, ['{"a":1}']],
    ['whole without line feed, file quiet', '{"a":1}\n{"b":2}', true, ['{"a":1}', '{"b":2}']],
  ])('ING-LIN-2/%s', async (_, content, isQuiet, expected) => {
    expect(texts(await linesOf(content, { isQuiet }))).toEqual(expected)
  })

  it('ING-LIN-2/a line feed that comes later adds no line', async () => {
    const before = '{"a":1}\n{"b":2}'
    const [, last] = await linesOf(before, { isQuiet: true })
    const rest = await linesOf(`${before}\n{"c":3}\n`, { from: last?.end ?? 0, fromLine: last?.line ?? 0 })
    expect(rest.map(({ line, offset }) => ({ line, offset }))).toEqual([{ line: 3, offset: 16 }])
  })

  it('ING-LIN-3/a line over the limit is passed over with its first 64 KiB', async () => {
    const long = `{"type":"user","x":"${'y'.repeat(300_000)}"}`
    const lines = await linesOf(`{"a":1}\n${long}\n{"b":2}\n`, { lineBytesMax: 200_000, blockBytes: 4096 })
    expect(texts(lines)).toEqual(['{"a":1}', 'oversized', '{"b":2}'])
    const [, over, after] = lines
    expect(over).toMatchObject({ line: 2, offset: 8, bytes: long.length, end: 8 + long.length + 1 })
    expect(over?.kind === 'oversized' ? over.head : '').toBe(long.slice(0, 65_536))
    expect(after?.line).toBe(3)
  })

  it('ING-LIN-3/in one block, too', async () => {
    expect(texts(await linesOf(`{"a":"${'x'.repeat(50)}"}\n{}\n`, { lineBytesMax: 20, blockBytes: 4096 }))).toEqual([
      'oversized',
      '{}',
    ])
  })

  it('ING-LIN-1/any block size and any place to resume give the same lines', async () => {
    const line = fc.oneof(fc.json({ maxDepth: 1 }), fc.constantFrom('', ' ', '{"ä":"€"}', 'x'.repeat(150)))
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 12 }),
        fc.integer({ min: 1, max: 90 }),
        fc.nat(),
        async (all, blockBytes, pick) => {
          const content = all.map((each) => `${each}\n`).join('')
          const whole = await linesOf(content, { blockBytes: 4096, lineBytesMax: 100 })
          const small = await linesOf(content, { blockBytes, lineBytesMax: 100 })
          expect(small).toEqual(whole)
          const at = whole[pick % Math.max(1, whole.length)]
          if (at === undefined) return
          const rest = await linesOf(content, { blockBytes, lineBytesMax: 100, from: at.end, fromLine: at.line })
          expect(rest).toEqual(whole.slice(whole.indexOf(at) + 1))
        },
      ),
      { numRuns: 100 },
    )
  })

  it('ING-LIN-2/cut at a random place: the whole lines before it, and no other', async () => {
    const content = '{"a":"é"}\n{"b":[1,2]}\r\n{"c":{}}\n'
    const whole = await linesOf(content)
    for (let cut = 0; cut <= Buffer.byteLength(content); cut++) {
      const lines = await linesOf(Buffer.from(content).subarray(0, cut))
      expect(lines).toEqual(whole.filter((line) => line.end <= cut))
    }
  })

  it('ING-LIN-1/memory does not grow with the file', async () => {
    const size = 96 * 1024 * 1024
    const file = virtualFile(size, (position) => (position % 1_000_003 === 0 ? 0x0a : 0x78))
    const before = process.memoryUsage().rss
    let lines = 0
    for await (const line of readLines(file, { ...options, size, blockBytes: 256 * 1024, lineBytesMax: 2_000_000 }))
      lines += line.end > 0 ? 1 : 0
    expect(lines).toBe(Math.floor(size / 1_000_003))
    expect(process.memoryUsage().rss - before).toBeLessThan(96 * 1024 * 1024)
  })
})

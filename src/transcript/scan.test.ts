import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bounds } from './bounds.ts'
import { LineIndex, extendIndex, locate } from './line-index.ts'
import { MemoryFiles } from './memory-files.ts'
import { forEachLine, forEachLineBack } from './scan.ts'
import type { OpenFile } from '../platform/files.ts'

async function fileOf(bytes: Buffer): Promise<OpenFile> {
  const file = await new MemoryFiles().open('/x', 'create')
  await file.write(bytes)
  return file
}

type Seen = [number, number, string | null]

async function forwards(file: OpenFile, to: number, from = { offset: 0, line: 1 }): Promise<Seen[]> {
  const seen: Seen[] = []
  await forEachLine(
    file,
    from,
    to,
    (line) => void seen.push([line.number, line.offset, line.bytes?.toString() ?? null]),
  )
  return seen
}

async function backwards(file: OpenFile, to: number, from = 0): Promise<Seen[]> {
  const seen: Seen[] = []
  await forEachLineBack(
    file,
    from,
    to,
    (line) => void seen.push([line.number, line.offset, line.bytes?.toString() ?? null]),
  )
  return seen
}

/** The definition: split at newlines, leave out blank ones. */
function simply(text: string): Seen[] {
  const seen: Seen[] = []
  let offset = 0
  for (const line of text.split('\n')) {
    if (/[^ \t\r]/.test(line)) seen.push([seen.length + 1, offset, line])
    offset += Buffer.byteLength(line) + 1
  }
  return seen
}

const lines = fc
  .array(
    fc.oneof(
      fc.constantFrom('', ' ', '\r', '\t \r'),
      fc.string({ unit: 'grapheme', maxLength: 6 }),
      fc.constant('é€'.repeat(40)),
    ),
    { maxLength: 30 },
  )
  .map((all) => all.join('\n').replaceAll('\u0000', ''))

describe('lines of a file', () => {
  it('TRN-502 TRN-P11 forwards and backwards see the same raw lines as splitting the text', async () => {
    await fc.assert(
      fc.asyncProperty(lines, fc.nat(40), async (text, wanted) => {
        const bytes = Buffer.from(text)
        const file = await fileOf(bytes)
        const expected = simply(text)
        expect(await forwards(file, bytes.length)).toEqual(expected)
        const back = (await backwards(file, bytes.length)).map(([n, ...rest]) => [expected.length - n + 1, ...rest])
        expect(back.toReversed()).toEqual(expected)
        const index = new LineIndex('x')
        await extendIndex(index, file, bytes.length)
        expect(index.rawLines).toBe(expected.length)
        const place = await locate(index, file, bytes.length, wanted)
        expect(await forwards(file, bytes.length, place)).toEqual(expected.slice(Math.max(wanted - 1, 0)))
      }),
    )
  })

  it('TRN-903 block borders inside multi-byte characters and inside newlines cut nothing', async () => {
    for (const shift of [0, 1, 2, 3]) {
      const long = '€'.repeat(30_000)
      const text = `${'x'.repeat(shift)}\n${Array.from({ length: 60 }, (_, n) => `${n} ${long}`).join('\n')}\n`
      const bytes = Buffer.from(text)
      expect(bytes.length).toBeGreaterThan(4 * bounds.blockBytes)
      const file = await fileOf(bytes)
      const expected = simply(text)
      expect(await forwards(file, bytes.length)).toEqual(expected)
      const back = await backwards(file, bytes.length)
      expect(back.toReversed().map(([, offset, line]) => [offset, line])).toEqual(expected.map(([, o, l]) => [o, l]))
    }
  })

  it('TRN-901 a place deep in the file is found through the index, by reading little', async () => {
    const text = Array.from({ length: 20_000 }, (_, n) => `line ${n}`).join('\n')
    const bytes = Buffer.from(text)
    const file = await fileOf(bytes)
    const index = new LineIndex('x')
    await extendIndex(index, file, bytes.length)
    for (const line of [1, 256, 257, 19_999, 20_000, 20_001, 99_999]) {
      const place = await locate(index, file, bytes.length, line)
      expect(place.line).toBe(Math.min(line, 20_001))
      expect(index.near(line).line).toBeGreaterThan(Math.min(line, 20_001) - 257)
    }
  })

  it('TRN-1002 a line above the limit is one line, whichever way one reads', async () => {
    const bytes = Buffer.concat([Buffer.from('a\n'), Buffer.alloc(11 * 1024 * 1024, 'x'), Buffer.from('\nb\n')])
    const file = await fileOf(bytes)
    const offset = bytes.length - 2
    expect(await forwards(file, bytes.length)).toEqual([
      [1, 0, 'a'],
      [2, 2, null],
      [3, offset, 'b'],
    ])
    expect(await backwards(file, bytes.length)).toEqual([
      [1, offset, 'b'],
      [2, 2, null],
      [3, 0, 'a'],
    ])
  })
})

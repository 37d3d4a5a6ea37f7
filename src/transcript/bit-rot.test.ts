import { describe, expect, it } from 'vitest'
import { SimulatedClock } from '../platform/clock.ts'
import { createMemoryLocks } from '../platform/file-lock.ts'
import type { OpenFile } from '../platform/files.ts'
import { seededRandom } from '../platform/random.ts'
import { JsonlStore } from './jsonl-store.ts'
import { decodeLine } from './line.ts'
import { MemoryFiles } from './memory-files.ts'
import { forEachLine } from './scan.ts'

/** A long log cut anywhere and with any bit turned (reliability C4). `ENGRAM_LONG=1` tries every byte of it. */

const isLong = process.env['ENGRAM_LONG'] === '1'
const timeout = isLong ? 600_000 : 60_000
const path = '/t/s-k.jsonl'
const records = 1_000
const flips = isLong ? 100_000 : 20_000

const open = (files: MemoryFiles): Promise<JsonlStore> =>
  JsonlStore.open('/t', { files, clock: new SimulatedClock(), random: seededRandom(7), locks: createMemoryLocks() })

const textOf = (n: number): string => `message ${n} ${'é'.repeat(n % 5)}`

async function log(): Promise<{ readonly files: MemoryFiles; readonly bytes: Buffer; readonly ends: number[] }> {
  const files = new MemoryFiles()
  const store = await open(files)
  const items = Array.from({ length: records }, (_, n) => ({
    message: { role: 'user', content: textOf(n) },
    messageId: `m${n}`,
  }))
  await store.appendBatch('k', items)
  await store.close()
  const bytes = Buffer.from((await files.readBytes(path)) ?? [])
  const ends: number[] = []
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) ends.push(at + 1)
  return { files, bytes, ends }
}

/** Some records as a file of their own, read by the scan of the store. */
async function pieceOf(
  bytes: Uint8Array,
): Promise<{ flip(at: number, bit: number): void; texts(): Promise<readonly string[]> }> {
  const content = Buffer.from(bytes)
  const files = new MemoryFiles()
  const file: OpenFile = {
    ...(await files.open('/piece', 'append')),
    read: async (into, position) => content.copy(into, 0, position, position + into.length),
  }
  return {
    flip: (at, bit) => {
      content[at] = (content[at] ?? 0) ^ bit
    },
    texts: async () => {
      const found: string[] = []
      await forEachLine(file, { offset: 0, line: 1 }, content.length, (line) => {
        const decoded = decodeLine(line.bytes)
        if (decoded.kind === 'message') found.push(decoded.message.content)
      })
      return found
    },
  }
}

/** The record a byte belongs to. */
function lineAt(ends: readonly number[], at: number): number {
  let [low, high] = [0, ends.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if (at < (ends[middle] ?? 0)) high = middle
    else low = middle + 1
  }
  return low
}

describe('C4 a log of a thousand records', () => {
  it('C4 TRN-P1 cut at any byte: exactly the whole records before the cut come back', { timeout }, async () => {
    const { files, bytes, ends } = await log()
    expect(ends).toHaveLength(records)
    const file = await files.open(path, 'append')
    const store = await open(files)
    const borders = new Set(ends.flatMap((end) => [end - 1, end, end + 1]))
    let whole = records
    for (let cut = bytes.length; cut >= 0; cut--) {
      await file.truncate(cut)
      // Complete but for its newline, a record counts.
      while (whole > 0 && cut < (ends[whole - 1] ?? 0) - 1) whole--
      const isBorder = borders.has(cut)
      const isNear = whole < 20 || whole > records - 20
      if (!isLong && !isNear && !isBorder && cut % 7 !== 0) continue
      const last = await store.getHistory('k', { last: 2 })
      expect(last.map((one) => one.content)).toEqual([whole - 2, whole - 1].filter((n) => n >= 0).map(textOf))
      if (isBorder && whole % 100 === 0) expect(await store.count('k')).toBe(whole)
    }
    expect(whole).toBe(0)
  })

  it('C4 TRN-210 any bit turned: no record comes back altered', { timeout }, async () => {
    const { bytes, ends } = await log()
    let tried = 0
    const altered: string[] = []
    for (const [n, end] of ends.entries()) {
      const start = n === 0 ? 0 : (ends[n - 1] ?? 0)
      if (start < bytes.length - 64 * 1024) continue
      const line = Buffer.from(bytes.subarray(start, end - 1))
      for (let bit = 0; bit < line.length * 8; bit++) {
        const at = bit >> 3
        line[at] = (line[at] ?? 0) ^ (1 << (bit & 7))
        const decoded = decodeLine(line)
        if (decoded.kind === 'message' && (decoded.message.content !== textOf(n) || decoded.message.role !== 'user'))
          altered.push(`bit ${bit} of record ${n}`)
        line[at] = (line[at] ?? 0) ^ (1 << (bit & 7))
        tried++
      }
    }
    expect(altered).toEqual([])
    expect(tried).toBeGreaterThan(500_000)
  })

  it('C4 TRN-210 bits anywhere, one at a time: found, or harmless, and the rest is there', { timeout }, async () => {
    const { bytes, ends } = await log()
    const start = (n: number): number => (n <= 0 ? 0 : (ends[Math.min(n, records) - 1] ?? 0))
    // Scanned from a line's beginning on, everything further away is byte for byte what it was.
    const pieces = await Promise.all(ends.map((_, n) => pieceOf(bytes.subarray(start(n - 1), start(n + 3)))))
    const random = seededRandom(13)
    const wrong: string[] = []
    let lost = 0
    for (let round = 0; round < 100_000; round++) {
      const at = Number.parseInt(random.hex(4), 16) % bytes.length
      const n = lineAt(ends, at)
      const piece = pieces[n] ?? expect.fail('every byte belongs to a record')
      const bit = 1 << (round & 7)
      piece.flip(at - start(n - 1), bit)
      const found = await piece.texts()
      piece.flip(at - start(n - 1), bit)
      const first = Math.max(n - 1, 0)
      const all = Array.from({ length: Math.min(n + 3, records) - first }, (_, i) => first + i)
      // At most the record itself and, with its newline gone, the one behind it.
      const kept = all.filter((one) => one !== n && one !== n + 1)
      const allowed = [all, all.filter((one) => one !== n), kept].map((one) => one.map(textOf).join('\n'))
      if (!allowed.includes(found.join('\n'))) wrong.push(`bit ${round & 7} of byte ${at}`)
      if (found.length < all.length) lost++
    }
    expect(wrong).toEqual([])
    expect(lost).toBeGreaterThan(flips * 0.9)
  })

  it('C4 TRN-1004 verify finds the flip, names its line, and the rest stays readable', { timeout }, async () => {
    const { bytes, ends } = await log()
    const random = seededRandom(11)
    for (let round = 0; round < (isLong ? 2_000 : 60); round++) {
      const at = Number.parseInt(random.hex(4), 16) % bytes.length
      const turned = Buffer.from(bytes)
      turned[at] = (turned[at] ?? 0) ^ (1 << (round & 7))
      const files = new MemoryFiles()
      const store = await open(files)
      await files.makeDirectory('/t')
      await (await files.open(path, 'create')).write(turned)
      await files.makeDirectory('/t/.engram')
      const found = await store.inspect('k')
      const line = ends.findIndex((end) => at < end)
      const messages = (await store.getHistory('k')).map((one) => one.content)
      const intact = messages.filter(
        (text, n) => text === textOf(n) || text === textOf(n + 1) || text === textOf(n + 2),
      )
      expect(intact).toEqual(messages)
      expect(messages.length).toBeGreaterThanOrEqual(records - 2)
      // The sum's own name may be turned without harm: the sum still holds.
      if (messages.length < records) expect(found?.bad.map((one) => one.line)).toContain(line + 1)
      await store.close()
    }
  })
})

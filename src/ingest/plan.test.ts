import { appendFileSync, mkdtempSync, renameSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { systemFiles } from '../platform/files.ts'
import type { OpenFile } from '../platform/files.ts'
import { fingerprint, planFile } from './fingerprint.ts'
import { readLines } from './lines.ts'
import type { RawLine } from './lines.ts'
import { isQuiet } from './plan.ts'
import type { KnownFile, Plan, PlanOptions } from './plan.ts'

const directory = mkdtempSync(join(tmpdir(), 'engram-plan-'))
const path = join(directory, 'file.jsonl')
afterAll(() => rmSync(directory, { recursive: true }))

const usual: PlanOptions = { force: false, readerVersion: 1, isQuiet: false }
const line = (number: number): string => `{"number":${number},"text":"${'x'.repeat(200)}"}\n`
const content = Array.from({ length: 100 }, (_, index) => line(index)).join('')

type Counted = { readonly file: OpenFile; readonly bytes: () => number; readonly reads: () => number }

async function counted(): Promise<Counted> {
  const file = await systemFiles.open(path, 'read')
  let bytes = 0
  let reads = 0
  const read: OpenFile['read'] = async (into, position) => {
    const count = await file.read(into, position)
    bytes += count
    reads += 1
    return count
  }
  return { file: { ...file, read }, bytes: () => bytes, reads: () => reads }
}

/** What the manifest would know after everything up to `offset` was dealt with. */
async function know(offset: number, extra: Partial<KnownFile> = {}): Promise<KnownFile> {
  const { file } = await counted()
  const { size, mtimeNs, inode } = await file.facts()
  const hashes = await fingerprint(file, offset)
  await file.close()
  return { size, mtimeNs, inode, offset, line: 100, readerVersion: 1, waiting: false, ...hashes, ...extra }
}

async function plan(
  known: KnownFile | null,
  options: Partial<PlanOptions> = {},
): Promise<Plan & { readonly reads: number }> {
  const { file, reads } = await counted()
  try {
    return { ...(await planFile(file, known, { ...usual, ...options })), reads: reads() }
  } finally {
    await file.close()
  }
}

const later = (): void => utimesSync(path, new Date(), new Date(Date.now() + 60_000))

describe('plan of a file', () => {
  it('ING-INC-2/unknown file: from the start', async () => {
    writeFileSync(path, content)
    expect(await plan(null)).toMatchObject({ kind: 'restart', reason: 'new', reads: 0 })
  })

  it('ING-INC-2/unchanged: nothing is read', async () => {
    writeFileSync(path, content)
    expect(await plan(await know(content.length))).toEqual({ kind: 'unchanged', reads: 0 })
  })

  it('ING-INC-2/grown: goes on where it stood', async () => {
    writeFileSync(path, content)
    const known = await know(content.length)
    appendFileSync(path, line(100))
    expect(await plan(known)).toMatchObject({ kind: 'continue', offset: content.length, line: 100 })
  })

  it('ING-INC-2/short file that grows past 4 KiB keeps its head', async () => {
    writeFileSync(path, line(0))
    const known = await know(line(0).length)
    appendFileSync(path, content)
    expect(await plan(known)).toMatchObject({ kind: 'continue', offset: line(0).length })
  })

  it.each([
    ['shrunk', () => truncateSync(path, 500)],
    [
      'replaced',
      () => {
        writeFileSync(`${path}.new`, content + line(100))
        renameSync(`${path}.new`, path)
      },
    ],
    ['head-changed', () => writeFileSync(path, `X${content.slice(1)}${line(100)}`)],
    ['tail-changed', () => writeFileSync(path, `${content.slice(0, -10)}X${content.slice(-9)}${line(100)}`)],
  ])('ING-INC-2/%s: from the start', async (reason, change) => {
    writeFileSync(path, content)
    const known = await know(content.length)
    change()
    later()
    expect(await plan(known)).toMatchObject({ kind: 'restart', reason })
  })

  it('ING-CLI-7/forced, and a newer reader once the file grows', async () => {
    writeFileSync(path, content)
    const known = await know(content.length)
    expect(await plan(known, { force: true })).toMatchObject({ kind: 'restart', reason: 'forced' })
    expect(await plan(known, { readerVersion: 2 })).toMatchObject({ kind: 'unchanged' })
    appendFileSync(path, line(100))
    expect(await plan(known, { readerVersion: 2 })).toMatchObject({ kind: 'restart', reason: 'reader-version' })
  })

  it('ING-LIN-2/what waits for quiet is looked at when it is quiet', async () => {
    writeFileSync(path, `${content}{"half":`)
    const known = await know(content.length)
    expect(await plan(known)).toMatchObject({ kind: 'unchanged' })
    expect(await plan(known, { isQuiet: true })).toMatchObject({ kind: 'continue' })
    expect(
      await plan({ ...known, size: known.size, offset: content.length, waiting: true }, { isQuiet: true }),
    ).toMatchObject({ kind: 'continue' })
    const facts = { kind: 'file', size: 1, mtimeNs: 1_000_000n, inode: 1n, device: 1n, mode: 0 } as const
    expect([isQuiet(facts, 300_000), isQuiet(facts, 300_001)]).toEqual([false, true])
  })

  it('ING-INC-4/ten lines more cost their bytes and 8 KiB', async () => {
    const big = content.repeat(100)
    writeFileSync(path, big)
    const known = await know(big.length)
    const added = Array.from({ length: 10 }, (_, index) => line(index)).join('')
    appendFileSync(path, added)
    const { file, bytes } = await counted()
    await planFile(file, known, usual)
    const size = big.length + added.length
    const options = {
      from: known.offset,
      fromLine: known.line,
      size,
      lineBytesMax: 1 << 25,
      blockBytes: 1 << 18,
      isQuiet: false,
    }
    const lines: RawLine[] = []
    for await (const each of readLines(file, options)) lines.push(each)
    await file.close()
    expect(lines).toHaveLength(10)
    expect(bytes()).toBeLessThanOrEqual(added.length + 8 * 1024 + 1)
  })
})

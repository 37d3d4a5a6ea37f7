import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { auditStore } from './workers/store-audit.ts'
import { WriterProcess } from './workers/writer-process.ts'

const hasFiu = spawnSync('fiu-run', ['-h']).error === undefined
if (!hasFiu) console.warn('S2 skipped: fiu-run (package fiu-utils) is not installed.')

let root = ''
let dataDir = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'store-io-'))
  dataDir = join(root, 'data')
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

/** A writer on an open store, where from now on the point of the C library fails with EIO at the given rate. */
async function failingWriter(point: string, probability: number, ms: number): Promise<WriterProcess> {
  const control = join(root, 'fiu')
  const command = `enable_random name=${point},probability=${probability},failinfo=5`
  const writer = new WriterProcess(dataDir, 2, ms, ['fiu-run', '-x', '-f', control])
  await writer.start((pid) => execFileSync('fiu-ctrl', ['-f', control, '-c', command, String(pid)]))
  return writer.ended()
}

/** A writer that finds all well. */
async function healthyWriter(writer: number): Promise<WriterProcess> {
  const process = await new WriterProcess(dataDir, writer, 200).start()
  return process.ended()
}

const codesOf = (writer: WriterProcess): string[] => [
  ...new Set(writer.errors.map((line) => line.split(' ')[1] ?? line)),
]

describe.runIf(hasFiu)('a disk that fails', () => {
  it.each([
    { point: 'posix/io/sync/fsync', probability: 0.05, codes: ['storage_failed'] },
    { point: 'posix/io/rw/pwrite', probability: 0.01, codes: ['storage_failed'] },
    // A disk that goes on failing under the check as well cannot be told from a damaged file.
    { point: 'posix/io/rw/pread', probability: 0.1, codes: ['storage_failed', 'database_corrupt'] },
  ])('S2 EIO at $point, p=$probability: nothing acknowledged is lost, the file stays in place', async (fault) => {
    const before = await healthyWriter(1)
    const writer = await failingWriter(fault.point, fault.probability, 2_000)
    const after = await healthyWriter(3)
    const audit = await auditStore(dataDir, [before, writer, after])
    const errors = writer.errors.length
    console.log(JSON.stringify({ check: 'S2', ...fault, errors, seen: codesOf(writer), durability: 'disk', ...audit }))
    expect(audit).toMatchObject({ lost: 0, gaps: 0, integrity: 'ok' })
    expect(fault.codes).toEqual(expect.arrayContaining(codesOf(writer)))
    expect([after.errors, writer.acked.length > 0]).toEqual([[], true])
    expect(readdirSync(dataDir).filter((name) => !/^(engram\.db(-wal|-shm)?|queue)$/.test(name))).toEqual([])
  })

  it('S2 when every fsync fails, nothing at all is acknowledged', async () => {
    const before = await healthyWriter(1)
    const writer = await failingWriter('posix/io/sync/fsync', 1, 1_500)
    console.log(
      JSON.stringify({
        check: 'S2',
        point: 'fsync',
        probability: 1,
        acked: writer.acked.length,
        seen: codesOf(writer),
      }),
    )
    expect([writer.acked, codesOf(writer)]).toEqual([[], ['storage_failed']])
    expect(await auditStore(dataDir, [before])).toMatchObject({ lost: 0, integrity: 'ok' })
  })
})

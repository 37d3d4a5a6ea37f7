import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { chunkPreparer } from '../../src/chunk-preparer.ts'
import { exportBackup } from '../../src/engine/export-backup.ts'
import { createRedactor } from '../../src/engine/rules/redact.ts'
import { openMachine, type Machine } from '../../src/engine/testing/machine.ts'
import { sharedMemory } from '../../src/engine/testing/shared-memory.ts'
import { openEngine } from '../../src/open-engine.ts'
import { sha256Hex } from '../../src/platform/bytes.ts'
import { encodeManifest } from '../../src/protocol/manifest.ts'
import type { ChunkPreparer } from '../../src/sync/preparer.ts'
import { Syncer, type SyncDoors } from '../../src/sync/syncer.ts'
import { syncDoors } from '../../src/sync-doors.ts'

/** Imports so large that a thread makes the chunks ready (CHK-613). */
const chunks = 8
const rowsEach = 1_000

let work = ''
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'engram-prepared-'))
  mkdirSync(join(work, 'sync', 'chunks'), { recursive: true })
})
afterEach(() => rmSync(work, { recursive: true, force: true }))

const row = (number: number, more: object = {}): object => ({
  sync_id: `obs-${number}`,
  session_id: `ses-${number % 7}`,
  type: 'decision',
  title: `Title of getName ${number}`,
  content: `Content ${number}, password = hunter2hunter2hunter2`,
  project: 'acme',
  scope: 'project',
  created_at: '2026-09-20 09:10:00',
  updated_at: '2026-09-20 09:10:00',
  ...more,
})

/** Writes a folder of chunks; `change` makes of one whatever it likes. */
function write(
  change: (rows: object[], index: number) => object[],
  packed: (bytes: Buffer, index: number) => Buffer = (bytes) => bytes,
): void {
  const entries = Array.from({ length: chunks }, (_, index) => {
    const rows = change(
      Array.from({ length: rowsEach }, (_each, number) => row(index * rowsEach + number)),
      index,
    )
    const document = JSON.stringify({ sessions: [], observations: rows, prompts: [] })
    const id = sha256Hex(document).slice(0, 8)
    writeFileSync(join(work, 'sync', 'chunks', `${id}.jsonl.gz`), packed(gzipSync(document), index))
    return { id, created_by: 'ana', created_at: '2026-09-20T09:30:00Z', sessions: 0, memories: rowsEach, prompts: 0 }
  })
  writeFileSync(join(work, 'sync', 'manifest.json'), encodeManifest({ version: 1, chunks: entries }))
}

const program = join(import.meta.dirname, '../../bin/engram.js')
const importing = (): readonly string[] => [
  'sync',
  '--import',
  '--json',
  '--dir',
  join(work, 'sync'),
  '--data-dir',
  join(work, 'data'),
]

type Imported = { readonly memory: string; readonly result: object; readonly ready: readonly boolean[] }

async function importOn(machine: Machine, doors: SyncDoors): Promise<Imported> {
  const ready: boolean[] = []
  const { preparer } = doors
  const watched = preparer && {
    ...preparer,
    prepareHere: watching((file) => preparer.prepareHere(file), ready),
    start: () => {
      const started = preparer.start()
      return { prepare: watching((file) => started.prepare(file), ready), stop: () => started.stop() }
    },
  }
  const result = await new Syncer({ sync: async () => ({ ...doors, preparer: watched }) }, join(work, 'sync')).import()
  const memory = machine.store.read((tx) => sharedMemory(exportBackup(tx, machine.deps, null), new Set()))
  return { memory, result, ready }
}

const watching = (prepare: ChunkPreparer['prepare'], ready: boolean[]): ChunkPreparer['prepare'] => {
  return async (file) => {
    const prepared = await prepare(file)
    ready.push(prepared !== null)
    return prepared
  }
}

/** Both ways, each on a machine of its own. */
async function bothWays(
  preparer = chunkPreparer(createRedactor()),
): Promise<{ readonly plain: Imported; readonly prepared: Imported }> {
  const [one, other] = [await openMachine(1), await openMachine(1)]
  try {
    return {
      plain: await importOn(one, { ...syncDoors(one.deps), preparer: undefined }),
      prepared: await importOn(other, { ...syncDoors(other.deps), preparer }),
    }
  } finally {
    await Promise.all([one.close(), other.close()])
  }
}

describe('CHK-613', () => {
  it('CHK-613 chunks are made ready, all but the first by a thread, and nothing is different for it', async () => {
    write((rows) => rows)
    const { plain, prepared } = await bothWays()
    expect(prepared.ready).toEqual(Array.from({ length: chunks }, () => true))
    expect(prepared.result).toEqual(plain.result)
    expect(prepared.result).toMatchObject({ observations_imported: chunks * rowsEach, chunks_imported: chunks })
    expect(prepared.memory).toBe(plain.memory)
    expect(prepared.memory).not.toContain('hunter2')
  }, 60_000)

  it('CHK-613, CHK-608, CHK-701 damaged chunks, bad rows and repeats among them end as they would without the thread', async () => {
    write(
      (rows, index) => {
        if (index === 2) return [...rows, row(9, { content: '' }), row(10, { session_id: 5 })]
        if (index === 4) return [...rows, row(5, { content: 'an edit', updated_at: '2026-09-21 09:10:00' })]
        if (index === 6) return [...rows, row(7_777_777, { sync_id: undefined })]
        return rows
      },
      (bytes, index) => (index === 1 ? bytes.subarray(0, -9) : index === 5 ? Buffer.from('no gzip') : bytes),
    )
    const { plain, prepared } = await bothWays()
    expect(prepared.ready).toEqual([true, false, false, true, true, false, false, true])
    expect(prepared.result).toEqual(plain.result)
    expect(prepared.result).toMatchObject({ chunks_quarantined: 2, rows_quarantined: 2 })
    expect(prepared.memory).toBe(plain.memory)
    expect(prepared.memory).toContain('an edit')
  }, 60_000)

  it('CHK-613 a thread that cannot begin costs time and nothing else', async () => {
    write((rows) => rows)
    const broken = chunkPreparer({ ...createRedactor(), options: { extra: [{ name: 'broken', pattern: '(' }] } })
    const { plain, prepared } = await bothWays(broken)
    expect(prepared.ready).toEqual(Array.from({ length: chunks }, (_, index) => index === 0))
    expect(prepared.result).toEqual(plain.result)
    expect(prepared.memory).toBe(plain.memory)
  }, 60_000)

  it('CHK-613 an import that is given up ends its thread, and the next one goes on there', async () => {
    write((rows) => rows)
    const engine = await openEngine({ dataDir: join(work, 'data'), settings: { durability: 'normal' } })
    const given = new AbortController()
    const options = { signal: given.signal, onProgress: () => given.abort() }
    await expect(new Syncer(engine, join(work, 'sync')).import(options)).rejects.toMatchObject({ code: 'aborted' })
    expect(await new Syncer(engine, join(work, 'sync')).import()).toMatchObject({
      chunks_imported: chunks - 1,
      chunks_skipped: 1,
      observations_imported: (chunks - 1) * rowsEach,
    })
    await engine.close()
  }, 60_000)

  it('CHK-613, CHK-603, Y3 killed again and again in the midst of it, an import goes on where it was and ends as one that was not', async () => {
    write((rows) => rows)
    const begin = () => {
      const started = spawn(process.execPath, [program, ...importing()], { cwd: work, stdio: 'ignore' })
      return { started, ended: once(started, 'exit') }
    }
    let kills = 0
    for (const waitMs of [150, 300, 350, 400, 450, 500]) {
      const { started, ended } = begin()
      await new Promise((resolve) => setTimeout(resolve, waitMs))
      started.kill('SIGKILL')
      const [, signal] = (await ended) as [number | null, string | null]
      kills += signal === 'SIGKILL' ? 1 : 0
    }
    expect(kills).toBeGreaterThan(2)
    expect(await begin().ended).toEqual([0, null])
    const engine = await openEngine({ dataDir: join(work, 'data'), settings: { durability: 'normal' } })
    const killed = engine.deps.store.read((tx) => sharedMemory(exportBackup(tx, engine.deps, null), new Set()))
    const report = await engine.caller.call('doctor.report', {})
    await engine.close()
    expect(killed).toBe((await bothWays()).plain.memory)
    expect(report.summary).toMatchObject({ blocked: 0, errors: 0 })
  }, 90_000)

  it('CHK-613 the program waits for its thread and ends with it', () => {
    write((rows) => rows)
    const run = spawnSync(process.execPath, [program, ...importing()], { encoding: 'utf8', cwd: work, timeout: 30_000 })
    expect([run.status, run.stderr]).toEqual([0, ''])
    expect(JSON.parse(run.stdout)).toMatchObject({ observations_imported: chunks * rowsEach, chunks_imported: chunks })
  }, 60_000)
})

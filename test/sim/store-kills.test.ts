import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/platform/clock.ts'
import { seededRandom, systemRandom } from '../../src/platform/random.ts'
import { Store } from '../../src/store/store.ts'
import { rowsToMigrate, slowMigrations } from './workers/slow-migrations.ts'
import { auditStore } from './workers/store-audit.ts'
import { WriterProcess } from './workers/writer-process.ts'

let dataDir = ''
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'store-kills-'))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const seed = Number(process.env['SEED'] ?? 11)
const random = seededRandom(seed)
const below = (bound: number): number => Number.parseInt(random.hex(4), 16) % bound
const kills = Number(process.env['KILLS'] ?? 200)

describe('killed processes', () => {
  it(`C1, C6 ${kills} kills, each on a file that others write, open and recover: what was acknowledged is there`, async () => {
    const all: WriterProcess[] = []
    const oneLane = async (): Promise<void> => {
      while (all.length < kills) {
        const writer = new WriterProcess(dataDir, all.length + 1, 60_000)
        all.push(writer)
        // Some die while they open, and so in the middle of recovering what the last one left.
        const fate = below(4)
        if (fate > 0) await writer.start()
        if (fate > 1) await writer.firstAck()
        await pause(below(50))
        writer.signal('SIGKILL')
        await writer.ended()
      }
    }
    await Promise.all([oneLane(), oneLane(), oneLane(), oneLane()])
    const audit = await auditStore(dataDir, all)
    console.log(JSON.stringify({ check: 'C1', seed, kills: all.length, durability: 'disk', ...audit }))
    expect(all.flatMap((writer) => writer.errors)).toEqual([])
    expect(audit).toMatchObject({ lost: 0, gaps: 0, surplus: 0, integrity: 'ok' })
    expect(audit.acked).toBeGreaterThan(kills)
  })

  const program = fileURLToPath(new URL('./workers/store-migrator.ts', import.meta.url))
  const migrator = (steps: number): ReturnType<typeof spawn> =>
    spawn(process.execPath, [program, dataDir, String(steps)])

  it('C6, MEM-105 killed while migrating, the file is old or new, and the next one finishes', async () => {
    const seen: number[] = []
    for (let n = 0; n < 12; n++) {
      if (n === 0 || seen.at(-1) === 2) {
        rmSync(dataDir, { recursive: true })
        await once(migrator(1), 'exit')
      }
      const child = migrator(2)
      const ended = once(child, 'exit')
      await pause(80 + below(500))
      child.kill('SIGKILL')
      await ended
      const store = Store.open({ dataDir, migrations: slowMigrations(1), clock: systemClock, random: systemRandom })
      const { schema } = store.stats()
      seen.push(schema)
      const count = (table: string): unknown => store.read((tx) => tx.get(`SELECT count(*) n FROM ${table}`))
      expect(count('old')).toEqual({ n: rowsToMigrate })
      if (schema === 2) expect(count('new')).toEqual({ n: rowsToMigrate })
      await store.close()
    }
    console.log(JSON.stringify({ check: 'C6', seed, schemas_seen: seen }))
    await once(migrator(2), 'exit')
    const store = Store.open({ dataDir, migrations: slowMigrations(2), clock: systemClock, random: systemRandom })
    const integrity = store.read((tx) => tx.get('PRAGMA integrity_check'))
    await store.close()
    expect([store.stats().schema, integrity]).toEqual([2, { integrity_check: 'ok' }])
  })

  it('MEM-105 of six that migrate at once one does it, and all then work', async () => {
    await once(migrator(1), 'exit')
    const codes = await Promise.all(
      Array.from({ length: 6 }, async () => (await once(migrator(2), 'exit'))[0] as unknown),
    )
    const store = Store.open({ dataDir, migrations: slowMigrations(2), clock: systemClock, random: systemRandom })
    const runs = store.read((tx) => tx.get<{ n: number }>('SELECT count(*) n FROM new'))?.n
    await store.close()
    expect([codes, runs, readdirSync(join(dataDir, 'backups')).length]).toEqual([[0, 0, 0, 0, 0, 0], rowsToMigrate, 1])
  })

  it('MEM-101 of eight that make the file at once all open it', async () => {
    const codes = await Promise.all(
      Array.from({ length: 8 }, async () => (await once(migrator(2), 'exit'))[0] as unknown),
    )
    expect(codes).toEqual([0, 0, 0, 0, 0, 0, 0, 0])
  })
})

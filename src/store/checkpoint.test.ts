import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../platform/clock.ts'
import { systemRandom } from '../platform/random.ts'
import { Checkpointer, checkpoint } from './checkpoint.ts'
import { Connection } from './driver.ts'
import { Store } from './store.ts'

const migrations = [
  {
    version: 1,
    name: 'first',
    up: (db: { exec(sql: string): void }) => db.exec('CREATE TABLE entry (id INTEGER PRIMARY KEY, text)'),
  },
]
const mebibyte = 1024 * 1024

let dataDir = ''
let store: Store
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'checkpoint-'))
  store = Store.open({ dataDir, migrations, clock: systemClock, random: systemRandom, walBytesForced: mebibyte })
})
afterEach(async () => {
  await store.close()
  rmSync(dataDir, { recursive: true, force: true })
})

async function write(bytes: number, pauseMs = 1): Promise<number> {
  let walBytesMax = 0
  for (let written = 0; written < bytes; written += 100_000) {
    await store.write((tx) => tx.run('INSERT INTO entry (text) VALUES (?)', 'x'.repeat(100_000)), {
      durability: 'normal',
    })
    walBytesMax = Math.max(walBytesMax, store.stats().walBytes)
    await systemClock.sleep(pauseMs)
  }
  return walBytesMax
}

describe('checkpoints', () => {
  it('MEM-103 under load the WAL stays near its bound', async () => {
    expect(await write(20 * mebibyte)).toBeLessThan(3 * mebibyte)
    expect(store.stats().fileBytes).toBeGreaterThan(15 * mebibyte)
  })

  it('MEM-103 behind a reader that stays it grows, and falls back when the reader goes', async () => {
    const reader = Connection.open(store.path, { access: 'read-only', busyTimeoutMs: 0 })
    reader.exec('BEGIN')
    reader.get('SELECT count(*) FROM entry')
    const grown = await write(4 * mebibyte)
    expect(grown).toBeGreaterThan(3 * mebibyte)
    reader.close()
    await systemClock.sleep(300)
    await write(4 * mebibyte)
    expect(store.stats().walBytes).toBeLessThan(3 * mebibyte)
  })

  it('MEM-103 a thread moves the WAL aside, so that no writer ever does it by force', async () => {
    await store.close()
    const random = { hex: (bytes: number) => '00'.repeat(bytes) } // begins its thread as early as any process does
    store = Store.open({ dataDir, migrations, clock: systemClock, random, walBytesForced: 16 * mebibyte })
    expect(await write(40 * mebibyte, 4)).toBeLessThan(15 * mebibyte)
    expect(store.stats().fileBytes).toBeGreaterThan(20 * mebibyte)
  })

  it('MEM-103 in a crowd whoever has given its turn on moves a part, the next turn begins the WAL anew, and so does a long one', async () => {
    await store.close()
    store = Store.open({ dataDir, migrations, clock: systemClock, random: systemRandom })
    const connection = Connection.open(store.path, { access: 'read-write', busyTimeoutMs: 0 })
    const made = (walBytesForced: number): Checkpointer =>
      new Checkpointer({
        path: store.path,
        walBytesForced,
        random: systemRandom,
        connection: () => connection,
        failed: (error) => expect.unreachable(String(error)),
      })
    const [checkpointer, nearItsBound, inLongTurn] = [made(32 * mebibyte), made(2 * mebibyte), made(16 * mebibyte)]
    const left = (): number => {
      const { frames, moved } = checkpoint(connection, 'NOOP')
      return frames - moved
    }
    try {
      await write(6 * mebibyte)
      checkpointer.wrote(0, 31)
      expect(left()).toBeGreaterThan(1_024)
      checkpointer.turnGiven(0)
      expect(left()).toBeGreaterThan(1_024)
      checkpointer.turnGiven(31)
      expect(left()).toBe(0)
      await write(700_000)
      checkpointer.wrote(1_000, 31)
      expect(left()).toBeGreaterThan(100)
      nearItsBound.wrote(1_000, 31)
      expect(left()).toBe(0)
      await write(100_000)
      expect(checkpoint(connection, 'NOOP').frames).toBeLessThan(100)
      await write(6 * mebibyte)
      inLongTurn.wrote(1_000, 31)
      expect(left()).toBe(0)
    } finally {
      for (const each of [checkpointer, nearItsBound, inLongTurn]) await each.stop()
      connection.close()
    }
  })

  it('MEM-103 a connection that fails is told of and throws at nobody: the commit before it stands', async () => {
    await write(200_000)
    const broken = Connection.open(store.path, { access: 'read-write', busyTimeoutMs: 0 })
    broken.close()
    const failures: unknown[] = []
    const checkpointer = new Checkpointer({
      path: store.path,
      walBytesForced: mebibyte,
      random: systemRandom,
      connection: () => broken,
      failed: (error) => failures.push(error),
    })
    checkpointer.wrote(0, 0)
    await checkpointer.stop()
    expect(failures).toHaveLength(1)
  })

  it('MEM-103 a second after the last write the file holds everything, and the WAL may begin anew', async () => {
    await write(300_000)
    const before = store.stats()
    expect(before.fileBytes).toBeLessThan(100_000)
    await systemClock.sleep(1_300)
    expect(store.stats().fileBytes).toBeGreaterThan(300_000)
    await write(100_000)
    expect(store.stats().walBytes).toBeLessThanOrEqual(before.walBytes)
  })

  it('MEM-103 closing leaves the file alone, without a WAL beside it', async () => {
    await write(300_000)
    await store.close()
    expect([store.stats().walBytes, store.stats().fileBytes > 300_000]).toEqual([0, true])
  })

  it('MEM-103 closing beside another process leaves the WAL to it', async () => {
    const other = Store.open({ dataDir, migrations, clock: systemClock, random: systemRandom })
    await write(300_000)
    await store.close()
    expect(store.stats().walBytes).toBeGreaterThan(0)
    expect(other.read((tx) => tx.all('SELECT id FROM entry').length)).toBe(3)
    await other.close()
  })

  it('S2 damage that is there is called so, and the file stays where it is', async () => {
    await write(2 * mebibyte)
    await store.close()
    const before = store.stats().fileBytes
    const file = openSync(store.path, 'r+')
    writeSync(file, Buffer.alloc(before - 4_096, 0xff), 0, before - 4_096, 4_096)
    closeSync(file)
    store = Store.open({ dataDir, migrations, clock: systemClock, random: systemRandom })
    const reading = (): unknown => store.read((tx) => tx.all('SELECT text FROM entry'))
    expect(reading).toThrow(expect.objectContaining({ code: 'database_corrupt' }))
    await expect(write(100_000)).rejects.toMatchObject({ code: 'database_corrupt' })
    expect([store.stats().fileBytes, existsSync(store.path)]).toEqual([before, true])
  })
})

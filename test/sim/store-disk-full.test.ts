import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { EngramError } from '../../src/model/errors.ts'
import { systemClock } from '../../src/platform/clock.ts'
import { seededRandom, systemRandom } from '../../src/platform/random.ts'
import { Store } from '../../src/store/store.ts'
import { simulationMigrations } from './workers/store-schema.ts'

const seed = Number(process.env['SEED'] ?? 5)
const rounds = Number(process.env['ROUNDS'] ?? 60)
const random = seededRandom(seed)
const below = (bound: number): number => Number.parseInt(random.hex(4), 16) % bound

const disk = mkdtempSync(join(tmpdir(), 'store-full-'))
const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', disk]).status === 0
if (!isMounted) console.warn('S1 skipped: a tmpfs cannot be mounted here (it needs root).')

afterAll(() => {
  if (isMounted) execFileSync('umount', ['-l', disk])
  rmSync(disk, { recursive: true, force: true })
})

const ballast = join(disk, 'ballast')
const freeBytes = (): number => {
  const room = statfsSync(disk)
  return room.bavail * room.bsize
}

/** Leaves about so many bytes free. */
function leaveFree(bytes: number): void {
  writeFileSync(ballast, '')
  writeFileSync(ballast, new Uint8Array(Math.max(0, freeBytes() - bytes)))
}

describe.runIf(isMounted)('a full disk', () => {
  it(`S1 ${rounds} fill points: refused with storage_full at once, nothing acknowledged is lost, reads go on, and so do writes when space returns`, async () => {
    const store = Store.open({
      dataDir: join(disk, 'data'),
      migrations: simulationMigrations,
      clock: systemClock,
      random: systemRandom,
    })
    const acked: number[] = []
    const slow = { refusedMs: 0, againMs: 0 }
    let n = 0
    const save = async (): Promise<string> => {
      const number = ++n
      try {
        const body = 'x'.repeat(below(20_000))
        await store.write((tx) => tx.run('INSERT INTO entries (writer, n, body) VALUES (1, ?, ?)', number, body))
        acked.push(number)
        return ''
      } catch (error) {
        return error instanceof EngramError ? error.code : String(error)
      }
    }
    const stored = (): number[] =>
      store.read((tx) => tx.all<{ n: number }>('SELECT n FROM entries ORDER BY n')).map((row) => row.n)

    for (let round = 0; round < rounds; round++) {
      leaveFree(below(150_000))
      let refusal = ''
      let fromMs = 0
      for (let tries = 0; refusal === '' && tries < 1_000; tries++) {
        fromMs = performance.now()
        refusal = await save()
      }
      slow.refusedMs = Math.max(slow.refusedMs, performance.now() - fromMs)
      expect(refusal).toBe('storage_full')
      expect(stored()).toEqual(acked)
      truncateSync(ballast, 0)
      fromMs = performance.now()
      expect(await save()).toBe('')
      slow.againMs = Math.max(slow.againMs, performance.now() - fromMs)
    }
    const integrity = store.read((tx) => tx.get('PRAGMA integrity_check'))
    await store.close()
    console.log(
      JSON.stringify({
        check: 'S1',
        seed,
        fill_points: rounds,
        acked: acked.length,
        lost: 0,
        durability: 'disk',
        ...slow,
      }),
    )
    expect(integrity).toEqual({ integrity_check: 'ok' })
    expect(slow.againMs).toBeLessThan(1_000)
  })

  it('S1 a data dir on a full disk is not made, and says why', async () => {
    leaveFree(0)
    const options = {
      dataDir: join(disk, 'other'),
      migrations: simulationMigrations,
      clock: systemClock,
      random: systemRandom,
    }
    expect(() => Store.open(options)).toThrow(expect.objectContaining({ code: 'storage_full' }))
    truncateSync(ballast, 0)
    await Store.open(options).close()
  })
})

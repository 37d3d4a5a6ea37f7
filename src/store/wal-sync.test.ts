import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { WalSync } from './wal-sync.ts'

/** A file that cannot be synced tells each time it is tried. */
function watched(path = '/dev/null'): { readonly sync: WalSync; readonly failures: () => number } {
  let failures = 0
  const sync = new WalSync({ path, afterMs: 5, generation: () => 1, failed: () => failures++ })
  return { sync, failures: () => failures }
}

describe('WalSync', () => {
  it('COL-205 a normal commit is synced a moment later, several of them at once', async () => {
    const { sync, failures } = watched()
    for (let n = 0; n < 10; n++) sync.committed('normal')
    expect(failures()).toBe(0)
    await expect.poll(failures).toBe(1)
    sync.committed('normal')
    await expect.poll(failures).toBe(2)
  })

  it.each([
    ['a full commit did it by the way', ['normal', 'full']],
    ['what can be made again is owed nothing', ['derived', 'derived']],
  ] as const)('COL-205 no fsync where none is owed: %s', async (_name, commits) => {
    const { sync, failures } = watched()
    for (const durability of commits) sync.committed(durability)
    await sleep(50)
    await sync.stop()
    expect(failures()).toBe(0)
  })

  it('COL-205 whoever stops owes nothing', async () => {
    const { sync, failures } = watched()
    sync.committed('normal')
    await sync.stop()
    expect(failures()).toBe(1)
    await sleep(30)
    expect(failures()).toBe(1)
  })

  it('COL-205 a log that is gone owes nothing', async () => {
    const { sync, failures } = watched('/nowhere/engram.db-wal')
    sync.committed('normal')
    await sync.stop()
    expect(failures()).toBe(0)
  })

  describe.runIf(process.platform === 'linux')('the log it holds open', () => {
    const directory = mkdtempSync(join(tmpdir(), 'wal-sync-'))
    afterEach(() => rmSync(directory, { recursive: true, force: true }))
    const path = join(directory, 'engram.db-wal')
    const make = (): void => writeFileSync(path, 'frames')
    /** What this process has open there: a file that is gone is told so. */
    const held = (): readonly string[] =>
      readdirSync('/proc/self/fd')
        .flatMap((fd) => {
          try {
            return [readlinkSync(`/proc/self/fd/${fd}`)]
          } catch {
            return []
          }
        })
        .filter((target) => target.startsWith(path))

    it('COL-205 is let go when nothing is owed, and never is that of a connection before', async () => {
      make()
      let generation = 1
      const sync = new WalSync({ path, afterMs: 1, generation: () => generation, failed: () => undefined })
      const seen = new Set<string>()
      const writeFor = async (ms: number): Promise<void> => {
        const untilMs = performance.now() + ms
        while (performance.now() < untilMs) {
          sync.committed('normal')
          for (const one of held()) seen.add(one)
          await new Promise(setImmediate)
        }
      }
      await writeFor(100)
      expect([...seen]).toEqual([path])
      rmSync(path)
      make()
      generation++
      // Whoever writes on gets there within one fsync.
      await writeFor(50)
      seen.clear()
      await writeFor(100)
      expect([...seen]).toEqual([path])
      await sync.stop()
      expect(held()).toEqual([])
    })
  })
})

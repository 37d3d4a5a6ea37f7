import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { JsonlStore } from './jsonl-store.ts'

/** What only a real file system shows. */

const root = await mkdtemp(join(tmpdir(), 'engram-directory-'))
afterAll(() => rm(root, { recursive: true, force: true }))
let directory = ''
let made = 0
beforeEach(() => {
  directory = join(root, `d${made++}`)
})

const isRoot = process.getuid?.() === 0
if (isRoot)
  console.log('a directory one may not write: not tried, root may write anywhere; crash.test.ts simulates EACCES')

const mode = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8)

describe('a real directory', () => {
  it('TRN-106 TRN-303 parents are made; files are for their owner alone', async () => {
    const nested = join(directory, 'a', 'b')
    const store = await JsonlStore.open(nested)
    await store.addMessage('a:B', 'user', 'x')
    await store.close()
    expect((await readdir(nested)).sort()).toEqual(['.engram', 's-a~3a~42.jsonl', 's-a~3a~42.meta.json'])
    expect(await mode(nested)).toBe('700')
    for (const name of ['s-a~3a~42.jsonl', 's-a~3a~42.meta.json', '.engram/format.json']) {
      expect(await mode(join(nested, name))).toBe('600')
    }
    expect(await readdir(join(nested, '.engram', 'locks'))).toEqual([])
    expect(await readdir(join(nested, '.engram', 'tmp'))).toEqual([])
  })

  it('TRN-106 a path that cannot be a directory: says so', async () => {
    await writeFile(directory, '')
    const failure = { code: 'storage_failed', message: expect.stringMatching(/^create directory/) as unknown }
    await expect(JsonlStore.open(directory)).rejects.toMatchObject(failure)
    await expect(JsonlStore.open(join(directory, 'x'))).rejects.toMatchObject(failure)
  })

  it.each(['s-k.jsonl', 's-k.meta.json'])(
    'TRN-1403 a symbolic link as %s is refused, and its target untouched',
    async (name) => {
      await mkdir(directory)
      const target = join(root, `target-${name}`)
      await writeFile(target, '{"key":"k","format":1}\n')
      const store = await JsonlStore.open(directory)
      await store.addMessage('other', 'user', 'x')
      await symlink(target, join(directory, name))
      await expect(store.getHistory('k')).rejects.toMatchObject({ code: 'storage_failed' })
      await expect(store.addMessage('k', 'user', 'x')).rejects.toMatchObject({ code: 'storage_failed' })
      expect((await store.listSessions()).sessions.map((one) => one.key)).toEqual(['other'])
      await store.close()
      expect((await stat(target)).size).toBe(23)
    },
  )

  it('TRN-901 TRN-1302 two stores write and list by turns: what is kept for the next store never shows', async () => {
    await mkdir(directory)
    const meta = (key: string): string => JSON.stringify({ key, summary: '', skip: 0, count: 0, format: 1 })
    for (let n = 0; n < 520; n++) await writeFile(join(directory, `s-k${n}.meta.json`), meta(`k${n}`))
    const listed = async (store: JsonlStore): Promise<unknown> => (await store.listSessions({ limit: 1_000 })).sessions
    // Of another start of the machine: nothing that was kept is believed.
    const truth = async (): Promise<unknown> =>
      listed(await JsonlStore.open(directory, { readOnly: true, machine: { bootId: 'another' } }))
    const stores = [await JsonlStore.open(directory), await JsonlStore.open(directory)] as const
    await listed(stores[0])
    for (let n = 0; n < 40; n++) {
      const store = stores[n % 2] ?? stores[0]
      const key = `k${(n * 7) % 30}`
      if (n % 5 === 4) await store.deleteSession(key)
      else if (n % 5 === 3) await store.setSummary(key, `so far ${n}`)
      else await store.addMessage(key, 'user', `${n}`, { durability: 'normal' })
      const readers = [...stores, await JsonlStore.open(directory, { readOnly: true })]
      for (const reader of readers) {
        // Meta files are written in the background too: what is compared must have stood still meanwhile.
        let [before, found, after]: unknown[] = [await truth(), await listed(reader), await truth()]
        while (!isDeepStrictEqual(before, after)) [before, found, after] = [after, await listed(reader), await truth()]
        expect(found).toEqual(after)
      }
    }
    for (const store of stores) await store.close()
    expect(await readdir(join(directory, '.engram', 'index'))).toContain('sessions')
    expect(await listed(await JsonlStore.open(directory, { readOnly: true }))).toEqual(await truth())
  })

  it('TRN-1403 a pipe in place of a transcript is refused and hangs nothing', async () => {
    const store = await JsonlStore.open(directory)
    execFileSync('mkfifo', [join(directory, 's-k.jsonl')])
    await expect(store.getHistory('k')).rejects.toMatchObject({ code: 'storage_failed' })
    await expect(store.addMessage('k', 'user', 'x')).rejects.toMatchObject({ code: 'storage_failed' })
    await store.close()
  })

  it('TRN-105 opening and closing leaves no descriptor', async () => {
    const descriptors = async (): Promise<number> => (await readdir('/proc/self/fd')).length
    const once = async (): Promise<void> => {
      const store = await JsonlStore.open(directory)
      await Promise.all(['a', 'b', 'c'].map((key) => store.addMessage(key, 'user', 'x')))
      await store.truncateHistory('a', 0)
      await store.compact('a')
      await store.getHistory('a')
      await store.close()
    }
    await once()
    const before = await descriptors()
    for (let n = 0; n < 5; n++) await once()
    expect(await descriptors()).toBe(before)
  })

  it.runIf(!isRoot)('TRN-609 a directory one may not write: typed, reading goes on', async () => {
    const first = await JsonlStore.open(directory)
    await first.addMessage('k', 'user', 'x')
    await first.close()
    await chmod(directory, 0o500)
    const store = await JsonlStore.open(directory)
    await expect(store.addMessage('l', 'user', 'x')).rejects.toMatchObject({ code: 'storage_failed' })
    expect(await store.count('k')).toBe(1)
    await store.close()
  })
})

/** A disk of 1 MiB; null where one may not mount. */
function mountSmall(path: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const small = await mkdtemp(join(root, 'small-'))
const isMounted = mountSmall(small)
if (!isMounted)
  console.log('a full disk: not tried on a real one, mounting needs root; jsonl-store.test.ts simulates it')
afterAll(() => {
  if (isMounted) execFileSync('umount', [small])
})

describe('a disk that is really full', () => {
  it.runIf(isMounted)(
    'TRN-607 typed and retryable, nothing acknowledged lost, no half line, and it goes on once there is room',
    async () => {
      const store = await JsonlStore.open(join(small, 'store'))
      const kept: string[] = []
      const failures: unknown[] = []
      for (let n = 0; n < 60; n++) {
        const text = `${n} ${'x'.repeat(n < 30 ? 40_000 : 3_000)}`
        await store.addMessage('k', 'user', text).then(
          () => kept.push(text),
          (error: unknown) => failures.push(error),
        )
      }
      expect(failures.length).toBeGreaterThan(3)
      for (const failure of failures) expect(failure).toMatchObject({ code: 'storage_full', row: { retryable: true } })
      const contents = async (): Promise<string[]> => (await store.getHistory('k')).map((message) => message.content)
      expect(await contents()).toEqual(kept)
      await writeFile(join(small, 'filler'), Buffer.alloc(512 * 1024)).catch(() => undefined)
      await expect(store.setHistory('k', [{ role: 'user', content: 'y'.repeat(200_000) }])).rejects.toMatchObject({
        code: 'storage_full',
      })
      expect(await contents()).toEqual(kept)
      await rm(join(small, 'filler'))
      await store.truncateHistory('k', 1).catch(() => undefined)
      await store.close()
      await rm(join(small, 'store', '.engram', 'tmp'), { recursive: true, force: true })
      const again = await JsonlStore.open(join(small, 'store'))
      const visible = (await again.getHistory('k')).map((message) => message.content)
      expect([kept, kept.slice(-1)]).toContainEqual(visible)
      await again.close()
    },
  )
})

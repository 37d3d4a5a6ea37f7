import { link, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { sha256Hex } from './bytes.ts'
import { FaultyFiles, isChange } from './faulty-files.ts'
import { filesAtOnce } from './files-at-once.ts'
import { errorCodeOf, sha256OfFile, systemFiles, writeAtomic } from './files.ts'
import { quickFiles } from './quick-files.ts'

const root = await mkdtemp(join(tmpdir(), 'engram-files-'))
afterAll(() => rm(root, { recursive: true, force: true }))
let directory = ''
let made = 0
beforeEach(async () => {
  directory = join(root, `d${made++}`)
  await systemFiles.makeDirectory(directory, 0o700)
})

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const code = async (work: Promise<unknown>): Promise<string> => work.then(() => 'none', errorCodeOf)

describe.each([
  ['system files', systemFiles],
  ['files at once', filesAtOnce],
  ['quick files', quickFiles],
] as const)('%s', (_, doors) => {
  it('appends, reads at a position, cuts, tells facts', async () => {
    const path = join(directory, 'a')
    const file = await doors.open(path, 'append')
    await file.write(bytes('hello '))
    await file.write(bytes('world'))
    const into = new Uint8Array(20)
    expect(await file.read(into, 6)).toBe(5)
    expect(await file.read(into, 11)).toBe(0)
    await file.truncate(5)
    await file.sync()
    expect(await file.facts()).toMatchObject({ kind: 'file', size: 5, mode: 0o600 })
    await file.close()
    expect(await readFile(path, 'utf8')).toBe('hello')
  })

  it('open modes: read must exist, create must not, links are never followed, pipes do not hang', async () => {
    const path = join(directory, 'a')
    await symlink(join(directory, 'elsewhere'), join(directory, 'link'))
    expect(await code(doors.open(path, 'read'))).toBe('ENOENT')
    await (await doors.open(path, 'create', 0o640)).close()
    expect(await code(doors.open(path, 'create'))).toBe('EEXIST')
    for (const mode of ['read', 'append', 'create'] as const) {
      expect(['ELOOP', 'EEXIST']).toContain(await code(doors.open(join(directory, 'link'), mode)))
    }
    expect(await doors.facts(join(directory, 'link'))).toMatchObject({ kind: 'symlink' })
  })

  it('makes a directory with its parents; a place that takes none is an error at once', async () => {
    const deep = join(directory, 'a/b/c')
    await doors.makeDirectory(deep, 0o700)
    await doors.makeDirectory(deep, 0o700)
    expect(await doors.facts(join(directory, 'a'))).toMatchObject({ kind: 'directory', mode: 0o700 })
    await writeFile(join(directory, 'file'), '')
    expect(await code(doors.makeDirectory(join(directory, 'file'), 0o700))).toBe('EEXIST')
    expect(['EEXIST', 'ENOTDIR']).toContain(await code(doors.makeDirectory(join(directory, 'file/x'), 0o700)))
    expect(await code(doors.makeDirectory('/proc/nothing/deeper', 0o700))).toBe('ENOENT')
  })

  it('answers null for what is not there, and removes what is not there', async () => {
    const path = join(directory, 'none')
    expect([await doors.facts(path), await doors.list(path), await doors.readBytes(path)]).toEqual([null, null, null])
    await doors.remove(path)
    expect(await doors.list(directory)).toEqual([])
  })

  it('links a file under a second name, and removes empty directories only', async () => {
    await writeFile(join(directory, 'a'), 'x')
    await doors.link(join(directory, 'a'), join(directory, 'b'))
    expect((await stat(join(directory, 'b'))).nlink).toBe(2)
    expect(await code(doors.link(join(directory, 'a'), join(directory, 'b')))).toBe('EEXIST')
    await doors.makeDirectory(join(directory, 'sub'), 0o700)
    expect(await code(doors.removeDirectory(directory))).toBe('ENOTEMPTY')
    await doors.removeDirectory(join(directory, 'sub'))
    expect(await doors.list(directory)).toEqual([
      { name: 'a', kind: 'file' },
      { name: 'b', kind: 'file' },
    ])
  })

  it('sums the beginning of a file, over block borders', async () => {
    const content = Buffer.alloc(2_500_000, 'abc')
    await writeFile(join(directory, 'a'), content)
    const file = await doors.open(join(directory, 'a'), 'read')
    for (const length of [0, 1, 1024 * 1024, 2_500_000]) {
      expect(await sha256OfFile(file, length)).toBe(sha256Hex(content.subarray(0, length)))
    }
    expect(await sha256OfFile(file, 2_500_001)).toBe(null)
    await file.close()
  })
})

describe.each([
  ['system files', systemFiles],
  ['quick files', quickFiles],
])('%s, in a process that stays', (_, files) => {
  it('large pieces and small ones alike; closing waits for what runs, and then nothing is asked of the file', async () => {
    const file = await files.open(join(directory, 'a'), 'append')
    const large = Buffer.alloc(3_000_000, 'abc')
    await file.write(large)
    await file.write(bytes('end'))
    await file.sync()
    const into = Buffer.alloc(3_000_003)
    const reading = file.read(into, 0)
    await file.close()
    expect(await reading).toBe(3_000_003)
    expect(into.equals(Buffer.concat([large, Buffer.from('end')]))).toBe(true)
    await file.close().catch(() => undefined)
    for (const asked of [file.read(into, 0), file.write(bytes('x')), file.sync(), file.facts()])
      expect(await code(asked)).toBe('EBADF')
  })

  it('leaves others their turn, however much is asked of it', async () => {
    let turns = 0
    const count = (): void => {
      turns++
      next = setImmediate(count)
    }
    let next = setImmediate(count)
    for (const until = performance.now() + 100; performance.now() < until;) await files.facts(directory)
    clearImmediate(next)
    expect(turns).toBeGreaterThan(5)
  })
})

describe('writeAtomic', () => {
  const write = (text: string | Uint8Array, unique = 'u', options: { permissions?: number } = {}): Promise<void> =>
    writeAtomic(systemFiles, join(directory, 'a'), typeof text === 'string' ? bytes(text) : text, {
      unique,
      ...options,
    })
  const content = (): Promise<string> => readFile(join(directory, 'a'), 'utf8')

  it.each(['', 'x', 'y'.repeat(1024 * 1024)])(
    'TRN-T5 TRN-403 writes and overwrites, and leaves no temporary file %#',
    async (text) => {
      await write('before')
      await write(text)
      expect(await content()).toBe(text)
      expect(await readdir(directory)).toEqual(['a'])
    },
  )

  it('TRN-T5 mode bits, ten writers at once, a place that cannot be written', async () => {
    await write('x', 'u', { permissions: 0o640 })
    expect((await stat(join(directory, 'a'))).mode & 0o777).toBe(0o640)
    await Promise.all(Array.from({ length: 10 }, (_, n) => write(String(n).repeat(5_000), `u${n}`)))
    expect(await content()).toMatch(/^(\d)\1{4999}$/)
    expect(await code(writeAtomic(systemFiles, join(directory, 'none', 'a'), bytes('x'), { unique: 'u' }))).toBe(
      'ENOENT',
    )
    expect(await readdir(directory)).toEqual(['a'])
  })

  it('TRN-403 a temporary file elsewhere on the disk', async () => {
    const temporary = join(directory, 'sub', 't')
    await systemFiles.makeDirectory(join(directory, 'sub'), 0o700)
    await writeAtomic(systemFiles, join(directory, 'a'), bytes('x'), { unique: 'u', temporary })
    expect([await content(), await readdir(join(directory, 'sub'))]).toEqual(['x', []])
  })

  it('TRN-403 failing or stopped at any operation: old or new, and after a failure no temporary file', async () => {
    await write('old')
    const path = join(directory, 'a')
    for (const kind of ['fail', 'crash'] as const) {
      for (let at = 1, isOver = false; !isOver; at++) {
        const files = new FaultyFiles(systemFiles, { at, kind, matches: isChange, partBytes: 1 })
        const isDone = await writeAtomic(files, path, bytes('new'), { unique: `${kind}${at}` }).then(
          () => true,
          () => false,
        )
        isOver = !files.hasStruck
        if (kind === 'crash' && !isOver) await files.cutPower()
        expect(isDone ? ['new'] : ['old', 'new']).toContain(await content())
        if (kind === 'fail') expect(await readdir(directory)).toEqual(['a'])
        await write('old', 'again')
        for (const name of await readdir(directory)) if (name !== 'a') await rm(join(directory, name))
      }
    }
  })
})

describe('faulty files', () => {
  it('counts operations and bytes, and fails the n-th match only', async () => {
    const files = new FaultyFiles(systemFiles, {
      at: 2,
      kind: 'fail',
      code: 'ENOSPC',
      partBytes: 2,
      matches: (one) => one.kind === 'write',
    })
    const file = await files.open(join(directory, 'a'), 'append')
    await file.write(bytes('one'))
    expect(await code(file.write(bytes('two')))).toBe('ENOSPC')
    await file.write(bytes('three'))
    await file.close()
    expect(await readFile(join(directory, 'a'), 'utf8')).toBe('onetwthree')
    expect([files.count('write'), files.bytesWritten(), files.count('open', '/a')]).toEqual([3, 11, 1])
  })

  it('a power cut takes unsynced bytes and names, and nothing else', async () => {
    await writeFile(join(directory, 'kept'), 'kept')
    await writeFile(join(directory, 'target'), 'old')
    const files = new FaultyFiles(systemFiles)
    const synced = await files.open(join(directory, 'kept'), 'append')
    await synced.write(bytes('+synced'))
    await synced.sync()
    await synced.write(bytes('+lost'))
    await (await files.open(join(directory, 'named'), 'create')).write(bytes('bytes lost'))
    await files.syncDirectory(directory)
    await files.open(join(directory, 'nameless'), 'create')
    await files.rename(join(directory, 'named'), join(directory, 'target'))
    await files.remove(join(directory, 'kept'))
    await files.cutPower()
    expect(await code(files.list(directory))).toBe('ECRASHED')
    const left = await Promise.all(
      (await readdir(directory)).sort().map(async (name) => [name, await readFile(join(directory, name), 'utf8')]),
    )
    expect(left).toEqual([
      ['kept', 'kept+synced'],
      ['named', ''],
      ['target', 'old'],
    ])
  })

  it('a killed process loses nothing it had asked for', async () => {
    const files = new FaultyFiles(systemFiles)
    await (await files.open(join(directory, 'a'), 'create')).write(bytes('x'))
    await link(join(directory, 'a'), join(directory, 'b'))
    await files.rename(join(directory, 'a'), join(directory, 'c'))
    await files.killProcess()
    expect((await readdir(directory)).sort()).toEqual(['b', 'c'])
  })
})

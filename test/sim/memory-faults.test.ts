import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { toEngramError } from '../../src/model/errors.ts'
import { openEngine, type OpenedEngine } from '../../src/open-engine.ts'
import { mountExt4Disk } from './memory-workers/ext4-disk.ts'
import { acksOf, errorsOf } from './memory-workers/log-lines.ts'
import { auditMemory, sound } from './memory-workers/memory-audit.ts'
import { MemoryProcess, workerEnvironment, workerPath } from './memory-workers/memory-process.ts'
import { project } from './memory-workers/save-mix.ts'
import { isLong, newPlace, pause, seed, tellFigure, type Place } from './memory-workers/simulation.ts'

const hasFiu = spawnSync('fiu-run', ['-h']).error === undefined
if (!hasFiu) console.warn('S2 skipped: fiu-run (package fiu-utils) is not installed.')

let place: Place
const opened: OpenedEngine[] = []
beforeEach(() => {
  place = newPlace('memory-faults')
})
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
  place.remove()
})

async function open(dataDir = place.dataDir): Promise<OpenedEngine> {
  const one = await openEngine({ dataDir, environment: {} })
  opened.push(one)
  return one
}

/** `created`, `queued` … or the code of the failure. */
const save = (one: OpenedEngine, content: string): Promise<string> =>
  one.caller.call('observation.save', { project, session_id: 'session', title: content, content }).then(
    ({ outcome }) => outcome,
    (error: unknown) => toEngramError(error).code,
  )

/** Titles, oldest first, or the code of the failure. */
const titles = (one: OpenedEngine): Promise<readonly string[] | string> =>
  one.caller.call('observation.list', { all_projects: true, limit: 100, sort: 'created_at:asc' }).then(
    (rows) => rows.map((row) => row.title).sort(),
    (error: unknown) => toEngramError(error).code,
  )

const search = (one: OpenedEngine, query: string): Promise<number | string> =>
  one.caller.call('memory.search', { query, all_projects: true, limit: 5 }).then(
    (found) => found.hits.length,
    (error: unknown) => toEngramError(error).code,
  )

/** What the next process finds after it has written what is queued. */
async function nextProcessFinds(dataDir = place.dataDir): Promise<readonly string[] | string> {
  const next = await open(dataDir)
  await next.tend()
  return titles(next)
}

/** Starts a writer and, when it has saved once, makes a point of its C library fail with EIO; Node itself is up by then. */
async function runFailing(point: string, probability: number, ms: number): Promise<MemoryProcess> {
  const controls = join(place.root, 'fiu')
  const launcher = ['fiu-run', '-x', '-f', controls]
  const writer = await new MemoryProcess({ ...place, writer: 2, seed, ms, launcher }).start()
  await writer.firstAck()
  const fault = `enable_random name=${point},probability=${probability},failinfo=5`
  const injected = spawnSync('fiu-ctrl', ['-f', controls, '-c', fault, String(writer.pid)], { encoding: 'utf8' })
  if (injected.status !== 0) throw new Error(`expected the fault to be taken, fiu-ctrl says ${injected.stderr}`)
  return writer
}

describe.runIf(hasFiu)('a disk that fails under the memory', () => {
  const ms = isLong ? 60_000 : 1_000
  it.each([
    ['posix/io/sync/fsync', 0.1],
    ['posix/io/sync/fsync', 1],
    ['posix/io/rw/pwrite', 0.02],
    ['posix/io/rw/pread', 0.05],
  ])(
    'S2 EIO at %s, p=%d: what was acknowledged or queued is there, the healthy file stays, another process goes on',
    async (point, probability) => {
      const healthy = await new MemoryProcess({ ...place, writer: 1, seed, ms: ms + 700 }).start()
      const faulty = await runFailing(point, probability, ms)
      const lines = await faulty.ended()
      const others = await healthy.ended()
      const audit = await auditMemory(place.dataDir, [...others, ...lines])
      const codes = Object.fromEntries(
        Map.groupBy(errorsOf(lines), (line) => line.code)
          .entries()
          .map(([code, all]) => [code, all.length]),
      )
      const queued = acksOf(lines).filter((ack) => ack.outcome === 'queued').length
      tellFigure({ check: 'S2 memory', seed, point, probability, durability: 'disk', ...audit, codes, queued })
      expect([faulty.stderr, lines.at(-1)?.t]).toEqual(['', 'worst'])
      expect([healthy.stderr, errorsOf(others)]).toEqual(['', []])
      expect(audit).toMatchObject(sound)
      // While reads fail, the check that would tell damage from a failing disk fails as well.
      const honest = point.endsWith('pread') ? ['storage_failed', 'database_corrupt'] : ['storage_failed']
      expect(Object.keys(codes).filter((code) => !honest.includes(code))).toEqual([])
      expect(Object.keys(codes).length + queued).toBeGreaterThan(0)
      expect(readdirSync(place.dataDir).filter((name) => /corrupt|damaged/.test(name))).toEqual([])
    },
  )
})

describe('a place that goes away under the memory', () => {
  it('S3 the file system turns read-only while it is in use: nothing is acknowledged that is not there, reads go on, and after its repair saves go on without a new start', async ({
    skip,
  }) => {
    const disk = mountExt4Disk()
    if (disk === null) {
      console.warn('S3 skipped: an ext4 in a file cannot be mounted here (it needs root and loop devices).')
      return skip()
    }
    try {
      const dataDir = join(disk.path, 'data')
      const one = await open(dataDir)
      expect([await save(one, 'one'), await save(one, 'two')]).toEqual(['created', 'created'])
      disk.breakDown()
      expect([await titles(one), await search(one, 'one')]).toEqual([['one', 'two'], 2])
      const broken = [await save(one, 'three')]
      const reads = [await titles(one), await search(one, 'one')]
      broken.push(await save(one, 'four'))
      await pause(300)
      broken.push(await save(one, 'five'))
      reads.push(await titles(one), await search(one, 'one'))
      disk.repair()
      const fromMs = performance.now()
      let again = await save(one, 'six')
      while (again !== 'created' && again !== 'repeated' && performance.now() - fromMs < 3_000) {
        await pause(20)
        again = await save(one, 'six')
      }
      const againMs = performance.now() - fromMs
      tellFigure({ check: 'S3 EROFS', broken, reads, again, again_ms: againMs })
      expect(broken.filter((answer) => !/^(read_only|storage_failed)$/.test(answer))).toEqual([])
      expect(reads).toEqual([['one', 'two'], 2, ['one', 'two'], 2])
      expect(again).toBe('created')
      expect(againMs).toBeLessThan(1_000)
      for (const each of opened.splice(0)) await each.close()
      const found = await nextProcessFinds(dataDir)
      for (const each of opened.splice(0)) await each.close()
      expect(found).toEqual(['one', 'six', 'two'])
    } finally {
      disk.remove()
    }
  })

  it('S3 files made immutable while in use: saves wait in the spool, others read, and the next process writes them', async ({
    skip,
  }) => {
    const one = await open()
    await save(one, 'one')
    const files = ['engram.db', 'engram.db-wal'].map((name) => join(place.dataDir, name))
    if (spawnSync('chattr', ['+i', ...files]).status !== 0) {
      console.warn('S3 skipped: chattr +i is not possible here.')
      return skip()
    }
    const answers: (string | number | readonly string[])[] = []
    try {
      answers.push(await save(one, 'two'), await titles(one), await search(one, 'one'))
      const other = await open()
      answers.push(other.deps.store.mode, await save(other, 'three'), await titles(other))
    } finally {
      spawnSync('chattr', ['-i', ...files])
    }
    tellFigure({ check: 'S3 immutable', answers })
    expect(answers).toEqual(['queued', ['one'], 1, 'read-only', 'queued', ['one']])
    expect(await nextProcessFinds()).toEqual(['one', 'three', 'two'])
    await pause(300)
    expect(await save(one, 'four')).toBe('created')
  })

  it('S3 without a free descriptor saves and reads go on, what cannot be opened says so, and nothing crashes', () => {
    const command = `ulimit -n 64; exec "$0" "$1" "$2"`
    const args = ['-c', command, process.execPath, workerPath('memory-without-files'), place.dataDir]
    const { stdout, stderr } = spawnSync('sh', args, { encoding: 'utf8', env: workerEnvironment })
    expect(stderr).toBe('')
    const told = JSON.parse(stdout) as unknown
    tellFigure({ check: 'S3 EMFILE', ...(told as object) })
    const fine = { save: 'ok', list: 'ok', search: 'ok', health: 'ok' }
    expect(told).toMatchObject({
      without: { ...fine, backup: 'storage_failed', open: 'storage_failed' },
      again: { ...fine, backup: 'ok', open: 'ok' },
      saves: 3,
      stored: 3,
    })
  })

  it('S3, MEM-108, MEM-111 the data dir is removed: a save is queued there and found by the next process, a read says why', async () => {
    const one = await open()
    await save(one, 'one')
    rmSync(place.dataDir, { recursive: true })
    const answers = [await save(one, 'two'), await titles(one)]
    tellFigure({ check: 'S3 removed', answers, left: existsSync(place.dataDir) ? readdirSync(place.dataDir) : [] })
    expect(answers[1]).toBe('database_generation_changed')
    expect(['queued', 'database_generation_changed']).toContain(answers[0])
    expect(await nextProcessFinds()).toEqual(answers[0] === 'queued' ? ['two'] : [])
    expect(await save(one, 'three')).toBe('created')
  })

  it('MEM-108 the file is replaced by another of ours: the running process goes on with that one', async () => {
    const elsewhere = join(place.root, 'elsewhere')
    const other = await open(elsewhere)
    await save(other, 'from elsewhere')
    await other.close()
    const one = await open()
    await save(one, 'one')
    copyFileSync(join(elsewhere, 'engram.db'), join(place.dataDir, 'incoming'))
    for (const name of ['engram.db-wal', 'engram.db-shm']) rmSync(join(place.dataDir, name), { force: true })
    renameSync(join(place.dataDir, 'incoming'), join(place.dataDir, 'engram.db'))
    expect([await save(one, 'two'), await titles(one)]).toEqual(['created', ['from elsewhere', 'two']])
    expect(await search(one, 'elsewhere')).toBeGreaterThan(0)
    expect(await nextProcessFinds()).toEqual(['from elsewhere', 'two'])
  })

  it.each([
    ['text', (path: string) => writeFileSync(path, 'This is no database.\n'.repeat(300))],
    ['nothing', (path: string) => writeFileSync(path, '')],
    ['a database of another program', (path: string) => makeForeignDatabase(path)],
  ])('MEM-108, MEM-111 the file is replaced by %s: saves are queued, nothing is written into it', async (_, make) => {
    const one = await open()
    await save(one, 'one')
    const path = join(place.dataDir, 'engram.db')
    const [kept, stranger] = [join(place.root, 'kept'), join(place.root, 'stranger')]
    make(stranger)
    copyFileSync(path, kept)
    copyFileSync(`${path}-wal`, `${kept}-wal`)
    renameSync(stranger, path)
    const bytes = spawnSync('sha256sum', [path], { encoding: 'utf8' }).stdout
    const answers = [await save(one, 'two'), await titles(one)]
    expect(answers).toEqual(['queued', 'database_generation_changed'])
    expect(spawnSync('sha256sum', [path], { encoding: 'utf8' }).stdout).toBe(bytes)
    await opened.pop()?.close()
    for (const name of ['engram.db-wal', 'engram.db-shm']) rmSync(join(place.dataDir, name), { force: true })
    copyFileSync(kept, path)
    copyFileSync(`${kept}-wal`, `${path}-wal`)
    expect(await nextProcessFinds()).toEqual(['one', 'two'])
  })
})

/** A SQLite file with an application id that is not ours, made from one of ours. */
function makeForeignDatabase(path: string): void {
  copyFileSync(join(place.dataDir, 'engram.db'), path)
  spawnSync('sh', ['-c', `printf '\\001\\002\\003\\004' | dd of="$0" bs=1 seek=68 conv=notrunc`, path])
}

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EngramError } from '../../src/model/errors.ts'
import { systemClock } from '../../src/platform/clock.ts'
import { systemRandom } from '../../src/platform/random.ts'
import { Store } from '../../src/store/store.ts'
import { simulationMigrations } from './workers/store-schema.ts'

let root = ''
let dataDir = ''
const opened: Store[] = []
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'store-permissions-'))
  dataDir = join(root, 'data')
})
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
  rmSync(root, { recursive: true, force: true })
})

function open(at = dataDir): Store {
  const store = Store.open({ dataDir: at, migrations: simulationMigrations, clock: systemClock, random: systemRandom })
  opened.push(store)
  return store
}

const save = (store: Store, n: number): Promise<unknown> =>
  store.write((tx) => tx.run('INSERT INTO entries (writer, n, body) VALUES (1, ?, ?)', n, 'x'))

const numbersOf = (store: Store): number[] =>
  store.read((tx) => tx.all<{ n: number }>('SELECT n FROM entries ORDER BY n').map((row) => row.n))

async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work()
  } catch (error) {
    return error instanceof EngramError ? error.code : String(error)
  }
  return 'no failure'
}

/** Runs a command that needs root or a special file system; says so when it cannot. */
function can(command: string, ...args: string[]): boolean {
  const isDone = spawnSync(command, args).status === 0
  if (!isDone) console.warn(`S3 skipped: ${command} ${args[0]} is not possible here.`)
  return isDone
}

describe('a data dir that cannot be written', () => {
  it('S3 mounted read-only: opening says read_only; while another keeps it open it can be read', async ({ skip }) => {
    const writer = open()
    await save(writer, 1)
    const view = join(root, 'view')
    mkdirSync(view)
    if (!can('mount', '--bind', dataDir, view)) return skip()
    try {
      execFileSync('mount', ['-o', 'remount,ro,bind', view])
      const reader = open(view)
      expect([reader.mode, numbersOf(reader), await codeOf(() => save(reader, 2))]).toEqual([
        'read-only',
        [1],
        'read_only',
      ])
      expect(await codeOf(() => open(join(view, 'deeper')))).toBe('read_only')
      await reader.close()
      await writer.close()
      expect(await codeOf(() => open(view))).toBe('read_only')
    } finally {
      execFileSync('umount', ['-l', view])
    }
  })

  it('S3 mounted read-only, opened for whatever can be had: reads see what stands, also what is written later', async ({
    skip,
  }) => {
    const writer = open()
    await save(writer, 1)
    await writer.close()
    const view = join(root, 'view')
    mkdirSync(view)
    if (!can('mount', '--bind', dataDir, view)) return skip()
    try {
      execFileSync('mount', ['-o', 'remount,ro,bind', view])
      const reader = Store.open({
        dataDir: view,
        migrations: simulationMigrations,
        clock: systemClock,
        random: systemRandom,
        openLaterAfter: ['read_only'],
      })
      opened.push(reader)
      const seen = [reader.hasOpened, reader.mode, numbersOf(reader), await codeOf(() => save(reader, 2))]
      expect(seen).toEqual([false, 'read-only', [1], 'read_only'])
      const again = open()
      await save(again, 2)
      expect([numbersOf(reader), reader.hasOpened]).toEqual([[1, 2], true])
      await again.close()
    } finally {
      execFileSync('umount', ['-l', view])
    }
  })

  it('S3 a file made immutable can be read; writes say read_only, and work again afterwards', async ({ skip }) => {
    const first = open()
    await save(first, 1)
    await first.close()
    const path = join(dataDir, 'engram.db')
    if (!can('chattr', '+i', path)) return skip()
    const reader = open()
    try {
      expect([reader.mode, numbersOf(reader), await codeOf(() => save(reader, 2))]).toEqual([
        'read-only',
        [1],
        'read_only',
      ])
    } finally {
      execFileSync('chattr', ['-i', path])
    }
    await reader.close()
    const again = open()
    await save(again, 2)
    expect(numbersOf(again)).toEqual([1, 2])
  })

  it('S3 permissions of the directory forbid it', async ({ skip }) => {
    if (process.getuid?.() === 0) {
      console.warn('S3 skipped: permissions do not bind root; EROFS and EPERM above take the same way.')
      return skip()
    }
    mkdirSync(dataDir, { mode: 0o500 })
    expect(await codeOf(() => open())).toBe('read_only')
  })

  it('S3 a data dir removed while open is not made again, and says so', async () => {
    const store = open()
    await save(store, 1)
    rmSync(dataDir, { recursive: true })
    const codes = [await codeOf(() => save(store, 2)), await codeOf(() => numbersOf(store))]
    expect([codes, existsSync(dataDir)]).toEqual([
      ['database_generation_changed', 'database_generation_changed'],
      false,
    ])
  })

  it('S3, MEM-108 a symbolic link that is swapped leads to the other data dir', async () => {
    const [one, two] = [open(join(root, 'one')), open(join(root, 'two'))]
    await save(one, 1)
    await save(two, 2)
    symlinkSync('one', dataDir)
    const store = open()
    await save(store, 11)
    symlinkSync('two', `${dataDir}.next`)
    renameSync(`${dataDir}.next`, dataDir)
    await save(store, 22)
    expect([numbersOf(one), numbersOf(two)]).toEqual([
      [1, 11],
      [2, 22],
    ])
  })

  it('S3 without a free file descriptor what is open goes on, and what cannot be opened says so', () => {
    const program = fileURLToPath(new URL('./workers/store-without-files.ts', import.meta.url))
    const command = `ulimit -n 64; exec "$0" "$1" "$2"`
    const { stdout, stderr } = spawnSync('sh', ['-c', command, process.execPath, program, dataDir], {
      encoding: 'utf8',
    })
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual({
      without: ['ok', 'ok', 'storage_failed'],
      again: ['ok', 'ok', 'ok'],
      rows: 3,
    })
    expect(readdirSync(join(dataDir, 'queue'))).toEqual([])
  })
})

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { person, type Person } from '../../src/cli/testing/person.ts'
import { openEngine } from '../../src/open-engine.ts'
import { Connection } from '../../src/store/driver.ts'

/** What works while the database does not open: saves wait, and what makes it whole again runs (MEM-111, MEM-1104). */

let ana: Person
let copy = ''
const database = (): string => join(ana.dataDir, 'engram.db')
const spooled = (): string[] => (existsSync(join(ana.dataDir, 'spool')) ? readdirSync(join(ana.dataDir, 'spool')) : [])

beforeEach(async () => {
  ana = person()
  await ana.say(['save', 'Pool size', 'Ten connections.', '--project', 'alpha'])
  copy = ((await ana.json(['backup', 'create'])) as { readonly path: string }).path
})
afterEach(() => ana.leave())

/** The schema's page is overwritten; the header that says whose file it is stays. */
function damage(): void {
  const bytes = readFileSync(database())
  bytes.fill(0xaa, 100, 4_096)
  writeFileSync(database(), bytes)
}

const broken: readonly (readonly [name: string, breakIt: () => void, code: string])[] = [
  ['text', () => writeFileSync(database(), 'This is no database.\n'.repeat(500)), 'not_a_database'],
  ['a damaged schema', damage, 'database_corrupt'],
  ['half of it', () => truncateSync(database(), statSync(database()).size / 2), 'database_corrupt'],
  ['a database of another program', foreign, 'foreign_database'],
]

function foreign(): void {
  rmSync(database())
  writeFileSync(database(), '')
  const other = Connection.open(database(), { access: 'read-write', busyTimeoutMs: 0 })
  other.run('CREATE TABLE things (x)')
  other.run('PRAGMA application_id = 7')
  other.close()
}

describe.each(broken)('instead of the database: %s', (_name, breakIt, code) => {
  it('MEM-111, MEM-1104 a save waits, the rest says why, a copy is put back, and the save is written', async () => {
    breakIt()
    const before = readFileSync(database())
    const queued = await ana.say(['save', 'Later', 'Twenty connections.', '--project', 'alpha'])
    expect([queued.code, queued.out, spooled().length]).toEqual([0, 'Memory queued: "Later" (manual)\n', 1])
    const search = await ana.say(['search', 'connections', '--project', 'alpha', '--json'])
    expect([search.code, JSON.parse(search.err)]).toMatchObject([1, { code }])
    expect(await ana.json(['backup', 'list'])).toMatchObject([{ path: copy }])
    expect((await ana.say(['backup', 'verify', copy])).code).toBe(0)
    const doctor = await ana.say(['doctor', '--json'])
    const { status, checks } = JSON.parse(doctor.out) as {
      readonly status: string
      readonly checks: readonly { readonly check_id: string; readonly result: string; readonly findings: unknown }[]
    }
    expect([doctor.code, status, checks.find((one) => one.check_id === 'integrity')]).toMatchObject([
      1,
      'error',
      { result: 'error', findings: [{ kind: 'file', code }] },
    ])
    expect(checks.filter((one) => one.result === 'blocked').length).toBeGreaterThan(10)
    expect(readFileSync(database())).toEqual(before)

    const { previous } = (await ana.json(['backup', 'restore', copy, '--yes'])) as { readonly previous: string }
    expect(readFileSync(previous)).toEqual(before)
    const found = await ana.say(['search', 'connections', '--project', 'alpha'])
    expect(found.out).toMatch(/^Found 2 memories:/)
    expect(spooled()).toEqual([])
  })
})

describe('an engine of a program', () => {
  it('MEM-1104 throws what opening throws unless it was told otherwise, and goes on once the file is good', async () => {
    writeFileSync(database(), 'This is no database.\n'.repeat(500))
    const options = { dataDir: ana.dataDir, environment: {} }
    await expect(openEngine(options)).rejects.toMatchObject({ code: 'not_a_database' })
    const opened = await openEngine({ ...options, mayBeShut: true })
    try {
      const save = (title: string) =>
        opened.caller.call('observation.save', { title, content: `About ${title}.`, project: 'alpha' })
      expect((await save('one')).outcome).toBe('queued')
      await expect(opened.caller.call('system.health', {})).rejects.toMatchObject({ code: 'not_a_database' })
      rmSync(database())
      expect((await save('two')).outcome).toBe('created')
      await opened.tend()
      const titles = await opened.caller.call('observation.list', { all_projects: true, sort: 'created_at:asc' })
      expect(titles.map((row) => row.title).toSorted()).toEqual(['one', 'two'])
    } finally {
      await opened.close()
    }
  })

  it('MEM-1104 a server does not start over a database it cannot open', async () => {
    writeFileSync(database(), 'This is no database.\n'.repeat(500))
    const served = await ana.say(['serve', '--port', '0'])
    expect([served.code, served.err]).toEqual([1, expect.stringContaining('is not a SQLite database')])
  })
})

describe('saves that wait', () => {
  it('MEM-111 who only reads waits neither for them nor for the lock; they are written once it is free', async () => {
    mkdirSync(join(ana.dataDir, 'spool'), { recursive: true })
    const other = Connection.open(database(), { access: 'read-write', busyTimeoutMs: 0 })
    other.run('BEGIN IMMEDIATE')
    try {
      await ana.say(['save', 'Later', 'Twenty connections.', '--project', 'alpha'])
      expect(spooled()).toHaveLength(1)
      const fromMs = performance.now()
      const read = await ana.say(['search', 'connections', '--project', 'alpha'])
      expect(performance.now() - fromMs).toBeLessThan(1_000)
      expect(read.out).toMatch(/^Found 1 memories:/)
    } finally {
      other.run('ROLLBACK')
      other.close()
    }
    expect((await ana.say(['search', 'connections', '--project', 'alpha'])).out).toMatch(/^Found 2 memories:/)
    expect(spooled()).toEqual([])
  })
})

describe('a place that takes no data dir', () => {
  it.each(['/proc/x', '/proc/self/nothing/deeper', '/dev/null/x'])('MEM-101 %s is an error at once', async (place) => {
    const fromMs = performance.now()
    const said = await ana.say(['save', 'T', 'Some content.', '--data-dir', place])
    expect([said.code, said.err]).toEqual([
      1,
      expect.stringMatching(/cannot be made .*\n +Choose another --data-dir\.\n$/),
    ])
    expect(performance.now() - fromMs).toBeLessThan(2_000)
  })
})

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { person, type Person, type Said } from '../../src/cli/testing/person.ts'
import { Connection } from '../../src/store/driver.ts'
import { setSchemaNumber } from '../sim/memory-workers/schema-number.ts'
import { mountSmallDisk } from '../sim/memory-workers/small-disk.ts'
import { ask, newPlace, ServedProcess, type Place } from './served-process.ts'

/**
 * Bad input through the whole program, as one table: command → exit code and message, and that nothing was lost.
 * After every row the memories are those of before and, where the row says so, one more. No network file system can be
 * mounted here: MEM-107 is tested where file systems are told apart (src/platform/filesystem-kind.test.ts).
 */
type Row = readonly [
  name: string,
  words: readonly string[],
  wanted: { readonly code: number; readonly out?: RegExp; readonly err?: RegExp; readonly adds?: number },
  prepare?: { readonly input?: string | Uint8Array; readonly files?: Readonly<Record<string, string | Uint8Array>> },
]

// Put together here, so that no file of the repository holds what looks like one.
const secret = ['ghp', 'a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8'].join('_')
const hidden = 'the plan of tomorrow'

const backup = (more: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({
    version: '0.2.0',
    sessions: [{ id: 's', project: 'alpha' }],
    observations: [],
    prompts: [],
    ...more,
  })
const observation = (more: Readonly<Record<string, unknown>> = {}) => ({
  sync_id: 'obs-00000000000000aa',
  session_id: 's',
  title: 'T',
  content: 'From a backup.',
  project: 'alpha',
  ...more,
})
const transcript = (...records: readonly unknown[]): string =>
  records.map((record) => `${typeof record === 'string' ? record : JSON.stringify(record)}\n`).join('')
const turn = { uuid: 'u1', sessionId: 's-1', timestamp: '2026-01-01T00:00:00Z', cwd: '/home/someone/orchard' }

const rows: readonly Row[] = [
  // ── names ──
  [
    'MEM-110/a project of 300 characters',
    ['save', 'T', 'c', '--project', 'x'.repeat(300)],
    { code: 2, err: /has 300 bytes/ },
  ],
  ['MEM-110/a project with NUL', ['save', 'T', 'c', '--project', 'a\0b'], { code: 2, err: /contains NUL/ }],
  ['MEM-110/a blank project', ['save', 'T', 'c', '--project', ' '], { code: 2, err: /it is blank/ }],
  ['MEM-803/nothing but slashes', ['save', 'T', 'c', '--project', '///'], { code: 2, err: /it is blank/ }],
  [
    'MEM-803/slashes and dots are reduced',
    ['save', 'T', 'c1', '--project', '../../etc/x'],
    { code: 0, err: /looks like a path; x is used/, adds: 1 },
  ],
  [
    'MEM-803/a leading dot is reduced',
    ['save', 'T', 'c2', '--project', '.hidden'],
    { code: 0, err: /looks like a path; hidden is used/, adds: 1 },
  ],
  [
    'MEM-801/half a character',
    ['save', 'T', 'c3', '--project', '\ud800x'],
    { code: 0, err: /is filed under \uFFFDx/, adds: 1 },
  ],
  ['MEM-806/a project nobody knows', ['search', 'x', '--project', 'alpa'], { code: 5, err: /Did you mean alpha\?/ }],
  [
    'MEM-110/a session of 300 characters',
    ['save', 'T', 'c', '--session', 's'.repeat(300)],
    { code: 2, err: /session_id/ },
  ],
  [
    'MEM-110/a session with NUL',
    ['save', 'T', 'c', '--session', 'a\0b'],
    { code: 2, err: /session_id: must not contain NUL/ },
  ],
  [
    'MEM-110/a type of 65 characters',
    ['save', 'T', 'c', '--type', 'x'.repeat(65)],
    { code: 2, err: /^engram: type: / },
  ],
  [
    'MEM-1702/a secret as project',
    ['save', 'T', 'c', '--project', secret],
    { code: 2, err: /project: expected a name, got one that holds a secret \(github\)/ },
  ],
  [
    'MEM-1702/a secret as session',
    ['save', 'T', 'c', '--session', `s-${secret}`],
    { code: 2, err: /session_id: expected a name/ },
  ],
  [
    'MEM-1701/a private block as session',
    ['save', 'T', 'c', '--session', `<private>${hidden}</private>`],
    { code: 2, err: /holds a secret \(private\)/ },
  ],
  // ── queries ──
  ['MEM-602/an unbalanced quote', ['search', '"pool', '--all'], { code: 0, out: /^Found 1 memories/ }],
  ['MEM-602/a star alone', ['search', '*', '--all'], { code: 0, err: /holds no words/ }],
  ['MEM-602/NEAR', ['search', 'NEAR(pool size)', '--all'], { code: 0, out: /^Found 1 memories/ }],
  ['MEM-602/a minus', ['search', '--all', '--', '-pool'], { code: 0, out: /^Found 1 memories/ }],
  ['MEM-602/an operator without its end', ['search', 'pool AND', '--all'], { code: 0, out: /^Found 1 memories/ }],
  ['MEM-602/the name of a column', ['search', 'content:pool ^size', '--all'], { code: 0, out: /^Found 1 memories/ }],
  ['MEM-602/brackets', ['search', '(((', '--all'], { code: 0, err: /holds no words/ }],
  [
    'MEM-602/a statement',
    ['search', "'; DROP TABLE observations; --", '--all'],
    { code: 0, out: /^No memories found/ },
  ],
  [
    'MEM-602/10,000 words',
    ['search', 'pool '.repeat(10_000), '--all'],
    { code: 0, err: /the query was cut to its limit/ },
  ],
  ['MEM-602/half a character', ['search', '\ud800', '--all'], { code: 0, err: /holds no words/ }],
  ['MEM-605/nothing', ['search', '', '--all'], { code: 0, err: /holds no words/ }],
  [
    'MEM-1401/a limit of ten, in letters',
    ['search', 'x', '--limit', 'ten'],
    { code: 2, err: /expected a whole number of at least 1, got "ten"/ },
  ],
  ['MEM-1401/a limit of none', ['search', 'x', '--limit', '0'], { code: 2, err: /at least 1, got "0"/ }],
  [
    'MEM-1401/a project and all projects',
    ['search', 'x', '--all', '--project', 'alpha'],
    { code: 2, err: /either a project or --all, got both/ },
  ],
  // ── content ──
  [
    'MEM-301/10 MB',
    ['save', 'Big', '-', '--project', 'alpha'],
    { code: 0, err: /it has 10000000 bytes, 50000 are kept/, adds: 1 },
    { input: 'x'.repeat(10_000_000) },
  ],
  ['MEM-302/blank', ['save', 'T', ' \n\t '], { code: 2, err: /got only white space/ }],
  [
    'MEM-302/no title',
    ['save', '', 'What is the title?', '--project', 'alpha'],
    { code: 0, err: /The title was blank/, adds: 1 },
  ],
  [
    'MEM-110/a title of 5,000 characters',
    ['save', 't'.repeat(5_000), 'c4', '--project', 'alpha'],
    { code: 0, err: /The title was too long and is cut/, adds: 1 },
  ],
  ['CHK-203/half a character', ['save', 'T', 'half \ud800 of one', '--project', 'alpha'], { code: 0, adds: 1 }],
  [
    'CHK-203/NUL',
    ['save', 'T', 'nul \0 inside', '--project', 'alpha'],
    { code: 0, err: /NUL or broken Unicode/, adds: 1 },
  ],
  [
    'CHK-203/no UTF-8 on standard input',
    ['save', 'Latin', '-', '--project', 'alpha'],
    { code: 0, err: /standard input is not UTF-8/, adds: 1 },
    { input: new Uint8Array([0x63, 0x61, 0x66, 0xe9, 0x20, 0x6f, 0x6b]) },
  ],
  [
    'MEM-1701/an unclosed private block',
    ['save', 'T', `open <private>${hidden}`, '--project', 'alpha'],
    { code: 0, err: /1 place redacted \(private\)/, adds: 1 },
  ],
  [
    'MEM-1702/secrets in title and content',
    ['save', `key ${secret}`, `it is ${secret}`, '--project', 'alpha'],
    { code: 0, out: /"key \[REDACTED:github\]"/, err: /2 places redacted \(github\)/, adds: 1 },
  ],
  [
    'MEM-202/a date nobody can read',
    ['save', 'T', 'c', '--expires', 'tomorrowish'],
    { code: 2, err: /Expected a duration such as 30d or a date/ },
  ],
  // ── records ──
  ['MEM-1205/a number there is not', ['show', '99'], { code: 5, err: /Unknown observation "99"/ }],
  ['MEM-1205/no number at all', ['delete', 'abc', '--hard'], { code: 5, err: /Unknown observation "abc"/ }],
  ['MEM-401/no field to change', ['update', '1'], { code: 2, err: /at least one field/ }],
  [
    'MEM-401/a text that does not stand there',
    ['update', '1', '--find', 'zzz', '--replace', 'y'],
    { code: 0, out: /^Memory unchanged: #1/, err: /does not stand in the memory/ },
  ],
  ['MEM-401/find without replace', ['update', '1', '--find', 'Ten'], { code: 2, err: /find and replace together/ }],
  [
    'MEM-402/another project',
    ['update', '1', '--title', 'New', '--expected-project', 'beta'],
    { code: 3, err: /alpha/ },
  ],
  [
    'MEM-807/names that are no variants',
    ['projects', 'merge', '--from', 'alpha', '--to', 'zzz', '--apply'],
    { code: 3, err: /Pass --force/ },
  ],
  ['MEM-1102/a check there is not', ['doctor', '--check', 'integrty'], { code: 2, err: /Unknown check "integrty"/ }],
  // ── backups ──
  [
    'MEM-1002/half a backup',
    ['import', 'half.json'],
    { code: 1, err: /Nothing was applied/ },
    { files: { 'half.json': backup({ observations: [observation()] }).slice(0, -20) } },
  ],
  [
    'MEM-1002/no backup',
    ['import', 'text.json'],
    { code: 1, err: /it is no JSON object/ },
    { files: { 'text.json': 'hello' } },
  ],
  [
    'MEM-1002/no UTF-8',
    ['import', 'bytes.json'],
    { code: 1, err: /it is not UTF-8 text/ },
    { files: { 'bytes.json': new Uint8Array([0x7b, 0xff, 0xfe]) } },
  ],
  [
    'MEM-1002/a version to come',
    ['import', 'later.json'],
    { code: 2, err: /got "9\.0"/ },
    { files: { 'later.json': backup({ version: '9.0' }) } },
  ],
  ['MEM-1002/no file', ['import', 'none.json'], { code: 5, err: /There is no file none\.json/ }],
  [
    'MEM-1003/a bad row among good ones',
    ['import', 'row.json'],
    { code: 1, err: /^set aside: observation obs-00000000000000ab: /, adds: 1 },
    {
      files: {
        'row.json': backup({
          observations: [observation(), observation({ sync_id: 'obs-00000000000000ab', content: ' ' })],
        }),
      },
    },
  ],
  [
    'MEM-1003/the same, all or nothing',
    ['import', 'strict.json', '--strict'],
    { code: 1, err: /Nothing was applied/ },
    { files: { 'strict.json': backup({ observations: [observation({ sync_id: 'obs-00000000000000ac' }), null] }) } },
  ],
  [
    'MEM-110/a content of 60,000 bytes',
    ['import', 'long.json'],
    { code: 0, err: /^cut: observation obs-00000000000000ad: 60000 bytes to 50000$/m, adds: 1 },
    {
      files: {
        'long.json': backup({
          observations: [observation({ sync_id: 'obs-00000000000000ad', content: 'y'.repeat(60_000) })],
        }),
      },
    },
  ],
  [
    'MEM-110/a row whose project holds NUL',
    ['import', 'nul.json'],
    { code: 1, err: /contains NUL/ },
    {
      files: {
        'nul.json': backup({ observations: [observation({ sync_id: 'obs-00000000000000ae', project: 'a\0b' })] }),
      },
    },
  ],
  [
    'MEM-1004/a copy that is none',
    ['backup', 'restore', 'garbage.db', '--yes'],
    { code: 1, err: /cannot be restored: file is not a database/ },
    { files: { 'garbage.db': 'garbage' } },
  ],
  ['MEM-1004/a restore without a yes', ['backup', 'restore', 'garbage.db'], { code: 2, err: /Pass --yes/ }],
  ['MEM-1004/a copy that is not there', ['backup', 'restore', 'none.db', '--yes'], { code: 5, err: /Nothing lies at/ }],
  // ── transcripts ──
  [
    'ING-LIN-4/records and lines of no known kind',
    ['ingest', '--path', 'odd.jsonl', '--verbose'],
    { code: 0, out: /1 bad: no JSON object[^]*1 unknown hologram: of no kind this version knows/ },
    {
      files: {
        'odd.jsonl': transcript({ ...turn, type: 'hologram' }, '{broken', {
          ...turn,
          uuid: 'u2',
          type: 'user',
          message: { role: 'user', content: 'Hello.' },
        }),
      },
    },
  ],
  [
    'ING-LIN-4/a record 100 levels deep',
    ['ingest', '--path', 'deep.jsonl', '--verbose'],
    { code: 0, out: /1 bad: no JSON object/ },
    { files: { 'deep.jsonl': transcript(`{"type":"user","x":${'['.repeat(100)}${']'.repeat(100)}}`) } },
  ],
  ['ING-CLI-2/a path that is not there', ['ingest', '--path', '/nope'], { code: 5, err: /Nothing lies at \/nope/ }],
  [
    'ING-CLI-2/a file that is no transcript',
    ['ingest', '--path', 'notes.txt'],
    { code: 0, err: /notes\.txt: no-transcript/ },
    { files: { 'notes.txt': 'x' } },
  ],
  [
    'ING-INC-6/an upgrade and --path',
    ['ingest', '--upgrade', '--path', '/nope'],
    { code: 2, err: /^engram: --path: --upgrade reads the archive alone/ },
  ],
  [
    'ING-INC-6/an upgrade and --force',
    ['ingest', '--upgrade', '--force'],
    { code: 2, err: /^engram: --force: --upgrade reads the archive alone/ },
  ],
  [
    'ING-INC-6/an upgrade and --skip-knowledge',
    ['ingest', '--upgrade', '--skip-knowledge'],
    { code: 2, err: /^engram: --skip-knowledge: --upgrade reads the archive alone/ },
  ],
  [
    'ING-INC-6/an upgrade and --no-archive',
    ['ingest', '--upgrade', '--no-archive'],
    { code: 2, err: /^engram: --no-archive: --upgrade reads the archive alone/ },
  ],
  ['ING-CLI-1/a time nobody can read', ['ingest', '--since', 'yesterday'], { code: 2, err: /expected a duration/ }],
  // ── the command line ──
  ['MEM-1401/a command nearly right', ['serch', 'x'], { code: 2, err: /Did you mean search\?/ }],
  ['MEM-1401/a flag nearly right', ['search', 'x', '--projct', 'a'], { code: 2, err: /Did you mean --project\?/ }],
  ['MEM-1401/a word too few', ['save', 'T'], { code: 2, err: /Missing required argument 'content'/ }],
  ['MEM-101/a relative data dir', ['stats', '--data-dir', 'here'], { code: 2, err: /Expected an absolute data dir/ }],
  ['MEM-101/a data dir below /proc', ['save', 'T', 'c', '--data-dir', '/proc/x'], { code: 1, err: /cannot be made/ }],
  [
    'COL-1501/a port there is not',
    ['serve', '--port', '99999'],
    { code: 2, err: /--port: expected a port from 0 to 65535, such as 7437/ },
  ],
  [
    'COL-1501/an address for all, without a token',
    ['serve', '--addr', '0.0.0.0:0'],
    { code: 2, err: /a token is needed/ },
  ],
  [
    'MEM-1403/a vault that is not there',
    ['obsidian-export', '--vault', '/nope'],
    { code: 2, err: /Expected the folder of a vault/ },
  ],
]

let ana: Person
const kept = { text: 'Ten connections.', count: 1 }

beforeAll(async () => {
  ana = person()
  await ana.say(['save', 'Pool size', kept.text, '--project', 'alpha'])
})
afterAll(() => ana.leave())

async function memories(of: Person): Promise<number> {
  const status = (await of.json(['status'])) as { readonly counts: { readonly observations: number } }
  return status.counts.observations
}

function checked(said: Said, wanted: Row[2]): void {
  expect({ code: said.code, out: said.out, err: said.err }).toMatchObject({
    code: wanted.code,
    ...(wanted.out === undefined ? {} : { out: expect.stringMatching(wanted.out) as string }),
    ...(wanted.err === undefined ? {} : { err: expect.stringMatching(wanted.err) as string }),
  })
  // A failure says one thing and what to do, and never where in our code it happened.
  expect(said.err).not.toMatch(/^ +at /m)
  if (wanted.code !== 0 && wanted.out === undefined) expect(said.err).toMatch(/^\S[^]*\n$/)
}

describe('bad input', () => {
  it.each(rows.map((row) => [row[0], row] as const))('%s', async (_name, [, words, wanted, prepare = {}]) => {
    for (const [name, content] of Object.entries(prepare.files ?? {})) writeFileSync(join(ana.home, name), content)
    checked(await ana.say(words, prepare), wanted)
    kept.count += wanted.adds ?? 0
    expect(await memories(ana)).toBe(kept.count)
    expect(await ana.json(['show', '1'])).toMatchObject({ title: 'Pool size', content: kept.text, revision_count: 1 })
  })

  it('MEM-1701, MEM-1702 after all of that no file of the data dir holds what it must not, and the doctor finds nothing', async () => {
    const files = readdirSync(ana.dataDir, { recursive: true, encoding: 'utf8' })
      .map((name) => join(ana.dataDir, name))
      .filter((path) => statSync(path).isFile())
    expect(files.length).toBeGreaterThan(3)
    for (const path of files) {
      const bytes = readFileSync(path, 'latin1')
      expect([path, bytes.includes(secret), bytes.includes(hidden)]).toEqual([path, false, false])
    }
    const doctor = (await ana.json(['doctor'])) as { readonly checks: readonly { readonly result: string }[] }
    expect(doctor.checks.filter((check) => check.result === 'error' || check.result === 'blocked')).toEqual([])
  })
})

/** Somebody with one memory, whose database is then made bad. */
async function withBad(makeBad: (bad: Person) => void, work: (bad: Person) => Promise<void>): Promise<void> {
  const bad = person()
  try {
    await bad.say(['save', 'Pool size', kept.text, '--project', 'alpha'])
    makeBad(bad)
    await work(bad)
  } finally {
    bad.leave()
  }
}

const fileOf = (bad: Person): string => join(bad.dataDir, 'engram.db')

/** Another program's tables in the place of ours. */
function replaced(bad: Person, tables: readonly string[], applicationId: number): void {
  rmSync(fileOf(bad))
  writeFileSync(fileOf(bad), '')
  const other = Connection.open(fileOf(bad), { access: 'read-write', busyTimeoutMs: 0 })
  for (const table of tables) other.run(`CREATE TABLE ${table} (id INTEGER)`)
  other.run(`PRAGMA application_id = ${applicationId}`)
  other.close()
}

type BadFile = readonly [
  name: string,
  makeBad: (bad: Person) => void,
  read: readonly [code: number, told: RegExp],
  save: readonly [code: number, told: RegExp],
]

const badFiles: readonly BadFile[] = [
  [
    'MEM-111/text in its place',
    (bad) => writeFileSync(fileOf(bad), 'text '.repeat(2_000)),
    [1, /is not a SQLite database[^]*backup restore/],
    [0, /Memory queued/],
  ],
  [
    'MEM-111/half of it',
    (bad) => truncateSync(fileOf(bad), 2_048),
    [1, /is damaged|not a SQLite|malformed/],
    [0, /Memory queued/],
  ],
  [
    'MEM-111/a database of another program',
    (bad) => replaced(bad, ['things'], 7),
    [1, /another program's database/],
    [0, /Memory queued/],
  ],
  [
    'MEM-104/a schema to come',
    (bad) => setSchemaNumber(fileOf(bad), 999),
    [0, /Found 1 memories/],
    [0, /Memory queued/],
  ],
  [
    'MEM-106/a database of the Go program',
    (bad) => replaced(bad, ['observations', 'user_prompts', 'sessions'], 0),
    [1, /belongs to the Go program[^]*engram adopt/],
    [1, /engram adopt/],
  ],
  [
    'MEM-101/a directory in its place',
    (bad) => (rmSync(fileOf(bad)), mkdirSync(fileOf(bad))),
    [1, /engram: /],
    [0, /Memory queued/],
  ],
]

describe('a bad database', () => {
  it.each(badFiles)('%s', async (_name, makeBad, read, save) => {
    await withBad(makeBad, async (bad) => {
      const before = statSync(fileOf(bad)).isFile() ? readFileSync(fileOf(bad)) : null
      const told = (said: Said): readonly [number, string] => [said.code, said.out + said.err]
      expect(told(await bad.say(['search', 'connections', '--all']))).toEqual([read[0], expect.stringMatching(read[1])])
      const words = ['save', 'Later', 'Twenty connections.', '--project', 'alpha']
      expect(told(await bad.say(words))).toEqual([save[0], expect.stringMatching(save[1])])
      if (before !== null) expect(readFileSync(fileOf(bad)).equals(before)).toBe(true)
    })
  })
})

describe('a bad place', () => {
  it('S1/a full disk: a save says so, reading goes on, and so do saves when there is room', async ({ skip }) => {
    const disk = mountSmallDisk(4)
    if (disk === null) {
      console.warn('S1 skipped: a tmpfs cannot be mounted here (it needs root).')
      return skip()
    }
    try {
      const there = ['--data-dir', join(disk.path, 'data')]
      await ana.say(['save', 'Pool size', kept.text, '--project', 'alpha', ...there])
      disk.leaveFree(0)
      const said = await ana.say(['save', 'More', 'word '.repeat(5_000), '--project', 'alpha', ...there])
      checked(said, { code: 1, err: /disk .*is full[^]*Free some space/ })
      expect((await ana.say(['search', 'connections', '--all', ...there])).out).toMatch(/^Found 1 memories/)
      disk.empty()
      expect((await ana.say(['save', 'More', 'Some words.', '--project', 'alpha', ...there])).code).toBe(0)
    } finally {
      disk.remove()
    }
  })

  it('S3/a read-only data dir: a save says what to do, reading goes on, and nothing is changed', async ({ skip }) => {
    const view = join(ana.home, 'view')
    mkdirSync(view)
    if (spawnSync('mount', ['--bind', ana.dataDir, view]).status !== 0) {
      console.warn('S3 skipped: a folder cannot be mounted read-only here (it needs root).')
      return skip()
    }
    try {
      execFileSync('mount', ['-o', 'remount,ro,bind', view])
      const there = ['--data-dir', view]
      checked(await ana.say(['save', 'T', 'Not here.', '--project', 'alpha', ...there]), {
        code: 1,
        err: /cannot be written[^]*Make the data dir writable/,
      })
      checked(await ana.say(['search', 'connections', '--all', ...there]), {
        code: 0,
        out: /^Found \d+ memories:\n\n\[1\] #1 /,
      })
      expect(await memories(ana)).toBe(kept.count)
    } finally {
      execFileSync('umount', ['-l', view])
    }
  })
})

describe('a server that is asked badly', () => {
  let place: Place
  let server: ServedProcess
  let port = 0
  beforeAll(async () => {
    place = newPlace()
    server = new ServedProcess(place)
    port = await server.port()
  })
  afterAll(async () => {
    await server.end()
    place.remove()
  })

  const asked: readonly (readonly [string, string, string, Parameters<typeof ask>[3], number, string])[] = [
    ['W1/a foreign Host', 'GET', '/observations/recent', { headers: { host: 'evil.test' } }, 403, 'origin_refused'],
    [
      'W1/a name that means us elsewhere',
      'GET',
      '/health',
      { headers: { host: '127.0.0.1.nip.io' } },
      403,
      'origin_refused',
    ],
    [
      'W1/a foreign Origin',
      'GET',
      '/observations/recent',
      { headers: { origin: 'https://evil.test' } },
      403,
      'origin_refused',
    ],
    [
      'W2/a form',
      'POST',
      '/observations',
      { body: { title: 't' }, headers: { 'content-type': 'text/plain' } },
      415,
      'unsupported_media_type',
    ],
    [
      'R6/40 levels',
      'POST',
      '/observations',
      { body: JSON.parse(`${'['.repeat(40)}${']'.repeat(40)}`) as unknown },
      400,
      'invalid_request',
    ],
    [
      'R5/2 MiB',
      'POST',
      '/observations',
      { body: { title: 't', content: 'x'.repeat(2 * 1024 * 1024) } },
      413,
      'payload_too_large',
    ],
    [
      'MEM-302/a blank content',
      'POST',
      '/observations',
      { body: { session_id: 's', title: 't', content: ' ' } },
      400,
      'invalid_request',
    ],
    [
      'MEM-1702/a secret as session',
      'POST',
      '/sessions',
      { body: { id: secret, project: 'alpha' } },
      400,
      'invalid_request',
    ],
    ['MEM-1205/a record there is not', 'GET', '/observations/99', {}, 404, 'not_found'],
  ]

  it.each(asked)('%s', async (_name, method, path, options, status, code) => {
    const reply = await ask({ port }, method, path, options)
    expect([reply.status, reply.json['code']]).toEqual([status, code])
    expect((await ask({ port }, 'GET', '/stats')).json).toMatchObject({ total_observations: 0, total_sessions: 0 })
  })

  it('MEM-1301/a port that somebody else has', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const address = other.address()
    const taken = typeof address === 'object' && address !== null ? String(address.port) : ''
    try {
      checked(await ana.say(['serve', '--port', taken]), { code: 1, err: /in use[^]*Choose another port/ })
    } finally {
      other.close()
    }
  })
})

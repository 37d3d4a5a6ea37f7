import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createMemoryLocks } from '../../src/platform/file-lock.ts'
import { systemFiles, type Files } from '../../src/platform/files.ts'
import { runIngest } from '../../src/ingest/run.ts'
import { ClaudeSession, uuidOf, workedSession } from './ingest-lines.ts'
import {
  changesIn,
  dropPlaces,
  filesBelow,
  longAgoMs,
  makePlaces,
  openWorld,
  snapshotOf,
  withWorld,
  worldNowMs,
  writeOld,
  type Places,
  type World,
} from './ingest-world.ts'

let places: Places
beforeEach(() => {
  places = makePlaces()
})
afterEach(() => dropPlaces(places))

const pathOf = (name: string, folder = 'orchard'): string => join(places.claude, 'projects', folder, `${name}.jsonl`)

function writeSessions(count: number, cwd?: string): readonly ClaudeSession[] {
  return Array.from({ length: count }, (_, index) => {
    const session = workedSession(index + 1, cwd)
    writeOld(pathOf(session.id), session.text, longAgoMs + index * 1_000)
    return session
  })
}

const one = (world: World, sql: string): number =>
  world.opened.deps.store.read((tx) => tx.get<{ n: number }>(sql)?.n ?? 0)

describe('secrets', () => {
  // Put together here, so that no file of the repository holds what looks like one.
  const secrets = {
    prompt: `ghp_${'A1b2C3d4E5'.repeat(4).slice(0, 36)}`,
    queued: `sk-ant-${'api03-Zx9Yw8Vu7'.repeat(3)}`,
    argument: `AKIA${'Q2W3E4R5T6Y7U8I9'.slice(0, 16)}`,
    output: ['xoxb', '123456789012', 'abcdefABCDEF'].join('-'),
    commit: ['glpat', 'a1B2c3D4e5F6g7H8i9J0'].join('-'),
    title: `npm_${'k1L2m3N4o5'.repeat(4).slice(0, 36)}`,
    check: `hf_${'aB3dE6gH9j'.repeat(4).slice(0, 34)}`,
    path: `gho_${'B2c3D4e5F6'.repeat(4).slice(0, 36)}`,
  }
  const privateWords = 'the grandmother of the gardener'

  it('ING-RED-7 planted ones are nowhere in the data dir, and no private word either', async () => {
    const session = new ClaudeSession(1)
      .add({ type: 'custom-title', customTitle: `Work with ${secrets.title}` })
      .human(`Use the token ${secrets.prompt} for it. <private>${privateWords}</private> Always use tabs in this repo.`)
      .says(`Decision: the token ${secrets.prompt} is kept in the vault because a file would be read by everybody.`)
      .runs(`curl -H "X-Key: ${secrets.argument}" localhost`, `failed with ${secrets.output}`, { failed: true })
      .runs(`TOKEN=${secrets.check} npm test`, 'Exit code 1\nError: no token', { failed: true })
      .says('The root cause is that the `token` is not read from the environment file of the job.')
      .edits(`/home/someone/projects/orchard/${secrets.path}.ts`)
      .runs(`TOKEN=${secrets.check} npm test`, 'Tests 1 passed')
      .runs(
        `git commit -am "fix: read ${secrets.commit} from the environment because files leak"`,
        `[main ab12cd3] fix: read ${secrets.commit} from the environment because files leak`,
      )
      .says(`Done with ${secrets.commit}.`)
      // What stands before this turn is only kept as notes of the reader.
      .human('Thanks, that is all for today.')
      .says('See you tomorrow.')
    session.add({ type: 'queue-operation', operation: 'enqueue', content: `and rotate ${secrets.queued} too` })
    const path = pathOf(session.id)
    for (const mtimeMs of [worldNowMs, longAgoMs]) {
      writeOld(path, session.text, mtimeMs)
      const report = await withWorld(places, (world) => world.run())
      expect(report.errors).toEqual([])
      expect(report.redacted).toBeGreaterThan(0)
      const files = filesBelow(places.dataDir).map((file) => [file, readFileSync(file)] as const)
      expect(files.some(([file]) => file.endsWith('engram.db'))).toBe(true)
      for (const [name, secret] of [...Object.entries(secrets), ['private', privateWords] as const]) {
        for (const [file, bytes] of files) expect(bytes.includes(secret), `${name} in ${file}`).toBe(false)
      }
      expect(JSON.stringify({ ...report, files: [] })).not.toMatch(Object.values(secrets).join('|'))
    }
    await withWorld(places, async (world) => {
      expect(one(world, 'SELECT count(*) AS n FROM prompts')).toBe(3)
      expect(one(world, `SELECT count(*) AS n FROM observations WHERE tool_name = 'ingest/X-FIX'`)).toBe(1)
    })
  })

  it('ING-RED-7 while the database is open, the write-ahead log holds none either', async () => {
    const session = new ClaudeSession(1).human(`The key is ${secrets.prompt}.`).says('I keep it in mind.')
    session.add({ type: 'queue-operation', operation: 'enqueue', content: `and ${secrets.queued}` })
    writeOld(pathOf(session.id), session.text, worldNowMs)
    const world = await openWorld(places)
    await world.run()
    for (const file of filesBelow(places.dataDir)) {
      const bytes = readFileSync(file)
      for (const secret of [secrets.prompt, secrets.queued]) expect(bytes.includes(secret), file).toBe(false)
    }
    await world.close()
  })

  it('ING-EXT-12 a run asks nobody: no socket is opened, and no program but git is started', async () => {
    writeSessions(2, places.home)
    const processes: { readonly spawnfile: string }[] = []
    let sockets = 0
    const onProgram = (message: unknown): void => {
      processes.push((message as { process: { spawnfile: string } }).process)
    }
    const onSocket = (): void => {
      sockets += 1
    }
    subscribe('child_process', onProgram)
    subscribe('net.client.socket', onSocket)
    try {
      await withWorld(places, (world) => world.run())
      // What would be started would be heard.
      await once(spawn('true'), 'close')
    } finally {
      unsubscribe('child_process', onProgram)
      unsubscribe('net.client.socket', onSocket)
    }
    expect(sockets).toBe(0)
    const started = processes.map(({ spawnfile }) => spawnfile)
    expect(started.filter((name) => name !== 'git')).toEqual(['true'])
  })
})

describe('one data dir', () => {
  it('ING-CLI-6 a dry run tells what it would do and writes nothing', async () => {
    const sessions = writeSessions(3)
    const world = await openWorld(places)
    const hashes = (): Readonly<Record<string, string>> =>
      Object.fromEntries(
        filesBelow(places.dataDir).map((path) => [path, createHash('sha256').update(readFileSync(path)).digest('hex')]),
      )
    const before = hashes()
    const dry = await world.run({ dry_run: true })
    expect(hashes()).toEqual(before)
    const real = await world.run()
    await world.close()
    expect(dry.dry_run).toBe(true)
    expect(dry.files).toEqual(real.files)
    expect(dry.archived_messages).toBe(real.archived_messages)
    expect(dry.files.map((file) => file.key)).toEqual(sessions.map((session) => `claude-code:${session.id}`))
    for (const { candidates } of dry.files) expect(candidates.length).toBeGreaterThan(1)
  })

  it('ING-CLI-8 a second run waits for the first, and says so at once when it may not wait', async () => {
    writeSessions(2)
    const world = await openWorld(places)
    const lock = await world.doors.locks.acquire(join(places.dataDir, 'ingest'), 0)
    expect(lock).not.toBeNull()
    const busy = await world.run({ no_wait: true })
    expect(busy).toMatchObject({ busy: true, files: [], archived_messages: 0 })
    const waiting = world.run()
    await lock?.release()
    expect((await waiting).files).toHaveLength(2)
    await world.close()
  })

  it('ING-ARC-3 two at once, even without the lock between them, make what one makes', async () => {
    writeSessions(4)
    const alone = makePlaces()
    for (const path of filesBelow(places.claude))
      writeOld(path.replace(places.folder, alone.folder), readFileSync(path))
    const expected = await withWorld(alone, async (world) => {
      await world.run()
      return snapshotOf(world)
    })
    dropPlaces(alone)
    const worlds = [await openWorld(places), await openWorld(places)]
    await Promise.all(worlds.map((world) => runIngest({ ...world.doors, locks: createMemoryLocks() }, {}, {})))
    for (const world of worlds) expect(await snapshotOf(world)).toEqual(expected)
    for (const world of worlds) await world.close()
  })

  it('ING-CRS-2 a run that is to end finishes its batch and tells what is left', async () => {
    const long = new ClaudeSession(1).human('Please count to a large number.')
    while (long.lines.length < 4_500) long.says(`I am at the number ${long.lines.length} now.`)
    writeOld(pathOf(long.id), long.text)
    const short = workedSession(2)
    writeOld(pathOf(short.id), short.text, longAgoMs + 1_000)
    const world = await openWorld(places)
    const stopping = new AbortController()
    const { caller } = world.doors
    const doors = {
      ...world.doors,
      caller: {
        call: async (...call: Parameters<typeof caller.call>) => {
          const answer = await caller.call(...call)
          if (call[0] === 'ingest.commit') stopping.abort()
          return answer
        },
      } as typeof caller,
    }
    const first = await runIngest(doors, {}, { signal: stopping.signal })
    expect(first.left).toMatchObject({ interrupted: true, files: 2 })
    expect(first.files).toMatchObject([
      { records: 2_000, waiting_bytes: long.text.length - (first.files[0]?.new_bytes ?? 0) },
    ])
    const second = await world.run()
    expect(second.files).toMatchObject([{ state: 'grown', records: 2_500, records_total: 4_500 }, { state: 'new' }])
    expect(await world.transcripts.count(`claude-code:${long.id}`)).toBe(4_500)
    await world.close()
  })

  it('ING-CLI-2 a limit leaves the rest for the next run', async () => {
    const sessions = writeSessions(3)
    const first = await withWorld(places, (world) => world.run({ limit: 2 }))
    expect(first.files).toHaveLength(2)
    expect(first.left).toEqual({ interrupted: false, files: 1, bytes: sessions[2]?.text.length })
    const second = await withWorld(places, (world) => world.run({ limit: 2 }))
    expect(second.files.map((file) => file.key)).toEqual([`claude-code:${sessions[2]?.id}`])
  })

  it('ING-CLI-5 one bad file never stops the rest, is told by status and tried again', async () => {
    const [bad, good] = writeSessions(2)
    const open: Files['open'] = (path, mode, permissions) =>
      path.includes(bad?.id ?? '') && path.startsWith(places.claude)
        ? Promise.reject(Object.assign(new Error('EIO: i/o error, open'), { code: 'EIO' }))
        : systemFiles.open(path, mode, permissions)
    const world = await openWorld(places, { files: { ...systemFiles, open } })
    const report = await world.run()
    expect(report.errors).toMatchObject([{ path: pathOf(bad?.id ?? ''), reason: expect.stringContaining('EIO') }])
    expect(report.files.map((file) => file.key)).toEqual([`claude-code:${good?.id}`])
    const status = await world.doors.caller.call('system.status', {})
    expect(status.ingest.failing).toMatchObject([{ path: pathOf(bad?.id ?? '') }])
    await world.close()
    await withWorld(places, async (again) => {
      const second = await again.run()
      expect(second.errors).toEqual([])
      expect(second.files.map((file) => file.key)).toEqual([`claude-code:${bad?.id}`])
      expect((await again.doors.caller.call('system.status', {})).ingest.failing).toEqual([])
    })
  })

  it.each([
    [{ since: '3 days' }, 'since'],
    [{ since: '0d' }, 'since'],
    [{ ttl: '5s' }, 'ttl'],
    [{ agents: ['clod'] }, 'agents'],
  ])('ING-CLI-1 %j is refused before anything is looked at', async (input, field) => {
    writeSessions(1)
    const world = await openWorld(places)
    await expect(world.run(input)).rejects.toMatchObject({ code: 'invalid_request', details: { field } })
    expect(changesIn(world)).toBe(0)
    await world.close()
  })

  it('ING-CLI-1 since looks at when a file was written, agents at whose it is', async () => {
    const [old, recent] = writeSessions(2)
    writeOld(pathOf(recent?.id ?? ''), recent?.text ?? '', worldNowMs - 3_600_000)
    await withWorld(places, async (world) => {
      expect((await world.run({ agents: ['codex'] })).files).toEqual([])
      const report = await world.run({ since: '2d', agents: ['claude-code'] })
      expect(report.files.map((file) => file.key)).toEqual([`claude-code:${recent?.id}`])
      expect((await world.run({ since: '52w' })).files.map((file) => file.key)).toEqual([`claude-code:${old?.id}`])
    })
  })

  it('ING-CLI-4 where no agent was, the report names where it looked', async () => {
    await withWorld(places, async (world) => {
      const report = await world.run()
      expect(report).toMatchObject({ found: [], errors: [], files: [] })
      expect(report.looked).toEqual([
        join(places.claude, 'projects'),
        join(places.codex, 'sessions'),
        join(places.codex, 'archived_sessions'),
      ])
    })
  })
})

describe('projects', () => {
  const cwdOf: readonly (readonly [cwd: string | null, project: string])[] = [
    ['/home/someone/projects/orchard', 'orchard'],
    ['/home/someone/projects/orchard/.claude/worktrees/pears', 'orchard'],
    ['/home/someone/projects/orchard-worktrees/pears', 'orchard'],
    ['/home/someone/projects/orchard.worktrees/pears', 'orchard'],
    [null, 'unsorted'],
    ['relative/folder', 'unsorted'],
    ['/', 'unsorted'],
  ]

  it.each(cwdOf)('ING-PRJ-2 ING-PRJ-3 %s is filed under %s', async (cwd, project) => {
    const session = new ClaudeSession(1).add({ type: 'user', cwd, message: { role: 'user', content: 'Hello there.' } })
    writeOld(pathOf(session.id, '-somewhere-else'), session.text)
    const report = await withWorld(places, (world) => world.run())
    expect(report.projects).toEqual([project])
  })

  it('ING-CLI-1 --project means the resolved name, and an unknown one is told with names near it', async () => {
    writeSessions(1)
    const other = workedSession(9, '/home/someone/projects/meadow')
    writeOld(pathOf(other.id, 'm'), other.text)
    await withWorld(places, async (world) => {
      const report = await world.run({ project: 'Meadow' })
      expect(report.files.map((file) => file.key)).toEqual([`claude-code:${other.id}`])
      expect(report.projects).toEqual(['meadow'])
      await expect(world.run({ project: 'meadwo' })).rejects.toMatchObject({ code: 'unknown_project' })
      expect((await world.run({ project: 'meadow' })).files).toEqual([])
      expect((await world.run()).projects).toEqual(['orchard'])
    })
  })

  it('ING-DIS-4 what the program itself caused never becomes memory', async () => {
    const session = workedSession(1, join(places.dataDir, 'judge'))
    writeOld(pathOf(session.id), session.text)
    await withWorld(places, async (world) => {
      const report = await world.run()
      expect(report.skipped).toEqual([{ path: pathOf(session.id), reason: 'own' }])
      expect(report).toMatchObject({ archived_messages: 0, prompts: 0, sessions: 0 })
      for (const table of ['sessions', 'prompts', 'observations']) {
        expect(one(world, `SELECT count(*) AS n FROM ${table}`)).toBe(0)
      }
      expect((await world.transcripts.listSessions()).sessions).toEqual([])
      expect((await world.run()).files).toEqual([])
    })
  })
})

describe('parts that are left out', () => {
  it('ING-CLI-2 without knowledge there are archive, sessions and prompts; the rules look the next time', async () => {
    writeSessions(2)
    const whole = makePlaces()
    for (const path of filesBelow(places.claude))
      writeOld(path.replace(places.folder, whole.folder), readFileSync(path))
    const expected = await withWorld(whole, async (world) => {
      await world.run()
      return snapshotOf(world)
    })
    dropPlaces(whole)
    await withWorld(places, async (world) => {
      const first = await world.run({ skip_knowledge: true })
      expect(first.candidates).toMatchObject({ saved: 0 })
      const without = await snapshotOf(world)
      expect(without).toEqual({ ...expected, observations: [] })
      expect((await world.run({ skip_knowledge: true })).files).toEqual([])
      const second = await world.run()
      expect(second.files).toMatchObject([{ state: 'restarted', reason: 'rules', archived: 0, prompts: 0 }, {}])
      expect(await snapshotOf(world)).toEqual(expected)
    })
  })

  it('ING-CLI-2 without the archive no conversation is kept', async () => {
    writeSessions(1)
    await withWorld(places, async (world) => {
      const report = await world.run({ archive: false })
      expect(report).toMatchObject({ archived_messages: 0, prompts: 2 })
      expect((await world.transcripts.listSessions()).sessions).toEqual([])
      expect((await world.run({ force: true })).archived_messages).toBeGreaterThan(10)
    })
  })

  it('ING-CLI-1 a time to live counts from the extraction', async () => {
    writeSessions(1)
    await withWorld(places, async (world) => {
      await world.run({ ttl: '30d' })
      const rows = world.opened.deps.store.read((tx) =>
        tx.all<{ expires_at: string }>('SELECT DISTINCT expires_at FROM observations'),
      )
      expect(rows).toEqual([{ expires_at: '2026-07-01 12:00:00' }])
    })
  })

  it('ING-LIN-3 a record too long to read has a place in the archive, and its neighbours are whole', async () => {
    const session = new ClaudeSession(1).human('Look at this.')
    session.add({ type: 'user', message: { role: 'user', content: 'x'.repeat(33 * 1024 * 1024) } })
    session.says('That was long.')
    writeOld(pathOf(session.id), session.text)
    await withWorld(places, async (world) => {
      const report = await world.run()
      expect(report.errors).toEqual([])
      const messages = await world.transcripts.getHistory(`claude-code:${session.id}`)
      expect(messages.map(({ role, content }) => [role, content])).toEqual([
        ['user', 'Look at this.'],
        ['system', expect.stringMatching(/^\[record of 346\d{5} bytes left out\]$/)],
        ['assistant', 'That was long.'],
      ])
      expect(uuidOf(1)).toBe(session.id)
    })
  })

  it.each([
    ['that says whose it is', (long: string) => ({ type: 'user', message: { role: 'user', content: long } })],
    ['that says nothing', (long: string) => ({ uuid: undefined, sessionId: undefined, cwd: undefined, x: long })],
  ])(
    'ING-LIN-3 a session that begins with a record too long, %s, keeps its id and its project',
    async (_name, record) => {
      const session = new ClaudeSession(1, join(places.folder, 'orchard'))
      session
        .add(record('x'.repeat(33 * 1024 * 1024)))
        .human('Look at this.')
        .says('I did.')
      writeOld(join(places.claude, 'projects', 'one', 'no-id-in-its-name.jsonl'), session.text)
      await withWorld(places, async (world) => {
        const report = await world.run()
        expect(report.errors).toEqual([])
        expect(report.files.map(({ key, project, counts }) => [key, project, counts['oversized']])).toEqual([
          [`claude-code:${session.id}`, 'orchard', 1],
        ])
      })
    },
  )
})

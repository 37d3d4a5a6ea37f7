import { appendFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { IngestReport } from '../../src/api/ingest.ts'
import { systemFiles, type Files } from '../../src/platform/files.ts'
import { ClaudeSession, uuidOf, workedSession } from './ingest-lines.ts'
import {
  changesIn,
  dropPlaces,
  longAgoMs,
  makePlaces,
  openWorld,
  snapshotOf,
  touch,
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
const runOnce = (): Promise<IngestReport> => withWorld(places, (world) => world.run())
const minuteMs = 60_000

/** Record ids of all messages of all transcripts, in order. */
async function archivedUuids(world: World): Promise<readonly string[]> {
  const { sessions } = await world.transcripts.listSessions({ sort: 'key' })
  const uuids: string[] = []
  for (const { key } of sessions) {
    for (const message of await world.transcripts.getHistory(key))
      uuids.push((message['source'] as { uuid: string }).uuid)
  }
  return uuids
}

const promptsIn = (world: World): readonly string[] =>
  world.opened.deps.store
    .read((tx) => tx.all<{ content: string }>('SELECT content FROM prompts ORDER BY created_at, id'))
    .map((row) => row.content)

const sessionsIn = (world: World) =>
  world.opened.deps.store.read((tx) =>
    tx.all<{ id: string; ended_at: string | null; ended_by: string | null; project: string; started_at: string }>(
      'SELECT id, ended_at, ended_by, project, started_at FROM sessions ORDER BY id',
    ),
  )

/** Real files, and how many bytes of each were read. */
function countingFiles(): { readonly files: Files; readonly read: Map<string, number> } {
  const read = new Map<string, number>()
  const open: Files['open'] = async (path, mode, permissions) => {
    const file = await systemFiles.open(path, mode, permissions)
    return {
      ...file,
      read: async (into, position) => {
        const count = await file.read(into, position)
        read.set(path, (read.get(path) ?? 0) + count)
        return count
      },
    }
  }
  return { files: { ...systemFiles, open }, read }
}

describe('a file that grows', () => {
  it('ING-INC-4 costs what is new and a window before it, however long it is', async () => {
    const session = new ClaudeSession(1).human('Please look at all the logs.')
    session.runs('npm test -- logs', 'Exit code 1\nError: no log found', { failed: true })
    for (let part = 0; part < 130; part++) session.runs(`cat log-${part}`, `${part}`.repeat(40_000))
    const path = pathOf(session.id)
    writeOld(path, session.text)
    await runOnce()
    const before = session.text.length
    for (let part = 0; part < 5; part++) session.runs(`wc log-${part}`, String(part))
    writeOld(path, session.text)
    const counting = countingFiles()
    const world = await openWorld(places, { files: counting.files })
    const report = await world.run()
    await world.close()
    const fresh = session.text.length - before
    expect(before).toBeGreaterThan(8 * 1024 * 1024)
    expect(report.files).toMatchObject([{ state: 'grown', new_bytes: fresh, records: 10, archived: 10 }])
    const bytes = counting.read.get(path) ?? 0
    expect(bytes).toBeGreaterThan(fresh)
    expect(bytes).toBeLessThanOrEqual(fresh + 4 * 1024 * 1024 + 8 * 1024)
  })

  it('ING-LIN-2 a half-written last line waits until it is whole, or until nobody writes any more', async () => {
    const session = workedSession(1)
    const last = session.lines.at(-1) ?? ''
    const head = session.lines
      .slice(0, -1)
      .map((line) => `${line}\n`)
      .join('')
    const path = pathOf(session.id)
    for (const [content, mtimeMs, archived] of [
      [head + last.slice(0, 40), worldNowMs, session.lines.length - 3],
      [head + last, worldNowMs - minuteMs, session.lines.length - 3],
      [head + last, longAgoMs, session.lines.length - 2],
      [`${head + last}\n`, worldNowMs, session.lines.length - 2],
    ] as const) {
      writeOld(path, content, mtimeMs)
      await runOnce()
      const uuids = await withWorld(places, archivedUuids)
      expect(uuids).toHaveLength(archived)
      expect(new Set(uuids).size).toBe(archived)
    }
  })

  it('ING-INC-2 a file that is shortened, replaced or rewritten is read anew and nothing is doubled', async () => {
    const session = workedSession(1)
    const path = pathOf(session.id)
    writeOld(path, session.text)
    await runOnce()
    const before = await withWorld(places, snapshotOf)
    let mtimeMs = longAgoMs
    const short = session.lines
      .slice(0, 6)
      .map((line) => `${line}\n`)
      .join('')
    for (const [change, reason] of [
      [() => writeFileSync(path, short), 'shrunk'],
      [() => writeFileSync(path, session.text), null],
      [() => (writeFileSync(`${path}.new`, session.text), renameSync(`${path}.new`, path)), 'replaced'],
      [() => writeFileSync(path, session.text.replace('young trees', 'small trees')), 'head-changed'],
      [() => writeFileSync(path, session.text), 'head-changed'],
    ] as const) {
      change()
      touch(path, (mtimeMs += 1_000))
      const report = await runOnce()
      expect(report.files).toMatchObject([reason === null ? { state: 'grown' } : { state: 'restarted', reason }])
    }
    const { observations, prompts, transcripts } = await withWorld(places, snapshotOf)
    expect({ observations, prompts, transcripts }).toEqual({
      observations: before.observations,
      prompts: before.prompts,
      transcripts: before.transcripts,
    })
  })

  it('ING-INC-2 a vanished file keeps its row and everything made from it', async () => {
    const session = workedSession(1)
    writeOld(pathOf(session.id), session.text)
    await runOnce()
    const before = await withWorld(places, snapshotOf)
    rmSync(pathOf(session.id))
    const report = await runOnce()
    expect(report.agents['claude-code']).toMatchObject({ files: 0 })
    await withWorld(places, async (world) => {
      expect(await snapshotOf(world)).toEqual(before)
      expect(await world.doors.caller.call('ingest.sources', {})).toHaveLength(1)
    })
  })

  it('ING-INC-7 notes that cannot be read any more cost one reading from the start', async () => {
    const session = workedSession(1)
    writeOld(pathOf(session.id), session.text)
    await runOnce()
    const before = await withWorld(places, snapshotOf)
    for (const state of ['', '{', '{"version":1,"reader":{"version":1}}', '[]']) {
      await withWorld(places, (world) =>
        world.opened.deps.store.write((tx) => tx.run('UPDATE ingest_sources SET reader_state = ?', state)),
      )
      session.progress()
      writeOld(pathOf(session.id), session.text)
      const report = await runOnce()
      expect(report.errors).toEqual([])
      const { sessions: _sessions, ...after } = await withWorld(places, snapshotOf)
      expect(after).toEqual({
        observations: before.observations,
        prompts: before.prompts,
        transcripts: before.transcripts,
      })
    }
  })

  it('ING-INC-3 an error in one run and its fix in the next are one memory', async () => {
    const session = workedSession(7)
    const fixed = session.lines.findIndex((line) => line.includes('Tests 4 passed'))
    const path = pathOf(session.id)
    writeOld(
      path,
      session.lines
        .slice(0, fixed)
        .map((line) => `${line}\n`)
        .join(''),
      worldNowMs,
    )
    await runOnce()
    const fixes = (world: World) =>
      world.opened.deps.store.read((tx) =>
        tx.all<{ content: string }>(
          `SELECT content FROM observations WHERE tool_name = 'ingest/X-FIX' AND deleted_at IS NULL AND confidence >= 0.7`,
        ),
      )
    expect(await withWorld(places, (world) => Promise.resolve(fixes(world)))).toEqual([])
    writeOld(path, session.text)
    await runOnce()
    expect(await withWorld(places, (world) => Promise.resolve(fixes(world).map(({ content }) => content)))).toEqual([
      expect.stringMatching(/TypeError: age of tree 7 is undefined[\s\S]*npm test -- pruning/),
    ])
  })

  it('ING-EXT-9 a contradiction in a later run takes back what an earlier one found', async () => {
    const session = new ClaudeSession(3)
      .human('How shall we store the harvest?')
      .says('Decision: we store the harvest per tree because the sum alone would hide sick trees.')
    const path = pathOf(session.id)
    writeOld(path, session.text, worldNowMs)
    await runOnce()
    const live = (world: World) =>
      world.opened.deps.store.read((tx) =>
        tx.all<{ title: string; deleted_at: string | null }>('SELECT title, deleted_at FROM observations'),
      )
    expect(await withWorld(places, (world) => Promise.resolve(live(world)))).toMatchObject([{ deleted_at: null }])
    session.human('No, that is wrong.').says('Sorry.')
    writeOld(path, session.text)
    const report = await runOnce()
    const whole = await wholeOf(session)
    const after = await withWorld(places, async (world) => ({ rows: live(world), snapshot: await snapshotOf(world) }))
    expect(after.snapshot).toEqual(whole)
    if (whole.observations.length === 0) expect(report.candidates.withdrawn).toBe(1)
  })
})

/** What the session gives when it is read at once, in places of its own. */
async function wholeOf(session: ClaudeSession) {
  const other = makePlaces()
  writeOld(join(other.claude, 'projects/orchard', `${session.id}.jsonl`), session.text)
  const snapshot = await withWorld(other, async (world) => {
    await world.run()
    return snapshotOf(world)
  })
  dropPlaces(other)
  return snapshot
}

describe('a session that goes on in another file', () => {
  it.each(['first', 'last'])('ING-CC-16 is not doubled, the old file read %s', async (order) => {
    const first = workedSession(1)
    const second = new ClaudeSession(2)
    second.lines.push(...first.lines)
    for (let more = 0; more < 3; more++) {
      second.add({
        uuid: uuidOf(9_000 + more),
        parentUuid: uuidOf(8_999 + more),
        type: 'user',
        message: { role: 'user', content: `More please, ${more}` },
      })
    }
    const isFirst = order === 'first'
    writeOld(pathOf(first.id), first.text, isFirst ? longAgoMs : longAgoMs + minuteMs)
    writeOld(pathOf(second.id), second.text, isFirst ? longAgoMs + minuteMs : longAgoMs)
    await runOnce()
    await withWorld(places, async (world) => {
      const uuids = await archivedUuids(world)
      expect(new Set(uuids).size).toBe(uuids.length)
      // All but a thought alone and a progress record.
      expect(uuids).toHaveLength(second.lines.length - 2)
      expect(promptsIn(world).toSorted()).toEqual(
        [
          'Please make the pruning job skip young trees.',
          'Thanks, that works.',
          'More please, 0',
          'More please, 1',
          'More please, 2',
        ].toSorted(),
      )
      const titles = world.opened.deps.store.read((tx) =>
        tx.all<{ title: string }>('SELECT title FROM observations WHERE deleted_at IS NULL'),
      )
      expect(new Set(titles.map(({ title }) => title)).size).toBe(titles.length)
      const notes = await world.transcripts.notes(`claude-code:${second.id}`)
      expect(notes.scope?.['continues']).toBe(isFirst ? `claude-code:${first.id}` : undefined)
      // A file that says nothing of its own makes no session.
      expect(sessionsIn(world).map(({ id }) => id)).toEqual(isFirst ? [first.id, second.id] : [second.id])
    })
  })

  it('ING-DIS-5 a folder that was copied gives nothing twice, and its session goes on', async () => {
    const session = workedSession(1)
    writeOld(pathOf(session.id), session.text)
    await runOnce()
    const before = await withWorld(places, snapshotOf)
    writeOld(pathOf(session.id, 'copied'), session.text, longAgoMs + minuteMs)
    await runOnce()
    expect(await withWorld(places, snapshotOf)).toEqual(before)
    session.human('And now the cherries.')
    writeOld(pathOf(session.id, 'copied'), session.text, longAgoMs + 2 * minuteMs)
    await runOnce()
    await withWorld(places, async (world) => {
      expect(promptsIn(world)).toContain('And now the cherries.')
      const uuids = await archivedUuids(world)
      expect(new Set(uuids).size).toBe(uuids.length)
      const { observations } = await snapshotOf(world)
      expect(observations).toEqual(before.observations)
    })
  })
})

describe('sessions', () => {
  it('ING-SES-1 a session ends when its file lay still for 30 minutes, and goes on when it grows', async () => {
    const session = workedSession(1)
    const path = pathOf(session.id)
    writeOld(path, session.text, worldNowMs)
    const world = await openWorld(places)
    await world.run()
    expect(sessionsIn(world)).toMatchObject([{ ended_at: null, started_at: '2026-04-01 09:16:40' }])
    world.clock.advance(29 * minuteMs)
    await world.run()
    expect(sessionsIn(world)).toMatchObject([{ ended_at: null }])
    world.clock.advance(2 * minuteMs)
    await world.run()
    expect(sessionsIn(world)).toMatchObject([{ ended_at: '2026-04-01 09:16:55', ended_by: 'idle' }])
    const changes = changesIn(world)
    await world.run()
    expect(changesIn(world)).toBe(changes)
    appendFileSync(
      path,
      `${new ClaudeSession(1).human('again').lines.join('')}\n`.replace(uuidOf(1_000_000), uuidOf(5)),
    )
    touch(path, world.clock.nowMs())
    await world.run()
    expect(sessionsIn(world)).toMatchObject([{ ended_at: null }])
    await world.close()
  })

  it('ING-SES-1 ING-PRJ-4 ING-SES-2 what a hook registered stays as it is and is completed', async () => {
    const session = workedSession(1)
    writeOld(pathOf(session.id), session.text)
    const world = await openWorld(places)
    const { caller } = world.doors
    await caller.call('session.start', {
      id: session.id,
      project: 'named-by-hook',
      directory: '/home/someone/elsewhere',
    })
    await caller.call('prompt.save', {
      session_id: session.id,
      content: '  Please make the pruning job\nskip young trees. ',
    })
    const report = await world.run()
    expect(report.projects).toEqual(['named-by-hook'])
    expect(report.prompts).toBe(1)
    expect(promptsIn(world)).toHaveLength(2)
    const { ext: _ext, ...stored } = await caller.call('session.get', { id: session.id })
    expect(stored).toMatchObject({
      project: 'named-by-hook',
      directory: '/home/someone/elsewhere',
      started_at: '2026-04-01 09:16:40',
    })
    // Somebody works in it: a lease stands.
    expect(stored.ended_at).toBeUndefined()
    await caller.call('session.end', { id: session.id, summary: 'What I did myself.' })
    await world.run({ force: true })
    expect(await caller.call('session.get', { id: session.id })).toMatchObject({ summary: 'What I did myself.' })
    await world.close()
  })

  it('ING-CC-20 a sub-agent has a transcript of its own, and gives no prompts', async () => {
    const session = workedSession(1)
    const helper = new ClaudeSession(2)
    for (const [type, content] of [
      ['user', 'Count the trees.'],
      [
        'assistant',
        [
          {
            type: 'text',
            text: '## Key Learnings\n\n1. The orchard holds one tree per row and number because of the irrigation plan.',
          },
        ],
      ],
    ] as const) {
      helper.add({
        type,
        isSidechain: true,
        agentId: 'a1b2',
        sessionId: session.id,
        message: { id: 'm1', role: type, content },
      })
    }
    writeOld(pathOf(session.id), session.text)
    writeOld(
      join(places.claude, 'projects/orchard', session.id, 'subagents/agent-a1b2.jsonl'),
      helper.text,
      longAgoMs - minuteMs,
    )
    const inline = new ClaudeSession(3).human('Count again.')
    inline.add({ type: 'user', isSidechain: true, message: { role: 'user', content: 'Count the pears.' } })
    inline.add({
      type: 'assistant',
      isSidechain: true,
      message: { id: 'm2', role: 'assistant', content: [{ type: 'text', text: 'Seven.' }] },
    })
    inline.says('There are seven pears.')
    writeOld(pathOf(inline.id), inline.text)
    const report = await runOnce()
    expect(report.agents['claude-code']).toMatchObject({ files: 3, sessions_new: 2 })
    await withWorld(places, async (world) => {
      const { sessions } = await world.transcripts.listSessions({ sort: 'key', counts: true })
      expect(sessions.map(({ key, messages }) => [key, messages])).toEqual([
        [`claude-code:${session.id}`, session.lines.length - 2],
        [`claude-code:${session.id}:agent:a1b2`, 2],
        [`claude-code:${inline.id}`, 2],
        [`claude-code:${inline.id}:agent:sidechain`, 2],
      ])
      expect(promptsIn(world)).toEqual([
        'Please make the pruning job skip young trees.',
        'Thanks, that works.',
        'Count again.',
      ])
      expect(sessionsIn(world)).toHaveLength(2)
      const learnt = world.opened.deps.store.read((tx) =>
        tx.all<{ session_id: string }>(`SELECT session_id FROM observations WHERE tool_name = 'ingest/X-LEARN'`),
      )
      expect(learnt).toEqual([{ session_id: session.id }])
    })
  })

  it('ING-ARC-2 equal lines without a time are as many messages, and no repetition of another session', async () => {
    const flat = (id: string): string =>
      [
        { id, timestamp: '2026-04-01T09:00:00Z', instructions: null, git: null },
        { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'continue' }] },
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: `done in ${id.slice(-1)}` }] },
        { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'continue' }] },
      ]
        .map((record) => `${JSON.stringify(record)}\n`)
        .join('')
    for (const number of [1, 2]) {
      const name = `rollout-2026-04-01T09-00-0${number}-${uuidOf(number)}.jsonl`
      writeOld(join(places.codex, 'sessions/2026/04/01', name), flat(uuidOf(number)))
    }
    await runOnce()
    await withWorld(places, async (world) => {
      expect(promptsIn(world)).toEqual(['continue', 'continue', 'continue', 'continue'])
      for (const number of [1, 2]) expect(await world.transcripts.count(`codex:${uuidOf(number)}`)).toBe(3)
      const before = changesIn(world)
      await world.run({ force: true })
      expect(changesIn(world)).toBe(before)
    })
  })
})

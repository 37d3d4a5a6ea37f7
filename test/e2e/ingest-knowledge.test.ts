import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ClaudeSession, uuidOf, workedSession } from './ingest-lines.ts'
import {
  changesIn,
  dropPlaces,
  longAgoMs,
  makePlaces,
  openWorld,
  snapshotOf,
  withWorld,
  writeOld,
  type Places,
  type World,
} from './ingest-world.ts'

let places: Places
beforeEach(() => {
  places = makePlaces()
})
afterEach(() => dropPlaces(places))

const write = (session: ClaudeSession, mtimeMs = longAgoMs): void =>
  writeOld(join(places.claude, 'projects/orchard', `${session.id}.jsonl`), session.text, mtimeMs)

type Row = {
  readonly id: number
  readonly sync_id: string
  readonly title: string
  readonly content: string
  readonly tool_name: string
  readonly type: string
  readonly deleted_at: string | null
  readonly provenance: string
  readonly version: string
  readonly confidence: number
}

const rowsOf = (world: World): readonly Row[] =>
  world.opened.deps.store.read((tx) => tx.all<Row>('SELECT * FROM observations ORDER BY sync_id'))

describe('what was extracted', () => {
  it('ING-EXT-7 names where it comes from, and who wrote it is the agent', async () => {
    const session = workedSession(1)
    write(session)
    await withWorld(places, async (world) => {
      await world.run()
      const fix = rowsOf(world).find((row) => row.tool_name === 'ingest/X-FIX')
      const observation = await world.doors.caller.call('observation.get', { id: fix?.sync_id ?? '' })
      expect(observation).toMatchObject({
        type: 'bugfix',
        tool_name: 'ingest/X-FIX',
        session_id: session.id,
        project: 'orchard',
      })
      expect(observation.topic_key).toBeUndefined()
      expect(observation.ext).toMatchObject({ author: 'claude-code', confidence: fix?.confidence })
      expect(observation.ext?.provenance).toEqual({
        kind: 'extracted',
        review: 'unreviewed',
        rule: 'X-FIX',
        rule_version: 1,
        agent: 'claude-code',
        session_id: session.id,
        transcript_key: `claude-code:${session.id}`,
        from_uuid: uuidOf(1_000_003),
        to_uuid: uuidOf(1_000_009),
        at: expect.stringMatching(/^2026-04-01T/),
        files: ['test/fixture-1.ts'],
        commands: ['npm test -- pruning'],
        model: 'a-model',
        also: ['X-CAUSE'],
        extracted_at: '2026-06-01 12:00:00',
        version: fix?.version,
      })
    })
  })

  it('ING-EXT-9 has the same names on another machine', async () => {
    write(workedSession(1))
    const names = async (): Promise<readonly string[]> =>
      withWorld(places, async (world) => {
        await world.run()
        return rowsOf(world).map((row) => row.sync_id)
      })
    const here = await names()
    const other = { ...places, dataDir: join(places.folder, 'other-data') }
    const there = await withWorld(other, async (world) => {
      await world.run()
      return rowsOf(world).map((row) => row.sync_id)
    })
    expect(here.length).toBeGreaterThan(2)
    expect(there).toEqual(here)
  })

  it('ING-EXT-9 a text that is in the project already is counted, not saved again', async () => {
    const first = workedSession(1)
    const second = new ClaudeSession(2)
    const decision =
      'Decision: the pruning job number 1 reads the age from the planting date, because the label of a tree can be missing.'
    second.human('What did we decide?').says(decision)
    write(first)
    write(second, longAgoMs + 1_000)
    await withWorld(places, async (world) => {
      const report = await world.run()
      expect(report.candidates.repeated).toBe(1)
      const titles = rowsOf(world).filter((row) => row.content.includes('reads the age'))
      expect(titles).toHaveLength(1)
      expect((await world.run({ force: true })).candidates).toMatchObject({ saved: 0, repeated: 0 })
    })
  })

  it('ING-EXT-9 ING-EXT-10 ING-CLI-7 promoted, edited, moved, pinned, repeated and forgotten ones are left alone', async () => {
    const sessions = [1, 2, 4].map((number) => workedSession(number))
    for (const session of sessions) write(session)
    const world = await openWorld(places)
    await world.run()
    const { caller } = world.doors
    const rows = rowsOf(world)
    const [promoted, edited, moved, forgotten, removed, pinned, repeated] = rows
    expect(rows.length).toBeGreaterThanOrEqual(7)
    if (promoted === undefined || edited === undefined || moved === undefined || forgotten === undefined)
      throw new Error('too few')
    if (removed === undefined || pinned === undefined || repeated === undefined) throw new Error('too few')
    const project = 'orchard'
    await caller.call('extracted.promote', { project, ids: [promoted.id], category: 'patterns' })
    await caller.call('observation.update', { id: edited.id, content: 'What it should have said from the beginning.' })
    await caller.call('observation.move', { ids: [moved.id], to: 'meadow' })
    await caller.call('memory.forget', { project, ids: [forgotten.id] })
    await caller.call('memory.forget', { project, ids: [removed.id], purge: true })
    await caller.call('observation.pin', { id: pinned.id, pinned: true })
    await caller.call('observation.save', {
      title: repeated.title,
      content: repeated.content,
      type: repeated.type,
      project,
      session_id: sessions[0]?.id,
    })
    const before = rowsOf(world)
    const changes = changesIn(world)
    const forced = await world.run({ force: true })
    expect(forced.candidates).toMatchObject({ saved: 0, withdrawn: 0 })
    expect(rowsOf(world)).toEqual(before)
    expect(changesIn(world)).toBe(changes)

    // The same words in another session are still forgotten.
    const again = new ClaudeSession(3)
      .human('Once more?')
      .says(`Decision: ${forgotten.content}`)
      .says(forgotten.content)
    again.runs('npm test -- other', 'ok')
    write(again, longAgoMs + 5_000)
    await world.run()
    const live = rowsOf(world).filter((row) => row.deleted_at === null)
    expect(live.some((row) => row.content === forgotten.content)).toBe(false)
    await world.close()
  })

  it('ING-EXT-9 what is taken back comes again when it is said again', async () => {
    const session = new ClaudeSession(3)
      .human('How shall we store the harvest?')
      .says('Decision: we store the harvest per tree because the sum alone would hide sick trees.')
    write(session)
    const world = await openWorld(places)
    await world.run()
    const [row] = rowsOf(world)
    await world.doors.caller.call('ingest.commit', {
      ...(await emptyCommit(world, session)),
      withdraw: [row?.sync_id ?? ''],
    })
    expect(rowsOf(world)).toMatchObject([{ deleted_at: expect.any(String) }])
    const report = await world.run({ force: true })
    expect(report.candidates.saved).toBe(1)
    expect(rowsOf(world)).toMatchObject([{ deleted_at: null, sync_id: row?.sync_id, content: row?.content }])
    await world.close()
  })

  it('ING-CC-19 nothing of a turn the person went back behind stays, and the archive marks it', async () => {
    const session = new ClaudeSession(4)
      .human('Have a look at the harvest first, please.')
      .says('I have looked at the harvest.')
      .human('Which store shall the harvest go to?')
      .says('Decision: the harvest goes into a text file because everybody can read it.')
    write(session)
    const world = await openWorld(places)
    await world.run()
    expect(rowsOf(world).filter((row) => row.deleted_at === null)).toHaveLength(1)
    // Another question in place of the second one.
    session.add({
      type: 'user',
      parentUuid: uuidOf(4_000_001),
      message: { role: 'user', content: 'Which store shall the harvest of pears go to?' },
    })
    session.says('Decision: the harvest goes into the orchard database because a file has no queries.')
    write(session, longAgoMs + 1_000)
    const report = await world.run()
    expect(report.candidates.withdrawn).toBe(1)
    expect(
      rowsOf(world)
        .filter((row) => row.deleted_at === null)
        .map((row) => row.content),
    ).toEqual([expect.stringContaining('orchard database')])
    const messages = await world.transcripts.getHistory(`claude-code:${session.id}`)
    const roles = ['user', 'assistant', 'user', 'assistant', 'system', 'user', 'assistant']
    expect(messages.map(({ role }) => role)).toEqual(roles)
    expect(messages[4]?.['source']).toMatchObject({ kind: 'rewind', abandoned: [uuidOf(4_000_002)] })
    await world.close()
  })

  it('ING-REV-3 a conversation somebody removed does not come back', async () => {
    const session = workedSession(1)
    write(session)
    await withWorld(places, async (world) => {
      await world.run()
      await world.doors.caller.call('memory.forget', {
        project: 'orchard',
        session_id: session.id,
        purge: true,
        confirmed: true,
      })
    })
    await withWorld(places, async (world) => {
      expect(await world.transcripts.exists(`claude-code:${session.id}`)).toBe(false)
      for (const prompts of [0, 1, 1]) {
        const report = await world.run(prompts === 0 ? { force: true } : {})
        expect(report).toMatchObject({ archived_messages: 0, prompts, candidates: { saved: 0 } })
        session.human(`One thing more, the ${session.lines.length}th.`)
        write(session, longAgoMs + session.lines.length * 1_000)
      }
      const { prompts, observations, transcripts } = await snapshotOf(world)
      // Only what was said since.
      expect(prompts).toHaveLength(2)
      expect({ observations, transcripts }).toEqual({ observations: [], transcripts: [] })
    })
  })
})

/** A commit for the session that says nothing new. */
async function emptyCommit(world: World, session: ClaudeSession) {
  const [source] = await world.doors.caller.call('ingest.sources', {
    path: join(places.claude, 'projects/orchard', `${session.id}.jsonl`),
  })
  if (source === undefined) throw new Error('no row')
  const about = { id: session.id, agent: 'claude-code', project: 'orchard', directory: '', started_at: '' }
  return { source, session: about, prompts: [], candidates: [], withdraw: [], seen: [], redacted: 0 }
}

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { IngestReport } from '../../src/api/ingest.ts'
import type { Candidate, RuleName } from '../../src/ingest/extract/candidate.ts'
import { extract, type Rules } from '../../src/ingest/extract/extract.ts'
import { runIngest } from '../../src/ingest/run.ts'
import { ClaudeSession, uuidOf, workedSession } from './ingest-lines.ts'
import {
  changesIn,
  copyPublished,
  dropPlaces,
  filesBelow,
  isPublishedHere,
  longAgoMs,
  makePlaces,
  openWorld,
  snapshotOf,
  writeOld,
  type Places,
  type World,
} from './ingest-world.ts'

let places: Places
let world: World
beforeEach(async () => {
  places = makePlaces()
  world = await openWorld(places)
})
afterEach(async () => {
  await world.close()
  dropPlaces(places)
})

const pathOf = (id: string): string => join(places.claude, 'projects', 'orchard', `${id}.jsonl`)
const write = (session: ClaudeSession, mtimeMs = longAgoMs): void => writeOld(pathOf(session.id), session.text, mtimeMs)
const forgetFiles = (): void => rmSync(places.claude, { recursive: true })

/** The rules, with what they find changed afterwards. */
const rulesOf = (version: number, change: (found: readonly Candidate[]) => readonly Candidate[] = (found) => found) =>
  ({
    version,
    extract: (entries, options) => {
      const result = extract(entries, options)
      return { ...result, candidates: change(result.candidates) }
    },
  }) satisfies Rules

const without = (version: number, rule: RuleName): Rules =>
  rulesOf(version, (found) => found.filter((each) => each.rule !== rule))

const read = (rules: Rules, input: Parameters<World['run']>[0] = {}): Promise<IngestReport> =>
  runIngest({ ...world.doors, rules }, input as Parameters<typeof runIngest>[1], {})

const upgrade = (rules: Rules, input: Parameters<World['run']>[0] = {}): Promise<IngestReport> =>
  read(rules, { ...input, upgrade: true })

const versionsIn = (from: World = world): readonly number[] =>
  from.opened.deps.store
    .read((tx) =>
      tx.all<{ v: number }>('SELECT DISTINCT extractor_version AS v FROM ingest_sources ORDER BY extractor_version'),
    )
    .map(({ v }) => v)

type Row = {
  readonly sync_id: string
  readonly title: string
  readonly content: string
  readonly gone: number
  readonly rule: string
  readonly by: number
}

const memories = (): readonly Row[] =>
  world.opened.deps.store.read((tx) =>
    tx.all<Row>(
      `SELECT sync_id, title, content, deleted_at IS NOT NULL AS gone, json_extract(provenance, '$.rule') AS rule,
         json_extract(provenance, '$.rule_version') AS by FROM observations ORDER BY sync_id`,
    ),
  )

const live = (): readonly Row[] => memories().filter((each) => each.gone === 0)

/** Goes back behind a turn, has a side chain in the file, a question, a compaction and a prompt that waited. */
function manySided(): ClaudeSession {
  const session = workedSession(1)
  const fork = session.lines.length - 1
  session
    .human('Decide how trees are named, and write the decision down.')
    .says('Decision: trees are named by their row and place, because names of people change too often for the index.')
    .add({
      type: 'user',
      parentUuid: uuidOf(1_000_000 + fork),
      message: { role: 'user', content: 'Rather decide how rows are named.' },
    })
    .says('Decision: rows are named by letters from the north, because numbers are taken by the trees of the orchard.')
    .calls(
      'AskUserQuestion',
      {
        questions: [{ question: 'Which store holds the harvest?', options: [{ label: 'SQLite' }, { label: 'Files' }] }],
      },
      'User has answered your questions: "Which store holds the harvest?"="SQLite". You can now continue.',
    )
    .add({
      type: 'assistant',
      isSidechain: true,
      agentId: 'a1b2c3',
      message: {
        role: 'assistant',
        id: 'm',
        content: [
          {
            type: 'text',
            text: '## Key Learnings\n\n- The harvest report is written by the night job of the orchard\n',
          },
        ],
      },
    })
    .add({
      type: 'attachment',
      attachment: { type: 'queued_command', commandMode: 'prompt', prompt: 'Always run the linter before you commit.' },
    })
    .add({
      type: 'user',
      isCompactSummary: true,
      message: {
        role: 'user',
        content:
          '4. Errors and fixes:\n   - **Empty baskets**: an empty basket has no weight, the importer must skip it.\n5. Problem Solving:\n   - none\n',
      },
    })
    .says('I go on.')
  return session
}

describe('ING-INC-6 the archive tells what the file told', () => {
  it('ING-INC-6 the same rules, read anew, change nothing: turns left, side chains, questions, what waited', async () => {
    write(manySided())
    await read(rulesOf(1))
    const before = await snapshotOf(world)
    const changes = changesIn(world)
    expect(new Set(live().map((each) => each.rule)).size).toBeGreaterThan(5)
    expect(live().map((each) => each.title)).not.toContain('trees are named by their row and place')
    forgetFiles()
    const report = await upgrade(rulesOf(2))
    expect(report).toMatchObject({
      upgrade: { sessions: 1, left: 0, unarchived: [] },
      candidates: { saved: 0, repeated: 0, suppressed: 0, withdrawn: 0 },
      errors: [],
    })
    expect(await snapshotOf(world)).toEqual(before)
    expect(changesIn(world)).toBe(changes)
    expect(versionsIn()).toEqual([2])
    expect(await upgrade(rulesOf(2))).toMatchObject({ upgrade: { sessions: 0, left: 0, unarchived: [] }, files: [] })
  })

  it.runIf(isPublishedHere)('ING-INC-6 so it is with real sessions of two agents', { timeout: 60_000 }, async () => {
    copyPublished(places)
    await read(rulesOf(1))
    const before = live()
    await upgrade(rulesOf(2))
    expect(live()).toEqual(before)
    expect(before.length).toBeGreaterThan(5)
    expect(versionsIn()).toEqual([2])
  })

  it('ING-INC-6 a session of thousands of records is read in pieces, and they find the same', async () => {
    const long = workedSession(1)
    while (long.lines.length < 3_000) long.says(`Row ${long.lines.length} is fine.`).runs('ls', 'apples')
    long
      .runs('npm test -- rows', `Exit code 1\nRangeError: row 12 is out of the field`, { failed: true })
      .says('The root cause is that `rowCount` counts from one in the field file. I count from zero there.')
      .edits('/home/someone/projects/orchard/src/rows.ts')
      .runs('npm test -- rows', 'Tests 9 passed')
    write(long)
    await read(rulesOf(1))
    const before = live()
    await upgrade(rulesOf(2))
    expect(live()).toEqual(before)
    expect(before.filter((each) => each.rule === 'X-FIX')).toHaveLength(2)
  })
})

describe('ING-INC-6 newer rules', () => {
  it('ING-INC-6 what they find comes, by their version; what they no longer find goes', async () => {
    write(workedSession(1))
    await read(without(1, 'X-DECL'))
    const before = live()
    expect(before.map((each) => each.rule)).not.toContain('X-DECL')
    forgetFiles()
    const report = await upgrade(without(2, 'X-FIX'))
    expect(report.candidates).toMatchObject({ saved: 1, withdrawn: 1 })
    expect(live().map((each) => [each.rule, each.by])).toEqual(
      expect.arrayContaining([
        ['X-DECL', 2],
        ['X-COMMIT', 1],
      ]),
    )
    expect(live().map((each) => each.rule)).not.toContain('X-FIX')
  })

  it('ING-INC-6 so it is in side chains within a file, and they are told apart from its main chain', async () => {
    write(manySided())
    await read(without(1, 'X-LEARN'))
    expect((await upgrade(rulesOf(2))).candidates).toMatchObject({ saved: 1, withdrawn: 0 })
    expect(live().filter((each) => each.rule === 'X-LEARN')).toHaveLength(1)
    expect((await upgrade(without(3, 'X-LEARN'))).candidates).toMatchObject({ saved: 0, withdrawn: 1 })
  })

  it('ING-INC-6 in other words they replace what nobody touched, under the same name', async () => {
    write(workedSession(1))
    await read(rulesOf(1))
    const ids = live().map((each) => each.sync_id)
    const report = await upgrade(rulesOf(2, (found) => found.map((each) => ({ ...each, title: `New: ${each.title}` }))))
    expect(report.candidates).toMatchObject({ saved: ids.length, withdrawn: 0 })
    expect(live().map((each) => each.sync_id)).toEqual(ids)
    expect(live().every((each) => each.title.startsWith('New: ') && each.by === 2)).toBe(true)
  })

  it('ING-INC-6 what somebody edited, promoted, deleted or forgot stays as they left it, whatever is found now', async () => {
    const sessions = [1, 2, 3, 4, 5].map((number) => workedSession(number))
    for (const session of sessions) write(session)
    await read(rulesOf(1))
    const { caller } = world.opened
    const decisionOf = (session: ClaudeSession | undefined): Row => {
      const own = live().find(
        (each) => each.rule === 'X-DECL' && each.content.includes(`number ${session?.id.slice(-1)} `),
      )
      if (own === undefined) throw new Error('no decision')
      return own
    }
    const [edited, promoted, deleted, forgotten, destroyed] = sessions.map(decisionOf).map((each) => each.sync_id)
    await caller.call('observation.update', { id: edited ?? '', content: 'The planting date tells the age.' })
    await caller.call('extracted.promote', { project: 'orchard', ids: [promoted ?? ''] })
    await caller.call('observation.delete', { id: deleted ?? '' })
    await caller.call('memory.forget', { project: 'orchard', ids: [forgotten ?? ''], confirmed: true })
    await caller.call('observation.delete', { id: destroyed ?? '', hard: true })
    const own = memories().filter((each) => [edited, promoted, deleted].includes(each.sync_id))
    const others = live().filter((each) => each.rule !== 'X-DECL')
    // The same matter, found by another rule and so under other names, and in words nobody has seen.
    const renamed = rulesOf(2, (found) =>
      found.map((each) =>
        each.rule === 'X-DECL' ? { ...each, rule: 'X-CHOICE' as const, content: `${each.content} Or so.` } : each,
      ),
    )
    const report = await upgrade(renamed)
    expect(report.candidates).toMatchObject({ saved: 0, repeated: 2, suppressed: 3, withdrawn: 0 })
    expect(memories().filter((each) => own.some((one) => one.sync_id === each.sync_id))).toEqual(own)
    expect(live().filter((each) => each.rule !== 'X-DECL')).toEqual(others)
    // And where they no longer find it at all.
    await upgrade(without(3, 'X-DECL'))
    expect(memories().filter((each) => own.some((one) => one.sync_id === each.sync_id))).toEqual(own)
  })

  it('ING-INC-6 what the archive does not hold any more proves nothing', async () => {
    write(workedSession(1))
    await read(rulesOf(1))
    const before = live()
    await world.transcripts.truncateHistory(`claude-code:${uuidOf(1)}`, 2)
    expect((await upgrade(rulesOf(2))).candidates).toMatchObject({ saved: 0, withdrawn: 0 })
    expect(live()).toEqual(before)
  })

  it('ING-INC-6 a file that grows later goes on from there: nothing twice, and a contradiction still counts', async () => {
    const session = new ClaudeSession(1)
      .human('Please decide where the counters live.')
      .says('Decision: the counters are read once a minute by the night job of the orchard.')
      .human('And which store holds them?')
      .says('I decided to keep the counters in a table of their own, because the log would be read too often.')
    write(session)
    await read(rulesOf(1, () => []))
    await upgrade(rulesOf(2))
    expect(new Set(live().map((each) => each.rule))).toEqual(new Set(['X-DECL', 'X-CHOICE']))
    session.human('No, that is wrong.').says('I see.')
    write(session, longAgoMs + 60_000)
    expect((await read(rulesOf(2))).candidates).toMatchObject({ saved: 0, withdrawn: 1 })
    expect(versionsIn()).toEqual([2])
    expect(live().map((each) => each.rule)).toEqual(['X-DECL'])
  })
})

describe('ING-INC-6 runs', () => {
  it('ING-INC-6 fifty sessions a run, oldest first; how many wait is told, and the next run goes on', async () => {
    const sessions = Array.from({ length: 67 }, (_, index) => workedSession(index + 1))
    for (const [index, session] of sessions.entries()) write(session, longAgoMs - index * 60_000)
    await read(without(1, 'X-DECL'))
    const first = await upgrade(rulesOf(2))
    expect(first.upgrade).toEqual({ sessions: 50, left: 17, unarchived: [] })
    expect(first.candidates.saved).toBe(50)
    const keys = sessions.toReversed().map((session) => `claude-code:${session.id}`)
    expect(first.files.map((file) => file.key)).toEqual(keys.slice(0, 50))
    const rest = await upgrade(rulesOf(2))
    expect(rest.upgrade).toEqual({ sessions: 17, left: 0, unarchived: [] })
    expect(rest.files.map((file) => file.key)).toEqual(keys.slice(50))
    expect(versionsIn()).toEqual([2])
  })

  it('ING-INC-6 a limit, a project and an agent take a part', async () => {
    for (const number of [1, 2]) write(workedSession(number))
    write(workedSession(3, '/home/someone/projects/meadow'))
    await read(rulesOf(1))
    expect((await upgrade(rulesOf(2), { agents: ['codex'] })).upgrade).toMatchObject({ sessions: 0, left: 0 })
    expect((await upgrade(rulesOf(2), { project: 'meadow' })).upgrade).toMatchObject({ sessions: 1, left: 0 })
    expect((await upgrade(rulesOf(2), { limit: 1 })).upgrade).toMatchObject({ sessions: 1, left: 1 })
  })

  it('ING-INC-6 a run that is stopped says what is left', async () => {
    for (const number of [1, 2, 3]) write(workedSession(number))
    await read(rulesOf(1))
    const stopping = new AbortController()
    const doors = {
      ...world.doors,
      rules: rulesOf(2, (found) => {
        stopping.abort()
        return found
      }),
    }
    const report = await runIngest(doors, { upgrade: true }, { signal: stopping.signal })
    expect(report).toMatchObject({ left: { interrupted: true }, upgrade: { sessions: 1, left: 2 } })
    expect((await upgrade(rulesOf(2))).upgrade).toMatchObject({ sessions: 2, left: 0 })
  })

  it('ING-INC-6 without an archive nothing is read anew: named once, and what was given stays', async () => {
    for (const number of [1, 2, 3]) write(workedSession(number))
    await read(rulesOf(1), { paths: [pathOf(uuidOf(1)), pathOf(uuidOf(2))] })
    await read(rulesOf(1), { archive: false })
    await world.transcripts.deleteSession(`claude-code:${uuidOf(2)}`)
    const before = live()
    const report = await upgrade(without(2, 'X-DECL'))
    expect(report.upgrade).toMatchObject({ sessions: 1, left: 0 })
    expect(report.upgrade?.unarchived).toEqual(
      [2, 3].map((number) => ({
        session_id: uuidOf(number),
        transcript_key: `claude-code:${uuidOf(number)}`,
        path: pathOf(uuidOf(number)),
      })),
    )
    expect(live()).toHaveLength(before.length - 1)
    expect((await upgrade(rulesOf(2))).upgrade).toEqual({ sessions: 0, left: 0, unarchived: [] })
  })

  it('ING-INC-6 a usual run leaves them; a forced one reads those whose files are gone from the archive', async () => {
    for (const number of [1, 2]) write(workedSession(number))
    await read(without(1, 'X-DECL'))
    rmSync(pathOf(uuidOf(1)))
    expect(await read(rulesOf(2))).toMatchObject({ upgrade: null, files: [], behind: 2 })
    expect(await read(rulesOf(1))).toMatchObject({ behind: 0 })
    expect(versionsIn()).toEqual([1])
    const forced = await read(rulesOf(2), { force: true })
    expect(forced.files.map((file) => [file.key, file.state])).toEqual([
      [`claude-code:${uuidOf(2)}`, 'restarted'],
      [`claude-code:${uuidOf(1)}`, 'upgraded'],
    ])
    expect(forced).toMatchObject({ upgrade: { sessions: 1, left: 0 }, candidates: { saved: 2 }, behind: 0 })
    expect(versionsIn()).toEqual([2])
  })

  it('ING-INC-6 behind is what earlier rules have seen: neither what no rules saw nor what this run has read anew', async () => {
    write(workedSession(1))
    expect(await read(rulesOf(2), { skip_knowledge: true })).toMatchObject({ behind: 0 })
    expect(await read(rulesOf(2))).toMatchObject({ behind: 0 })
    expect(await read(rulesOf(3))).toMatchObject({ behind: 1 })
    const path = pathOf(uuidOf(1))
    const [first = '', ...lines] = readFileSync(path, 'utf8').split('\n')
    writeFileSync(path, [lines[0], first, ...lines.slice(1)].join('\n'))
    const again = await read(rulesOf(3))
    expect([again.files.map(({ state }) => state), again.behind]).toEqual([['restarted'], 0])
  })

  it('ING-INC-6, ING-CLI-6 a dry run tells what would be found and writes nothing', async () => {
    write(workedSession(1))
    await read(without(1, 'X-DECL'))
    const changes = changesIn(world)
    const files = filesBelow(join(places.dataDir, 'transcripts'))
    const report = await upgrade(rulesOf(2), { dry_run: true })
    expect(report.files[0]?.candidates.map((each) => each.rule)).toContain('X-DECL')
    expect(report.upgrade).toMatchObject({ sessions: 1, left: 0 })
    expect(changesIn(world)).toBe(changes)
    expect(filesBelow(join(places.dataDir, 'transcripts'))).toEqual(files)
    expect(versionsIn()).toEqual([1])
  })

  it.each([{ paths: ['/somewhere'] }, { force: true }, { skip_knowledge: true }, { archive: false }])(
    'ING-INC-6 what says how files are read is refused: %j',
    async (input) => {
      await expect(upgrade(rulesOf(2), input)).rejects.toMatchObject({
        code: 'invalid_request',
        details: { field: Object.keys(input)[0] },
      })
    },
  )
})

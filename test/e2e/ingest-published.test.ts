import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createPainter } from '../../src/cli/paint.ts'
import { renderIngest } from '../../src/cli/text/ingest.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  changesIn,
  copyPublished,
  dropPlaces,
  filesBelow,
  isPublishedHere,
  makePlaces,
  publishedFolder,
  snapshotOf,
  withWorld,
  writeOld,
  type Places,
} from './ingest-world.ts'

/** Published sessions, read where they lie: figures of them stand here, nothing of their text. */
if (!isPublishedHere) console.log(`skipped: ${publishedFolder} not found`)

let places: Places
beforeEach(() => {
  places = makePlaces()
})
afterEach(() => dropPlaces(places))

/** Names of sessions by their first four characters; others are not told. */
const short = (key: string): string =>
  key
    .replace(/^codex:.*/, 'codex')
    .replace(/([0-9a-f]{4})[0-9a-f-]{32}/, '$1')
    .replace(/:agent:.*/, ':agent')

describe.skipIf(!isPublishedHere)('published sessions', () => {
  it('ING-CLI-9 every record of the main sessions is somewhere, and so is every turn and every result', async () => {
    copyPublished(places)
    await withWorld(places, async (world) => {
      const report = await world.run()
      expect(report.errors).toEqual([])
      expect(report.agents).toEqual({
        'claude-code': {
          files: 5,
          sessions_new: 4,
          sessions_grown: 0,
          records: 2_023,
          bytes: 3_177_893,
          bad_lines: 0,
        },
        codex: { files: 1, sessions_new: 1, sessions_grown: 0, records: 14, bytes: 2_664, bad_lines: 0 },
      })
      const figures = report.files.map(({ key, records_total, entries, counts, archived, prompts }) => ({
        key: short(key),
        records_total,
        human: entries['human'],
        results: entries['result'],
        thoughts: entries['thinking'],
        decoded: counts['decoded'],
        archived,
        prompts,
      }))
      // Archived are all entries but thoughts alone, which the store does not keep.
      expect(figures).toEqual([
        row('claude-code:258c', [1_863, 4, 186, 19, 485, 466, 4]),
        row('claude-code:258c:agent', [10, 0, 2, 0, 8, 8, 0]),
        row('claude-code:491e', [96, 2, 16, 4, 47, 43, 2]),
        row('claude-code:5560', [15, 1, 2, 1, 10, 9, 1]),
        row('claude-code:d6e0', [39, 2, 6, 1, 23, 22, 2]),
        row('codex', [14, 1, 3, 1, 9, 8, 1]),
      ])
      for (const { counts, records_total } of report.files) {
        expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(records_total)
      }
      expect(report.skipped.map(({ reason }) => reason)).toEqual(['compaction'])
      expect(report.projects).toHaveLength(2)
      expect(report.projects).toContain('spotter')
      expect(report.llm).toEqual({ calls: 0, tokens: 0 })
    })
  })

  it('ING-CLI-9 --verbose prints where each record of a main session went, and why what gave nothing gave nothing', async () => {
    copyPublished(places)
    await withWorld(places, async (world) => {
      const page = { paint: createPainter(false), columns: null, timezone: undefined }
      const lines = renderIngest(await world.run(), page, { verbose: true }).split('\n')
      const told = (id: string, count: number): readonly string[] => {
        const from = lines.findIndex((line) => line.startsWith(`claude-code:${id}`) && !line.includes(':agent:'))
        return lines.slice(from + 1, from + 1 + count).map((line) => line.trim())
      }
      expect(told('258c', 10)).toEqual([
        'human 4, assistant 85, thinking 19, call 186, result 186, note 5',
        '1863 records: 485 read, 1378 left out',
        "28 file-history-snapshot: the agent's own copies for undoing",
        '1333 progress: shows that a tool is at work',
        '9 assistant:blank: empty',
        '2 queue-operation:enqueue: keeping of a queue; its turns are read where they are sent',
        '2 queue-operation:remove: keeping of a queue; its turns are read where they are sent',
        "3 system:stop_hook_summary: the agent's own notices",
        "1 system:turn_duration: the agent's own notices",
        '466 messages archived (none for a thought alone), 4 prompts',
      ])
      expect(told('491e', 2)).toEqual([
        'human 2, assistant 7, thinking 4, call 16, result 16, note 2',
        '96 records: 47 read, 49 left out',
      ])
      expect(told('5560', 2)[1]).toBe('15 records: 10 read, 5 left out')
      expect(told('d6e0', 2)[1]).toBe('39 records: 23 read, 16 left out')
    })
  })

  it('ING-CC-13 ING-ARC-2 each human turn is a prompt and a message, each result a message', async () => {
    copyPublished(places)
    await withWorld(places, async (world) => {
      await world.run()
      const { store } = world.opened.deps
      const { sessions } = await world.transcripts.listSessions()
      const roles: Record<string, Record<string, number>> = {}
      for (const { key } of sessions) {
        const counts: Record<string, number> = {}
        for (const { role } of await world.transcripts.getHistory(key)) counts[role] = (counts[role] ?? 0) + 1
        roles[short(key)] = counts
      }
      expect(roles).toEqual({
        'claude-code:258c': { user: 4, assistant: 271, tool: 186, system: 5 },
        'claude-code:258c:agent': { assistant: 5, tool: 2, system: 1 },
        'claude-code:491e': { user: 2, assistant: 23, tool: 16, system: 2 },
        'claude-code:5560': { user: 1, assistant: 3, tool: 2, system: 3 },
        'claude-code:d6e0': { user: 2, assistant: 7, tool: 6, system: 7 },
        codex: { user: 1, assistant: 4, tool: 3 },
      })
      const prompts = store.read((tx) =>
        tx.all<{ session_id: string; n: number }>(
          `SELECT session_id, count(*) AS n FROM prompts WHERE source_inbox_id LIKE 'claude-code:%'
           GROUP BY session_id ORDER BY session_id`,
        ),
      )
      expect(prompts.map(({ session_id, n }) => [session_id.slice(0, 4), n])).toEqual([
        ['258c', 4],
        ['491e', 2],
        ['5560', 1],
        ['d6e0', 2],
      ])
    })
  })

  it('ING-EXT-6 ING-SES-3 ING-CC-21 what the rules found is in memory, with a summary of each session', async () => {
    copyPublished(places)
    await withWorld(places, async (world) => {
      const report = await world.run()
      expect(report.candidates).toEqual({ saved: 14, repeated: 0, suppressed: 0, below_threshold: 0, withdrawn: 0 })
      const { store } = world.opened.deps
      const rules = store.read((tx) =>
        tx.all<{ session: string; tool_name: string; n: number }>(
          `SELECT substr(session_id, 1, 4) AS session, tool_name, count(*) AS n FROM observations
           GROUP BY session_id, tool_name ORDER BY session_id, tool_name`,
        ),
      )
      expect(rules.map(({ session, tool_name, n }) => `${session} ${tool_name} ${n}`)).toEqual([
        '258c ingest/X-CMD 1',
        '258c ingest/X-COMPACT 7',
        '258c ingest/X-FIX 4',
        '491e ingest/X-ASK 2',
      ])
      const sessions = store.read((tx) =>
        tx.all<{ id: string; ended_at: string | null; summary: string; project: string }>(
          'SELECT id, ended_at, summary, project FROM sessions ORDER BY id',
        ),
      )
      for (const { summary, ended_at } of sessions) {
        expect(summary).toMatch(/^Asked: /)
        expect(summary.length).toBeLessThanOrEqual(1_500)
        expect(ended_at).toMatch(/^20\d\d-/)
      }
      const long = sessions.find(({ id }) => id.startsWith('258c'))
      for (const sha of ['99b497c', 'ceff8c3', 'bb53fb4', '05fd186', 'a230dbf']) expect(long?.summary).toContain(sha)
      expect((await world.transcripts.getSummary(`claude-code:${long?.id}`)).length).toBeGreaterThan(1_000)
    })
  })

  it('ING-INC-2 ING-CLI-7 a second run reads nothing, and a forced one changes nothing', async () => {
    copyPublished(places)
    const before = await withWorld(places, async (world) => {
      await world.run()
      return { changes: changesIn(world), snapshot: await snapshotOf(world) }
    })
    await withWorld(places, async (world) => {
      const again = await world.run()
      expect(again.files).toEqual([])
      expect(again.agents['claude-code']).toMatchObject({ files: 5, records: 0, bytes: 0 })
      expect(changesIn(world)).toBe(before.changes)
      const forced = await world.run({ force: true })
      expect(forced.files.map((file) => [file.state, file.reason, file.archived, file.prompts])).toEqual(
        Array.from({ length: 6 }, () => ['restarted', 'forced', 0, 0]),
      )
      expect(forced.candidates).toMatchObject({ saved: 0, repeated: 0, withdrawn: 0 })
      expect(changesIn(world)).toBe(before.changes)
      expect(await snapshotOf(world)).toEqual(before.snapshot)
    })
  })

  it('ING-CX-4 what a model kept for itself is nowhere in the data dir', async () => {
    copyPublished(places)
    await withWorld(places, (world) => world.run())
    const marker = Buffer.from('SYNTHETIC_ENCRYPTED_CONTENT_MUST_NOT_RENDER')
    const source = filesBelow(places.codex).map((path) => readFileSync(path))
    expect(source.some((bytes) => bytes.includes(marker))).toBe(true)
    for (const path of filesBelow(places.dataDir)) expect(readFileSync(path).includes(marker), path).toBe(false)
  })

  it('ING-LIN-5 malformed records: 19 lines, 3 bad, 1 unknown, 4 human turns, nothing lost beside them', async () => {
    const edge = join(publishedFolder, 'claude-code/edge/edge_cases.jsonl')
    const path = join(places.folder, 'edge_cases.jsonl')
    writeOld(path, readFileSync(edge))
    await withWorld(places, async (world) => {
      const report = await world.run({ paths: [path] })
      expect(report.errors).toEqual([])
      const [file] = report.files
      expect(file).toMatchObject({ records_total: 19, prompts: 4, entries: { human: 4 } })
      expect(file?.counts).toMatchObject({ bad: 3 })
      const unknown = Object.entries(file?.counts ?? {}).filter(([name]) => name.startsWith('unknown:'))
      expect(unknown.reduce((sum, [, count]) => sum + count, 0)).toBe(1)
      const messages = await world.transcripts.getHistory(file?.key ?? '')
      const outcomes = messages.map((message) => (message['source'] as { outcome?: string }).outcome)
      expect(outcomes.filter((outcome) => outcome === 'failed')).toHaveLength(1)
      const uuids = messages.map((message) => (message['source'] as { uuid: string }).uuid)
      expect(uuids.filter((uuid) => uuid === 'edge_011')).toHaveLength(1)
    })
  })
})

const row = (
  key: string,
  [records_total, human, results, thoughts, decoded, archived, prompts]: readonly number[],
) => ({
  key,
  records_total,
  human,
  results,
  thoughts,
  decoded,
  archived,
  prompts,
})

import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { systemFiles } from '../../platform/files.ts'
import { discover } from '../discover.ts'
import type { TranscriptFile } from '../discover.ts'
import type { Entry } from '../entries.ts'
import { readLines } from '../lines.ts'
import { addsUp, seenRecords } from '../testing/read-text.ts'
import { claudeCodeReader } from './claude-code.ts'
import type { ReaderSession } from './reader.ts'

const base = '../shared/data/transcripts/claude-code'
const isThere = existsSync(base)
if (!isThere) console.log(`skipped: ${base} not found`)

type Read = { readonly entries: readonly Entry[]; readonly session: ReaderSession }

async function read(file: TranscriptFile): Promise<Read> {
  const session = claudeCodeReader.start({ ...file, seen: seenRecords() })
  const open = await systemFiles.open(file.path, 'read')
  const entries: Entry[] = []
  const options = {
    from: 0,
    fromLine: 0,
    size: file.facts.size,
    lineBytesMax: 1 << 25,
    blockBytes: 1 << 18,
    isQuiet: true,
  }
  for await (const line of readLines(open, options)) entries.push(...session.take(line))
  await open.close()
  return { entries: [...entries, ...session.finish(true)], session }
}

async function named(name: string): Promise<Read> {
  const { files } = await discover(systemFiles, [claudeCodeReader], { kind: 'paths', paths: [base] })
  const file = files.find(({ path }) => path.split('/').at(-1)?.startsWith(name))
  if (file === undefined) throw new Error(`no file ${name}`)
  return read(file)
}

const humans = ({ entries }: Read): readonly Entry[] => entries.filter((entry) => entry.kind === 'human')

describe.skipIf(!isThere)('figures of the sample transcripts', () => {
  it.each([
    ['258c', 1863, 4, 2, 186],
    ['491e', 96, 2, 0, 16],
    ['5560', 15, 1, 0, 2],
    ['d6e0', 39, 2, 0, 6],
  ])(
    'ING-CC-13/%s: human turns, results, no abandoned turn, everything accounted for',
    async (name, records, turns, queued, results) => {
      const given = await named(name)
      const { session, entries } = given
      expect(humans(given)).toHaveLength(turns)
      expect(entries.filter((entry) => entry.kind === 'human' && entry.queued)).toHaveLength(queued)
      expect(session.counts()).toMatchObject({ records, badLines: 0, waiting: 0, unknown: {}, duplicates: 0 })
      expect(session.counts().entries.result).toBe(results)
      expect(addsUp(session)).toBe(true)
      expect(session.abandoned().heads).toEqual([])
      expect(entries.some((entry) => entry.kind === 'note' && entry.note === 'rewind')).toBe(false)
    },
  )

  it('ING-CC-13/marks that are no human turn', async () => {
    const all = await Promise.all(['258c', '491e', '5560', 'd6e0'].map(named))
    const notes = all.flatMap(({ entries }) => entries.flatMap((entry) => (entry.kind === 'note' ? [entry] : [])))
    expect(notes.filter(({ note }) => note === 'interrupt')).toHaveLength(5)
    expect(notes.filter(({ text }) => text.startsWith('<task-notification>'))).toHaveLength(2)
    expect(notes.filter(({ note }) => note === 'compact-summary')).toHaveLength(1)
    const commands = all.flatMap(({ entries }) => entries.filter((entry) => entry.kind === 'human' && entry.command))
    expect(commands).toHaveLength(1)
  })

  it('ING-CC-11/14/15: progress, messages and tokens of the long session', async () => {
    const { session, entries } = await named('258c')
    expect(session.counts().ignored.progress).toBe(1333)
    expect(session.head()).toMatchObject({ messages: 152, usage: { outputTokens: 38_899 } })
    const lines = new Set(entries.flatMap((entry) => ('messageId' in entry ? entry.origin.line : [])))
    expect(lines.size + (session.counts().ignored['assistant:blank'] ?? 0)).toBe(299)
  })

  it('ING-CC-20/the sub-agent has no human turn, the file of the compaction is left out', async () => {
    const { files, skipped } = await discover(systemFiles, [claudeCodeReader], {
      kind: 'paths',
      paths: [`${base}/projects`],
    })
    expect(skipped.map(({ reason }) => reason)).toEqual(['compaction'])
    const agents = files.filter(({ agentId }) => agentId !== null)
    expect(agents).toHaveLength(1)
    for (const agent of agents) expect(humans(await read(agent))).toEqual([])
  })

  it('ING-LIN-4/the edge cases end to end', async () => {
    const { entries, session } = await named('edge_cases')
    const { unknown, ...counts } = session.counts()
    expect(counts).toMatchObject({ records: 19, badLines: 3 })
    expect(Object.values(unknown)).toEqual([1])
    const turns = entries.flatMap((entry) => (entry.kind === 'human' ? [entry] : []))
    expect(turns).toHaveLength(4)
    expect(turns.filter(({ command }) => command)).toHaveLength(1)
    expect(entries.filter((entry) => entry.kind === 'result' && entry.outcome === 'failed')).toHaveLength(1)
    expect(turns.map(({ origin }) => origin.uuid)).toContain('edge_011')
    expect(addsUp(session)).toBe(true)
  })
})

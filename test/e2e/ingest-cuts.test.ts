import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runIngest } from '../../src/ingest/run.ts'
import { createMemoryLocks } from '../../src/platform/file-lock.ts'
import { ClaudeSession, uuidOf } from './ingest-lines.ts'
import {
  dropPlaces,
  makePlaces,
  openWorld,
  snapshotOf,
  touch,
  worldNowMs,
  writeOld,
  type Snapshot,
} from './ingest-world.ts'

/** What may happen in a session, one step each; a session is any sequence of them. */
const steps = {
  human: (session, n) => session.human(`Please do number ${n}.`),
  says: (session, n) => session.says(`I did number ${n} as you said.`),
  decides: (session, n) => session.says(`Decision: tree ${n} stays where it is because its roots are deep by now.`),
  thinks: (session) => session.thinks('Let me see.'),
  passes: (session, n) => session.runs(`npm test -- part${n % 3}`, 'Tests 3 passed'),
  fails: (session, n) =>
    session.runs(`npm test -- part${n % 3}`, `Exit code 1\nTypeError: tree ${n} is missing`, { failed: true }),
  explains: (session, n) =>
    session.says(`The root cause is that \`tree${n}\` is not planted in the fixture of the test.`),
  edits: (session, n) => session.edits(`/home/someone/projects/orchard/tree-${n % 5}.ts`),
  enqueues: (session, n) =>
    session.add({ type: 'queue-operation', operation: 'enqueue', content: `queued ${n % 4}`, uuid: undefined }),
  removes: (session) => session.add({ type: 'queue-operation', operation: 'remove', uuid: undefined }),
  repeats: (session, n) => session.human(`queued ${n % 4}`),
  contradicts: (session) => session.human('No, that is wrong.'),
  rewinds: (session, n) =>
    session.add({
      type: 'user',
      parentUuid: uuidOf(1_000_000 + (n % Math.max(1, session.lines.length))),
      message: { role: 'user', content: `Instead do number ${n}.` },
    }),
  progresses: (session) => session.progress(),
  breaks: (session) => session.lines.push('{"type": "user", "message": {'),
} satisfies Record<string, (session: ClaudeSession, number: number) => unknown>

const names = Object.keys(steps) as (keyof typeof steps)[]

/** The session read in as many runs as there are cuts, each with what is there by then. */
async function readIn(session: ClaudeSession, cuts: readonly number[]): Promise<Snapshot> {
  const places = makePlaces()
  const world = await openWorld(places)
  const doors = { ...world.doors, locks: createMemoryLocks() }
  const path = join(places.claude, 'projects/orchard', `${session.id}.jsonl`)
  try {
    for (const cut of [...cuts, session.lines.length]) {
      writeOld(
        path,
        session.lines
          .slice(0, cut)
          .map((line) => `${line}\n`)
          .join(''),
        worldNowMs,
      )
      if (cut === session.lines.length) touch(path)
      const report = await runIngest(doors, {}, {})
      expect(report.errors).toEqual([])
    }
    return lastingOf(await snapshotOf(world))
  } finally {
    await world.close()
    dropPlaces(places)
  }
}

/** In one reading some things are told beside what stays: which other rules saw the same. */
const lastingOf = (snapshot: Snapshot): Snapshot => ({
  ...snapshot,
  observations: snapshot.observations.map(({ provenance: { also: _also, ...provenance }, ...row }) => ({
    ...row,
    provenance,
  })),
})

describe('any session', () => {
  it('ING-INC-3 ING-CC-9 cut anywhere, gives what one reading gives', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...names), { minLength: 3, maxLength: 40 }),
        fc.array(fc.nat(39), { minLength: 1, maxLength: 3 }),
        async (sequence, at) => {
          const session = new ClaudeSession(1)
          for (const [index, name] of sequence.entries()) steps[name](session, index)
          const cuts = [...new Set(at.map((cut) => cut % session.lines.length))]
            .filter((cut) => cut > 0)
            .toSorted((a, b) => a - b)
          const whole = await readIn(session, [])
          const pieces = await readIn(session, cuts)
          expect(pieces).toEqual(whole)
        },
      ),
      { numRuns: 25, seed: 20_260_401 },
    )
  })
})

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  dropPlaces,
  filesBelow,
  isPublishedHere,
  makePlaces,
  publishedFolder,
  snapshotOf,
  withWorld,
  worldNowMs,
  writeOld,
  type Snapshot,
} from './ingest-world.ts'

/** A published session, read where it lies. */
if (!isPublishedHere) console.log(`skipped: ${publishedFolder} not found`)

describe.skipIf(!isPublishedHere)('a session that grows', () => {
  it('ING-INC-3 fed in two pieces, cut at every 50th line, gives what it gives whole', async () => {
    const source = filesBelow(join(publishedFolder, 'claude-code/projects')).find((path) =>
      /258c.{32}\.jsonl$/.test(path),
    )
    const name = source?.split('/').at(-1) ?? ''
    const bytes = readFileSync(source ?? '')
    const whole = await readIn(name, [bytes])
    const ends = [...bytes.entries()].flatMap(([at, byte]) => (byte === 10 ? [at + 1] : []))
    for (let line = 49; line < ends.length; line += 50) {
      const pieces = await readIn(name, [bytes.subarray(0, ends[line]), bytes])
      expect(pieces, `cut behind line ${line + 1}`).toEqual(whole)
    }
  })
})

/** Each state of the file is read in a run of its own; until the last, somebody still writes and the undecided waits. */
async function readIn(name: string, states: readonly Uint8Array[]): Promise<Snapshot> {
  const places = makePlaces()
  try {
    for (const [index, bytes] of states.entries()) {
      const path = join(places.claude, 'projects/folder', name)
      if (index < states.length - 1) writeOld(path, bytes, worldNowMs)
      else writeOld(path, bytes)
      await withWorld(places, (world) => world.run())
    }
    return withoutNamesOfOthers(await withWorld(places, snapshotOf))
  } finally {
    dropPlaces(places)
  }
}

/** Which other rules saw the same is only told where they saw it in one reading. */
const withoutNamesOfOthers = (snapshot: Snapshot): Snapshot => ({
  ...snapshot,
  observations: snapshot.observations.map(({ provenance: { also: _also, ...provenance }, ...row }) => ({
    ...row,
    provenance,
  })),
})

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FaultyFiles, isChange, type Fault } from '../../src/platform/faulty-files.ts'
import { systemFiles, type Files } from '../../src/platform/files.ts'
import { seededRandom } from '../../src/platform/random.ts'
import { decodeNamedChunk } from '../../src/sync/chunk.ts'
import { gitChunks } from '../../src/sync/git-chunks.ts'
import { pullChunks } from '../../src/sync/pull.ts'
import { pushChanges } from '../../src/sync/push.ts'
import type { ChunkRemote } from '../../src/sync/remote.ts'
import { act } from '../../src/engine/testing/deeds.ts'
import { closeMachines, everything, freshPeople, memoryOf, type Person } from './chunk-world.ts'

/** The disk under an export that adds two chunks to a folder that has one: it stops at every operation that changes it. */

let work = ''
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'engram-chunk-kill-'))
})
afterEach(() => rmSync(work, { recursive: true, force: true }))
afterAll(closeMachines)

const remoteAt = (files: Files, directory: string, seed = 1): ChunkRemote =>
  gitChunks({ files, random: seededRandom(seed), directory, dataDir: '/nowhere' })

const push = (person: Person, remote: ChunkRemote) =>
  pushChanges(person.store, remote, person.machine.deps.clock, {
    createdBy: 'ana',
    selection: everything,
    partBytes: 2_500,
  })

const write = (person: Person, count: number, from: number): Promise<void> =>
  person.machine.store.write((tx) => {
    for (let number = 0; number < count; number++) {
      act(tx, person.machine, 0, { do: 'save', pick: 1, text: from + number })
    }
  })

/** What stands in the folder is whole: old or new, never between. */
async function expectWhole(remote: ChunkRemote, listedAtLeast: number): Promise<void> {
  const { manifest, isSound } = await remote.readManifest()
  expect(isSound).toBe(true)
  expect(manifest.chunks.length).toBeGreaterThanOrEqual(listedAtLeast)
  for (const id of await remote.listChunks()) {
    const file = await remote.readChunk(id)
    expect(file.kind).toBe('file')
    if (file.kind === 'file') expect(await decodeNamedChunk(file.packed, id, undefined)).toMatchObject({ ok: true })
  }
}

const ends: Readonly<Record<string, (files: FaultyFiles) => Promise<void>>> = {
  'the process dies': (files) => files.killProcess(),
  'the power is cut, nothing unsynced survives': (files) => files.cutPower(),
  'the power is cut, names survive and bytes do not': (files) =>
    files.cutPower(
      () => 0,
      (unsynced) => unsynced,
    ),
  'the power is cut, half of the bytes survive': (files) => files.cutPower((unsynced) => Math.floor(unsynced / 2)),
}

describe('CHK-1203', () => {
  it.each(Object.keys(ends))(
    'C5, CHK-103, CHK-408, CHK-1203 killed at every operation of an export, %s: old or new, and the next run ends equal',
    async (end) => {
      let points = 0
      for (let at = 1; ; at++) {
        const [author, reader] = await freshPeople(2)
        if (author === undefined || reader === undefined) throw new Error('nobody is here')
        const directory = join(work, `${at}`)
        await write(author, 2, 0)
        await push(author, remoteAt(systemFiles, directory))
        await write(author, 6, 10)
        const fault: Fault = { at, kind: 'crash', matches: isChange, partBytes: at % 2 === 0 ? 7 : 0 }
        const files = new FaultyFiles(systemFiles, fault)
        const cut = await push(author, remoteAt(files, directory, at)).then(
          () => false,
          () => true,
        )
        if (!cut) break
        points++
        await ends[end]?.(files)
        const remote = remoteAt(systemFiles, directory, at + 1_000)
        await expectWhole(remote, 1)
        await pullChunks(reader.store, remote, {})
        await push(author, remote)
        await expectWhole(remote, 3)
        await pullChunks(reader.store, remote, {})
        expect(await memoryOf(reader)).toBe(await memoryOf(author))
        expect(await push(author, remote)).toMatchObject({ is_empty: true })
      }
      expect(points).toBeGreaterThan(10)
    },
    60_000,
  )

  it('CHK-103, CHK-612 fifty exports and imports later every chunk file has the bytes it was written with', async () => {
    const people = await freshPeople(2)
    const directory = join(work, 'shared')
    const seen = new Map<string, string>()
    for (let round = 0; round < 50; round++) {
      const person = people[round % 2]
      if (person === undefined) continue
      await write(person, 1, round)
      const remote = remoteAt(systemFiles, directory, round)
      await pullChunks(person.store, remote, {})
      await push(person, remote)
      for (const id of await remote.listChunks()) {
        const file = await remote.readChunk(id)
        const bytes = file.kind === 'file' ? Buffer.from(file.packed).toString('base64') : file.kind
        expect(seen.get(id) ?? bytes).toBe(bytes)
        seen.set(id, bytes)
      }
    }
    expect(seen.size).toBeGreaterThanOrEqual(50)
    expect(readdirSync(directory).sort()).toEqual(['chunks', 'manifest.json'])
  }, 60_000)

  it('CHK-501 ten thousand chunks: an export opens the manifest and what it writes, no other file', async () => {
    const [author] = await freshPeople(1)
    if (author === undefined) throw new Error('nobody is here')
    const directory = join(work, 'many')
    const remote = remoteAt(systemFiles, directory)
    await write(author, 1, 0)
    await push(author, remote)
    const { manifest } = await remote.readManifest()
    const entry = manifest.chunks[0]
    if (entry === undefined) throw new Error('nothing was written')
    const others = Array.from({ length: 10_000 }, (_, index) => ({ ...entry, id: index.toString(16).padStart(8, '0') }))
    await remote.writeManifest({ version: 1, chunks: [...others, entry] })
    await write(author, 1, 1)
    const files = new FaultyFiles(systemFiles)
    await push(author, remoteAt(files, directory, 5))
    const opened = new Set(files.operations.filter(({ kind }) => kind === 'open').map(({ path }) => path))
    const existing = [...opened].filter((path) => !path.includes('.tmp'))
    expect(existing).toEqual([join(directory, 'manifest.json')])
  }, 60_000)
})

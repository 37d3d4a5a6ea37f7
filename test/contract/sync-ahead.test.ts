import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { sha256Hex } from '../../src/platform/bytes.ts'
import { decodeManifest, encodeManifest } from '../../src/protocol/manifest.ts'
import { pullChunks } from '../../src/sync/pull.ts'
import { pushChanges } from '../../src/sync/push.ts'
import type { ChunkFile } from '../../src/sync/remote.ts'
import { act } from '../../src/engine/testing/deeds.ts'
import { type Branch, closeMachines, everything, freshPeople, type Person } from '../sim/chunk-world.ts'

/** The next chunk is read while one is taken in; nobody sees it. */

afterAll(closeMachines)

async function withChunks(count: number): Promise<{ readonly branch: Branch; readonly reader: Person }> {
  const [writer, reader] = await freshPeople(2)
  if (writer === undefined || reader === undefined) throw new Error('nobody is here')
  const { machine, store, branch } = writer
  for (let text = 0; text < count; text++) {
    await machine.store.write((tx) => act(tx, machine, 0, { do: 'save', pick: 1, text }))
    await pushChanges(store, branch, machine.deps.clock, { createdBy: 'ana', selection: everything })
  }
  return { branch, reader }
}

const listedIn = (branch: Branch): readonly string[] => decodeManifest(branch.text).manifest.chunks.map(({ id }) => id)

describe('chunks that are read ahead', () => {
  it('CHK-603 one that cannot be read at the moment keeps nothing before it from being taken in', async () => {
    const { branch, reader } = await withChunks(3)
    const last = listedIn(branch)[2]
    const read = branch.readChunk
    const broken = (id: string): Promise<ChunkFile> => (id === last ? Promise.reject(new Error('EIO')) : read(id))
    Object.assign(branch, { readChunk: broken })
    await expect(pullChunks(reader.store, branch, {})).rejects.toThrow('EIO')
    Object.assign(branch, { readChunk: read })
    expect(await pullChunks(reader.store, branch, {})).toMatchObject({ chunks_imported: 1, chunks_skipped: 2 })
  })

  it('CHK-601 one document under two names is taken in once', async () => {
    const { branch, reader } = await withChunks(1)
    const { version, chunks } = decodeManifest(branch.text).manifest
    const [entry] = chunks
    const hash = entry?.ext?.hash
    const packed = branch.files.get(entry?.id ?? '')
    if (entry === undefined || hash === undefined || packed === undefined) throw new Error('nothing was written')
    const { ext: _unsaid, ...bare } = entry
    branch.text = encodeManifest({
      version,
      chunks: [entry, { ...entry, id: hash.slice(0, 16) }, { ...bare, id: hash }],
    })
    // What is known by its listed hash need not be whole.
    branch.files.set(hash.slice(0, 16), packed.subarray(0, 20))
    branch.files.set(hash, packed)
    expect(await pullChunks(reader.store, branch, {})).toMatchObject({ chunks_imported: 1, chunks_skipped: 2 })
    expect(await pullChunks(reader.store, branch, {})).toMatchObject({ chunks_imported: 0, chunks_skipped: 3 })
  })

  it('CHK-701, CHK-703 damage and a document too large to be read ahead are judged in their turn', async () => {
    const { branch, reader } = await withChunks(2)
    const [first] = listedIn(branch)
    const packed = branch.files.get(first ?? '')
    if (first === undefined || packed === undefined) throw new Error('nothing was written')
    branch.files.set(first, packed.subarray(0, packed.length - 9))
    const large = Buffer.from(`{"sessions":[],"observations":[],"prompts":[]${' '.repeat(17 * 1024 * 1024)}}`)
    const id = sha256Hex(large).slice(0, 8)
    branch.files.set(id, gzipSync(large, { level: 1 }))
    const result = await pullChunks(reader.store, branch, {})
    expect(result).toMatchObject({ chunks_imported: 2, chunks_quarantined: 1 })
    expect(result.quarantined).toEqual([{ id: first, reason: 'truncated' }])
  })
})

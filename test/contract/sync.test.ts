import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openEngine, type OpenedEngine } from '../../src/open-engine.ts'
import type { ChunkEntry, SyncProgress } from '../../src/model/sync.ts'
import { sha256Hex } from '../../src/platform/bytes.ts'
import { SimulatedClock } from '../../src/platform/clock.ts'
import { seededRandom } from '../../src/platform/random.ts'
import { decodeManifest, encodeManifest, manifestSummary } from '../../src/protocol/manifest.ts'
import { stateAfter } from '../../src/sync/chunk-state.ts'
import { createdAt, pushChanges } from '../../src/sync/push.ts'
import { pullChunks } from '../../src/sync/pull.ts'
import { Syncer } from '../../src/sync/syncer.ts'
import { usernameOf } from '../../src/sync/username.ts'
import { act, mixer, type Deed } from '../../src/engine/testing/deeds.ts'
import { closeMachines, everything, freshPeople } from '../sim/chunk-world.ts'
import { cutOf, exporters, importAsV3, readAll, validate, type GoRow } from './go-peers.ts'

/** What leaves, what comes in, and what other programs make of it. */

let work = ''
const open: OpenedEngine[] = []
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'engram-sync-'))
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((engine) => engine.close()))
  rmSync(work, { recursive: true, force: true })
})
afterAll(closeMachines)

type Person = {
  readonly engine: OpenedEngine
  readonly clock: SimulatedClock
  readonly syncer: (name?: string) => Syncer
}

async function person(name: string, seed = 1): Promise<Person> {
  const clock = new SimulatedClock(Date.UTC(2026, 8, 20) + seed * 1_000)
  const engine = await openEngine({
    dataDir: join(work, `data-${name}`),
    clock,
    random: seededRandom(seed),
    settings: { durability: 'normal' },
    homeDir: work,
    environment: {},
  })
  open.push(engine)
  return { engine, clock, syncer: (folder = 'sync') => new Syncer(engine, join(work, folder)) }
}

async function save({ engine, clock }: Person, title: string, more: object = {}): Promise<string> {
  clock.advance(1_000)
  const input = { title, content: `Content of ${title}`, project: 'acme', session_id: 's-1', ...more }
  return (await engine.caller.call('observation.save', input)).sync_id
}

/** Every byte that left, unpacked. */
const leftIn = (folder = 'sync'): string =>
  readdirSync(join(work, folder, 'chunks'))
    .map((name) => gunzipSync(readFileSync(join(work, folder, 'chunks', name))).toString('utf8'))
    .join('\n')

const manifestIn = (folder = 'sync') =>
  decodeManifest(readFileSync(join(work, folder, 'manifest.json'), 'utf8')).manifest

describe('what leaves', () => {
  it('CHK-502, CHK-503, MEM-1703 of a project only what is its own and not personal; the rest is counted', async () => {
    const ana = await person('ana')
    const own = await save(ana, 'Own')
    const personal = await save(ana, 'Personal', { scope: 'personal' })
    await save(ana, 'Global', { scope: 'global' })
    await save(ana, 'Foreign', { project: 'other', session_id: 's-2' })
    await ana.engine.caller.call('relation.compare', {
      memory_id_a: own,
      memory_id_b: personal,
      relation: 'related',
      confidence: 1,
      reasoning: 'both',
    })
    const result = await ana.syncer().export('ana', 'acme')
    expect(result).toMatchObject({ observations_exported: 1, mutations_exported: 0, sessions_exported: 1 })
    expect(result.withheld).toEqual({ personal: 1, global: 1, weak: 0, invalid: 0 })
    expect(leftIn()).not.toMatch(/Personal|Global|Foreign/)
    const all = await ana.syncer('all').export('ana', '')
    expect(all).toMatchObject({ observations_exported: 3, withheld: { personal: 1, global: 0 } })
    const personalToo = await ana.syncer('personal').export('ana', 'acme', { includePersonal: true })
    expect(personalToo).toMatchObject({ observations_exported: 2, mutations_exported: 1 })
  })

  it('CHK-510, MEM-1702 a secret that an older program stored does not leave', async () => {
    const ana = await person('ana')
    const id = await save(ana, 'Deploy')
    const secret = `ghp_${'a1B2c3D4e5'.repeat(4).slice(0, 36)}`
    await ana.engine.deps.store.write((tx) =>
      tx.run('UPDATE observations SET content = ? WHERE sync_id = ?', `the token is ${secret}`, id),
    )
    expect(await ana.syncer().export('ana', 'acme')).toMatchObject({ redacted: 1 })
    expect(leftIn()).not.toContain(secret)
    expect(leftIn()).toContain('[REDACTED:')
  })

  it('CHK-506, CHK-902, CHK-1205 nothing new: no file is touched', async () => {
    const ana = await person('ana')
    expect(await ana.syncer().export('ana', 'acme')).toMatchObject({ is_empty: true, observations_exported: 0 })
    expect(readdirSync(work)).not.toContain('sync')
    await save(ana, 'One')
    const made = await ana.syncer().export('ana', 'acme')
    expect(made).toMatchObject({ is_empty: false, chunks_exported: 1, chunk_id: made.chunk_ids?.[0] })
    expect(await ana.syncer().export('ana', 'acme')).toMatchObject({ is_empty: true })
    expect(await ana.syncer().export('ana', 'acme')).not.toHaveProperty('chunk_id')
  })

  it('CHK-507, CHK-504 the same changes make the same chunk; another selection writes no state twice', async () => {
    const ana = await person('ana')
    await save(ana, 'One')
    await save(ana, 'Two')
    const first = await ana.syncer('a').export('ana', 'acme')
    ana.clock.advance(86_400_000)
    const second = await ana.syncer('b').export('bo', 'acme')
    expect(second.chunk_id).toBe(first.chunk_id)
    expect(await ana.syncer('a').export('ana', '')).toMatchObject({ is_empty: true })
  })

  it('CHK-504 the chunk that told it is gone: it is told again, and nothing else is', async () => {
    const ana = await person('ana')
    await save(ana, 'One')
    await ana.syncer().export('ana', 'acme')
    await save(ana, 'Two')
    const second = await ana.syncer().export('ana', 'acme')
    rmSync(join(work, 'sync', 'chunks', `${second.chunk_id}.jsonl.gz`))
    writeFileSync(
      join(work, 'sync', 'manifest.json'),
      encodeManifest({ version: 1, chunks: manifestIn().chunks.slice(0, 1) }),
    )
    const again = await ana.syncer().export('ana', 'acme')
    expect(again).toMatchObject({ observations_exported: 1, is_empty: false })
    expect(leftIn()).toContain('Content of Two')
  })

  it('CHK-504, MEM-507 of two deletes of one memory the later one is told, though a chunk holds the other', async () => {
    const [ana, bo] = [await person('ana', 1), await person('bo', 2)]
    const id = await save(ana, 'One')
    await ana.syncer().export('ana', 'acme')
    await bo.syncer().import()
    await ana.engine.caller.call('observation.delete', { id, hard: true })
    bo.clock.advance(3_600_000)
    await bo.engine.caller.call('observation.delete', { id, hard: true })
    await ana.syncer().export('ana', 'acme')
    await bo.syncer().export('bo', 'acme')
    await bo.syncer().import()
    await ana.syncer().import()
    const deletes = [ana, bo].map(({ engine }) =>
      engine.deps.store.read((tx) => tx.all('SELECT entity_key, hlc, origin, deleted_at FROM tombstones')),
    )
    expect(deletes[0]).toEqual(deletes[1])
  })

  it('CHK-504 a branch without the chunk we wrote, but with one we read after it: ours is told again, once', async () => {
    const [ana, bo] = [await person('ana', 1), await person('bo', 2)]
    await save(bo, 'Of Bo')
    await bo.syncer('other').export('bo', 'acme')
    await save(ana, 'Of Ana')
    const ours = await ana.syncer().export('ana', 'acme')
    const chunks = (folder: string) => join(work, folder, 'chunks')
    cpSync(chunks('other'), chunks('sync'), { recursive: true })
    expect(await ana.syncer().import()).toMatchObject({ chunks_imported: 1 })
    rmSync(join(chunks('sync'), `${ours.chunk_id}.jsonl.gz`))
    cpSync(join(work, 'other', 'manifest.json'), join(work, 'sync', 'manifest.json'))
    expect(await ana.syncer().export('ana', 'acme')).toMatchObject({ observations_exported: 1 })
    expect(leftIn()).toContain('Content of Of Ana')
    expect(await ana.syncer().export('ana', 'acme')).toMatchObject({ is_empty: true })
  })

  it('CHK-505, CHK-612 edits, ends, deletes and judgements travel; what came is not given back', async () => {
    const [ana, bo] = [await person('ana', 1), await person('bo', 2)]
    const one = await save(ana, 'One')
    const two = await save(ana, 'Two')
    await ana.syncer().export('ana', 'acme')
    expect(await bo.syncer().import()).toMatchObject({ observations_imported: 2, conflicts_listed: 0 })
    expect(await bo.syncer().export('bo', 'acme')).toMatchObject({ is_empty: true })
    ana.clock.advance(5_000)
    await ana.engine.caller.call('observation.update', { id: one, content: 'edited' })
    await ana.engine.caller.call('observation.delete', { id: two })
    await ana.engine.caller.call('session.end', { id: 's-1', summary: 'the end' })
    expect(await ana.syncer().export('ana', 'acme')).toMatchObject({ observations_exported: 2, sessions_exported: 1 })
    expect(await bo.syncer().import()).toMatchObject({ observations_imported: 2, sessions_imported: 1 })
    expect(await bo.syncer().export('bo', 'acme')).toMatchObject({ is_empty: true })
    const session = await bo.engine.caller.call('session.get', { id: 's-1' })
    expect(session).toMatchObject({ summary: 'the end' })
  })

  it('CHK-612 what changed here before a remote change came is told after it', async () => {
    const [ana, bo] = [await person('ana', 1), await person('bo', 2)]
    const one = await save(ana, 'One')
    await ana.syncer().export('ana', 'acme')
    await bo.syncer().import()
    await ana.engine.caller.call('observation.update', { id: one, content: 'as Ana says' })
    await ana.syncer().export('ana', 'acme')
    await bo.engine.caller.call('observation.update', { id: one, content: 'as Bo says' })
    expect(await bo.syncer().import({})).toMatchObject({ conflicts_listed: 1 })
    expect(await bo.syncer().export('bo', 'acme')).toMatchObject({ is_empty: false })
    await ana.syncer().import()
    const [conflict] = await ana.engine.caller.call('conflict.list', { all_projects: true })
    expect(conflict?.heads.map(({ content }) => content).sort()).toEqual(['as Ana says', 'as Bo says'])
  })

  it('CHK-612, CHK-306 a relation nobody was told of, because its end was deleted, is told when the end lives again', async () => {
    const [ana, bo] = [await person('ana', 1), await person('bo', 2)]
    const [one, two] = [await save(ana, 'One'), await save(ana, 'Two')]
    await ana.syncer().export('ana', 'acme')
    await bo.syncer().import()
    const pair = { memory_id_a: one, memory_id_b: two, relation: 'related' as const, confidence: 1, reasoning: 'so' }
    const { sync_id: relation } = await ana.engine.caller.call('relation.compare', pair)
    await ana.engine.caller.call('observation.delete', { id: two })
    expect(await ana.syncer().export('ana', 'acme')).toMatchObject({ mutations_exported: 0, observations_exported: 1 })
    await bo.syncer().import()
    bo.clock.advance(60_000)
    await bo.engine.caller.call('observation.restore', { id: two })
    await bo.syncer().export('bo', 'acme')
    await ana.syncer().import()
    expect(await ana.syncer().export('ana', 'acme')).toMatchObject({ mutations_exported: 1, observations_exported: 0 })
    await bo.syncer().import()
    expect(await bo.engine.caller.call('relation.get', { id: relation })).toMatchObject({ judgment_status: 'judged' })
  })

  it('CHK-508 a large export is cut into parts that each hold the sessions they need', async () => {
    const [ana] = await freshPeople(1)
    if (ana === undefined) throw new Error('nobody is here')
    await ana.machine.store.write((tx) => {
      for (let text = 0; text < 60; text++) act(tx, ana.machine, 0, { do: 'save', pick: 1, text })
    })
    const partBytes = 6_000
    const options = { createdBy: 'ana', selection: everything, partBytes }
    const made = await pushChanges(ana.store, ana.branch, ana.machine.deps.clock, options)
    expect(made.chunks_exported).toBeGreaterThan(3)
    for (const packed of ana.branch.files.values()) expect(gunzipSync(packed).length).toBeLessThanOrEqual(partBytes)
    const documents = readAll(decodeManifest(ana.branch.text).manifest, ana.branch.files)
    validate(documents)
    expect(importAsV3(documents).size).toBe(60)
  })

  it('CHK-102 an id that another document has: ours gets a longer one, and both are taken in', async () => {
    const [ana, bo] = [await person('ana', 1), await person('bo', 2)]
    await save(ana, 'One')
    const { chunk_id: id = '' } = await ana.syncer('first').export('ana', 'acme')
    mkdirSync(join(work, 'sync', 'chunks'), { recursive: true })
    const other = JSON.stringify({ sessions: [{ id: 's-9', project: 'acme', directory: '/' }], observations: [] })
    writeFileSync(join(work, 'sync', 'chunks', `${id}.jsonl.gz`), gzipSync(other))
    const made = await ana.syncer().export('ana', 'acme')
    expect(made.chunk_id).toMatch(new RegExp(`^${id}[0-9a-f]{8}$`))
    expect(await bo.syncer().import()).toMatchObject({ observations_imported: 1, chunks_quarantined: 1 })
  })

  it('CHK-104 where the data dir lies in the folder, git is told to leave it out', async () => {
    const dataDir = join(work, '.engram')
    const engine = await openEngine({ dataDir, settings: { durability: 'normal' }, homeDir: work, environment: {} })
    open.push(engine)
    await engine.caller.call('observation.save', { title: 'One', content: 'Text', project: 'acme' })
    await new Syncer(engine, dataDir).export('ana', 'acme')
    expect(readFileSync(join(dataDir, '.gitignore'), 'utf8').split('\n')).toEqual(
      expect.arrayContaining(['engram.db*', 'spool/', 'backups/']),
    )
  })

  it('CHK-402 a manifest says 2 for sessions a project owns, or when asked, and never less again', async () => {
    const ana = await person('ana')
    await save(ana, 'One')
    await ana.syncer().export('ana', 'acme')
    expect(manifestIn().version).toBe(1)
    await save(ana, 'Two', { session_id: 'manual-save-acme' })
    await ana.syncer().export('ana', 'acme')
    expect(manifestIn().version).toBe(2)
    await save(ana, 'Three')
    await ana.syncer().export('ana', 'acme')
    expect(manifestIn().version).toBe(2)
    await ana.syncer('forced').export('ana', 'acme', { manifestVersion: 3 })
    expect(manifestIn('forced').version).toBe(3)
  })

  it('CHK-408 what another wrote into the manifest meanwhile stays', async () => {
    const [ana] = await freshPeople(1)
    if (ana === undefined) throw new Error('nobody is here')
    await ana.machine.store.write((tx) => act(tx, ana.machine, 0, { do: 'save', pick: 1, text: 1 }))
    const { branch } = ana
    const write = branch.writeChunk
    branch.writeChunk = async (id, packed) => {
      await write(id, packed)
      branch.text = encodeManifest({ version: 1, chunks: [entry('0000aaaa', '2026-01-01T00:00:00Z')] })
    }
    const made = await pushChanges(ana.store, branch, ana.machine.deps.clock, {
      createdBy: 'ana',
      selection: everything,
    })
    expect(decodeManifest(branch.text).manifest.chunks.map(({ id }) => id)).toEqual(['0000aaaa', made.chunk_id])
  })
})

const entry = (id: string, at: string, ext?: ChunkEntry['ext']): ChunkEntry => ({
  id,
  created_by: 'go',
  created_at: at,
  sessions: 1,
  memories: 2,
  prompts: 0,
  ...(ext === undefined ? {} : { ext }),
})

describe('other programs', () => {
  it('CHK-509, CHK-1103, CHK-1104 whatever we do, they accept every chunk and end with the memories that live here', async () => {
    const kinds: readonly Deed['do'][] = [
      'save',
      'save',
      'edit',
      'edit',
      'delete',
      'restore',
      'judge',
      'destroy',
      'settle',
    ]
    for (let schedule = 0; schedule < 60; schedule++) {
      const [ana] = await freshPeople(1)
      if (ana === undefined) throw new Error('nobody is here')
      const mix = mixer(schedule)
      for (let turn = 0; turn < 12; turn++) {
        ana.machine.deps.clock.advance(2_000)
        const [kind = 'save'] = turn < 2 ? ['save' as const] : mix(kinds)
        const [pick = 0, text = 0] = mix([0, 1, 2, 3, 4])
        await ana.machine.store.write((tx) => act(tx, ana.machine, 0, { do: kind, pick, text: text + turn }))
        if (turn % 3 === 2) await push(ana)
      }
      await push(ana)
      const documents = readAll(decodeManifest(ana.branch.text).manifest, ana.branch.files)
      validate(documents)
      const live = ana.machine.store.read((tx) =>
        tx.all<{ k: string; c: string }>(
          'SELECT sync_id AS k, content AS c FROM observations WHERE deleted_at IS NULL',
        ),
      )
      expect(importAsV3(documents)).toEqual(new Map(live.map(({ k, c }) => [k, c])))
    }
  }, 30_000)

  it('CHK-1101, MEM-505 an edit made there replaces ours, which is kept; an echo of ours changes nothing; neither is given back', async () => {
    const ana = await person('ana')
    const id = await save(ana, 'One')
    await ana.syncer().export('ana', 'acme')
    const document = JSON.parse(leftIn()) as { sessions: object[]; observations: object[] }
    const bare = (row: object, more: object = {}): object => ({ ...row, ext: undefined, ...more })
    const put = (more: object): void => {
      const sessions = document.sessions.map((row) => bare(row))
      const text = JSON.stringify({
        sessions,
        observations: document.observations.map((row) => bare(row, more)),
        prompts: [],
      })
      const hash = sha256Hex(text)
      writeFileSync(join(work, 'sync', 'chunks', `${hash.slice(0, 8)}.jsonl.gz`), gzipSync(text))
      const { version, chunks } = manifestIn()
      const theirs = [...chunks, entry(hash.slice(0, 8), '2026-09-21T00:00:00Z')]
      writeFileSync(join(work, 'sync', 'manifest.json'), encodeManifest({ version, chunks: theirs }))
    }
    put({})
    expect(await ana.syncer().import()).toMatchObject({ chunks_imported: 1, observations_imported: 0 })
    put({ content: 'as Go says', revision_count: 2, updated_at: '2026-09-20 18:00:00' })
    expect(await ana.syncer().import()).toMatchObject({ observations_imported: 1, conflicts_listed: 0 })
    expect(await ana.engine.caller.call('observation.get', { id })).toMatchObject({ content: 'as Go says' })
    const { versions } = await ana.engine.caller.call('observation.history', { id })
    expect(versions.map(({ content }) => content)).toEqual(['Content of One'])
    expect(await ana.syncer().export('ana', 'acme')).toMatchObject({ is_empty: true })
  })

  it('CHK-405 after our export they still select everything they had not exported', async () => {
    const nowMs = Date.UTC(2026, 8, 20, 12)
    const theirs = entry('aaaaaaaa', '2026-09-20T09:30:00.5Z')
    const rows: readonly GoRow[] = [
      { kind: 'session', created: '2026-09-20 09:40:00', updated: '2026-09-20 09:40:00' },
      { kind: 'observation', created: '2026-09-20 09:00:00', updated: '2026-09-20 10:00:00' },
      { kind: 'prompt', created: '2026-09-20 11:59:59', updated: '2026-09-20 11:59:59' },
    ]
    for (const select of Object.values(exporters)) {
      const before = rows.filter((row) => select(row, cutOf({ version: 1, chunks: [theirs] })))
      const ours = entry('bbbbbbbb', createdAt([theirs], nowMs), { hash: 'b' })
      expect(rows.filter((row) => select(row, cutOf({ version: 1, chunks: [theirs, ours] })))).toEqual(before)
      expect(before.length).toBeGreaterThan(1)
    }
    expect(createdAt([theirs], nowMs)).toBe(theirs.created_at)
    expect(createdAt([entry('a', '2027-01-01T00:00:00Z')], nowMs)).toBe('2026-09-20T12:00:00Z')
    expect(createdAt([entry('a', '2026-01-01T00:00:00Z', {})], nowMs)).toBe('2026-09-20T12:00:00Z')
  })
})

const push = ({ store, branch, machine }: Awaited<ReturnType<typeof freshPeople>>[number]) =>
  pushChanges(store, branch, machine.deps.clock, { createdBy: 'ana', selection: everything })

describe('an export that is given up', () => {
  it('CHK-501 writes nothing any more once it has said so, and the next one goes on', async () => {
    const [ana] = await freshPeople(1)
    if (ana === undefined) throw new Error('nobody is here')
    for (let text = 0; text < 12; text++)
      await ana.machine.store.write((tx) => act(tx, ana.machine, 0, { do: 'save', pick: 1, text }))
    const abort = new AbortController()
    const write = ana.branch.writeChunk
    let begun = 0
    ana.branch.writeChunk = async (id, packed) => {
      if (++begun === 2) abort.abort()
      await new Promise((resolve) => setTimeout(resolve, 20))
      await write(id, packed)
    }
    const options = { createdBy: 'ana', selection: everything, partBytes: 900 }
    const given = pushChanges(ana.store, ana.branch, ana.machine.deps.clock, { ...options, signal: abort.signal })
    await expect(given).rejects.toMatchObject({ code: 'aborted' })
    const then = [begun, ana.branch.files.size, ana.branch.text]
    await new Promise((resolve) => setTimeout(resolve, 80))
    expect([begun, ana.branch.files.size, ana.branch.text]).toEqual(then)
    expect(ana.branch.files.size).toBe(begun)
    ana.branch.writeChunk = write
    await pushChanges(ana.store, ana.branch, ana.machine.deps.clock, options)
    expect(decodeManifest(ana.branch.text).manifest.chunks.reduce((sum, entry) => sum + entry.memories, 0)).toBe(12)
  })
})

describe('what comes in', () => {
  it('CHK-610 progress: a share of what waited at the start, one call a chunk, and 100 at the end', async () => {
    const [ana, bo] = await freshPeople(2)
    if (ana === undefined || bo === undefined) throw new Error('nobody is here')
    for (let text = 0; text < 4; text++) {
      await ana.machine.store.write((tx) => act(tx, ana.machine, 0, { do: 'save', pick: 1, text }))
      await push(ana)
    }
    const told: SyncProgress[] = []
    await pullChunks(bo.store, ana.branch, { onProgress: (progress) => told.push(progress) })
    expect(told.map(({ percentage }) => percentage)).toEqual([25, 50, 75, 100])
    expect(told.at(-1)).toEqual({ local: 4, remote: 4, pending: 0, percentage: 100 })
  })

  it('CHK-603 given up between two chunks: what is in stays, and the next import goes on', async () => {
    const [ana, bo] = await freshPeople(2)
    if (ana === undefined || bo === undefined) throw new Error('nobody is here')
    for (let text = 0; text < 3; text++) {
      await ana.machine.store.write((tx) => act(tx, ana.machine, 0, { do: 'save', pick: 1, text }))
      await push(ana)
    }
    const abort = new AbortController()
    const { signal } = abort
    await expect(pullChunks(bo.store, ana.branch, { signal, onProgress: () => abort.abort() })).rejects.toMatchObject({
      code: 'aborted',
    })
    expect(await pullChunks(bo.store, ana.branch, {})).toMatchObject({ chunks_imported: 2, chunks_skipped: 1 })
  })

  it('CHK-609, CHK-606, CHK-611 a relation waits for its end across chunks, and is not given back then', async () => {
    const [ana, bo] = await freshPeople(2)
    if (ana === undefined || bo === undefined) throw new Error('nobody is here')
    const deed = (deed: Deed) => ana.machine.store.write((tx) => act(tx, ana.machine, 0, deed))
    await deed({ do: 'save', pick: 1, text: 1 })
    await push(ana)
    const first = decodeManifest(ana.branch.text).manifest.chunks[0]
    await deed({ do: 'save', pick: 1, text: 2 })
    await push(ana)
    await deed({ do: 'judge', pick: 0, text: 1 })
    await push(ana)
    const held = ana.branch.files.get(first?.id ?? '')
    ana.branch.files.delete(first?.id ?? '')
    bo.branch.mergeFrom(ana.branch)
    expect(await pullChunks(bo.store, bo.branch, {})).toMatchObject({ relations_deferred: 1, chunks_missing: 1 })
    if (held !== undefined) bo.branch.files.set(first?.id ?? '', held)
    expect(await pullChunks(bo.store, bo.branch, {})).toMatchObject({ relations_deferred: 0, relations_replayed: 1 })
    expect(await push(bo)).toMatchObject({ is_empty: true })
  })

  it('CHK-601, CHK-903 a chunk that another folder gave already is known by its hash; two at once wait for each other', async () => {
    const [ana, bo] = [await person('ana', 1), await person('bo', 2)]
    await save(ana, 'One')
    await ana.syncer('a').export('ana', 'acme')
    await ana.syncer('b').export('ana', 'acme')
    expect(await bo.syncer('a').import()).toMatchObject({ chunks_imported: 1, chunks_skipped: 0 })
    expect(await bo.syncer('b').import()).toMatchObject({ chunks_imported: 0, chunks_skipped: 1 })
    await save(ana, 'Two')
    const both = await Promise.all([ana.syncer('a').export('ana', 'acme'), ana.syncer('a').export('ana', 'acme')])
    expect(both.filter((one) => one.is_empty)).toHaveLength(1)
  })

  it('CHK-611 imported and exported are final; the rest changes with the file', () => {
    const states = ['unknown', 'quarantined', 'missing', 'imported', 'exported'] as const
    const damaged = ['quarantined', 'quarantined', 'quarantined', 'imported', 'exported']
    expect(states.map((state) => stateAfter(state, 'damaged'))).toEqual(damaged)
    const read = ['imported', 'imported', 'imported', 'imported', 'exported']
    expect(states.map((state) => stateAfter(state, 'read'))).toEqual(read)
    const absent = ['missing', 'missing', 'missing', 'imported', 'exported']
    expect(states.map((state) => stateAfter(state, 'absent'))).toEqual(absent)
  })

  it('CHK-801, CHK-406, CHK-704, CHK-705 status, rebuild, verify and squash', async () => {
    const [ana, bo] = [await person('ana', 1), await person('bo', 2)]
    await save(ana, 'One')
    await ana.syncer().export('ana', 'acme')
    await save(ana, 'Two')
    expect(await ana.syncer().status('acme')).toMatchObject({
      localChunks: 1,
      remoteChunks: 1,
      pendingImport: 0,
      unexported: 1,
    })
    expect(await bo.syncer().status('acme')).toMatchObject({
      localChunks: 0,
      remoteChunks: 1,
      pendingImport: 1,
      unexported: 0,
    })
    await ana.syncer().export('ana', 'acme')
    const before = manifestIn()
    writeFileSync(join(work, 'sync', 'manifest.json'), 'lost')
    const rebuilt = await bo.syncer().rebuildManifest()
    expect(rebuilt.chunks.map(({ id }) => id).sort()).toEqual(before.chunks.map(({ id }) => id).sort())
    expect(rebuilt.chunks.reduce((sum, { memories }) => sum + memories, 0)).toBe(2)
    expect(await bo.syncer().import()).toMatchObject({ observations_imported: 2 })
    expect(
      await ana.engine.caller.call('sync.verify', { sync_dir: join(work, 'sync'), project: 'acme' }),
    ).toMatchObject({
      ok: true,
      problems: [],
    })
    const third = await save(ana, 'Three')
    const verified = await ana.engine.caller.call('sync.verify', { sync_dir: join(work, 'sync'), project: 'acme' })
    expect(verified).toMatchObject({ ok: false, problems: [{ id: `observation ${third}`, reason: 'in no chunk' }] })
    await ana.engine.caller.call('sync.squash', { target: join(work, 'fresh'), project: 'acme' })
    expect(manifestIn('fresh').chunks).toHaveLength(1)
    expect(leftIn('fresh')).toContain('Content of Three')
    await expect(ana.engine.caller.call('sync.squash', { target: join(work, 'fresh') })).rejects.toMatchObject({
      code: 'invalid_request',
    })
  })
})

describe('small things', () => {
  it('CHK-403, CHK-904 the first name that is not empty', () => {
    expect(usernameOf({ USER: 'ana', USERNAME: 'x' }, 'host')).toBe('ana')
    expect(usernameOf({ USER: '', USERNAME: 'bo' }, 'host')).toBe('bo')
    expect(usernameOf({}, 'host')).toBe('host')
    expect(usernameOf({ USER: '' }, '')).toBe('unknown')
  })

  it('CHK-905 a manifest in one line', () => {
    expect(manifestSummary({ version: 1, chunks: [] })).toBe('No chunks synced yet.')
    const chunks = ['bo', 'Ana', 'bo'].map((name, index) => ({ ...entry(`${index}`, ''), created_by: name }))
    expect(manifestSummary({ version: 1, chunks })).toBe(
      '3 chunks, 6 memories, 3 sessions — contributors: Ana (1 chunks), bo (2 chunks)',
    )
  })

  it('CHK-401, CHK-406 duplicates, trailing commas and two documents in one file are survived', () => {
    const one = JSON.stringify(entry('aaaaaaaa', '2026-01-01T00:00:00Z'))
    const two = JSON.stringify({ ...entry('aaaaaaaa', '2026-01-01T00:00:00Z', { hash: 'a'.repeat(64) }), memories: 9 })
    const three = JSON.stringify(entry('bbbbbbbb', '2026-01-01T00:00:00Z'))
    for (const text of [
      `{"version":1,"chunks":[${one},${three},]}`,
      `{"version":1,"chunks":[${one}]}{"version":2,"chunks":[${three}]}`,
      `{"version":1,"chunks":[${one},${one},${three}]}`,
    ]) {
      expect(decodeManifest(text).manifest.chunks.map(({ id }) => id)).toEqual(['aaaaaaaa', 'bbbbbbbb'])
    }
    expect(decodeManifest(`{"version":1,"chunks":[${one},${two}]}`).manifest.chunks[0]).toMatchObject({ memories: 9 })
    expect(decodeManifest('{"version":1,"chunks":null}')).toMatchObject({ isSound: true, manifest: { chunks: [] } })
  })
})

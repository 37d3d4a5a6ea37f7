import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Caller } from '../../src/api/caller.ts'
import { sharedMemory } from '../../src/engine/testing/shared-memory.ts'
import { openEngine, type OpenedEngine } from '../../src/open-engine.ts'
import { SimulatedClock } from '../../src/platform/clock.ts'
import { seededRandom } from '../../src/platform/random.ts'
import { decodeManifest, encodeManifest, mergeManifests } from '../../src/protocol/manifest.ts'
import { toldRelations } from '../sim/chunk-world.ts'

/** Real clones of a real repository, with the system's git; nobody but git carries anything. */

let work = ''
const people: Clone[] = []
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'engram-git-'))
})
afterEach(async () => {
  await Promise.all(people.splice(0).map(({ opened }) => opened.close()))
  rmSync(work, { recursive: true, force: true })
})

const environment = {
  ...process.env,
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_AUTHOR_NAME: 'Ana',
  GIT_AUTHOR_EMAIL: 'ana@example.com',
  GIT_COMMITTER_NAME: 'Ana',
  GIT_COMMITTER_EMAIL: 'ana@example.com',
}

function git(directory: string, ...args: readonly string[]): string {
  return execFileSync('git', ['-C', directory, ...args], { env: environment, encoding: 'utf8', stdio: 'pipe' })
}

function attempt(directory: string, ...args: readonly string[]): boolean {
  try {
    git(directory, ...args)
    return true
  } catch {
    return false
  }
}

type Clone = {
  readonly name: string
  readonly directory: string
  readonly opened: OpenedEngine
  readonly caller: Caller
  readonly clock: SimulatedClock
}

const hourMs = 3_600_000

async function clone(name: string, index: number): Promise<Clone> {
  const directory = join(work, name)
  git(work, 'clone', '-q', 'origin.git', name)
  const clock = new SimulatedClock(Date.UTC(2026, 8, 20) + index * 20 * hourMs)
  const dataDir = join(work, `data-${name}`)
  const opened = await openEngine({
    dataDir,
    clock,
    random: seededRandom(index + 1),
    settings: { durability: 'normal' },
    homeDir: work,
    environment: { PATH: process.env['PATH'] },
  })
  const person = { name, directory, opened, caller: opened.caller, clock }
  people.push(person)
  return person
}

function makeOrigin(): void {
  git(work, 'init', '-q', '--bare', '-b', 'main', 'origin.git')
  git(work, 'clone', '-q', 'origin.git', 'seed')
  const seed = join(work, 'seed')
  writeFileSync(join(seed, 'README'), 'a project\n')
  git(seed, 'add', '.')
  git(seed, 'commit', '-qm', 'first')
  git(seed, 'push', '-q', 'origin', 'HEAD:main')
}

async function exported(person: Clone): Promise<boolean> {
  person.clock.advance(60_000)
  const { directory, name } = person
  const made = await person.caller.call('sync.export', { directory, project: 'acme', created_by: name })
  if (made.is_empty) return false
  git(directory, 'add', '.engram')
  git(directory, 'commit', '-qm', `memory of ${name}`)
  return true
}

const imported = (person: Clone) => person.caller.call('sync.import', { directory: person.directory })

/** `git merge`, the manifest resolved as the test says when git cannot. */
function merge(person: Clone, other: Clone, how: 'driver' | 'union'): void {
  const { directory } = person
  git(directory, 'fetch', '-q', other.directory, 'main')
  const clean = attempt(directory, 'merge', '-q', '--no-edit', 'FETCH_HEAD')
  if (how === 'driver') expect(clean).toBe(true)
  if (clean) return
  // What a person does who knows nothing of it: takes the file as git left it, marks and all.
  git(directory, 'add', '.engram')
  git(directory, 'commit', '-qm', 'merged as it stood')
}

/** What every clone must hold alike, byte for byte (CHK-1206). */
async function memoryOf({ caller, directory }: Clone): Promise<string> {
  const chunks = join(directory, '.engram', 'chunks')
  const told = await toldRelations(readdirSync(chunks).map((name) => readFileSync(join(chunks, name))))
  return sharedMemory(await caller.call('backup.export', { all_projects: true }), told)
}

/** Every text of the project, current or kept. */
async function textsOf({ caller }: Clone): Promise<ReadonlySet<string>> {
  const backup = await caller.call('backup.export', { all_projects: true })
  const versions = (backup.ext?.['versions'] ?? []) as readonly {
    readonly snapshot: { readonly content: string } | null
  }[]
  return new Set([
    ...backup.observations.map(({ content }) => content),
    ...versions.flatMap(({ snapshot }) => (snapshot === null ? [] : [snapshot.content])),
    ...backup.prompts.map(({ content }) => content),
  ])
}

const save = async (person: Clone, title: string, content: string, more = {}): Promise<string> => {
  person.clock.advance(1_000)
  const saved = await person.caller.call('observation.save', {
    title,
    content,
    project: 'acme',
    session_id: `session-${person.name}`,
    ...more,
  })
  return saved.sync_id
}

const edit = async (person: Clone, id: string, content: string): Promise<void> => {
  person.clock.advance(1_000)
  await person.caller.call('observation.update', { id, content })
}

/** Three people who know the same five memories, and then work apart. */
async function apart(): Promise<{ readonly all: readonly [Clone, Clone, Clone]; readonly written: readonly string[] }> {
  makeOrigin()
  const [ana, bo, cy] = [await clone('ana', 0), await clone('bo', 1), await clone('cy', 2)]
  const ids: string[] = []
  for (const number of [1, 2, 3, 4, 5]) ids.push(await save(ana, `Memory ${number}`, `The ${number}. text of all`))
  const [first = '', second = '', third = '', fourth = '', fifth = ''] = ids
  await exported(ana)
  for (const other of [bo, cy]) {
    merge(other, ana, 'union')
    await imported(other)
  }
  // All edit the first; two edit the second; one deletes what another edits.
  await edit(ana, first, 'First as Ana sees it')
  await edit(bo, first, 'First as Bo sees it')
  await edit(cy, first, 'First as Cy sees it')
  await edit(ana, second, 'Second as Ana sees it')
  await edit(bo, second, 'Second as Bo sees it')
  await cy.caller.call('observation.delete', { id: third })
  await edit(ana, third, 'Third, edited where it was not deleted')
  await bo.caller.call('observation.delete', { id: fourth, hard: true })
  await save(ana, 'Of Ana', 'Only Ana knows', { topic_key: 'shared/topic' })
  await save(bo, 'Of Bo', 'Only Bo knows', { topic_key: 'shared/topic' })
  await save(cy, 'Of Cy', 'Only Cy knows')
  await cy.caller.call('prompt.save', { content: 'a prompt of Cy', project: 'acme', session_id: 'session-cy' })
  await judge(ana, second, fifth)
  await judge(cy, first, fifth)
  await bo.caller.call('session.end', { id: 'session-bo', summary: 'Bo went home' })
  const written = [
    ...['Ana', 'Bo', 'Cy'].map((name) => `First as ${name} sees it`),
    ...['Ana', 'Bo'].map((name) => `Second as ${name} sees it`),
    'Third, edited where it was not deleted',
    ...['Ana', 'Bo', 'Cy'].map((name) => `Only ${name} knows`),
    'a prompt of Cy',
  ]
  return { all: [ana, bo, cy], written }
}

const judge = async (person: Clone, a: string, b: string): Promise<void> => {
  person.clock.advance(1_000)
  await person.caller.call('relation.compare', {
    memory_id_a: a,
    memory_id_b: b,
    relation: 'related',
    confidence: 0.9,
    reasoning: `as ${person.name} sees it`,
  })
}

const orders: readonly (readonly [number, number, number])[] = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
]

describe('CHK-1204', () => {
  it.each(orders.map((order, index) => ({ order, how: index % 2 === 0 ? ('union' as const) : ('driver' as const) })))(
    'CHK-1204, CHK-1206, CHK-407, MEM-508 three clones apart, merged by git in the order $order ($how): one memory, and nothing is gone',
    async ({ order, how }) => {
      const { all, written } = await apart()
      if (how === 'driver') for (const person of all) installDriver(person)
      for (const person of all) await exported(person)
      const queue = order.map((index) => all[index] ?? all[0])
      // Until nobody has news: each takes in the others, one after the other, in this order.
      for (let round = 0; round < 3; round++) {
        for (const person of queue) {
          for (const other of queue) if (other !== person) merge(person, other, how)
          await imported(person)
        }
        const news = []
        for (const person of queue) news.push(await exported(person))
        if (!news.includes(true)) break
        expect(round).toBeLessThan(2)
      }
      const [one, two, three] = [await memoryOf(all[0]), await memoryOf(all[1]), await memoryOf(all[2])]
      expect(two).toBe(one)
      expect(three).toBe(one)
      for (const person of all) {
        const texts = await textsOf(person)
        expect(written.filter((text) => !texts.has(text))).toEqual([])
      }
      const conflicts = await all[0].caller.call('conflict.list', { all_projects: true })
      expect(conflicts.map(({ kind }) => kind).sort()).toEqual(['edit', 'edit', 'edit_delete', 'same_topic'])
    },
    60_000,
  )

  it('CHK-1204 shallow, with other line ends, without some files, or pushed by force: what is there comes in', async () => {
    makeOrigin()
    const ana = await clone('ana', 0)
    git(ana.directory, 'config', 'core.autocrlf', 'true')
    await save(ana, 'One', 'first text')
    await exported(ana)
    await save(ana, 'Two', 'second text')
    await exported(ana)
    git(ana.directory, 'push', '-q', 'origin', 'HEAD:main')
    git(
      work,
      'clone',
      '-q',
      '--depth',
      '1',
      '-c',
      'core.autocrlf=true',
      `file://${join(work, 'origin.git')}`,
      'shallow',
    )
    expect(readFileSync(join(work, 'shallow', '.engram', 'manifest.json'), 'utf8')).toContain('\r\n')
    const bo = await clone('bo', 1)
    const shallow = { ...bo, directory: join(work, 'shallow') }
    expect(await imported(shallow)).toMatchObject({ chunks_imported: 2, observations_imported: 2 })
    expect(await imported(bo)).toMatchObject({ chunks_imported: 0, chunks_skipped: 2, observations_imported: 0 })
    const cy = await clone('cy', 2)
    git(cy.directory, 'sparse-checkout', 'set', '--no-cone', '/*', '!/.engram/chunks/')
    expect(await imported(cy)).toMatchObject({ chunks_imported: 0, chunks_missing: 2 })
    git(cy.directory, 'sparse-checkout', 'disable')
    expect(await imported(cy)).toMatchObject({ chunks_imported: 2, chunks_missing: 0 })
    // Somebody throws the second commit away; who wrote it writes it again.
    git(ana.directory, 'push', '-q', '--force', 'origin', 'HEAD~1:main')
    git(ana.directory, 'fetch', '-q', 'origin')
    git(ana.directory, 'reset', '-q', '--hard', 'origin/main')
    expect(await exported(ana)).toBe(true)
    git(ana.directory, 'push', '-q', 'origin', 'HEAD:main')
    git(work, 'clone', '-q', 'origin.git', 'last')
    const last = { ...(await clone('dee', 3)), directory: join(work, 'last') }
    expect(await imported(last)).toMatchObject({ observations_imported: 2 })
  }, 60_000)

  it('CHK-407 twenty chunks on each of two branches: merge, rebase and cherry-pick leave no conflict and lose no entry', () => {
    makeOrigin()
    const base = join(work, 'seed')
    installDriverAt(base)
    writeManifest(base, ids('a', 1))
    git(base, 'add', '.')
    git(base, 'commit', '-qm', 'base')
    for (const [branch, letter] of [['left', 'b'] as const, ['right', 'c'] as const]) {
      git(base, 'checkout', '-q', '-b', branch, 'HEAD')
      for (let count = 5; count <= 20; count += 5) {
        writeManifest(base, [...ids('a', 1), ...ids(letter, count)])
        git(base, 'commit', '-qam', `${branch} ${count}`)
      }
      git(base, 'checkout', '-q', '-')
    }
    const wanted = [...ids('a', 1), ...ids('b', 20), ...ids('c', 20)].sort()
    git(base, 'checkout', '-q', '-b', 'merged', 'left')
    git(base, 'merge', '-q', '--no-edit', 'right')
    expect(listed(base)).toEqual(wanted)
    git(base, 'checkout', '-q', '-b', 'rebased', 'right')
    git(base, 'rebase', '-q', 'left')
    expect(listed(base)).toEqual(wanted)
    git(base, 'checkout', '-q', '-b', 'picked', 'left')
    git(base, 'cherry-pick', 'right~1')
    expect(listed(base)).toEqual([...ids('a', 1), ...ids('b', 20), ...ids('c', 15)].sort())
  }, 120_000)

  it('CHK-407 installed and removed, the clone is as it was', async () => {
    makeOrigin()
    const person = await clone('ana', 0)
    const config = join(person.directory, '.git', 'config')
    const attributes = join(person.directory, '.gitattributes')
    for (const before of [null, '', '*.png binary\n', '*.png binary']) {
      rmSync(attributes, { force: true })
      if (before !== null) writeFileSync(attributes, before)
      const [configBefore] = [readFileSync(config, 'utf8')]
      const { directory } = person
      expect(await person.caller.call('sync.merge-driver', { directory })).toMatchObject({ outcome: 'installed' })
      expect(await person.caller.call('sync.merge-driver', { directory })).toMatchObject({ outcome: 'unchanged' })
      expect(readFileSync(attributes, 'utf8')).toContain('.engram/manifest.json merge=engram-manifest\n')
      expect(await person.caller.call('sync.merge-driver', { directory, remove: true })).toMatchObject({
        outcome: 'removed',
      })
      expect(readOrNull(attributes)).toBe(before)
      expect(readFileSync(config, 'utf8')).toBe(configBefore)
    }
  }, 60_000)
})

const readOrNull = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

const program = join(import.meta.dirname, '../../bin/engram.js')

/** The command of this checkout in the place of an installed `engram`. */
function installDriverAt(directory: string): void {
  const quoted = `"${process.execPath}" "${program}" sync merge-driver --data-dir "${join(work, 'driver')}" %O %A %B`
  git(directory, 'config', 'merge.engram-manifest.driver', quoted)
  writeFileSync(join(directory, '.git', 'info', 'attributes'), '.engram/manifest.json merge=engram-manifest\n')
}

const installDriver = (person: Clone): void => installDriverAt(person.directory)

const ids = (letter: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${letter.repeat(6)}${String(index).padStart(2, '0')}`)

function writeManifest(directory: string, chunkIds: readonly string[]): void {
  const entry = { created_by: 'ana', created_at: '2026-09-20T09:30:00Z', sessions: 0, memories: 1, prompts: 0 }
  mkdirSync(join(directory, '.engram'), { recursive: true })
  const manifest = mergeManifests({ version: 1, chunks: chunkIds.map((id) => ({ id, ...entry })) })
  writeFileSync(join(directory, '.engram', 'manifest.json'), encodeManifest(manifest))
}

const listed = (directory: string): readonly string[] => {
  const { manifest, isSound } = decodeManifest(readFileSync(join(directory, '.engram', 'manifest.json'), 'utf8'))
  expect(isSound).toBe(true)
  return manifest.chunks.map(({ id }) => id).sort()
}

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { systemFiles } from '../platform/files.ts'
import type { Files } from '../platform/files.ts'
import { discover } from './discover.ts'
import { claudeCodeReader } from './readers/claude-code.ts'
import { codexReader } from './readers/codex.ts'

const base = mkdtempSync(join(tmpdir(), 'engram-discover-'))
afterAll(() => rmSync(base, { recursive: true }))

const readers = [claudeCodeReader, codexReader]
const idA = 'aaaaaaaa-0000-4000-8000-00000000000a'
const idB = 'bbbbbbbb-0000-4000-8000-00000000000b'

/** Files of an invented home: path → seconds since 2030. */
function home(name: string, tree: Readonly<Record<string, number>>): string {
  const root = join(base, name)
  mkdirSync(root)
  for (const [path, age] of Object.entries(tree)) {
    const full = join(root, path)
    mkdirSync(dirname(full), { recursive: true })
    writeFileSync(full, '{}\n')
    utimesSync(full, 1_893_456_000 + age, 1_893_456_000 + age)
  }
  return root
}

const below = (root: string, paths: readonly { readonly path: string }[]): readonly string[] =>
  paths.map(({ path }) => path.slice(root.length + 1))

describe('where transcripts are', () => {
  it('ING-DIS-1/sessions and sub-agents, nothing of what is beside them', async () => {
    const p = '.claude/projects/-work-one'
    const root = home('claude', {
      [`${p}/${idA}.jsonl`]: 1,
      [`${p}/${idA}/subagents/agent-a1b2.jsonl`]: 2,
      [`${p}/${idA}/subagents/agent-acompact-ff00.jsonl`]: 3,
      [`${p}/${idA}/tool-results/out.jsonl`]: 4,
      [`${p}/${idA}/workflows/w.jsonl`]: 4,
      [`${p}/memory/m.jsonl`]: 4,
      [`${p}/agent-0a1b2c3d.jsonl`]: 5,
      [`${p}/named by hand.jsonl`]: 6,
      [`${p}/notes.txt`]: 7,
    })
    const { files, skipped } = await discover(systemFiles, readers, { kind: 'roots', env: {}, home: root })
    expect(below(root, files)).toEqual([
      `${p}/${idA}.jsonl`,
      `${p}/${idA}/subagents/agent-a1b2.jsonl`,
      `${p}/agent-0a1b2c3d.jsonl`,
      `${p}/named by hand.jsonl`,
    ])
    expect(files.map(({ agent, sidechainOf, agentId }) => [agent, sidechainOf, agentId])).toEqual([
      ['claude-code', null, null],
      ['claude-code', idA, 'a1b2'],
      ['claude-code', null, '0a1b2c3d'],
      ['claude-code', null, null],
    ])
    expect(skipped.map(({ reason }) => reason)).toEqual(['compaction'])
  })

  it('ING-DIS-2/rollouts by date and archived ones; compressed ones are named', async () => {
    const day = '.codex/sessions/2030/01/02'
    const root = home('codex', {
      [`${day}/rollout-2030-01-02T03-04-05-${idA}.jsonl`]: 1,
      [`${day}/rollout-2030-01-02T03-04-05-${idB}.jsonl.zst`]: 1,
      [`${day}/other.jsonl`]: 1,
      [`.codex/archived_sessions/rollout-2029-01-02T03-04-05-${idB}.jsonl`]: 2,
    })
    const { files, skipped } = await discover(systemFiles, readers, { kind: 'roots', env: {}, home: root })
    expect(files.map(({ agent, path }) => [agent, path.includes('archived')])).toEqual([
      ['codex', true],
      ['codex', false],
    ])
    expect(skipped).toMatchObject([{ reason: 'compressed' }])
  })

  it('ING-DIS-1/CLAUDE_CONFIG_DIR and CODEX_HOME move the folders, blank ones do not', async () => {
    const root = home('moved', { [`conf/projects/p/${idA}.jsonl`]: 1, [`cx/sessions/rollout-x-${idB}.jsonl`]: 2 })
    const env = { CLAUDE_CONFIG_DIR: `${root}/conf/`, CODEX_HOME: `${root}/cx` }
    const moved = await discover(systemFiles, readers, { kind: 'roots', env, home: '/nowhere' })
    expect(moved.files.map(({ agent }) => agent)).toEqual(['codex', 'claude-code'])
    const blank = await discover(systemFiles, readers, { kind: 'roots', env: { CLAUDE_CONFIG_DIR: ' ' }, home: root })
    expect(blank.looked[0]).toBe(`${root}/.claude/projects`)
  })

  it('ING-CLI-4/an empty home: nothing found, and where it looked', async () => {
    const root = home('empty', {})
    const found = await discover(systemFiles, readers, { kind: 'roots', env: {}, home: root })
    expect(found).toMatchObject({ files: [], skipped: [], found: [] })
    expect(found.looked).toEqual([
      `${root}/.claude/projects`,
      `${root}/.codex/sessions`,
      `${root}/.codex/archived_sessions`,
    ])
  })

  it('ING-DIS-5/newest folder first, inside it the oldest file first', async () => {
    const p = '.claude/projects'
    const root = home('order', {
      [`${p}/old/one.jsonl`]: 10,
      [`${p}/old/two.jsonl`]: 5,
      [`${p}/new/three.jsonl`]: 1,
      [`${p}/new/four.jsonl`]: 99,
      [`${p}/new/s/subagents/agent-x.jsonl`]: 50,
    })
    const { files } = await discover(systemFiles, readers, { kind: 'roots', env: {}, home: root })
    expect(below(`${root}/${p}`, files)).toEqual([
      'new/three.jsonl',
      'new/s/subagents/agent-x.jsonl',
      'new/four.jsonl',
      'old/two.jsonl',
      'old/one.jsonl',
    ])
  })

  it('ING-DIS-1/links are not followed, and a linked file is named', async () => {
    const root = home('links', { [`real/${idA}.jsonl`]: 1 })
    mkdirSync(join(root, '.claude/projects/p'), { recursive: true })
    symlinkSync(join(root, 'real'), join(root, '.claude/projects/linked'))
    symlinkSync(join(root, `real/${idA}.jsonl`), join(root, `.claude/projects/p/${idB}.jsonl`))
    const { files, skipped } = await discover(systemFiles, readers, { kind: 'roots', env: {}, home: root })
    expect(files).toEqual([])
    expect(skipped.map(({ reason }) => reason)).toEqual(['symlink'])
  })

  it('ING-DIS-4/what cannot be read is named once and ends nothing', async () => {
    const root = home('refused', { '.claude/projects/a/x.jsonl': 1, '.claude/projects/b/y.jsonl': 1 })
    const refuse = Object.assign(new Error('refused'), { code: 'EACCES' })
    const files: Files = {
      ...systemFiles,
      list: (path) => (path.endsWith('/a') ? Promise.reject(refuse) : systemFiles.list(path)),
    }
    const found = await discover(files, readers, { kind: 'roots', env: {}, home: root })
    expect(below(root, found.files)).toEqual(['.claude/projects/b/y.jsonl'])
    expect(found.skipped).toMatchObject([{ reason: 'unreadable', detail: 'EACCES' }])
  })

  it('ING-CLI-2/given files and folders instead, told apart by their names', async () => {
    const root = home('given', { 'x/some.jsonl': 1, [`x/rollout-y-${idA}.jsonl`]: 2, 'z/alone.jsonl': 3 })
    const paths = [`${root}/x/`, `${root}/z/alone.jsonl`, `${root}/z/alone.jsonl`, `${root}/missing`]
    const { files, found } = await discover(systemFiles, readers, { kind: 'paths', paths })
    expect(files.map(({ agent, path }) => [agent, path.slice(root.length)])).toEqual([
      ['claude-code', '/z/alone.jsonl'],
      ['claude-code', '/x/some.jsonl'],
      ['codex', `/x/rollout-y-${idA}.jsonl`],
    ])
    expect(found).toHaveLength(3)
  })
})

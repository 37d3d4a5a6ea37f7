import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { goneName, remoteName } from './project-detection.ts'
import { openTestEngine, type TestEngine } from './testing/test-engine.ts'

let test: TestEngine
let root: string
beforeEach(() => {
  test = openTestEngine()
  root = realpathSync(mkdtempSync(join(tmpdir(), 'engram-git-')))
})
afterEach(async () => {
  rmSync(root, { recursive: true, force: true })
  await test.close()
})

const environment = { PATH: '/usr/bin:/bin', HOME: '/nonexistent', LC_ALL: 'C', GIT_CONFIG_NOSYSTEM: '1' }
const git = (directory: string, ...args: string[]): string =>
  execFileSync('git', ['-C', directory, '-c', 'user.name=t', '-c', 'user.email=t@t', ...args], {
    env: environment,
    encoding: 'utf8',
  })

function folder(...parts: string[]): string {
  const path = join(root, ...parts)
  mkdirSync(path, { recursive: true })
  return path
}

function repository(name: string, remote?: string): string {
  const path = folder(name)
  git(path, 'init', '-q', '-b', 'main')
  if (remote !== undefined) git(path, 'remote', 'add', 'origin', remote)
  return path
}

function configure(directory: string, text: string): void {
  mkdirSync(join(directory, '.engram'), { recursive: true })
  writeFileSync(join(directory, '.engram', 'config.json'), text)
}

const resolve = (directory: string) => test.engine.call('project.resolve', { directory })
let texts = 0
const save = (directory: string) =>
  test.engine.call('observation.save', { directory, title: `T${++texts}`, content: `Content ${texts}` })
const label = (directory: string): string => {
  try {
    return git(directory, 'config', '--local', 'engram.project').trim()
  } catch {
    return ''
  }
}
const codes = (found: { readonly warnings: readonly { readonly code: string }[] }): string[] =>
  found.warnings.map((one) => one.code)

describe('in git', () => {
  it('MEM-802 the name of origin; without one the name of the root', async () => {
    const withRemote = repository('checkout', 'git@example.org:team/Acme-Web.git')
    expect(await resolve(withRemote)).toMatchObject({
      project: 'acme-web',
      project_source: 'git_remote',
      project_path: withRemote,
    })
    expect(await resolve(repository('Plain'))).toMatchObject({ project: 'plain', project_source: 'git_root' })
  })

  it('MEM-802 every folder of the clone, and every path that leads there, has one name', async () => {
    const clone = repository('checkout', 'https://example.org/team/acme.git')
    mkdirSync(join(clone, 'a', 'b'), { recursive: true })
    symlinkSync(clone, join(root, 'link'))
    for (const at of [clone, join(clone, 'a', 'b'), join(root, 'link', 'a')]) {
      expect(await resolve(at)).toMatchObject({ project: 'acme', project_source: 'git_remote' })
    }
  })

  it('MEM-803 the first write notes the name; a renamed remote and a renamed folder keep it', async () => {
    const clone = repository('checkout', 'https://example.org/team/acme.git')
    await resolve(clone)
    expect(label(clone)).toBe('')
    expect(await save(clone)).toMatchObject({ project: 'acme', project_source: 'git_remote' })
    expect(label(clone)).toBe('acme')
    git(clone, 'remote', 'set-url', 'origin', 'https://example.org/team/renamed.git')
    expect((await save(clone)).project).toBe('acme')
    git(clone, 'remote', 'remove', 'origin')
    expect(await save(clone)).toMatchObject({ project: 'acme', project_source: 'git_root' })
    expect(git(clone, 'status', '--porcelain')).toBe('')
  })

  it('MEM-802 linked worktrees share the name of their clone', async () => {
    const clone = repository('acme')
    git(clone, 'commit', '-q', '--allow-empty', '-m', 'first')
    const beside = join(root, 'elsewhere', 'feature')
    git(clone, 'worktree', 'add', '-q', beside)
    expect((await save(beside)).project).toBe('acme')
    expect(label(clone)).toBe('acme')
    expect((await resolve(clone)).project).toBe('acme')
  })

  it('MEM-803 a label nobody may be called is passed over; one of another place does not count', async () => {
    const clone = repository('acme')
    git(clone, 'config', '--local', 'engram.project', ' / ')
    expect((await resolve(clone)).project).toBe('acme')
    git(clone, 'config', '--local', '--unset', 'engram.project')
    writeFileSync(join(root, '.gitconfig'), '[engram]\n\tproject = everything\n')
    const athome = openTestEngine({ environment: { HOME: root } })
    expect((await athome.engine.call('project.resolve', { directory: clone })).project).toBe('acme')
    await athome.close()
  })

  it('MEM-802 a config that is nearest wins, up to the root of the clone and no further', async () => {
    const clone = repository('checkout', 'https://example.org/team/acme.git')
    const inner = join(clone, 'packages', 'web')
    mkdirSync(inner, { recursive: true })
    configure(root, '{"project_name": "outside"}')
    expect((await resolve(inner)).project).toBe('acme')
    symlinkSync(clone, join(root, 'link'))
    expect((await resolve(join(root, 'link', 'packages'))).project).toBe('acme')
    configure(clone, '{"project_name": "Whole"}')
    expect(await resolve(inner)).toMatchObject({ project: 'whole', project_source: 'config' })
    configure(inner, '{"project_name": "web", "more": 1}')
    expect((await resolve(inner)).project).toBe('web')
  })

  it.each(['', '{', '[]', '{"project_name": 7}', '{"project_name": " "}', `{"project_name": "${'x'.repeat(101)}"}`])(
    'MEM-805 a broken config %j is passed over with a warning',
    async (text) => {
      const clone = repository('acme')
      configure(clone, text)
      const found = await resolve(clone)
      expect(found).toMatchObject({ project: 'acme', project_source: 'git_root' })
      expect(codes(found)).toEqual(['invalid_project_config'])
    },
  )

  it('MEM-805 a config that is no file, or a huge one, is passed over', async () => {
    const clone = repository('acme')
    mkdirSync(join(clone, '.engram', 'config.json'), { recursive: true })
    expect(codes(await resolve(clone))).toEqual(['invalid_project_config'])
    rmSync(join(clone, '.engram'), { recursive: true })
    configure(clone, `{"project_name": "big"}${' '.repeat(70_000)}`)
    expect((await resolve(clone)).project).toBe('acme')
  })
})

describe('outside git', () => {
  it('MEM-802 the name of the folder; a config of this very folder', async () => {
    const here = folder('My Notes')
    expect(await resolve(here)).toMatchObject({ project: 'my notes', project_source: 'dir_basename' })
    configure(here, '{"project_name": "notes"}')
    expect((await resolve(here)).project).toBe('notes')
    expect((await resolve(folder('My Notes', 'inner'))).project).toBe('inner')
  })

  it('MEM-802 one repository below names the folder as it names itself', async () => {
    const only = repository('work/checkout', 'https://example.org/team/acme.git')
    const found = await resolve(dirname(only))
    expect(found).toMatchObject({ project: 'acme', project_source: 'git_child', project_path: only })
    expect(codes(found)).toEqual(['git_child'])
  })

  it('MEM-802 MEM-805 several: the folder’s own name, all candidates, and how to move what was saved', async () => {
    for (const name of ['b', 'a', 'node_modules', '.hidden', 'dist']) repository(`work/${name}`)
    folder('work', 'plain')
    const saved = await save(join(root, 'work'))
    expect(saved).toMatchObject({ project: 'work', project_source: 'ambiguous', available_projects: ['a', 'b'] })
    const told = saved.warnings.find((one) => one.code === 'ambiguous_project')
    expect(told?.message).toContain('engram projects move')
    const strict = test.engine.call('observation.save', { directory: join(root, 'work'), content: 'x', strict: true })
    await expect(strict).rejects.toMatchObject({ code: 'ambiguous_project' })
  })

  it('MEM-803 there is no cut: all of 40 repositories are candidates', async () => {
    for (let index = 0; index < 40; index++) mkdirSync(join(root, 'work', `p${index}`, '.git'), { recursive: true })
    expect((await resolve(join(root, 'work'))).available_projects).toHaveLength(40)
  })

  it('ING-PRJ-3 the home and the root folder, and no folder at all, are unsorted', async () => {
    mkdirSync(test.deps.homeDir)
    expect((await resolve(test.deps.homeDir)).project).toBe('unsorted')
    git(test.deps.homeDir, 'init', '-q')
    expect((await resolve(test.deps.homeDir)).project).toBe('unsorted')
    expect((await resolve('/')).project).toBe('unsorted')
    expect(await test.engine.call('project.resolve', {})).toMatchObject({ project: 'unsorted', known: false })
    expect(await resolve('')).toMatchObject({ project: 'unsorted' })
  })

  it.each(['x'.repeat(300), `${'y/'.repeat(2_000)}z`])(
    'MEM-805 a path nobody can have is no error (%#)',
    async (name) => {
      expect((await save(join(root, name).slice(0, 4_000))).outcome).toBe('created')
    },
  )

  it('MEM-805 a name of a folder that no project may have is filed as unsorted', async () => {
    expect((await resolve(folder('n'.repeat(150)))).project).toBe('unsorted')
  })
})

describe('directories that are gone', () => {
  it.each([
    ['/w/acme/.claude/worktrees/feature', 'acme'],
    ['/w/acme/.worktrees/feature', 'acme'],
    ['/w/acme-worktrees/acme-feature', 'acme'],
    ['/w/acme.worktrees/feature', 'acme'],
    ['/w/acme-worktrees/feature/src/deep', 'acme'],
    ['C:\\w\\acme\\.worktrees\\feature', 'acme'],
    ['/w/acme-worktrees', 'acme-worktrees'],
    ['/w/acme/.claude/worktrees', 'worktrees'],
    ['/w/gone/inner/', 'inner'],
    ['/.worktrees/feature', 'feature'],
  ])('ING-PRJ-2 %s belongs to %s', (directory, name) => {
    expect(goneName(directory)).toBe(name)
  })

  it('ING-PRJ-2 the shapes are read in linear time', () => {
    const started = performance.now()
    goneName(`/${'a-'.repeat(2_000)}worktree`)
    goneName(`/${'.worktrees/'.repeat(400)}`)
    expect(performance.now() - started).toBeLessThan(100)
  })

  it('ING-PRJ-2 a session of the directory, or of the nearest folder above, knows better', async () => {
    await test.engine.call('session.start', { id: 's1', project: 'acme', directory: '/gone/tree' })
    await test.engine.call('session.start', { id: 's2', project: 'web', directory: '/gone/tree/web/' })
    const at = async (directory: string) => (await resolve(directory)).project
    expect(await at('/gone/tree/src')).toBe('acme')
    expect(await at('/gone/tree/web')).toBe('web')
    expect(await at('/gone/tree/web/src')).toBe('web')
    expect(await at('/gone/tree-other')).toBe('tree-other')
    expect(await at('/gone')).toBe('gone')
  })

  it('MEM-802 a folder that is there is not named by the session of a folder above it', async () => {
    await test.engine.call('session.start', { id: 's1', project: 'acme', directory: root })
    expect((await resolve(folder('own'))).project).toBe('own')
  })
})

describe('names in addresses', () => {
  it.each([
    ['git@example.org:team/acme.git', 'acme'],
    ['https://example.org/team/acme', 'acme'],
    ['https://example.org/team/acme.git/', 'acme'],
    ['ssh://git@example.org:22/acme.GIT', 'acme'],
    ['/srv/git/acme.git', 'acme'],
    ['C:\\git\\acme', 'acme'],
    ['https://user:secret-word@example.org', null],
    ['https://example.org/.git', null],
    ['', null],
  ])('MEM-802 %s names %s', (url, name) => {
    expect(remoteName(url)).toBe(name)
  })
})

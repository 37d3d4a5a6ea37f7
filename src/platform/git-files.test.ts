import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { systemGit } from './git.ts'
import { localConfigIn, readLocalConfig, repositoryByFiles } from './git-files.ts'

const root = realpathSync(mkdtempSync(join(tmpdir(), 'engram-git-files-')))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const env = { PATH: '/usr/bin:/bin', HOME: '/nonexistent', LC_ALL: 'C', GIT_CONFIG_NOSYSTEM: '1' }
const git = (at: string, ...args: string[]): string =>
  execFileSync('git', ['-C', at, '-c', 'user.name=t', '-c', 'user.email=t@t', ...args], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })

function folder(...parts: string[]): string {
  const path = join(root, ...parts)
  mkdirSync(path, { recursive: true })
  return path
}

const clone = folder('clone')
git(clone, 'init', '-q', '-b', 'main')
git(clone, 'remote', 'add', 'origin', 'git@example.org:team/shop.git')
git(clone, 'commit', '-q', '--allow-empty', '-m', 'first')
const deep = folder('clone', 'a', 'b')
git(clone, 'worktree', 'add', '-q', join(root, 'linked'))
const inLinked = folder('linked', 'c')
symlinkSync(clone, join(root, 'link'))
git(root, 'init', '-q', '--bare', 'bare.git')
git(folder('super'), 'init', '-q')
git(join(root, 'super'), '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', clone, 'sub')
const odd = folder('odd')
git(odd, 'init', '-q')
git(odd, 'config', 'core.worktree', '..')

/** What git itself says, in our words. */
function byGit(at: string) {
  try {
    const [top = '', common = '', prefix = ''] = git(
      at,
      'rev-parse',
      '--show-toplevel',
      '--git-common-dir',
      '--show-prefix',
    )
      .split('\n')
      .map((line) => line.trim())
    return { root: top, commonDirectory: join(common.startsWith('/') ? '/' : at, common), prefix }
  } catch {
    return null
  }
}

describe('the repository by its files', () => {
  it.each([
    ['the root', clone],
    ['a folder below', deep],
    ['a linked work tree', join(root, 'linked')],
    ['a folder in a linked work tree', inLinked],
    ['no repository', folder('plain', 'x')],
  ])('MEM-802 %s: what git says, without git', (_, at) => {
    expect(repositoryByFiles(at)).toEqual(byGit(at))
  })

  it.each([
    ['a path over a link', join(root, 'link', 'a')],
    ['a bare repository', join(root, 'bare.git')],
    ['a folder of git itself', join(clone, '.git', 'refs')],
    ['a submodule', join(root, 'super', 'sub')],
    ['a work tree moved by a setting', odd],
    ['no such folder', join(root, 'nowhere')],
  ])('MEM-802 %s is left to git', async (_, at) => {
    expect(repositoryByFiles(at)).toBe('ask-git')
    expect(await systemGit(env).repositoryOf(at, 2_000)).toEqual(byGit(at))
  })

  it('MEM-802 a `.git` that is none is left to git', () => {
    for (const [name, text] of [
      ['text', 'gitdir: /nowhere/at/all\n'],
      ['junk', '\0\0\0'],
    ] as const) {
      const at = folder(`none-${name}`)
      writeFileSync(join(at, '.git'), text)
      expect(repositoryByFiles(at)).toBe('ask-git')
    }
    mkdirSync(join(folder('none-folder'), '.git'))
    expect(repositoryByFiles(join(root, 'none-folder'))).toBe('ask-git')
  })
})

describe('the settings of a clone', () => {
  const keys = ['engram.project', 'remote.origin.url']

  it('MEM-803 says what git says', () => {
    expect(readLocalConfig(join(clone, '.git'), keys)).toEqual(
      new Map([['remote.origin.url', 'git@example.org:team/shop.git']]),
    )
    git(clone, 'config', 'engram.project', 'acme')
    expect(readLocalConfig(join(clone, '.git'), keys)?.get('engram.project')).toBe('acme')
    git(clone, 'config', '--unset', 'engram.project')
  })

  it.each<[string, Record<string, string> | null]>([
    ['[remote "origin"]\n\turl = a/b # c\n', null],
    ['[remote "origin"]\n\turl = "a b"\n', null],
    ['[remote "origin"]\n\turl = a\\\n b\n', null],
    ['[remote "ori\\"gin"]\n\turl = a\n', null],
    ['[broken\nurl = a\n', null],
    ['; note\n[REMOTE "origin"] # x\n\tURL=a/b\n\tfetch = "+x"\n', { 'remote.origin.url': 'a/b' }],
    ['[remote "Origin"]\n\turl = a/b\n', {}],
    ['[remote "origin"]\n url = a\n[remote "origin"]\r\n url = b\r\n', { 'remote.origin.url': 'b' }],
    ['[engram]\nproject\n', { 'engram.project': '' }],
  ])('MEM-803 %j', (text, expected) => {
    expect(localConfigIn(text, keys)).toEqual(expected === null ? null : new Map(Object.entries(expected)))
  })

  it('MEM-803 what only git can read is read by git', async () => {
    const at = folder('quoted')
    git(at, 'init', '-q')
    writeFileSync(join(at, '.git', 'config'), '[engram]\n\tproject = "my name" ; mine\n')
    const found = { root: at, commonDirectory: join(at, '.git'), prefix: '' }
    expect(readLocalConfig(found.commonDirectory, keys)).toBeNull()
    expect((await systemGit(env).localConfig(found, keys, 2_000)).get('engram.project')).toBe('my name')
  })
})

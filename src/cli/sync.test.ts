import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { person, type Person } from './testing/person.ts'

let ana: Person
let bo: Person
beforeEach(() => {
  ana = person()
  bo = person()
})
afterEach(() => {
  ana.leave()
  bo.leave()
})

const id = (out: string): string => /Created chunk ([0-9a-f]+)/.exec(out)?.[1] ?? 'none'
const save = (who: Person, title: string, more: readonly string[] = []) =>
  who.say(['save', title, `Text of ${title}`, '--project', 'acme', ...more])

describe('engram sync', () => {
  it('CHK-1002 what it says, byte for byte', async () => {
    const dir = ['--dir', join(ana.directory, '.engram')]
    await save(ana, 'One')
    await save(ana, 'Two')
    const made = await ana.say(['sync', '--project', 'acme'])
    expect(made).toEqual({
      code: 0,
      err: '',
      out: `Exporting memories for project "acme"...
Created chunk ${id(made.out)}
  Sessions:     1
  Observations: 2
  Prompts:      0

Add to git:
  git add .engram/ && git commit -m "sync engram memories"
`,
    })
    expect((await ana.say(['sync', '--project', 'acme'])).out).toBe(
      'Exporting memories for project "acme"...\nNothing new to sync for project "acme" — all memories already exported.\n',
    )
    expect((await ana.say(['sync', '--all'])).out).toBe(
      'Exporting ALL memories (all projects)...\nNothing new to sync — all memories already exported.\n',
    )
    expect((await bo.say(['sync', '--status', ...dir])).out).toBe(
      'Sync status:\n  Local chunks:    0\n  Remote chunks:   1\n  Pending import:  1\n',
    )
    expect((await bo.say(['sync', '--import', ...dir])).out).toBe(
      'Imported 1 new chunk(s) from .engram/\n  Sessions:     1\n  Observations: 2\n  Prompts:      0\n',
    )
    expect((await bo.say(['sync', '--import', ...dir])).out).toBe(
      'Already up to date — no new chunks to import.\n  (1 chunks already imported)\n',
    )
    await save(ana, 'Three')
    await ana.say(['sync', '--project', 'acme'])
    expect((await bo.say(['sync', '--import', ...dir])).out).toContain('  Skipped:      1 (already imported)\n')
  })

  it.each([['--import'], ['--status'], ['--verify']])(
    'CHK-1001 %s of a folder that is not there says so',
    async (what) => {
      await save(ana, 'One')
      const said = await ana.say(['sync', what, '--dir', join(ana.directory, 'mispelt')])
      expect(said).toMatchObject({ code: 5, out: '', err: expect.stringContaining('There is no folder') as string })
    },
  )

  it('CHK-503, CHK-1001 a dry run lists what would leave and writes nothing; what stays is counted', async () => {
    await save(ana, 'Shared')
    await save(ana, 'Mine', ['--scope', 'personal'])
    const dry = await ana.say(['sync', '--project', 'acme', '--dry-run'])
    expect(dry.out).toMatch(
      /observation obs-[0-9a-f]{16} {2}Shared\n {2}Withheld: {5}1 personal\nWould export 2 records; nothing was written.\n$/,
    )
    expect((await ana.say(['sync', '--project', 'acme'])).out).toContain('  Withheld:     1 personal\n')
  })

  it('CHK-1001 in a folder below, the nearest .engram with a manifest within the repository is meant', async () => {
    const { directory } = ana
    execFileSync('git', ['init', '-q', directory])
    await save(ana, 'One')
    await ana.say(['sync', '--project', 'acme'])
    const below = join(directory, 'a', 'b')
    mkdirSync(below, { recursive: true })
    const status = await ana.json(['sync', '--status', '--project', 'acme'], { directory: below })
    expect(status).toMatchObject({ localChunks: 1, remoteChunks: 1, sync_dir: join(directory, '.engram') })
  })

  it('CHK-1003 a cloud sync names its project, and is not in this version', async () => {
    for (const words of [
      ['sync', '--cloud'],
      ['sync', '--cloud', '--all', '--project', 'acme'],
    ]) {
      expect(await ana.say(words)).toMatchObject({
        code: 2,
        err: expect.stringContaining(
          'cloud sync requires an explicit --project scope; --all is not supported in cloud mode',
        ),
      })
    }
    expect(await ana.say(['sync', '--cloud', '--project', 'acme'])).toMatchObject({ code: 2 })
    expect(await ana.say(['sync', '--import', '--status'])).toMatchObject({ code: 2 })
  })

  it('CHK-702 new conflicts are told in one line, and with --strict by exit code 3', async () => {
    const dir = ['--dir', join(ana.directory, '.engram')]
    await save(ana, 'One')
    await ana.say(['sync', '--project', 'acme'])
    await bo.say(['sync', '--import', ...dir])
    await ana.say(['update', '1', '--content', 'as Ana says'])
    await bo.say(['update', '1', '--content', 'as Bo says'])
    await ana.say(['sync', '--project', 'acme'])
    const told = await bo.say(['sync', '--import', '--strict', ...dir])
    expect(told).toMatchObject({ code: 3, err: '1 new conflict: see `engram conflicts list --kind version`.\n' })
    expect((await bo.say(['conflicts', 'list', '--kind', 'version', '--all'])).out).toContain('One')
  })

  it('CHK-704, CHK-705, CHK-406, CHK-407 verify, squash, rebuild, and the driver git calls', async () => {
    const { directory } = ana
    const manifest = join(directory, '.engram', 'manifest.json')
    await save(ana, 'One')
    const made = await ana.say(['sync', '--project', 'acme', '--as', 'Ana'])
    const before = readFileSync(manifest, 'utf8')
    expect(before).toContain('"created_by": "Ana"')
    expect(await ana.say(['sync', '--verify', '--project', 'acme'])).toMatchObject({
      code: 0,
      out: '1 chunk checked: all whole, and they hold what is here.\n',
    })
    rmSync(manifest)
    expect((await ana.say(['sync', '--rebuild-manifest'])).code).toBe(0)
    expect(readFileSync(manifest, 'utf8')).toContain(id(made.out))
    const fresh = join(directory, 'fresh')
    expect((await ana.say(['sync', '--squash', fresh, '--project', 'acme'])).out).toContain('Created chunk')
    expect((await ana.say(['sync', '--squash', fresh, '--project', 'acme'])).code).toBe(2)
    for (const name of ['base', 'ours', 'theirs']) writeFileSync(join(directory, name), name === 'theirs' ? before : '')
    expect((await ana.say(['sync', 'merge-driver', 'base', 'ours', 'theirs'])).code).toBe(0)
    expect(readFileSync(join(directory, 'ours'), 'utf8')).toBe(before)
    await save(ana, 'Two')
    expect(await ana.say(['sync', '--verify', '--project', 'acme'])).toMatchObject({ code: 1 })
  })
})

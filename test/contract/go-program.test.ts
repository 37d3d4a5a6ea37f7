import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { knownKeys, serverConfig } from '../../src/cli/server-config.ts'
import { parseYaml } from '../../src/platform/yaml.ts'

const root = resolve(import.meta.dirname, '../..')
const read = (name: string): string => readFileSync(join(root, name), 'utf8')

describe('COL-2301 the file of settings', () => {
  const text = read('config.example.yaml')

  it('loads as it is, and says what is the default', () => {
    const { settings, engine, warnings } = serverConfig(parseYaml(text) as Readonly<Record<string, unknown>>)
    const without = serverConfig({})
    expect(warnings).toEqual([])
    expect(settings).toEqual(without.settings)
    expect(engine).toMatchObject({ durability: 'full', walBatchSize: 64, walSyncMs: 2, lockTtlMs: 60_000 })
  })

  it('names every key', () => {
    const names = knownKeys.map((path) => path.split('.').at(-1) ?? '')
    expect(names.filter((name) => !new RegExp(`^ *(# )?${name}:`, 'm').test(text))).toEqual([])
  })
})

it('COL-2301 the lockfile is whole: `npm ci` takes it', () => {
  // With nothing kept and no network: what a lockfile lacks cannot be asked for.
  const cache = mkdtempSync(join(tmpdir(), 'engram-npm-'))
  try {
    const words = ['ci', '--dry-run', '--offline', '--ignore-scripts', '--cache', cache]
    const { status, stderr } = spawnSync('npm', words, { cwd: root, encoding: 'utf8' })
    expect({ status, stderr }).toMatchObject({ status: 0 })
  } finally {
    rmSync(cache, { recursive: true })
  }
})

describe('COL-2302 test.sh', () => {
  /** With an `npm` that only notes what is asked, and fails for the search. */
  function run(...groups: readonly string[]) {
    const place = mkdtempSync(join(tmpdir(), 'engram-test-sh-'))
    try {
      writeFileSync(
        join(place, 'npm'),
        '#!/bin/sh\ncase "$*" in *src/search*) exit 1 ;; *src/*|*test/*) echo "ran $*" ;; esac\n',
        { mode: 0o755 },
      )
      const { status, stdout } = spawnSync(join(root, 'test.sh'), groups, {
        encoding: 'utf8',
        env: { PATH: `${place}:/usr/bin:/bin` },
      })
      return { status, lines: stdout.split('\n') }
    } finally {
      rmSync(place, { recursive: true })
    }
  }

  it('runs group by group, goes on after a failure, and says in the end which failed', () => {
    const { status, lines } = run()
    expect(status).toBe(1)
    expect(lines.filter((line) => /^(ok|FAILED)/.test(line)).map((line) => line.split(/\s+/).join(' '))).toEqual([
      'ok core',
      'FAILED search',
      'ok storage',
      'ok api',
      'ok integration',
    ])
    expect(lines.at(-2)).toBe('1 of 5 groups failed: search')
  })

  it('one group alone, and none that is not there', () => {
    expect(run('storage')).toMatchObject({
      status: 0,
      lines: expect.arrayContaining(['All 1 groups passed.']) as unknown,
    })
    expect(run('nowhere').status).toBe(2)
  })

  it('names folders that are there', () => {
    const paths = read('test.sh').match(/(?<= )(?:src|test)\/[\w/-]+/g) ?? []
    expect(paths.length).toBeGreaterThan(10)
    const isThere = (path: string): boolean => [path, `${path}.ts`].some((one) => existsSync(join(root, one)))
    expect(paths.filter((path) => !isThere(path))).toEqual([])
  })
})

const hasMake = spawnSync('make', ['--version']).status === 0
describe.skipIf(!hasMake)('COL-2303 the Makefile (make wanted)', () => {
  const said = (target: string): string =>
    spawnSync('make', ['-n', '-C', root, target, 'ARGS=--log-level=debug'], { encoding: 'utf8' }).stdout

  it.each([
    ['build', 'npm run build'],
    ['test', 'npm test'],
    ['bench', 'npm run bench'],
    ['run', 'npm start -- --log-level=debug'],
    ['docker-build', 'docker build -t engram .'],
    ['docker-run', '--user "$(id -u):$(id -g)" -p 127.0.0.1:8080:8080'],
    ['docker-test', 'docker build --target test -t engram:test .'],
    ['docker-test-internal/lockmanager', 'engram:test test -- src/live'],
    ['docker-test-internal/api', 'engram:test test -- src/server'],
    ['docker-test-src/store', 'engram:test test -- src/store'],
  ])('%s', (target, command) => expect(said(target)).toContain(command))

  it('names folders that are there', () => {
    const folders = [...read('Makefile').matchAll(/^folder_\w+ := (\S+)$/gm)].map(([, folder = '']) => folder)
    expect(folders).toHaveLength(7)
    const isThere = (path: string): boolean => [path, `${path}.ts`].some((one) => existsSync(join(root, one)))
    expect(folders.filter((folder) => !isThere(folder))).toEqual([])
  })
})

describe('COL-2304 the image', () => {
  const dockerfile = read('Dockerfile')

  it('copies what a clone holds or what its build makes, as somebody who is not root', () => {
    const ignored = new Set(read('.dockerignore').split('\n'))
    const [, ...sources] =
      /^COPY (?!--from)(package\.json) (package-lock\.json) (\.npmrc) \.\/$/m.exec(dockerfile) ?? []
    expect(sources).toHaveLength(3)
    for (const name of sources) expect([existsSync(join(root, name)), ignored.has(name)]).toEqual([true, false])
    const taken = [...dockerfile.matchAll(/^COPY --from=build \/app\/(\S+)/gm)].map(([, name]) => name)
    expect(taken).toEqual(['package.json', 'bin', 'dist', 'node_modules'])
    expect(dockerfile).toMatch(/^USER node$/m)
  })

  it('listens on 8080 with a token that lies beside its data, and is asked every 30 seconds', () => {
    expect(JSON.parse(/^ENTRYPOINT (\["node".*)$/m.exec(dockerfile)?.[1] ?? '[]')).toEqual([
      'node',
      'bin/engram.js',
      'serve',
      '--addr=0.0.0.0:8080',
      '--data-dir=/app/data',
      '--create-token',
    ])
    expect(dockerfile).toMatch(
      /^HEALTHCHECK --interval=30s CMD \["node", "-e", "fetch\('http:\/\/127\.0\.0\.1:8080\/healthz'\)/m,
    )
    expect(dockerfile).toMatch(/^FROM sources AS test$/m)
  })
})

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { moduleOf } from '../tidy/imports.ts'

const root = resolve(import.meta.dirname, '../..')
/** Under node_modules, so that an unpacked package finds its dependencies as an installed one would. */
const scratch = join(root, 'node_modules/.cache', `package-test-${process.pid}`)

const packedSchema = z.object({
  archive: z.string(),
  bytes: z.number(),
  integrity: z.string(),
  files: z.array(z.string()),
})
const manifestSchema = z.looseObject({ version: z.string(), dependencies: z.record(z.string(), z.string()) })
const lockSchema = z.object({
  packages: z.record(
    z.string(),
    z.looseObject({
      version: z.string().optional(),
      integrity: z.string().optional(),
      resolved: z.string().optional(),
      dev: z.boolean().optional(),
      hasInstallScript: z.boolean().optional(),
    }),
  ),
})
const installedSchema = z.looseObject({
  scripts: z.record(z.string(), z.string()).optional(),
  gypfile: z.boolean().optional(),
})

const script = (...words: readonly string[]): string =>
  execFileSync(process.execPath, words, { cwd: root, encoding: 'utf8', stdio: 'pipe' })
const readJson = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'))

/** Runs the bin of the unpacked package; `before` is a module that runs first. */
function runPacked(
  words: readonly string[],
  before?: string,
): { status: number | null; stdout: string; stderr: string } {
  const flags = before === undefined ? [] : ['--import', before]
  return spawnSync(process.execPath, [...flags, join(scratch, 'package/bin/engram.js'), ...words], {
    cwd: scratch,
    encoding: 'utf8',
  })
}

let packed: z.infer<typeof packedSchema>

beforeAll(() => {
  if (!existsSync(join(root, 'dist/bin.js')))
    throw new Error('dist is not built; `npm test` does it, or `npm run build`')
  mkdirSync(scratch, { recursive: true })
  packed = packedSchema.parse(JSON.parse(script('scripts/pack.ts')))
  execFileSync('tar', ['-xzf', join(root, packed.archive), '-C', scratch])
})

afterAll(() => rmSync(scratch, { recursive: true, force: true }))

describe('the published package', () => {
  it('holds the program, its types and its papers, and nothing else', () => {
    const always = [
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'bin/engram.js',
      'dist/THIRD-PARTY.md',
      'dist/THIRD-PARTY-HOOK.md',
      'dist/bin.js',
      'dist/client.js',
      'dist/checkpoint-thread.js',
      'dist/hook.js',
      'dist/index.js',
      'dist/minilm-worker.js',
      'dist/prepare-thread.js',
      'dist/protocol.js',
      'dist/testing.js',
      'dist/transcript.js',
      'dist/types/client.d.ts',
      'dist/types/index.d.ts',
      'dist/types/protocol.d.ts',
      'dist/types/testing.d.ts',
      'dist/types/transcript.d.ts',
      'package.json',
      'proto/engram.proto',
    ]
    const parts = /^dist\/(?:parts\/[\w.-]+\.js|types\/[\w./-]+\.d\.ts)$/
    expect(packed.files).toEqual(expect.arrayContaining(always))
    expect(packed.files.filter((path) => !always.includes(path) && !parts.test(path))).toEqual([])
    expect(packed.bytes).toBeLessThan(4 * 1024 * 1024)
  })

  it('has a manifest without what only a clone needs', () => {
    const manifest = manifestSchema.parse(readJson(join(scratch, 'package/package.json')))
    for (const key of ['private', 'scripts', 'devDependencies', 'allowScripts'])
      expect(manifest).not.toHaveProperty(key)
    expect(JSON.stringify(manifest)).not.toContain('node-linux-')
    for (const version of Object.values(manifest.dependencies)) expect(version).toMatch(/^\d+\.\d+\.\d+$/)
    expect(manifest.dependencies).toHaveProperty('better-sqlite3')
    // Bundled, and nothing that is published may bring them: one of them has an install script.
    for (const name of ['@grpc/grpc-js', '@grpc/proto-loader', 'protobufjs'])
      expect(manifest.dependencies).not.toHaveProperty(name)
  })

  it('is built the same twice, from the sources as they stand', () => {
    script('scripts/build.ts', join(scratch, 'again'))
    expect(contentsOf(join(scratch, 'again'))).toEqual(contentsOf(join(scratch, 'package/dist')))
  })

  it('gives its version', () => {
    const manifest = manifestSchema.parse(readJson(join(root, 'package.json')))
    expect(runPacked(['--version'])).toMatchObject({ status: 0, stdout: `engram ${manifest.version}\n`, stderr: '' })
  })

  it('can be imported by name', () => {
    const consumer = join(scratch, 'package/consumer.mjs')
    writeFileSync(
      consumer,
      "for (const at of ['', '/client', '/protocol', '/transcript', '/testing']) await import(`engram${at}`)\n",
    )
    expect(spawnSync(process.execPath, [consumer], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' })
  })
})

describe('the client and the formats', () => {
  it.each(['client.js', 'protocol.js'])(
    'COL-2201, CHK-906 %s needs nothing of Node: a browser reads it as it is',
    (name) => {
      const dist = join(scratch, 'package/dist')
      const read = (path: string, seen: Set<string>): Set<string> => {
        if (seen.has(path)) return seen
        seen.add(path)
        for (const one of moduleOf(readFileSync(path, 'utf8')).imports) {
          expect(one.specifier).toMatch(/^\.\.?\//)
          read(join(path, '..', one.specifier), seen)
        }
        return seen
      }
      expect(read(join(dist, name), new Set()).size).toBeGreaterThan(0)
    },
  )
})

describe('the formats', () => {
  it('CHK-906 read and write a document and a manifest to the byte, without the rest of the package', () => {
    const golden = join(root, 'test/golden/chunks/v3-plain')
    const script = `
      import { decodeDocument, decodeManifest, encodeManifest } from 'engram/protocol'
      import { readFileSync } from 'node:fs'
      import { gunzipSync } from 'node:zlib'
      const text = readFileSync(${JSON.stringify(join(golden, 'manifest.json'))}, 'utf8')
      const packed = readFileSync(${JSON.stringify(join(golden, 'chunks/be9291f4.jsonl.gz'))})
      const { manifest } = decodeManifest(text)
      const { document } = decodeDocument(gunzipSync(packed))
      console.log(JSON.stringify([encodeManifest(manifest) === text, document.observations.length]))`
    const consumer = join(scratch, 'package/formats.mjs')
    writeFileSync(consumer, script)
    const run = spawnSync(process.execPath, [consumer], { encoding: 'utf8' })
    expect(run).toMatchObject({ status: 0, stdout: '[true,2]\n', stderr: '' })
  })
})

describe('the bin file', () => {
  const old = 'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,napi:"9"}})'

  it.each([['--version'], ['search', 'x']])('says plainly what an old Node lacks: %s', (...words) => {
    const run = runPacked(words, old)
    expect(run).toMatchObject({ status: 1, stdout: '' })
    expect(run.stderr).toMatch(/^engram needs Node 22\.18 or newer; this is Node \d/)
    expect(run.stderr).toContain('npm install')
  })

  it('can be read by an old Node, and imports nothing before the check', () => {
    const bin = moduleOf(readFileSync(join(root, 'bin/engram.js'), 'utf8'))
    expect(bin.imports.filter((one) => one.kind === 'static')).toEqual([])
    const text = bin.tokens
      .map((token) => (token.kind === 'punctuation' || token.kind === 'word' ? token.text : '"'))
      .join(' ')
    // Optional chaining, `??`, logical assignment, top-level await, private names.
    expect(text).not.toMatch(/\? \.|\? \?|[|&] =|\bawait\b|#\w/)
  })

  it('in a clone runs on the Node that npm brought', (context) => {
    const older = olderNode() ?? context.skip('no Node older than 22 on this machine')
    const run = (words: readonly string[]): ReturnType<typeof spawnSync> =>
      spawnSync(older, [join(root, 'bin/engram.js'), ...words], { encoding: 'utf8' })
    expect(run(['--version'])).toMatchObject({ status: 0, stderr: '' })
    expect(run(['no-such-command'])).toMatchObject({ status: 2 })
  })
})

describe('what users install', () => {
  const lock = lockSchema.parse(readJson(join(root, 'package-lock.json')))
  const installed = Object.entries(lock.packages).filter(([path, entry]) => path !== '' && entry.dev !== true)

  /** Their scripts do nothing that is needed, and `dist/` holds what is used of them: who installs the package has none. */
  const idle = ['node_modules/protobufjs']

  it('has no install script anywhere', () => {
    // npm also marks packages that carry a binding.gyp and say `gypfile: false`, for which it runs nothing.
    const marked = installed.filter(([, entry]) => entry.hasInstallScript === true).map(([path]) => path)
    const running = [...marked, 'node_modules/better-sqlite3'].filter((path) => {
      if (idle.includes(path)) return false
      const { scripts = {}, gypfile } = installedSchema.parse(readJson(join(root, path, 'package.json')))
      const built = existsSync(join(root, path, 'binding.gyp')) && gypfile !== false
      return built || ['preinstall', 'install', 'postinstall'].some((name) => name in scripts)
    })
    expect(running).toEqual([])
  })

  it('comes from the registry by its hash', () => {
    const loose = Object.entries(lock.packages)
      .filter(
        ([path, entry]) => path !== '' && (!entry.integrity?.startsWith('sha512-') || entry.resolved !== undefined),
      )
      .map(([path]) => path)
    expect(loose).toEqual([])
  })
})

function contentsOf(folder: string): Readonly<Record<string, string>> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort()
  return Object.fromEntries(paths.map((path) => [path.slice(folder.length), readFileSync(path, 'utf8')]))
}

function olderNode(): string | null {
  const folders = (process.env['PATH'] ?? '').split(':').map((folder) => join(folder, 'node'))
  const isOlder = (path: string): boolean => {
    const { stdout } = spawnSync(path, ['-p', 'process.versions.napi'], { encoding: 'utf8' })
    return Number(stdout) < 10 && Number(stdout) > 0
  }
  return [...new Set(folders)].find((path) => existsSync(path) && isOlder(path)) ?? null
}

/**
 * Makes `dist-package/` from a built `dist/`: what is published, and nothing of what only a clone needs (the Node it
 * brings, scripts, development). Then packs it; the archive stands beside it. Prints one line of JSON:
 * `{"archive": …, "bytes": …, "integrity": …, "files": […]}`.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { moduleOf } from '../test/tidy/imports.ts'
import { packageOf } from '../test/tidy/tree.ts'

type Manifest = Readonly<Record<string, unknown>> & {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const out = 'dist-package'
const contents = ['dist', 'bin', 'proto/engram.proto', 'README.md', 'LICENSE', 'CHANGELOG.md']
/** What of package.json is for users. The rest is for whoever works on the program. */
const published = [
  'name',
  'version',
  'description',
  'keywords',
  'homepage',
  'bugs',
  'repository',
  'author',
  'license',
  'type',
  'engines',
  'bin',
  'exports',
]

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
try {
  assemble()
  process.stdout.write(`${JSON.stringify(pack())}\n`)
} catch (error) {
  process.stderr.write(`pack: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}

function assemble(): void {
  const missing = contents.filter((path) => !existsSync(path))
  if (missing.length > 0) throw new Error(`missing: ${missing.join(', ')} (dist comes from \`npm run build\`)`)
  rmSync(out, { recursive: true, force: true })
  mkdirSync(out)
  for (const path of contents) cpSync(path, join(out, path), { recursive: true, dereference: true })
  const source: Manifest = JSON.parse(readFileSync('package.json', 'utf8'))
  const manifest = {
    ...Object.fromEntries(published.filter((key) => key in source).map((key) => [key, source[key]])),
    files: contents,
    ...dependenciesOf(source),
  }
  writeFileSync(join(out, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
}

/** The packages `dist` still imports, in code or in types, with the versions package.json pins. */
function dependenciesOf(source: Manifest): Pick<Manifest, 'dependencies' | 'optionalDependencies'> {
  const names = [...new Set(importedPackages())].sort()
  const unknown = names.filter((name) => !source.dependencies?.[name] && !source.optionalDependencies?.[name])
  if (unknown.length > 0) throw new Error(`dist imports what package.json does not list: ${unknown.join(', ')}`)
  const pick = (all: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> =>
    Object.fromEntries(names.flatMap((name) => (all[name] === undefined ? [] : [[name, all[name]]])))
  const optional = pick(source.optionalDependencies)
  return {
    dependencies: pick(source.dependencies),
    ...(Object.keys(optional).length > 0 && { optionalDependencies: optional }),
  }
}

function importedPackages(): readonly string[] {
  return readdirSync('dist', { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.(?:js|d\.ts)$/.test(path))
    .flatMap((path) => moduleOf(readFileSync(join('dist', path), 'utf8')).imports)
    .filter(({ specifier }) => /^[@a-z]/.test(specifier) && !isBuiltin(specifier))
    .map(({ specifier }) => packageOf(specifier))
}

type Packed = {
  readonly archive: string
  readonly bytes: number
  readonly integrity: string
  readonly files: readonly string[]
}

type NpmPacked = {
  readonly filename: string
  readonly size: number
  readonly integrity: string
  readonly files: readonly { readonly path: string }[]
}

function pack(): Packed {
  const npm = process.env['npm_execpath']
  const [command, ...first] = npm === undefined ? ['npm'] : [process.execPath, npm]
  const result = spawnSync(command ?? 'npm', [...first, 'pack', '--json', '--ignore-scripts'], {
    cwd: out,
    encoding: 'utf8',
  })
  if (result.status !== 0) throw new Error(`npm pack failed\n${result.error?.message ?? result.stderr}`)
  const answer: readonly NpmPacked[] = JSON.parse(result.stdout)
  const packed = answer[0]
  if (packed === undefined) throw new Error(`npm pack said nothing of an archive\n${result.stdout}`)
  return {
    archive: join(out, packed.filename),
    bytes: packed.size,
    integrity: packed.integrity,
    files: packed.files.map((file) => file.path).sort(),
  }
}

/**
 * Builds `dist/`: the program and the library entries as ES modules, and their type declarations.
 *
 * - Dependencies are bundled: a start that reads 3 files instead of 120 takes two thirds of the time (docs/adr/0002).
 *   What stays outside is native or optional; `scripts/pack.ts` lists it as the package's dependencies.
 * - Code is split, so what `src` imports on demand is still read on demand.
 * - `dist/` (or the folder given as argument) is replaced as a whole and only when everything succeeded.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, renameSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const root = fileURLToPath(new URL('..', import.meta.url))
const entries = ['bin', 'index', 'transcript', 'testing']
/** Packages with a native part, which a bundle cannot hold. */
const outside = ['better-sqlite3']

process.chdir(root)
const missing = entries.filter((entry) => !existsSync(`src/${entry}.ts`))
if (missing.length > 0) fail(`missing: ${missing.map((entry) => `src/${entry}.ts`).join(', ')}`)

const target = process.argv[2] ?? 'dist'
const next = `node_modules/.cache/build-${process.pid}`
try {
  await bundle(next)
  declare(`${next}/types`)
  rmSync(target, { recursive: true, force: true })
  renameSync(next, target)
} catch (error) {
  fail(error instanceof Error ? error.message : String(error))
} finally {
  rmSync(next, { recursive: true, force: true })
}

async function bundle(outDir: string): Promise<void> {
  await build({
    configFile: false,
    publicDir: false,
    logLevel: 'error',
    ssr: { noExternal: true, external: outside, target: 'node' },
    build: {
      ssr: true,
      target: 'node22',
      outDir,
      license: { fileName: 'THIRD-PARTY.md' },
      rolldownOptions: {
        input: Object.fromEntries(entries.map((entry) => [entry, `src/${entry}.ts`])),
        output: { entryFileNames: '[name].js', chunkFileNames: 'parts/[name]-[hash].js' },
      },
    },
  })
}

function declare(outDir: string): void {
  const tsc = spawnSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json', '--outDir', outDir], {
    encoding: 'utf8',
  })
  if (tsc.status !== 0) throw new Error(`tsc -p tsconfig.build.json failed\n${tsc.stdout}${tsc.stderr}`)
}

function fail(reason: string): never {
  process.stderr.write(`build: ${reason}\n`)
  process.exit(1)
}

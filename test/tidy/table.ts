/** ARCHITECTURE "Who may import whom", as data. One row for each folder and each file at the top of `src`. */
export type Row = {
  /** Folders and top files of `src`; `*` is everything but `bin.ts`. Its own folder is always allowed. */
  readonly imports: readonly string[]
  /** Package names; `@scope/*` for a whole scope. */
  readonly packages: readonly string[]
  /** `none` (browser-safe), `pure` (nothing of the machine: see `pureBuiltins`) or `all`. */
  readonly builtins: 'none' | 'pure' | 'all'
  /** May read the clock, chance, environment and process, and set timers; `timers`: those alone. */
  readonly machine: 'none' | 'timers' | 'all'
}

const inside = { packages: [], builtins: 'pure', machine: 'none' } as const
const face = { packages: [], builtins: 'all', machine: 'all' } as const

export const table: Readonly<Record<string, Row>> = {
  model: { imports: [], packages: ['zod'], builtins: 'none', machine: 'none' },
  api: { imports: ['model'], packages: ['zod'], builtins: 'none', machine: 'none' },
  protocol: { imports: ['model', 'api'], packages: ['zod'], builtins: 'none', machine: 'none' },
  platform: {
    imports: ['model'],
    packages: ['proper-lockfile', 'ulid', 'pino', 'yaml', 'lru-cache', 'p-retry'],
    builtins: 'all',
    machine: 'all',
  },
  store: { ...inside, imports: ['model', 'platform'], packages: ['better-sqlite3'] },
  transcript: { ...inside, imports: ['model', 'platform'] },
  search: { ...inside, imports: ['model', 'platform', 'store'], packages: ['@lat.md/*'] },
  engine: {
    ...inside,
    imports: ['model', 'api', 'protocol', 'platform', 'store', 'search'],
    packages: ['@secretlint/*'],
  },
  live: { ...inside, imports: ['model', 'protocol', 'platform', 'store'], packages: ['@nats-io/*'] },
  sync: {
    ...inside,
    imports: ['model', 'protocol', 'platform', 'store'],
    packages: ['@octokit/*', 'aws4fetch', 'age-encryption'],
  },
  ingest: { ...inside, imports: ['model', 'api', 'platform', 'transcript'] },
  server: {
    ...face,
    imports: ['model', 'api', 'protocol', 'platform', 'live'],
    packages: ['hono', '@hono/*', 'ws', '@grpc/*', 'protobufjs', 'prom-client', 'jose', '@opentelemetry/api'],
  },
  cloud: {
    ...face,
    imports: ['model', 'protocol', 'platform'],
    packages: ['hono', '@hono/*', 'postgres', '@electric-sql/pglite', 'prom-client', 'jose'],
  },
  client: { imports: ['model', 'api', 'protocol'], packages: [], builtins: 'none', machine: 'timers' },
  mcp: { ...face, imports: ['model', 'api'], packages: ['@modelcontextprotocol/*'] },
  cli: {
    ...face,
    imports: ['model', 'api', 'platform'],
    packages: ['commander', '@clack/prompts', '@bomb.sh/tab', 'cli-table3', 'picocolors', 'jsonc-parser', 'smol-toml'],
  },
  tui: { ...face, imports: ['model', 'api'], packages: ['ink', 'react'] },
  'app.ts': { ...face, imports: ['*'] },
  // What app.ts is made of, each its own file.
  'adopt.ts': { ...face, imports: ['*'] },
  'bind-sync.ts': { ...face, imports: ['*'] },
  'empty-store.ts': { ...face, imports: ['*'] },
  'username.ts': { ...face, imports: ['*'] },
  'sync-doors.ts': { ...face, imports: ['*'] },
  'chunk-preparer.ts': { ...face, imports: ['*'] },
  'prepare-file.ts': { ...face, imports: ['*'] },
  'prepare-thread.ts': { ...face, imports: ['*'] },
  'open-engine.ts': { ...face, imports: ['*'] },
  'open-live.ts': { ...face, imports: ['*'] },
  'serve.ts': { ...face, imports: ['*'] },
  'transcript-handlers.ts': { ...face, imports: ['*'] },
  'hook.ts': { ...face, imports: ['*'] },
  'hook-act.ts': { ...face, imports: ['*'] },
  'hook-deps.ts': { ...face, imports: ['*'] },
  'mcp.ts': { ...face, imports: ['*'] },
  'serve-live.ts': { ...face, imports: ['*'] },
  'hook-note.ts': { ...face, imports: ['*'] },
  'reads-on.ts': { ...face, imports: ['*'] },
  'upkeep.ts': { ...face, imports: ['*'] },
  'version.ts': { ...inside, imports: [] },
  'embed.ts': { ...face, imports: ['*'] },
  'embed-config.ts': { ...face, imports: ['model', 'platform', 'protocol', 'cli'] },
  'client.ts': { imports: ['client', 'model'], packages: [], builtins: 'none', machine: 'none' },
  'index.ts': { ...face, imports: ['*'] },
  'testing.ts': { ...face, imports: ['*'] },
  'protocol.ts': { imports: ['protocol', 'model'], packages: [], builtins: 'none', machine: 'none' },
  'transcript.ts': { ...inside, imports: ['transcript', 'platform', 'model'] },
  'bin.ts': { ...face, imports: ['app.ts', 'cli', 'platform', 'model'] },
}

/** Modules of Node that compute and touch nothing. */
export const pureBuiltins: readonly string[] = [
  'node:assert',
  'node:assert/strict',
  'node:events',
  'node:path',
  'node:path/posix',
  'node:path/win32',
  'node:util',
]

/** Single files that may do what their folder may not. */
export const fileGrants: Readonly<Record<string, Partial<Row> & { readonly reason: string }>> = {
  'src/store/checkpoint-thread.ts': { builtins: 'all', reason: 'the far end of a thread is told and tells by a port' },
  'src/search/embedders/minilm.ts': {
    builtins: 'all',
    machine: 'all',
    reason: 'the model computes in a thread of its own',
  },
  'src/search/embedders/minilm-worker.ts': { builtins: 'all', machine: 'all', reason: 'the thread of the model' },
  'src/client/surroundings.ts': {
    machine: 'all',
    reason: 'a browser has no platform/; all of it the client needs is here',
  },
  'src/store/driver.ts': { builtins: 'all', machine: 'all', reason: 'the door to SQLite is a door to the machine' },
}

/** Where a package must be imported, when the folder alone does not say it. A trailing `/` is a folder. */
export const doors: Readonly<Record<string, string>> = {
  'better-sqlite3': 'src/store/driver.ts',
  '@secretlint/*': 'src/engine/rules/secretlint-preset.ts',
  '@lat.md/*': 'src/search/embedders/',
  '@nats-io/*': 'src/live/nats-log.ts',
}

/** Packages that more than one file may import, and why. */
export const sharedPackages: Readonly<Record<string, { readonly per: 'file' | 'folder'; readonly reason: string }>> = {
  'jsonc-parser': { per: 'file', reason: 'reading a tree and splicing at its places are two files of one job' },
  '@modelcontextprotocol/server': { per: 'file', reason: 'pipes and HTTP are two ways to one server' },
  zod: { per: 'file', reason: 'the language in which every operation states its shapes' },
  hono: { per: 'folder', reason: 'the local server and the cloud are two programs' },
  '@hono/node-server': { per: 'folder', reason: 'the local server and the cloud are two programs' },
  'prom-client': { per: 'folder', reason: 'the local server and the cloud are two programs' },
  jose: { per: 'folder', reason: 'the local server and the cloud are two programs' },
}

/** Read only when someone asks for what they do: no static import may lead to them from `src/bin.ts`. */
export const onDemandPackages: readonly string[] = [
  '@lat.md/*',
  '@nats-io/*',
  '@octokit/*',
  'aws4fetch',
  'age-encryption',
  'postgres',
  '@electric-sql/pglite',
  'ink',
  'react',
  '@secretlint/*',
  'hono',
  '@grpc/*',
  'protobufjs',
  '@modelcontextprotocol/*',
]

/** Library entries: nothing but re-exports is what they are for. */
export const entryFiles: readonly string[] = [
  'src/index.ts',
  'src/client.ts',
  'src/protocol.ts',
  'src/testing.ts',
  'src/transcript.ts',
]

export const bannedNames: readonly string[] = [
  'utils',
  'util',
  'helpers',
  'helper',
  'common',
  'core',
  'shared',
  'manager',
  'service',
  'base',
]

export const linesMax = 700
export const linesToLookAt = 400

import { defaultServerSettings, type ServerSettings } from '../model/server-settings.ts'
import type { Settings } from '../model/settings.ts'
import { logLevels, type LogFields } from '../platform/log.ts'
import { nearest } from './nearest.ts'

/** What a file of settings says of the server, and remarks on what it says in vain (COL-1805). */
export type ServerConfig = {
  readonly settings: ServerSettings
  /** Settings of the engine that such a file may hold. */
  readonly engine: Partial<Settings>
  readonly log: LogSettings
  readonly warnings: readonly string[]
  /** Those of them that say that a value or a name cannot be; the others only that one has no effect here. */
  readonly wrong: readonly string[]
}

/** How a program that stays tells of itself. */
export type LogSettings = {
  /** By where it goes when left out: sentences for a terminal, JSON for a program. */
  readonly format?: 'json' | 'console'
  readonly includeCaller: boolean
  readonly fields: LogFields
}

type At = (path: string) => unknown

const without = {
  tuning: 'tunes another engine',
  queue: 'nothing is queued or batched for each subscriber here',
  fixed: 'is fixed here',
  spans: 'spans go to the OpenTelemetry API of the program around',
  embedder: 'waits for an embedder over HTTP',
  engine: 'is another program; units are searched by the words here',
  tokens: 'agents have no tokens of their own yet',
} as const

const below = (section: string, ...names: readonly string[]): readonly string[] =>
  names.map((name) => `${section}.${name}`)

/** Keys whose value is a number above 0. */
const numbers: readonly string[] = [
  ...below('server', 'max_body_size', 'read_timeout', 'write_timeout', 'idle_timeout'),
  ...below('storage', 'wal_batch_size', 'wal_sync_interval_ms', 'max_wal_size_mb'),
  ...below('notifier', 'max_idle_time', 'heartbeat_interval', 'max_connections', 'max_pause'),
  ...below('locks', 'default_ttl', 'max_locks_per_agent', 'cleanup_interval'),
  ...below('search', 'default_limit', 'max_limit', 'update_interval_ms', 'max_batch_size', 'vector.max_units'),
  ...below('rate_limit', 'rpm', 'rps', 'ws_messages_per_second'),
]

/** Keys whose value is one of a few. */
const choices: Readonly<Record<string, readonly unknown[]>> = {
  'storage.durability': ['full', 'normal'],
  'search.vector.enabled': [true, false],
  'auth.enabled': [true, false],
  'logging.level': logLevels,
  'logging.format': ['json', 'console'],
  'logging.include_caller': [true, false],
  'metrics.enabled': [true, false],
  'rate_limit.enabled': [true, false],
  'compat.go_client': ['auto', 'always', 'never'],
}

/** Keys that are read, here or where the program starts. */
export const knownKeys: readonly string[] = [
  ...numbers,
  ...Object.keys(choices),
  ...below('server', 'addr', 'grpc_addr', 'port', 'socket', 'token', 'allowed_hosts', 'cors_origins'),
  'storage.data_dir',
  'search.engine',
  'auth.token_file',
  'logging.global_fields',
  'metrics.endpoint',
]

/** Sections of the Go program's files; others belong to the memory's own settings. */
const sections = new Set(knownKeys.map((one) => one.split('.')[0] ?? '').concat(['router', 'telemetry']))

const inVain: readonly (readonly [pattern: RegExp, why: string])[] = [
  [
    /^storage\.(.*cache.*|storage_type|optimized_enabled|mem_table_size|num_.*|value_log_file_size|gc_interval_minutes|rocksdb_.*)$/,
    without.tuning,
  ],
  [/^(router\.|notifier\.broadcast_)/, without.queue],
  [/^search\.vector\./, without.embedder],
  [/^auth\.(jwt_secret|jwt_expiration_minutes|allow_anonymous)$/, without.tokens],
  [/^(logging\.(tracing|otel_endpoint)|telemetry\.)/, without.spans],
  [/^metrics\.interval$/, without.fixed],
]

/** Variables that stand for a key, and beat it (COL-1802). */
const variables: Readonly<Record<string, string>> = {
  'storage.wal_sync_interval_ms': 'ENGRAM_STORAGE_WAL_SYNC_INTERVAL_MS',
  'storage.wal_batch_size': 'ENGRAM_STORAGE_WAL_BATCH_SIZE',
  'logging.format': 'ENGRAM_LOG_FORMAT',
}

/** Two names of one thing; the first wins (COL-1802). */
const aliases: readonly (readonly [name: string, alias: string])[] = [
  ['ENGRAM_ADDR', 'ENGRAM_SERVER_ADDR'],
  ['ENGRAM_DATA_DIR', 'ENGRAM_STORAGE_DATA_DIR'],
]

/** A variable of the environment that is set and not blank. */
export type Variable = (name: string) => string | undefined

export function serverConfig(
  file: Readonly<Record<string, unknown>>,
  variable: Variable = () => undefined,
): ServerConfig {
  const inFile: At = (path) => path.split('.').reduce<unknown>((node, key) => childOf(node, key), file)
  const at: At = (path) => variableValue(path, variable) ?? inFile(path)
  const remarks = [...remarksOn(file), ...remarksOnVariables(variable)]
  return {
    settings: settingsOf(at),
    engine: engineOf(at),
    log: logOf(at),
    warnings: remarks.map(({ text }) => text),
    wrong: remarks.filter(({ isWrong }) => isWrong).map(({ text }) => text),
  }
}

type Remark = { readonly text: string; readonly isWrong: boolean }
const wrong = (text: string): Remark => ({ text, isWrong: true })
const remarked = (text: string): Remark => ({ text, isWrong: false })
const inVainFor = (path: string, why: string): Remark => remarked(`${path} ${why}; it has no effect`)

/** As YAML would read it. */
function variableValue(path: string, variable: Variable): string | number | undefined {
  const name = variables[path]
  const text = name === undefined ? undefined : variable(name)
  if (text === undefined || !numbers.includes(path)) return text
  // What is no number is left as it stands, and remarked.
  return Number.isNaN(Number(text)) ? text : Number(text)
}

function remarksOnVariables(variable: Variable): readonly Remark[] {
  const single = Object.entries(variables).flatMap(([path, name]) => {
    const remark = variable(name) === undefined ? null : remarkOn(path, variableValue(path, variable))
    return remark === null ? [] : [{ ...remark, text: `${name}: ${remark.text}` }]
  })
  const twice = aliases
    .filter(([name, alias]) => variable(name) !== undefined && variable(alias) !== undefined)
    .filter(([name, alias]) => variable(name) !== variable(alias))
    .map(([name, alias]) => wrong(`${name} and ${alias} differ; ${name} counts`))
  return [...single, ...twice]
}

function settingsOf(at: At): ServerSettings {
  const ms = (path: string): number | undefined => msOf(at(path))
  const otherwise = defaultServerSettings
  const endpoint = textOf(at('metrics.endpoint'))
  return {
    bodyBytesMax: count(at('server.max_body_size')) ?? otherwise.bodyBytesMax,
    timeouts: {
      readMs: ms('server.read_timeout') ?? otherwise.timeouts.readMs,
      writeMs: ms('server.write_timeout') ?? otherwise.timeouts.writeMs,
      idleMs: ms('server.idle_timeout') ?? otherwise.timeouts.idleMs,
    },
    heartbeatMs: ms('notifier.heartbeat_interval') ?? otherwise.heartbeatMs,
    maxIdleMs: ms('notifier.max_idle_time') ?? otherwise.maxIdleMs,
    connectionsMax: count(at('notifier.max_connections')) ?? otherwise.connectionsMax,
    maxPauseMs: ms('notifier.max_pause') ?? otherwise.maxPauseMs,
    goClient: goClientOf(at('compat.go_client')),
    rateLimit: at('rate_limit.enabled') === true ? rateLimitOf(at) : null,
    metricsPath:
      at('metrics.enabled') === false ? null : endpoint?.startsWith('/') === true ? endpoint : otherwise.metricsPath,
    corsOrigins: textsOf(at('server.cors_origins')),
    isAuthRequired: at('auth.enabled') === true,
    searchLimitDefault: count(at('search.default_limit')) ?? otherwise.searchLimitDefault,
    searchLimitMax: Math.min(count(at('search.max_limit')) ?? otherwise.searchLimitMax, otherwise.searchLimitMax),
  }
}

const rateLimitOf = (at: At) => ({
  perMinute: count(at('rate_limit.rpm')) ?? 600,
  perSecond: count(at('rate_limit.rps')) ?? 10,
  socketMessagesPerSecond: count(at('rate_limit.ws_messages_per_second')) ?? 20,
})

function engineOf(at: At): Partial<Settings> {
  const durability = at('storage.durability')
  const isByMeaning = at('search.vector.enabled')
  return given({
    lockTtlMs: msOf(at('locks.default_ttl')),
    locksPerAgentMax: count(at('locks.max_locks_per_agent')),
    lockSweepMs: msOf(at('locks.cleanup_interval')),
    unitSearchMode: unitSearchModeOf(at('search.engine'), isByMeaning),
    unitIndexMs: count(at('search.update_interval_ms')),
    unitIndexBatch: count(at('search.max_batch_size')),
    unitVectorsMax: count(at('search.vector.max_units')),
    walBatchSize: count(at('storage.wal_batch_size')),
    walSyncMs: count(at('storage.wal_sync_interval_ms')),
    walBytesForced: times(positive(at('storage.max_wal_size_mb')), 1024 * 1024),
    durability: durability === 'full' || durability === 'normal' ? durability : undefined,
    embedder: isByMeaning === false ? 'none' : isByMeaning === true ? 'bundled' : undefined,
  })
}

/** Without what is undefined, so that it hides no default. */
const given = (settings: { readonly [Key in keyof Settings]?: Settings[Key] | undefined }): Partial<Settings> =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as Partial<Settings>

function logOf(at: At): LogSettings {
  const format = at('logging.format')
  const fields = at(globalFields)
  const named = Object.entries(typeof fields === 'object' && fields !== null ? fields : {})
  return {
    ...(format === 'json' || format === 'console' ? { format } : {}),
    includeCaller: at('logging.include_caller') === true,
    fields: Object.fromEntries(named.filter((one): one is [string, string | number | boolean] => isPlain(one[1]))),
  }
}

const isPlain = (value: unknown): boolean => ['string', 'number', 'boolean'].includes(typeof value)

const goClientOf = (value: unknown): ServerSettings['goClient'] =>
  value === 'always' || value === 'never' ? value : 'auto'

/** Each key has an effect or a remark, never silence. */
function remarksOn(file: Readonly<Record<string, unknown>>): readonly Remark[] {
  return Object.entries(file)
    .filter(([section]) => sections.has(section))
    .flatMap(([section, value]) => leaves(section, value))
    .flatMap(([path, value]) => remarkOn(path, value) ?? [])
}

function remarkOn(path: string, value: unknown): Remark | null {
  if (path === 'search.engine' && !wordEngines.has(String(value))) {
    return engineRemark(String(value))
  }
  const expected = expectedOf(path, value)
  if (expected !== null) return wrong(`${path}: expected ${expected}, got ${JSON.stringify(value)}; the default stands`)
  if (knownKeys.includes(path) || path.startsWith(`${globalFields}.`)) return null
  const why = inVain.find(([pattern]) => pattern.test(path))?.[1]
  if (why !== undefined) return inVainFor(path, why)
  const like = nearest(path, knownKeys)
  return wrong(`nothing is called ${path}${like === null ? '' : `; did you mean ${like}?`}`)
}

/** Another program is never started; what it was chosen for may be had. */
const engineRemark = (engine: string): Remark =>
  vectorEngines.has(engine)
    ? remarked(
        `search.engine ${engine} is another program: units are searched by words and by meaning with the model here`,
      )
    : inVainFor(`search.engine ${engine}`, without.engine)

/** What should stand there, where it does not. */
function expectedOf(path: string, value: unknown): string | null {
  if (numbers.includes(path) && positive(value) === undefined) return 'a number above 0'
  if (path === globalFields) return 'names and values'
  const isField = path.startsWith(`${globalFields}.`)
  if (isField && !(isPlain(value) && path.split('.').length === 3)) return 'text, a number, true or false'
  const allowed = choices[path]
  return allowed === undefined || allowed.includes(value) ? null : allowed.join(' or ')
}

const globalFields = 'logging.global_fields'

/** Stores of the Go program that searched by words alone, as units are searched here. */
const wordEngines: ReadonlySet<string> = new Set(['badger', 'sqlite'])
/** And those that searched by meaning. */
const vectorEngines: ReadonlySet<string> = new Set(['weaviate', 'qdrant'])

/** How units are searched where a call does not say (COL-1704); a file that turns vectors on wants them. */
function unitSearchModeOf(engine: unknown, isByMeaning: unknown): Settings['unitSearchMode'] | undefined {
  if (vectorEngines.has(String(engine))) return 'hybrid'
  return wordEngines.has(String(engine)) && isByMeaning !== true ? 'keyword' : undefined
}

function leaves(path: string, value: unknown): readonly (readonly [path: string, value: unknown])[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[path, value]]
  return Object.entries(value).flatMap(([key, one]) => leaves(`${path}.${key}`, one))
}

const childOf = (node: unknown, key: string): unknown =>
  typeof node === 'object' && node !== null && Object.hasOwn(node, key)
    ? (node as Readonly<Record<string, unknown>>)[key]
    : undefined

const positive = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : undefined
/** Seconds as milliseconds; what no timer can hold is the longest that one can. */
const msOf = (value: unknown): number | undefined => {
  const ms = times(positive(value), 1_000)
  return ms === undefined ? undefined : Math.min(ms, 2_147_483_647)
}
/** A part of one counts as one. */
const count = (value: unknown): number | undefined => times(positive(value), 1)
const times = (value: number | undefined, factor: number): number | undefined =>
  value === undefined ? undefined : Math.max(1, Math.floor(value * factor))
const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)
const textsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []

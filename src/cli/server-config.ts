import { defaultServerSettings, type ServerSettings } from '../model/server-settings.ts'
import type { Settings } from '../model/settings.ts'
import { nearest } from './nearest.ts'

/** What a file of settings says of the server, and remarks on what it says in vain (COL-1805). */
export type ServerConfig = {
  readonly settings: ServerSettings
  /** Settings of the engine that such a file may hold. */
  readonly engine: Partial<Settings>
  readonly warnings: readonly string[]
}

type At = (path: string) => unknown

const without = {
  tuning: 'tunes another engine',
  queue: 'nothing is queued or batched for each subscriber here',
  fixed: 'is fixed here',
  spans: 'spans go to the OpenTelemetry API of the program around',
  embedder: 'waits for an embedder over HTTP',
  tokens: 'agents have no tokens of their own yet',
} as const

/** Keys that are read, here or where the program starts; those of a name with a star stand for all below it. */
const known: readonly string[] = [
  ...['addr', 'port', 'socket', 'token', 'allowed_hosts', 'cors_origins', 'max_body_size'].map(
    (one) => `server.${one}`,
  ),
  ...['data_dir', 'durability'].map((one) => `storage.${one}`),
  ...['max_idle_time', 'heartbeat_interval', 'max_connections', 'max_pause'].map((one) => `notifier.${one}`),
  ...['default_ttl', 'max_locks_per_agent'].map((one) => `locks.${one}`),
  ...['default_limit', 'max_limit'].map((one) => `search.${one}`),
  ...['enabled', 'token_file'].map((one) => `auth.${one}`),
  'logging.level',
  ...['enabled', 'endpoint'].map((one) => `metrics.${one}`),
  ...['enabled', 'rpm', 'rps', 'ws_messages_per_second'].map((one) => `rate_limit.${one}`),
  'compat.go_client',
]

/** Sections of the Go program's files; others belong to the memory's own settings. */
const sections = new Set(known.map((one) => one.split('.')[0] ?? '').concat(['router', 'telemetry']))

const inVain: readonly (readonly [pattern: RegExp, why: string])[] = [
  [/^server\.(read_timeout|write_timeout|idle_timeout)$/, without.fixed],
  [/^storage\.(wal_batch_size|wal_sync_interval_ms|max_wal_size_mb)$/, without.fixed],
  [/^storage\./, without.tuning],
  [/^(router\.|notifier\.broadcast_)/, without.queue],
  [/^locks\.cleanup_interval$/, without.fixed],
  [/^search\.vector\./, without.embedder],
  [/^search\.(engine|update_interval_ms|max_batch_size)$/, without.fixed],
  [/^auth\.(jwt_secret|jwt_expiration_minutes|allow_anonymous)$/, without.tokens],
  [/^logging\.(format|include_caller|global_fields(\..+)?)$/, without.fixed],
  [/^(logging\.(tracing|otel_endpoint)|telemetry\.)/, without.spans],
  [/^metrics\.interval$/, without.fixed],
]

export function serverConfig(file: Readonly<Record<string, unknown>>): ServerConfig {
  const at: At = (path) => path.split('.').reduce<unknown>((node, key) => childOf(node, key), file)
  return { settings: settingsOf(at), engine: engineOf(at), warnings: warningsOf(file) }
}

function settingsOf(at: At): ServerSettings {
  const ms = (path: string): number | undefined => times(positive(at(path)), 1_000)
  const otherwise = defaultServerSettings
  const endpoint = textOf(at('metrics.endpoint'))
  return {
    bodyBytesMax: positive(at('server.max_body_size')) ?? otherwise.bodyBytesMax,
    heartbeatMs: ms('notifier.heartbeat_interval') ?? otherwise.heartbeatMs,
    maxIdleMs: ms('notifier.max_idle_time') ?? otherwise.maxIdleMs,
    connectionsMax: positive(at('notifier.max_connections')) ?? otherwise.connectionsMax,
    maxPauseMs: ms('notifier.max_pause') ?? otherwise.maxPauseMs,
    goClient: goClientOf(at('compat.go_client')),
    rateLimit: at('rate_limit.enabled') === true ? rateLimitOf(at) : null,
    metricsPath:
      at('metrics.enabled') === false ? null : endpoint?.startsWith('/') === true ? endpoint : otherwise.metricsPath,
    corsOrigins: textsOf(at('server.cors_origins')),
    isAuthRequired: at('auth.enabled') === true,
    searchLimitDefault: positive(at('search.default_limit')) ?? otherwise.searchLimitDefault,
    searchLimitMax: Math.min(positive(at('search.max_limit')) ?? otherwise.searchLimitMax, otherwise.searchLimitMax),
  }
}

const rateLimitOf = (at: At) => ({
  perMinute: positive(at('rate_limit.rpm')) ?? 600,
  perSecond: positive(at('rate_limit.rps')) ?? 10,
  socketMessagesPerSecond: positive(at('rate_limit.ws_messages_per_second')) ?? 20,
})

function engineOf(at: At): Partial<Settings> {
  const ttlMs = times(positive(at('locks.default_ttl')), 1_000)
  const locks = positive(at('locks.max_locks_per_agent'))
  const durability = at('storage.durability')
  return {
    ...(ttlMs === undefined ? {} : { lockTtlMs: ttlMs }),
    ...(locks === undefined ? {} : { locksPerAgentMax: locks }),
    ...(durability === 'full' || durability === 'normal' ? { durability } : {}),
  }
}

const goClientOf = (value: unknown): ServerSettings['goClient'] =>
  value === 'always' || value === 'never' ? value : 'auto'

/** Each key has an effect or a remark, never silence. */
function warningsOf(file: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(file)
    .filter(([section]) => sections.has(section))
    .flatMap(([section, value]) => leaves(section, value))
    .flatMap((path) => {
      if (known.includes(path)) return []
      const why = inVain.find(([pattern]) => pattern.test(path))?.[1]
      if (why !== undefined) return [`${path} ${why}; it has no effect`]
      const like = nearest(path, known)
      return [`nothing is called ${path}${like === null ? '' : `; did you mean ${like}?`}`]
    })
}

function leaves(path: string, value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [path]
  return Object.entries(value).flatMap(([key, below]) => leaves(`${path}.${key}`, below))
}

const childOf = (node: unknown, key: string): unknown =>
  typeof node === 'object' && node !== null && Object.hasOwn(node, key)
    ? (node as Readonly<Record<string, unknown>>)[key]
    : undefined

const positive = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) && value > 0 ? Math.floor(value) : undefined
const times = (value: number | undefined, factor: number): number | undefined =>
  value === undefined ? undefined : value * factor
const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)
const textsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []

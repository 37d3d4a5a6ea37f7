import { homedir } from 'node:os'
import { join } from 'node:path'
import { knownKeys, serverConfig, type ServerConfig } from './cli/server-config.ts'
import { EngramError } from './model/errors.ts'
import { logLevels, type LogFields } from './platform/log.ts'
import { parseYaml } from './platform/yaml.ts'
import { fromWire, toWire } from './protocol/member-names.ts'

/** What an embedded engine is made with. A plain object: spread it, change it, keep it (COL-2102). */
export type Config = ConfigSections & {
  /** A relative one is resolved against the current directory. */
  readonly dataDir: string
  /** `:8080`, `127.0.0.1:0`; null: no port at all. */
  readonly serverAddr: string | null
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  readonly walSyncIntervalMs: number
  readonly walBatchSize: number
  readonly defaultLockTtlSeconds: number
  readonly maxIdleConnectionSeconds: number
  readonly durability: 'full' | 'normal'
  /** Wanted of everybody who asks over an address others can reach. */
  readonly token: string | undefined
}

/** Everything else that a file of settings may hold, by its place there; times in seconds where a name says no other. */
export type ConfigSections = {
  readonly server?: {
    /** gRPC too, on this address; only beside `serverAddr`. */
    readonly grpcAddr?: string
    readonly maxBodySize?: number
    readonly readTimeout?: number
    readonly writeTimeout?: number
    readonly idleTimeout?: number
    readonly allowedHosts?: readonly string[]
    readonly corsOrigins?: readonly string[]
  }
  readonly storage?: { readonly maxWalSizeMb?: number }
  readonly notifier?: {
    readonly heartbeatInterval?: number
    readonly maxConnections?: number
    readonly maxPause?: number
  }
  readonly locks?: { readonly cleanupInterval?: number; readonly maxLocksPerAgent?: number }
  readonly search?: {
    readonly engine?: string
    readonly updateIntervalMs?: number
    readonly maxBatchSize?: number
    readonly defaultLimit?: number
    readonly maxLimit?: number
    readonly vector?: { readonly enabled?: boolean; readonly maxUnits?: number }
  }
  readonly auth?: { readonly enabled?: boolean }
  readonly logging?: {
    readonly format?: 'json' | 'console'
    readonly includeCaller?: boolean
    readonly globalFields?: LogFields
  }
  readonly metrics?: { readonly enabled?: boolean; readonly endpoint?: string }
  readonly rateLimit?: {
    readonly enabled?: boolean
    readonly rpm?: number
    readonly rps?: number
    readonly wsMessagesPerSecond?: number
  }
  readonly compat?: { readonly goClient?: 'auto' | 'always' | 'never' }
}

/** A fresh one each time. */
export const defaultConfig = (): Config => ({
  dataDir: join(homedir(), '.engram'),
  serverAddr: '127.0.0.1:7437',
  logLevel: 'info',
  walSyncIntervalMs: 2,
  walBatchSize: 64,
  defaultLockTtlSeconds: 60,
  maxIdleConnectionSeconds: 30,
  durability: 'full',
  token: undefined,
})

type Section = Readonly<Record<string, unknown>>

/** Keys of a file that have a field of their own; `max_idle_time` is the connection's. */
const fields: Readonly<Record<string, keyof Config>> = {
  'server.addr': 'serverAddr',
  'server.token': 'token',
  'storage.data_dir': 'dataDir',
  'storage.durability': 'durability',
  'storage.wal_sync_interval_ms': 'walSyncIntervalMs',
  'storage.wal_batch_size': 'walBatchSize',
  'locks.default_ttl': 'defaultLockTtlSeconds',
  'notifier.max_idle_time': 'maxIdleConnectionSeconds',
  'logging.level': 'logLevel',
}

/** Keys that only the program reads. */
const notEmbedded: ReadonlySet<string> = new Set(['server.port', 'server.socket', 'auth.token_file'])

/** The settings of a file, of the Go program's or ours; what it does not say is the default. Throws `invalid_request`. */
export function configFromYaml(text: string): Config {
  const file: unknown = parseYaml(text)
  if (!isSection(file)) throw new EngramError('invalid_request', 'Expected YAML with keys and values.')
  const own: Record<string, unknown> = {}
  const sections: Record<string, Record<string, unknown>> = {}
  for (const path of knownKeys) {
    const value = path.split('.').reduce<unknown>((node, key) => (isSection(node) ? node[key] : undefined), file)
    const field = fields[path]
    if (value === undefined || notEmbedded.has(path)) continue
    if (field === undefined) put(sections, path, value)
    else own[field] = value
  }
  const config = { ...defaultConfig(), ...named(sections), ...own }
  serverConfigOf(config)
  return config
}

/** What is below `search.vector` stands one deeper than the others. */
function put(sections: Record<string, Record<string, unknown>>, path: string, value: unknown): void {
  const [section = '', key = '', below] = path.split('.')
  const names = (sections[section] ??= {})
  const known = names[key]
  names[key] = below === undefined ? value : { ...(isSection(known) ? known : {}), [below]: value }
}

/** Names as TypeScript has them, but for fields of a log, which are a person's own. */
function named(sections: Readonly<Record<string, Section>>): ConfigSections {
  const config = fromWire<ConfigSections>(sections)
  const globalFields = sections['logging']?.['global_fields'] as LogFields | undefined
  return globalFields === undefined ? config : { ...config, logging: { ...config.logging, globalFields } }
}

const numberFields = ['walSyncIntervalMs', 'walBatchSize', 'defaultLockTtlSeconds', 'maxIdleConnectionSeconds'] as const

/** What has a field of its own; a file may have put anything there. */
function checkFields(config: Config): void {
  const refuse = (name: keyof Config, expected: string): never => {
    throw new EngramError('invalid_request', `${name}: expected ${expected}, got ${JSON.stringify(config[name])}.`)
  }
  for (const name of numberFields) {
    if (!(Number.isFinite(config[name]) && config[name] > 0)) refuse(name, 'a number above 0')
  }
  if (!logLevels.includes(config.logLevel)) refuse('logLevel', `one of ${logLevels.join(', ')}`)
  if (typeof config.dataDir !== 'string' || config.dataDir === '') refuse('dataDir', 'a path')
  if (config.serverAddr !== null && typeof config.serverAddr !== 'string') refuse('serverAddr', 'an address')
  if (config.token !== undefined && typeof config.token !== 'string') refuse('token', 'text')
}

/** What it says of the server and the engine; nothing is touched. Throws `invalid_request` for a value that cannot be. */
export function serverConfigOf(config: Config): ServerConfig {
  checkFields(config)
  const { server, storage, notifier, locks, search, auth, logging, metrics, rateLimit, compat } = config
  const rest = toWire({ server, search, auth, metrics, rateLimit, compat }) as Section
  const file = {
    ...rest,
    storage: {
      ...(toWire(storage) as Section | undefined),
      durability: config.durability,
      wal_sync_interval_ms: config.walSyncIntervalMs,
      wal_batch_size: config.walBatchSize,
    },
    notifier: { ...(toWire(notifier) as Section | undefined), max_idle_time: config.maxIdleConnectionSeconds },
    locks: { ...(toWire(locks) as Section | undefined), default_ttl: config.defaultLockTtlSeconds },
    logging: { ...(toWire({ ...logging, globalFields: undefined }) as Section), global_fields: logging?.globalFields },
  }
  const made = serverConfig(withoutAbsent(file))
  if (made.wrong.length > 0) throw new EngramError('invalid_request', `${made.wrong.join('. ')}.`)
  if (made.settings.isAuthRequired && config.token === undefined) {
    throw new EngramError('invalid_request', 'auth.enabled: expected a token, which everybody then needs.')
  }
  return made
}

const withoutAbsent = (value: Section): Section =>
  Object.fromEntries(
    Object.entries(value)
      .filter(([, one]) => one !== undefined)
      .map(([key, one]) => [key, isSection(one) ? withoutAbsent(one) : one]),
  )

const isSection = (value: unknown): value is Section =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

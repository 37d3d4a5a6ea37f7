import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { EngramError } from '../model/errors.ts'
import { defaultSettings, type Settings } from '../model/settings.ts'
import { errorCodeOf } from '../platform/files.ts'
import { crypto } from '../platform/crypto.ts'
import { redactConfig, type RedactConfig } from './config-redact.ts'
import { serverConfig, type ServerConfig } from './server-config.ts'
import type { Terminal } from './terminal.ts'

/** Where a value comes from; the first that has one wins (MEM-1404). */
export type ValueSource = 'flag' | 'environment' | 'config.yaml' | 'default'

export type ConfigValue<T> = { readonly value: T; readonly source: ValueSource; readonly name: string }

/** Everything a person may set, each value with its source. */
export type Config = {
  readonly dataDir: ConfigValue<string>
  readonly project: ConfigValue<string | undefined>
  readonly host: ConfigValue<string>
  readonly port: ConfigValue<number>
  readonly socket: ConfigValue<string | undefined>
  /** Where gRPC listens too (COL-302); null: nowhere. */
  readonly grpcAddress: ConfigValue<Address | null>
  readonly token: ConfigValue<string | undefined>
  readonly timezone: ConfigValue<string | undefined>
  readonly logLevel: ConfigValue<string>
  readonly allowNetworkFs: ConfigValue<boolean>
  /** Names under which the server may be called besides loopback ones. */
  readonly allowedHosts: ConfigValue<readonly string[]>
  readonly settings: Settings
  readonly server: ServerConfig
  readonly redact: RedactConfig
  /** The parsed file, for what only one command reads. */
  readonly file: Readonly<Record<string, unknown>>
}

export type Address = { readonly host: string; readonly port: number }

export type GlobalFlags = {
  readonly dataDir?: string | undefined
  readonly project?: string | undefined
  readonly addr?: string | undefined
  readonly port?: string | undefined
  readonly socket?: string | undefined
  readonly grpcAddr?: string | undefined
  readonly logLevel?: string | undefined
  /** A file of settings instead of `config.yaml` in the data dir. */
  readonly config?: string | undefined
  readonly tokenFile?: string | undefined
  readonly createToken?: boolean | undefined
  readonly durability?: string | undefined
  readonly allowNetworkFs?: boolean | undefined
}

export const defaultPort = 7437
export const defaultHost = '127.0.0.1'

/**
 * Flags beat environment beats `config.yaml` beats default. A relative data dir is resolved for `serve` only; elsewhere
 * it is a usage error, because a hook's directory is not the person's (MEM-101).
 */
export async function readConfig(
  terminal: Pick<Terminal, 'environment' | 'directory' | 'homeDir'>,
  flags: GlobalFlags,
  options: { readonly forServer: boolean },
): Promise<Config> {
  const env = (name: string): string | undefined => {
    const value = terminal.environment[name]
    return value === undefined || value.trim() === '' ? undefined : value
  }
  const namedFile = options.forServer ? (flags.config ?? env('ENGRAM_CONFIG')) : undefined
  const namedPath = namedFile === undefined ? null : resolve(terminal.directory, namedFile)
  const named = namedPath === null ? null : await readNamedFile(namedPath)
  const dataDir = pick<string>(
    'data_dir',
    flags.dataDir,
    env('ENGRAM_DATA_DIR') ?? (options.forServer ? env('ENGRAM_STORAGE_DATA_DIR') : undefined),
    named === null ? undefined : textOf(childOf(childOf(named, 'storage'), 'data_dir')),
    join(terminal.homeDir, '.engram'),
  )
  const located = { ...dataDir, value: locate(dataDir.value, terminal.directory, options.forServer) }
  const filePath = namedPath ?? join(located.value, 'config.yaml')
  const file = named ?? (await readConfigFile(filePath))
  const server = serverConfig(file, options.forServer ? env : undefined)
  const at = (path: string): unknown => path.split('.').reduce<unknown>((node, key) => childOf(node, key), file)
  // An address in the environment is the server's; it must not stop a save.
  const placesOf = (flag: string, value: string | undefined, variables: readonly string[], key: string): Places => [
    ['flag', flag, value],
    ...(options.forServer ? variables.map((name) => ['environment', name, env(name)] as const) : []),
    ['config.yaml', `${key} in ${filePath}`, options.forServer ? textOf(at(key)) : undefined],
  ]
  const given = addressIn(placesOf('--addr', flags.addr, ['ENGRAM_ADDR', 'ENGRAM_SERVER_ADDR'], 'server.addr'))
  const { value: address, source: addressSource } = given
  const tokenPlace = flags.tokenFile ?? (options.forServer ? textOf(at('auth.token_file')) : undefined)
  const tokenFile = tokenPlace === undefined ? undefined : resolve(terminal.directory, tokenPlace)
  const mayCreate = options.forServer && (flags.createToken === true || server.settings.isAuthRequired)
  const token = await withTokenFile(
    pick('server.token', undefined, env('ENGRAM_HTTP_TOKEN'), textOf(at('server.token')), undefined),
    { path: tokenFile, dataDir: located.value, mayCreate },
  )
  return {
    dataDir: located,
    project: pick('project', flags.project, env('ENGRAM_PROJECT'), textOf(at('project')), undefined),
    host:
      address === null
        ? { name: 'server.host', value: defaultHost, source: 'default' }
        : { name: 'server.host', value: hostOf(address.host, token.value), source: addressSource },
    port:
      flags.port === undefined && address !== null
        ? { name: 'server.port', value: address.port, source: addressSource }
        : portOf(flags.port, env('ENGRAM_PORT'), at('server.port')),
    socket: pick('server.socket', flags.socket, env('ENGRAM_SOCKET'), textOf(at('server.socket')), undefined),
    grpcAddress: grpcAddressOf(
      addressIn(placesOf('--grpc-addr', flags.grpcAddr, ['ENGRAM_GRPC_ADDR'], 'server.grpc_addr')),
      token.value,
    ),
    token,
    timezone: pick('timezone', undefined, env('ENGRAM_TIMEZONE'), textOf(at('timezone')), undefined),
    logLevel: pick(
      'log_level',
      flags.logLevel,
      env('ENGRAM_LOG_LEVEL'),
      textOf(at('log_level')) ?? textOf(at('logging.level')),
      'info',
    ),
    allowNetworkFs: pick('allow_network_fs', flags.allowNetworkFs, undefined, booleanOf(at('allow_network_fs')), false),
    allowedHosts: pick('server.allowed_hosts', undefined, undefined, textsOf(at('server.allowed_hosts')), []),
    settings: { ...settingsOf(at), ...server.engine, ...durabilityOf(flags.durability) },
    server,
    redact: redactConfig(at('redact')),
    file,
  }
}

/** A file somebody named must be there; one nobody named may be missing (COL-1804). */
async function readNamedFile(path: string): Promise<Readonly<Record<string, unknown>>> {
  if ((await textOfFile(path)) === null) {
    throw new EngramError('usage', `${path} does not exist.`, { hint: 'Correct --config or ENGRAM_CONFIG.' })
  }
  return readConfigFile(path)
}

function durabilityOf(given: string | undefined): Partial<Settings> {
  if (given === undefined) return {}
  if (given === 'full' || given === 'normal') return { durability: given }
  throw new EngramError('usage', `--durability: expected full or normal, got ${JSON.stringify(given)}.`)
}

type TokenFile = { readonly path: string | undefined; readonly dataDir: string; readonly mayCreate: boolean }

/** A token that is set wins; else the file named; else, where one may be made, `<data-dir>/token` (COL-1501). */
async function withTokenFile(
  token: ConfigValue<string | undefined>,
  { path, dataDir, mayCreate }: TokenFile,
): Promise<ConfigValue<string | undefined>> {
  if (token.value !== undefined || (path === undefined && !mayCreate)) return token
  const file = path ?? join(dataDir, 'token')
  const kept = (await textOfFile(file))?.trim() ?? ''
  if (kept !== '') return { ...token, value: kept, source: 'config.yaml' }
  if (!mayCreate) throw new EngramError('usage', `${file} holds no token.`, { hint: 'Write one, or --create-token.' })
  const made = crypto().randomBytes(32).toString('base64url')
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writeFile(file, `${made}\n`, { mode: 0o600, flag: 'w' })
  return { ...token, value: made, source: 'config.yaml' }
}

function pick<T>(
  name: string,
  flag: T | undefined,
  env: T | undefined,
  file: T | undefined,
  fallback: T,
): ConfigValue<T> {
  if (flag !== undefined) return { name, value: flag, source: 'flag' }
  if (env !== undefined) return { name, value: env, source: 'environment' }
  if (file !== undefined) return { name, value: file, source: 'config.yaml' }
  return { name, value: fallback, source: 'default' }
}

function locate(given: string, directory: string, relativeAllowed: boolean): string {
  if (isAbsolute(given)) return given
  if (relativeAllowed) return resolve(directory, given)
  throw new EngramError('usage', `Expected an absolute data dir, got ${JSON.stringify(given)}.`, {
    hint: 'Give the whole path with --data-dir or ENGRAM_DATA_DIR.',
  })
}

/** A port of the environment or the file that is none falls back; one the person typed is an error (MEM-1404). */
function portOf(flag: string | undefined, env: string | undefined, file: unknown): ConfigValue<number> {
  const name = 'server.port'
  if (flag !== undefined) {
    const port = validPort(flag)
    if (port === null)
      throw new EngramError(
        'usage',
        `--port: expected a port from 0 to 65535, such as ${defaultPort}, got ${JSON.stringify(flag)}.`,
      )
    return { name, value: port, source: 'flag' }
  }
  const fromEnv = env === undefined ? null : validPort(env)
  if (fromEnv !== null && fromEnv > 0) return { name, value: fromEnv, source: 'environment' }
  const fromFile = typeof file === 'number' || typeof file === 'string' ? validPort(String(file)) : null
  if (fromFile !== null) return { name, value: fromFile, source: 'config.yaml' }
  return { name, value: defaultPort, source: 'default' }
}

/** An address without a host is every one of the machine when a token guards it, else loopback (COL-1501). */
const hostOf = (host: string, token: string | undefined): string => {
  if (host !== '') return host
  return token === undefined ? defaultHost : '0.0.0.0'
}

/** Where a value may stand and what it is called there, the first that counts first. */
type Places = readonly (readonly [source: ValueSource, name: string, text: string | undefined])[]

/** The address that counts, told from where it stands; null for none. */
function addressIn(places: Places): Pick<ConfigValue<Address | null>, 'value' | 'source'> {
  const [source, name, text] = places.find(([, , each]) => each !== undefined) ?? ['default', '', undefined]
  return { value: splitAddress(text, name), source }
}

function grpcAddressOf(
  { value: address, source }: Pick<ConfigValue<Address | null>, 'value' | 'source'>,
  token: string | undefined,
): ConfigValue<Address | null> {
  const value = address === null ? null : { ...address, host: hostOf(address.host, token) }
  return { name: 'server.grpc_addr', source, value }
}

const validPort = (text: string): number | null =>
  /^\d{1,5}$/.test(text.trim()) && Number(text) <= 65_535 ? Number(text) : null

/**
 * `:8080` (no host), `host:8080`, `[::1]:8080` or a bare port.
 *
 * @param name what a person has to correct: an option, a variable, or a key and its file
 */
export function splitAddress(text: string | undefined, name: string): Address | null {
  if (text === undefined || text.trim() === '') return null
  const match = /^(?:(\[[0-9a-fA-F:.]+\]|[^:[\]\s]*):)?(\d{1,5})$/.exec(text.trim())
  const port = match === null ? null : validPort(match[2] ?? '')
  if (match === null || port === null)
    throw new EngramError(
      'usage',
      `${name}: expected host:port or :port, such as ${defaultHost}:${defaultPort}, got ${JSON.stringify(text)}.`,
    )
  const host = (match[1] ?? '').replace(/^\[|\]$/g, '')
  return { host: match[1] === undefined ? defaultHost : host, port }
}

async function readConfigFile(path: string): Promise<Readonly<Record<string, unknown>>> {
  const text = await textOfFile(path)
  if (text === null) return {}
  // Most data dirs have no such file, and reading YAML costs a start more than all else here.
  const { parseYaml } = await import('../platform/yaml.ts')
  try {
    const parsed = parseYaml(text)
    if (parsed === null || parsed === undefined) return {}
    if (typeof parsed === 'object' && !Array.isArray(parsed)) return parsed as Readonly<Record<string, unknown>>
  } catch (error) {
    throw new EngramError('usage', `${path} is not valid YAML: ${messageOf(error)}`, { hint: 'Repair the file.' })
  }
  throw new EngramError('usage', `Expected ${path} to hold keys and values.`, { hint: 'Repair the file.' })
}

async function textOfFile(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const code = errorCodeOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    throw new EngramError('usage', `${path} cannot be read: ${messageOf(error)}`, { hint: 'Repair the file.' })
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const childOf = (node: unknown, key: string): unknown =>
  typeof node === 'object' && node !== null && Object.hasOwn(node, key)
    ? (node as Record<string, unknown>)[key]
    : undefined

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value.trim() !== '' ? value : typeof value === 'number' ? String(value) : undefined

const textsOf = (value: unknown): readonly string[] | undefined =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : undefined

const booleanOf = (value: unknown): boolean | undefined => (typeof value === 'boolean' ? value : undefined)

/** `review: {decision: 6mo}`, `dedupe_window: 15m`, `history: {keep: 50}`, `durability: full` (MEM-304, MEM-305). */
function settingsOf(at: (path: string) => unknown): Settings {
  const review = at('review')
  const months = Object.entries(typeof review === 'object' && review !== null ? review : {}).flatMap(
    ([type, period]) => {
      const match = /^(\d{1,3})\s*(?:mo|months?)?$/.exec(String(period).trim())
      return match === null ? [] : [[type, Number(match[1])] as const]
    },
  )
  const kept = at('history.keep')
  return {
    ...defaultSettings,
    reviewMonths: { ...defaultSettings.reviewMonths, ...Object.fromEntries(months) },
    dedupeWindowMs: windowOf(at('dedupe_window')),
    historyKept: typeof kept === 'number' && kept >= 0 ? Math.floor(kept) : defaultSettings.historyKept,
    durability: at('durability') === 'normal' ? 'normal' : 'full',
    embedder: at('search.embedder') === 'none' ? 'none' : 'bundled',
    hooksInject: (['none', 'prompt'] as const).find((one) => one === at('hooks.inject')) ?? 'start',
    hooksImport: at('hooks.import_chunks') !== false,
  }
}

function windowOf(value: unknown): number {
  const match = /^(\d{1,6})\s*(m|h|d)$/.exec(textOf(value) ?? '')
  if (match === null) return 0
  const unit = { m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] ?? 'm'] ?? 0
  return Number(match[1]) * unit
}

import { join } from 'node:path'
import { defaultSettings } from '../../model/settings.ts'
import { command } from '../command.ts'
import type { Address, Config, ConfigValue } from '../config.ts'
import { printList } from '../table.ts'
import { oneLine } from '../visible.ts'

type Shown = {
  readonly name: string
  readonly value: string | number | boolean | null | readonly string[]
  readonly source: string
}

export const configShowCommand = command({
  path: 'config show',
  section: 'This machine',
  summary: 'Each value that can be set, and where it comes from',
  details:
    'Flags beat the environment, the environment beats config.yaml in the data dir, and that beats the default. ' +
    'Secrets are masked.',
  aliases: ['config'],
  examples: ['engram config show', 'engram config show --json'],
  run: async (context) => {
    const values = shownValues(context.config, context.terminal.environment)
    const unknown = unknownKeys(context.config.file)
    const path = join(context.config.dataDir.value, 'config.yaml')
    if (context.json) return context.printJson({ config_file: path, values, unknown })
    await printList(
      context,
      values,
      [
        { title: 'Name', of: (row) => row.name },
        { title: 'Value', of: (row) => valueText(row.value), flexible: true },
        { title: 'Source', of: (row) => row.source },
      ],
      (row) => `${row.name}: ${valueText(row.value)}  (${row.source})`,
    )
    for (const key of unknown)
      context.note(context.paint.warn(`note: ${oneLine(path)}: nothing is called ${oneLine(key)}`))
  },
})

function valueText(value: Shown['value']): string {
  if (value === null) return '(none)'
  return typeof value === 'object' ? value.map(oneLine).join(', ') || '(none)' : oneLine(String(value))
}

const masked = '••••••'

function shownValues(config: Config, environment: Readonly<Record<string, string | undefined>>): readonly Shown[] {
  const plain = ({ name, value, source }: ConfigValue<Shown['value'] | undefined>): Shown => ({
    name,
    value: value ?? null,
    source,
  })
  const secret = (one: ConfigValue<string | undefined>): Shown => ({
    ...plain(one),
    value: one.value === undefined ? null : masked,
  })
  return [
    plain(config.dataDir),
    plain(config.project),
    plain(config.host),
    plain(config.port),
    plain(config.socket),
    plain({ ...config.grpcAddress, value: addressText(config.grpcAddress.value) }),
    secret(config.token),
    plain(config.allowedHosts),
    plain(config.timezone),
    plain(config.logLevel),
    plain(config.allowNetworkFs),
    ...settingValues(config),
    ...redactValues(config),
    ...accepted.map((name) => ({
      name,
      value: environment[name] ?? null,
      source: environment[name] === undefined ? 'default' : 'environment',
    })),
  ]
}

const addressText = (address: Address | null): string | null =>
  address === null ? null : `${address.host}:${address.port}`

/** Read by programs of the references; here only accepted, or used by what starts an agent (MEM-1404). */
const accepted = ['ENGRAM_AGENT_CLI', 'ENGRAM_NO_UPDATE_CHECK'] as const

function settingValues({ settings, file }: Config): readonly Shown[] {
  const sourceOf = (...path: readonly string[]): string => (holds(file, path) ? 'config.yaml' : 'default')
  return [
    { name: 'durability', value: settings.durability, source: sourceOf('durability') },
    { name: 'dedupe_window', value: windowText(settings.dedupeWindowMs), source: sourceOf('dedupe_window') },
    { name: 'history.keep', value: settings.historyKept, source: sourceOf('history', 'keep') },
    { name: 'search.embedder', value: settings.embedder, source: sourceOf('search', 'embedder') },
    { name: 'hooks.inject', value: settings.hooksInject, source: sourceOf('hooks', 'inject') },
    { name: 'hooks.import_chunks', value: settings.hooksImport, source: sourceOf('hooks', 'import_chunks') },
    ...Object.entries(settings.reviewMonths).map(([type, months]) => ({
      name: `review.${type}`,
      value: months === 0 ? 'never' : `${months}mo`,
      source: sourceOf('review', type),
    })),
  ]
}

/** Names of patterns, never the values that are allowed: those may be what somebody else would call a secret. */
function redactValues({ redact, file }: Config): readonly Shown[] {
  const sourceOf = (key: string): string => (holds(file, ['redact', key]) ? 'config.yaml' : 'default')
  return [
    { name: 'redact.extra', value: redact.extra.map((one) => one.name), source: sourceOf('extra') },
    { name: 'redact.allow', value: redact.allow.map(() => masked), source: sourceOf('allow') },
    { name: 'redact.emails', value: redact.emails, source: sourceOf('emails') },
    { name: 'redact.home_paths', value: redact.homePaths, source: sourceOf('home_paths') },
  ]
}

const windowText = (ms: number): string => (ms === defaultSettings.dedupeWindowMs ? '0 (any age)' : `${ms / 60_000}m`)

function holds(file: unknown, path: readonly string[]): boolean {
  const [key, ...rest] = path
  if (key === undefined) return true
  return isMap(file) && Object.hasOwn(file, key) && holds(file[key], rest)
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Keys of config.yaml that are read; `null` for a value, a map for what stands below. */
const known: Readonly<Record<string, readonly string[] | null>> = {
  project: null,
  server: [
    'addr',
    'port',
    'socket',
    'grpc_addr',
    'token',
    'allowed_hosts',
    'cors_origins',
    'max_body_size',
    'read_timeout',
    'write_timeout',
    'idle_timeout',
  ],
  timezone: null,
  log_level: null,
  allow_network_fs: null,
  durability: null,
  dedupe_window: null,
  history: ['keep'],
  hooks: ['inject', 'import_chunks'],
  // Any type may have a period.
  review: null,
  // Checked key by key where they are read; `serve` says what has no effect.
  redact: null,
  storage: null,
  router: null,
  notifier: null,
  locks: null,
  search: null,
  auth: null,
  logging: null,
  metrics: null,
  telemetry: null,
  rate_limit: null,
  compat: null,
}

/** Keys nobody reads: most are misspelt. */
function unknownKeys(file: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(file).flatMap(([key, value]) => {
    if (!Object.hasOwn(known, key)) return [key]
    const below = known[key]
    if (below == null || !isMap(value)) return []
    return Object.keys(value).flatMap((one) => (below.includes(one) ? [] : [`${key}.${one}`]))
  })
}

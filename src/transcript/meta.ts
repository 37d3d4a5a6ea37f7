import { isNoTime, isRecord } from './fields.ts'
import type { Layout } from './layout.ts'
import type { TranscriptNotes } from './store.ts'

/** A replacement under way: the file that is to become the transcript, and how things stood before (TRN-702). */
export type Pending = {
  readonly file: string
  readonly bytes: number
  readonly sha256: string
  readonly previous: { readonly skip: number; readonly count: number; readonly base: number }
}

/** What `<name>.meta.json` says (TRN-401). Times are RFC 3339 text, '' when never set. */
export type Meta = {
  readonly key: string
  readonly summary: string
  /** Raw lines hidden from the top. */
  readonly skip: number
  /** Raw lines in the file. Advice only (TRN-404). */
  readonly count: number
  readonly createdAt: string
  readonly updatedAt: string
  readonly scope: unknown
  readonly aliases: readonly string[]
  /** Grows by one per write. */
  readonly rev: number
  /** Raw lines removed so far; with it a position never names two messages. */
  readonly base: number
  /** How often the end was taken back: with `base` it tells one content of the file from another. */
  readonly cuts: number
  readonly title: string | null
  readonly project: string | null
  readonly sessionId: string | null
  readonly pending: Pending | null
  /** Where in `.engram/trash/` the session is going, or '' when it is purged. */
  readonly deleting: string | null
  /** Fields we do not know, kept as they came. */
  readonly extra: Readonly<Record<string, unknown>>
}

export const emptyMeta = (key: string): Meta => ({
  key,
  summary: '',
  skip: 0,
  count: 0,
  createdAt: '',
  updatedAt: '',
  scope: undefined,
  aliases: [],
  rev: 0,
  base: 0,
  cuts: 0,
  title: null,
  project: null,
  sessionId: null,
  pending: null,
  deleting: null,
  extra: {},
})

const known: ReadonlySet<string> = new Set(
  'key summary skip count created_at updated_at scope aliases format rev base cuts title project session_id engram_pending engram_deleting'.split(
    ' ',
  ),
)

/** The meta a text holds, or what is wrong with it (TRN-405). The reason quotes nothing. */
export function parseMeta(text: string): Meta | string {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return 'not JSON'
  }
  return isRecord(value) ? metaOf(value) : 'not an object'
}

function metaOf(value: Readonly<Record<string, unknown>>): Meta | string {
  const wrong: string[] = []
  const text = (name: string): string | null => {
    const found = value[name] ?? null
    if (found !== null && typeof found !== 'string') wrong.push(name)
    return typeof found === 'string' ? found : null
  }
  const whole = (name: string): number => {
    const found = value[name] ?? 0
    if (!isCount(found)) wrong.push(name)
    return isCount(found) ? found : 0
  }
  const aliases: unknown = value['aliases'] ?? []
  const hasAliases = Array.isArray(aliases) && aliases.every((alias): alias is string => typeof alias === 'string')
  if (!hasAliases) wrong.push('aliases')
  const pending = value['engram_pending'] ?? null
  const hasPending = pending === null || isPending(pending)
  if (!hasPending) wrong.push('engram_pending')
  const key = text('key')
  if (key === null) wrong.push('key')
  const deleting = text('engram_deleting')
  if (deleting !== null && /[/\\\0]/.test(deleting)) wrong.push('engram_deleting')
  const meta: Meta = {
    key: key ?? '',
    summary: text('summary') ?? '',
    skip: whole('skip'),
    count: whole('count'),
    createdAt: timeOr(text('created_at')),
    updatedAt: timeOr(text('updated_at')),
    scope: value['scope'] ?? undefined,
    aliases: hasAliases ? aliases : [],
    rev: whole('rev'),
    base: whole('base'),
    cuts: whole('cuts'),
    title: text('title'),
    project: text('project'),
    sessionId: text('session_id'),
    pending: hasPending ? pending : null,
    deleting,
    extra: Object.fromEntries(Object.entries(value).filter(([name]) => !known.has(name))),
  }
  return wrong.length === 0 ? meta : `field ${wrong.join(', ')}`
}

/** '' for no time at all, Go's zero time included. */
const timeOr = (text: string | null): string => (text === null || isNoTime(text) ? '' : text)

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

/** `file` must be a bare name: nothing outside `.engram/tmp/` can be meant. */
function isPending(value: unknown): value is Pending {
  if (!isRecord(value) || !isRecord(value['previous'])) return false
  const { file, bytes, sha256, previous } = value
  return (
    typeof file === 'string' &&
    /^[^/\\\0]+$/.test(file) &&
    file !== '.' &&
    file !== '..' &&
    isCount(bytes) &&
    typeof sha256 === 'string' &&
    /^[0-9a-f]{64}$/.test(sha256) &&
    isRecord(previous) &&
    [previous['skip'], previous['count'], previous['base']].every(isCount)
  )
}

/** What Go writes for no time: its decoder refuses an empty text. */
const noTime = '0001-01-01T00:00:00Z'

/** JSON with 2-space indent, known fields in the documented order; ours stand only in a directory of ours. */
export function formatMeta(meta: Meta, { hasOwnFields }: Layout): string {
  const own: [string, unknown][] = [
    ['format', 1],
    ['rev', meta.rev],
    ['base', meta.base],
    ['cuts', meta.cuts === 0 ? undefined : meta.cuts],
    ['title', meta.title ?? undefined],
    ['project', meta.project ?? undefined],
    ['session_id', meta.sessionId ?? undefined],
  ]
  const time = (text: string): string => (text === '' && !hasOwnFields ? noTime : text)
  const fields: [string, unknown][] = [
    ['key', meta.key],
    ['summary', meta.summary],
    ['skip', meta.skip],
    ['count', meta.count],
    ['created_at', time(meta.createdAt)],
    ['updated_at', time(meta.updatedAt)],
    ['scope', meta.scope],
    ['aliases', meta.aliases.length === 0 ? undefined : meta.aliases],
    ...(hasOwnFields ? own : []),
    ['engram_pending', meta.pending ?? undefined],
    ['engram_deleting', meta.deleting ?? undefined],
    ...Object.entries(meta.extra),
  ]
  return `${JSON.stringify(Object.fromEntries(fields), null, 2)}\n`
}

/** What was noted beside the transcript; only what is set. */
export function notesOf(meta: Meta): TranscriptNotes {
  return {
    ...(meta.title === null ? {} : { title: meta.title }),
    ...(meta.project === null ? {} : { project: meta.project }),
    ...(meta.sessionId === null ? {} : { session_id: meta.sessionId }),
    ...(isRecord(meta.scope) ? { scope: meta.scope } : {}),
  }
}

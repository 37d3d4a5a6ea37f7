import type { Output } from './api/operations.ts'
import type { TranscriptCompacted, TranscriptListing, TranscriptVerified } from './api/transcripts.ts'
import type { BoundHandlers } from './engine/engine.ts'
import { forgetTranscript } from './engine/transcript-index.ts'
import { EngramError } from './model/errors.ts'
import type { JsonlStore, JsonlStoreOptions } from './transcript/jsonl-store.ts'
import type { Inspection } from './transcript/inspect.ts'
import type { SessionListing } from './transcript/store.ts'

type Names = Extract<keyof BoundHandlers, `transcript.${string}`>

/** The store of the data dir, and how to open another directory the same way. */
export type TranscriptDoors = {
  open(): Promise<JsonlStore>
  openAt(directory: string, options: Pick<JsonlStoreOptions, 'layout' | 'readOnly'>): Promise<JsonlStore>
}

type Place = { readonly dir?: string | undefined; readonly layout?: 'auto' | 'native' | 'compat' | undefined }

const pageMessages = 1_000

/** Transcripts as operations: each is one or two calls of the store, told in the words of the API. */
export function transcriptHandlers(doors: TranscriptDoors): Pick<BoundHandlers, Names> {
  /** Only asks: in another directory nothing is made. */
  const reading = <T>(place: Place, work: (store: JsonlStore) => Promise<T>): Promise<T> =>
    within(doors, place, true, work)
  const writing = <T>(place: Place, work: (store: JsonlStore) => Promise<T>): Promise<T> =>
    within(doors, place, false, work)
  return {
    'transcript.list': (_, { dir, layout, ...options }) =>
      reading({ dir, layout }, async (store) => {
        const { sessions, next } = await store.listSessions(withoutUndefined(options))
        return { transcripts: sessions.map(listed), next }
      }),
    'transcript.show': (_, input) => reading(input, (store) => show(store, input)),
    'transcript.append': (_, input, { signal, durability }) =>
      writing(input, (store) =>
        store.addFullMessage(input.key, input.message, {
          ...withoutUndefined({ signal, durability, messageId: input.message_id }),
        }),
      ),
    'transcript.replace': (_, input, { signal }) =>
      writing(input, async (store) => {
        await store.setHistory(input.key, input.messages, withoutUndefined({ signal }))
        return { key: input.key, messages: await store.count(input.key) }
      }),
    'transcript.update': (_, input) =>
      writing(input, async (store) => {
        const { key, summary, keep_last: keepLast } = input
        if (keepLast !== undefined) {
          await known(store, key)
          await store.truncateHistory(key, keepLast)
        }
        if (summary !== undefined) await store.setSummary(key, summary)
        const kept = keepLast === undefined ? {} : { kept: await store.count(key) }
        return { key, summary: await store.getSummary(key), ...kept }
      }),
    'transcript.truncate': (_, input) =>
      (input.dry_run === true ? reading : writing)(input, async (store) => {
        await known(store, input.key)
        const messages = await store.count(input.key)
        const dryRun = input.dry_run === true
        if (!dryRun) await store.truncateHistory(input.key, input.keep)
        const kept = dryRun ? Math.min(messages, input.keep) : await store.count(input.key)
        return { key: input.key, kept, messages, dry_run: dryRun }
      }),
    'transcript.compact': (_, input, { signal, onProgress }) =>
      (input.dry_run === true ? reading : writing)(input, async (store) => {
        const transcripts: TranscriptCompacted['transcripts'][number][] = []
        const names = input.key === undefined ? await store.sessionNames() : [null]
        for (const [index, name] of names.entries()) {
          signal?.throwIfAborted()
          onProgress?.({ done: index, total: names.length, what: 'compacting' })
          const before = name === null ? await store.inspect(input.key ?? '') : await store.inspectName(name)
          if (before === null && name === null) throw notFound(input.key ?? '')
          const done = before === null ? null : await compactOne(store, before, input)
          if (done !== null) transcripts.push(done)
        }
        return { dry_run: input.dry_run === true, transcripts }
      }),
    'transcript.delete': (deps, input) =>
      writing(input, async (store) => {
        const purge = input.purge === true
        if (!(await store.deleteSession(input.key, { purge }))) throw notFound(input.key)
        if (input.dir === undefined) await forgetTranscript(deps, input.key)
        return { key: input.key, purged: purge }
      }),
    'transcript.migrate': (_, input, { signal }) =>
      input.to_layout === undefined
        ? migrateSessions(doors, input, signal)
        : migrateDirectory({ ...input, to_layout: input.to_layout }, signal),
    'transcript.verify': (_, input, { signal, onProgress }) =>
      reading(input, async (store) => {
        const transcripts: TranscriptVerified[] = []
        const names = input.key === undefined ? await store.sessionNames() : [null]
        for (const [index, name] of names.entries()) {
          signal?.throwIfAborted()
          onProgress?.({ done: index, total: names.length, what: 'verifying' })
          const found = name === null ? await store.inspect(input.key ?? '') : await store.inspectName(name)
          if (found === null && name === null) throw notFound(input.key ?? '')
          if (found !== null) transcripts.push(verified(found))
        }
        const problems = transcripts.reduce((sum, one) => sum + one.bad_total + (one.meta === 'damaged' ? 1 : 0), 0)
        return { problems, transcripts }
      }),
  }
}

async function within<T>(
  doors: TranscriptDoors,
  { dir, layout }: Place,
  readOnly: boolean,
  work: (store: JsonlStore) => Promise<T>,
): Promise<T> {
  if (dir === undefined) {
    const store = await doors.open()
    if (layout !== undefined && layout !== 'auto' && layout !== store.layout) {
      throw new EngramError(
        'transcript_layout_mismatch',
        `transcripts of the data dir: expected the ${layout} layout, found the ${store.layout} one`,
      )
    }
    return work(store)
  }
  const store = await doors.openAt(dir, { readOnly, ...withoutUndefined({ layout }) })
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

const notFound = (key: string): EngramError =>
  new EngramError('transcript_not_found', `There is no transcript ${JSON.stringify(key)}.`, { details: { key } })

async function known(store: JsonlStore, key: string): Promise<void> {
  if (!(await store.exists(key))) throw notFound(key)
}

type ShowInput = {
  readonly key: string
  readonly last?: number | undefined
  readonly after?: number | undefined
  readonly before?: number | undefined
  readonly limit?: number | undefined
  readonly summary?: boolean | undefined
  readonly raw?: boolean | undefined
  readonly end?: boolean | undefined
  readonly must_exist?: boolean | undefined
}

async function show(store: JsonlStore, input: ShowInput): Promise<Output<'transcript.show'>> {
  const { key, last, after, before, limit } = input
  if (input.must_exist === true) await known(store, key)
  const end = input.end === true || (last === undefined && input.raw !== true) ? await store.end(key) : null
  const summary = input.summary === true ? { summary: await store.getSummary(key) } : {}
  if (input.raw === true) {
    return { key, messages: [], next: null, end, ...summary, lines: await store.rawLines(key, last ?? 0) }
  }
  if (last !== undefined) {
    // What was appended since `end` was asked belongs to the next question.
    const until = end === null ? before : Math.min(before ?? Infinity, end + 1)
    const range = withoutUndefined({ last, after, limit, before: until })
    return { key, messages: await store.getHistory(key, range), next: null, end, ...summary }
  }
  const page = await store.readHistory(key, withoutUndefined({ after, before, limit: limit ?? pageMessages }))
  return { key, messages: page.messages.map((one) => one.message), next: page.next, end, ...summary }
}

async function compactOne(
  store: JsonlStore,
  before: Inspection,
  { force, dry_run: dryRun }: { readonly force?: boolean | undefined; readonly dry_run?: boolean | undefined },
): Promise<TranscriptCompacted['transcripts'][number]> {
  const isForced = force === true
  const dropped = before.hidden > 0 || isForced ? before.rawLines - before.visible : 0
  const told = { key: before.key, bytes_before: before.bytes, lines_dropped: dropped }
  if (dryRun === true) return { ...told, bytes_after: before.bytes }
  await store.compact(before.key, { force: isForced })
  return { ...told, bytes_after: await store.size(before.key) }
}

function listed(one: SessionListing): TranscriptListing {
  const { createdAt, updatedAt, ...rest } = one
  return { ...rest, created_at: createdAt, updated_at: updatedAt }
}

function verified(one: Inspection): TranscriptVerified {
  return {
    key: one.key,
    name: one.name,
    layout: one.layout,
    bytes: one.bytes,
    raw_lines: one.rawLines,
    retained: one.retained,
    hidden: one.hidden,
    transient: one.transient,
    bad: one.bad,
    bad_total: one.badTotal,
    torn: one.isTorn,
    meta: one.meta,
    ...(one.metaReason === null ? {} : { meta_reason: one.metaReason }),
    pending: one.isPending,
    created_at: one.createdAt,
    updated_at: one.updatedAt,
  }
}

type Migrate = {
  readonly from: string
  readonly dir?: string | undefined
  readonly layout?: 'auto' | 'native' | 'compat' | undefined
  readonly dry_run?: boolean | undefined
}
type Files = Output<'transcript.migrate'>['files'][number][]

async function migrateSessions(
  doors: TranscriptDoors,
  input: Migrate,
  signal: AbortSignal | undefined,
): Promise<Output<'transcript.migrate'>> {
  const { migrateFromJson } = await import('./transcript/migrate-json.ts')
  const dryRun = input.dry_run === true
  const files: Files = []
  return within(doors, input, dryRun, async (store) => {
    const options = { dryRun, onFile: (file: Files[number]) => void files.push(file), ...withoutUndefined({ signal }) }
    const migrated = await migrateFromJson(input.from, store, options)
    return { migrated, dry_run: dryRun, files }
  })
}

async function migrateDirectory(
  input: Migrate & { readonly to_layout: 'native' | 'compat' },
  signal: AbortSignal | undefined,
): Promise<Output<'transcript.migrate'>> {
  if (input.dir === undefined) {
    throw new EngramError('invalid_request', 'dir: expected the directory to copy to, got none')
  }
  const { migrateLayout } = await import('./transcript/migrate-layout.ts')
  const dryRun = input.dry_run === true
  const files: Files = []
  const migrated = await migrateLayout(input.from, input.dir, input.to_layout, {
    dryRun,
    ...withoutUndefined({ signal }),
    onSession: ({ key, outcome, reason, lines }) => {
      const told = outcome === 'conflict' ? 'conflict' : 'migrated'
      files.push({ file: key, key, outcome: told, messages: lines, ...withoutUndefined({ reason }) })
    },
  })
  return { migrated, dry_run: dryRun, files }
}

/** Without the fields that were not given. */
function withoutUndefined<T extends Readonly<Record<string, unknown>>>(
  fields: T,
): { readonly [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}

import type { Parsed } from '../api/operations.ts'
import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import type { LogPage, LogRange, LogStore, StoredEvent } from '../model/log-store.ts'
import { parseTime } from '../model/times.ts'
import type { Clock } from '../platform/clock.ts'
import { unknownContext } from './contexts.ts'
import type { EngineDeps } from './handler.ts'
import { workUnitTypeOf } from './unit-input.ts'

/** A page of a log as it is stored: faces send the texts on as they are, callers in this process get them parsed. */
export type StoredPage = {
  readonly events: readonly StoredEvent[]
  readonly next_cursor: string
  readonly at_tail: boolean
}

type UnitListInput = Parsed<'work-unit.list'>
type EventListInput = Parsed<'event.list'>

/** Units of a context (COL-506, COL-604). The cursor is always a place to go on from, also at the tail. */
export async function unitPage(log: LogStore, input: UnitListInput): Promise<StoredPage> {
  const range: LogRange = {
    contexts: [input.context_id],
    kinds: ['unit.created'],
    ...(await unitRangeOf(log, input)),
    ...(input.types === undefined ? {} : { types: input.types.map(workUnitTypeOf) }),
    ...(input.agents === undefined ? {} : { agents: input.agents }),
    ...(input.meta === undefined ? {} : { meta: input.meta }),
    ...timesOf(input),
  }
  return storedPage(log, input.context_id, await log.read(range))
}

/** Whether a list wants every unit: then the texts are read alone. */
export const isUnfiltered = ({ types, agents, meta, since, until }: UnitListInput): boolean =>
  [types, agents, meta, since, until].every((filter) => filter === undefined)

/** Where a list of units begins, as the log reads it. */
export async function unitRangeOf(log: LogStore, input: UnitListInput): Promise<UnitRange> {
  const isReverse = input.order === 'desc'
  return {
    limit: input.limit ?? limits.livePageDefault,
    ...(isReverse ? { reverse: true } : {}),
    ...(await fromOf(log, input.context_id, input.cursor, isReverse)),
  }
}

type UnitRange = Pick<LogRange, 'from' | 'limit' | 'reverse'>

/** Everything in the log of a context (COL-605); at the tail it waits as long as it was asked to. */
export async function eventPage(
  { contextLog: log, clock }: Pick<EngineDeps, 'contextLog' | 'clock'>,
  input: EventListInput,
  signal?: AbortSignal,
): Promise<StoredPage> {
  const from = (await fromOf(log, input.context_id, input.cursor, false)).from ?? 0
  const range: LogRange = {
    contexts: [input.context_id],
    limit: input.limit ?? limits.livePageDefault,
    from,
    ...(input.kinds === undefined ? {} : { kinds: input.kinds }),
  }
  const page = await log.read(range)
  const waitMs = input.wait_ms ?? 0
  const isWaiting = page.events.length === 0 && page.isAtEnd && waitMs > 0
  const last = isWaiting ? await waited(clock, waitMs, signal, (over) => readWhenNew(log, range, page, over)) : page
  return storedPage(log, input.context_id, last)
}

/** Work whose signal is aborted when the time is over or whoever asked is gone; it leaves no timer behind. */
async function waited<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal | undefined,
  work: (over: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController()
  const end = (): void => over.abort()
  signal?.addEventListener('abort', end, { once: true })
  clock.sleep(ms, over.signal).then(end, end)
  try {
    return await work(over.signal)
  } finally {
    signal?.removeEventListener('abort', end)
    end()
  }
}

async function storedPage(log: LogStore, contextId: string, page: LogPage): Promise<StoredPage> {
  if (page.events.length === 0 && (await log.context(contextId)) === undefined) throw unknownContext(contextId)
  return { events: page.events, next_cursor: log.cursorOf(contextId, page.next), at_tail: page.isAtEnd }
}

async function fromOf(
  log: LogStore,
  contextId: string,
  cursor: string | undefined,
  isReverse: boolean,
): Promise<{ readonly from?: number }> {
  const isEnd = isReverse && (cursor === 'now' || cursor === '$')
  if (cursor === undefined || cursor === '' || isEnd) return {}
  return { from: (await log.place([contextId], cursor)).seq }
}

/** Until an event of the context comes, the time is over, or whoever asked is gone. Hints may be lost: it also looks. */
async function readWhenNew(log: LogStore, range: LogRange, empty: LogPage, over: AbortSignal): Promise<LogPage> {
  let page = empty
  while (!over.aborted && page.events.length === 0) {
    await hinted(log, over)
    page = await log.read({ ...range, from: page.next })
  }
  return page
}

const hinted = (log: LogStore, over: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = new AbortController()
    const finish = (): void => {
      over.removeEventListener('abort', finish)
      done.abort()
      resolve()
    }
    log.watch(finish, done.signal)
    if (over.aborted) finish()
    else over.addEventListener('abort', finish, { once: true })
  })

type Times = { readonly since?: string | undefined; readonly until?: string | undefined }

export function timesOf({ since, until }: Times): { readonly sinceMs?: number; readonly untilMs?: number } {
  return {
    ...(since === undefined ? {} : { sinceMs: timeOf('since', since) }),
    ...(until === undefined ? {} : { untilMs: timeOf('until', until) }),
  }
}

function timeOf(field: string, text: string): number {
  const ms = parseTime(text)
  if (ms !== null) return ms
  throw new EngramError('invalid_request', `${field}: ${JSON.stringify(text)} is no time.`, { details: { field } })
}

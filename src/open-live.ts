import type { Input, Parsed } from './api/operations.ts'
import { unknownContext } from './engine/contexts.ts'
import { parseInput } from './engine/engine.ts'
import type { EngineDeps } from './engine/handler.ts'
import { followUnits } from './engine/unit-indexing.ts'
import { eventPage, isUnfiltered, type StoredPage, unitPage, unitRangeOf } from './engine/unit-pages.ts'
import type { Hub } from './live/hub.ts'
import type { SqliteLog } from './live/sqlite-log.ts'
import { every, type Every } from './platform/every.ts'
import { eventText } from './protocol/event-json.ts'
import { hasOverdueLocks } from './live/overdue.ts'

/** A page of `/v1` JSON texts as they are stored: joined into a body, never written anew (G10). */
export type TextPage = { readonly texts: readonly string[]; readonly next_cursor: string; readonly at_tail: boolean }

/** The live side of one engine, for faces that stream. */
export type Live = {
  /** The hub, made at first use. */
  feed(): Promise<Hub>
  /** As `work-unit.list`, as stored. */
  unitTexts(input: Input<'work-unit.list'>): Promise<TextPage>
  /** As `event.list`, as stored. */
  eventTexts(input: Input<'event.list'>, signal?: AbortSignal): Promise<TextPage>
  /** As `work-unit.get`; undefined when there is none. */
  unitText(id: string): Promise<string | undefined>
  /** Starts what a process that stays does beside: ends of leases are logged, words of units indexed. */
  begin(): Promise<void>
  close(): Promise<void>
}

export function openLive(deps: EngineDeps, log: SqliteLog): Live {
  let hub: Promise<Hub> | null = null
  let upkeep: readonly Every[] = []
  const make = async (): Promise<Hub> => {
    const { Hub } = await import('./live/hub.ts')
    const made = new Hub({
      log,
      clock: deps.clock,
      failed: (error) =>
        deps.log.warn('the log could not be read', { error: error instanceof Error ? error.message : String(error) }),
    })
    log.tell((event) => made.announce(event))
    return made
  }
  return {
    feed: () => (hub ??= make()),
    unitTexts: (input) => unitTexts(log, parseInput('work-unit.list', input)),
    eventTexts: async (input, signal) =>
      textPage(await eventPage(deps, parseInput('event.list', input), signal), (event) =>
        eventText(event, log.cursorOf(event.contextId, event.seq)),
      ),
    unitText: async (id) => (await log.unit(id.toLowerCase()))?.body,
    begin: async () => {
      if (upkeep.length > 0 || deps.store.mode === 'read-only') return
      upkeep = [
        every(
          deps.settings.unitIndexMs,
          oneAtATime(deps, () => followUnits(deps)),
        ),
        every(
          deps.settings.lockSweepMs,
          oneAtATime(deps, async () => {
            if (deps.store.read((tx) => hasOverdueLocks(tx, log.ground))) await log.lock({ kind: 'expire' })
          }),
        ),
      ]
    },
    close: async () => {
      for (const one of upkeep) one.stop()
      await (await hub)?.close()
      await log.close()
    },
  }
}

async function unitTexts(log: SqliteLog, input: Parsed<'work-unit.list'>): Promise<TextPage> {
  if (!isUnfiltered(input)) return textPage(await unitPage(log, input), ({ body }) => body)
  const page = log.unitTexts(input.context_id, await unitRangeOf(log, input))
  if (page === undefined) throw unknownContext(input.context_id)
  return { texts: page.texts, next_cursor: log.cursorOf(input.context_id, page.next), at_tail: page.isAtEnd }
}

const textPage = (
  { events, ...page }: StoredPage,
  textOf: (event: StoredPage['events'][number]) => string,
): TextPage => ({
  texts: events.map(textOf),
  ...page,
})

/** A round that finds the one before still at work is skipped; a failure is told once until it goes away. */
function oneAtATime(deps: EngineDeps, work: () => Promise<unknown>): () => void {
  let isRunning = false
  let lastFailure = ''
  return () => {
    if (isRunning || !deps.store.isOpen) return
    isRunning = true
    work()
      .then(() => {
        lastFailure = ''
      })
      .catch((error: unknown) => {
        const failure = error instanceof Error ? error.message : String(error)
        if (failure !== lastFailure && deps.store.isOpen) deps.log.warn('live upkeep failed', { error: failure })
        lastFailure = failure
      })
      .finally(() => {
        isRunning = false
      })
  }
}

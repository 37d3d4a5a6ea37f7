import { statSync } from 'node:fs'
import type { Caller } from './api/caller.ts'
import type { ServerSettings } from './model/server-settings.ts'
import type { OpenedEngine } from './open-engine.ts'
import { Streams, type StreamWatch } from './server/live/streams.ts'
import type { RequestLimit } from './server/http.ts'
import { createMetrics, type Metrics, type StoreSizes } from './server/metrics.ts'
import { rateLimit } from './server/rate-limit.ts'
import type { Route } from './server/route.ts'
import { memoryRoutes } from './server/routes/all.ts'
import { liveRoutes } from './server/routes/live/all.ts'
import { openApiRoute } from './server/routes/live/openapi.ts'
import { probeRoutes, type Readiness } from './server/routes/live/probes.ts'
import { liveSizes } from './store/live-sizes.ts'
import { databasePath } from './store/open-database.ts'

/** What one server has beside its listener: its routes, its streams, what it measures, and where it stands. */
export type ServedParts = {
  readonly routes: readonly Route[]
  readonly streams: Streams
  readonly metrics: Metrics | null
  readonly caller: Caller
  readonly readiness: Readiness
  /** One for all faces, so that nobody has twice as much by asking in two ways (COL-1908). */
  readonly limit: RequestLimit | null
}

const unwatched: StreamWatch = {
  opened: () => undefined,
  closed: () => undefined,
  published: () => undefined,
  delayed: () => undefined,
  reset: () => undefined,
  lagged: () => undefined,
  left: () => undefined,
}

export function servedParts(opened: OpenedEngine, settings: ServerSettings): ServedParts {
  const { deps, live } = opened
  const readiness: Readiness = { state: 'starting' }
  const metrics =
    settings.metricsPath === null
      ? null
      : createMetrics({
          version: deps.version,
          monotonicMs: () => deps.clock.monotonicMs(),
          sizes: remembered(
            () => sizesOf(opened),
            () => deps.clock.monotonicMs(),
          ),
        })
  if (metrics !== null) deps.store.watchCommits(metrics.committed)
  const caller = metrics === null ? opened.caller : metrics.counted(opened.caller)
  const streams = new Streams({
    caller,
    feed: () => live.feed(),
    settings,
    newId: () => deps.ids.uuid(),
    nowMs: () => deps.clock.nowMs(),
    watch: metrics?.watch ?? unwatched,
  })
  const collaboration = liveRoutes({ live, settings, streams })
  const routes = [...probeRoutes(readiness, metrics, settings), ...memoryRoutes, ...collaboration]
  const limit = settings.rateLimit === null ? null : rateLimit(settings.rateLimit, () => deps.clock.nowMs())
  return { routes: [...routes, openApiRoute(collaboration, deps.version)], streams, metrics, caller, readiness, limit }
}

function sizesOf({ deps }: OpenedEngine): StoreSizes {
  const databaseBytes = statSync(databasePath(deps.dataDir, 'engram.db'), { throwIfNoEntry: false })?.size ?? 0
  return { databaseBytes, ...deps.store.read(liveSizes) }
}

/** Counting reads the whole log, and several gauges ask at once. */
const sizesKeptMs = 5_000

function remembered<T>(read: () => T, nowMs: () => number): () => Promise<T> {
  let kept: { readonly value: T; readonly atMs: number } | null = null
  return () => {
    if (kept === null || nowMs() - kept.atMs > sizesKeptMs) kept = { value: read(), atMs: nowMs() }
    return Promise.resolve(kept.value)
  }
}

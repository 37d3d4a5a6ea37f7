import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Caller } from '../api/caller.ts'
import type { OperationName } from '../api/operations.ts'
import { EngramError } from '../model/errors.ts'
import type { SeenRequest } from './http.ts'
import type { StreamProtocol, StreamWatch } from './live/streams.ts'

/** What is measured of one server, in names that dashboards of the Go program know (COL-2001) and ours (COL-2002). */
export type Metrics = {
  readonly contentType: string
  readonly text: () => Promise<string>
  readonly seen: (request: SeenRequest) => void
  readonly watch: StreamWatch
  /** Told of each commit of the store. */
  readonly committed: (commit: CommitFigures) => void
  /** The caller, with what it does counted. */
  readonly counted: (caller: Caller) => Caller
}

/** Of one commit: operations in it, how durable it is, how long the COMMIT took. */
export type CommitFigures = { readonly jobs: number; readonly durability: 'full' | 'normal'; readonly tookMs: number }

export type MetricsOptions = {
  readonly version: string
  readonly monotonicMs: () => number
  /** Sizes of the store, read when somebody looks. */
  readonly sizes: () => Promise<StoreSizes>
}

export type StoreSizes = {
  readonly databaseBytes: number
  readonly contexts: number
  readonly units: number
  readonly locks: number
  readonly indexLag: number
}

const doubling = (start: number, count: number): number[] => Array.from({ length: count }, (_, at) => start * 2 ** at)
const batchBuckets = Array.from({ length: 8 }, (_, at) => 1 + at * 8)
const seconds = { api: doubling(0.001, 15), storage: doubling(0.0001, 15), short: doubling(0.0001, 10) }

export function createMetrics(options: MetricsOptions): Metrics {
  const registers = [new Registry()]
  const [registry] = registers
  const counter = <Label extends string = never>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Counter({ name, help, labelNames: [...labelNames], registers })
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers })
  const histogram = <Label extends string = never>(
    name: string,
    help: string,
    buckets: readonly number[],
    labelNames: readonly Label[] = [],
  ) => new Histogram({ name, help, labelNames: [...labelNames], buckets: [...buckets], registers })

  const route = ['method', 'path'] as const
  const requests = counter('engram_api_requests_total', 'Requests answered.', ['method', 'path', 'status'])
  const durations = histogram('engram_api_request_duration_seconds', 'From request to answer.', seconds.api, route)
  const errors = counter('engram_api_errors_total', 'Requests that failed.', ['method', 'path', 'error_type'])
  const requestSizes = histogram('engram_api_request_size_bytes', 'Bodies of requests.', doubling(128, 10), route)
  const answerSizes = histogram('engram_api_response_size_bytes', 'Bodies of answers.', doubling(128, 10), route)
  const active = gauge('engram_api_active_connections', 'Streams that are open.')
  const connections = gauge('engram_notifier_connections_active', 'Subscribers that are connected.')
  const published = counter('engram_notifier_events_published_total', 'Events sent to subscribers.', ['protocol'])
  const delays = histogram('engram_notifier_event_delay_seconds', 'From an event to its way out.', seconds.short)
  const routed = counter('engram_router_events_total', 'Events written.', ['event_type'])
  const routing = histogram('engram_router_event_duration_seconds', 'From an event to its encoding.', seconds.short)
  gauge('engram_router_queue_size', 'Always 0: a subscription is a place in the log, not a queue.')
  const resets = counter('engram_stream_resets_total', 'Subscribers whose place was gone.', ['reason'])
  const paused = counter('engram_stream_paused_total', 'Subscribers that were too slow and had to go.', ['protocol'])
  const lagged = counter('engram_stream_lagged_events_total', 'Events left out by a policy.', ['protocol'])
  const batches = histogram('engram_wal_batch_size', 'Operations in one commit.', batchBuckets)
  const syncs = histogram('engram_wal_sync_duration_seconds', 'Commits that were synced.', seconds.short)
  const sums: Record<StreamProtocol, number> = { sse: 0, websocket: 0 }
  const operations = operationMetrics({ counter, gauge, histogram, routed })

  sizeGauges(registers, options)
  new Gauge({ name: 'engram_build_info', help: 'The version.', labelNames: ['version'], registers }).set(
    { version: options.version },
    1,
  )
  const startedMs = options.monotonicMs()
  const uptime = gauge('engram_uptime_seconds', 'Since the start.')

  const flow = (): void => {
    for (const protocol of ['sse', 'websocket'] as const) {
      published.inc({ protocol }, sums[protocol])
      sums[protocol] = 0
    }
    uptime.set((options.monotonicMs() - startedMs) / 1_000)
  }
  return {
    contentType: registry?.contentType ?? 'text/plain',
    text: async () => {
      flow()
      return (await registry?.metrics()) ?? ''
    },
    seen: ({ method, path, status, tookMs, requestBytes, answerBytes, code }) => {
      // A path nobody knows is one label, not one for each.
      const labels = { method, path: path === '' ? 'unknown' : path }
      requests.inc({ ...labels, status: String(status) })
      durations.observe(labels, tookMs / 1_000)
      requestSizes.observe(labels, requestBytes)
      answerSizes.observe(labels, answerBytes)
      if (code !== null) errors.inc({ ...labels, error_type: code })
    },
    watch: {
      opened: () => {
        active.inc()
        connections.inc()
      },
      closed: () => {
        active.dec()
        connections.dec()
      },
      published: (protocol) => {
        sums[protocol]++
      },
      delayed: (ms) => {
        delays.observe(ms / 1_000)
        routing.observe(ms / 1_000)
      },
      reset: (reason) => resets.inc({ reason }),
      lagged: (protocol, count) => lagged.inc({ protocol }, count),
      left: (protocol, reason) => {
        if (reason === 'too_slow') paused.inc({ protocol })
      },
    },
    committed: ({ jobs, durability, tookMs }) => {
      batches.observe(jobs)
      if (durability === 'full') syncs.observe(tookMs / 1_000)
    },
    counted: (caller) => countedCaller(caller, options.monotonicMs, operations),
  }
}

function sizeGauges(registers: Registry[], { sizes }: MetricsOptions): void {
  const read = (name: string, help: string, pick: (sizes: StoreSizes) => number): Gauge =>
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        this.set(pick(await sizes()))
      },
    })
  read('engram_db_size_bytes', 'The database file.', (one) => one.databaseBytes)
  read('engram_contexts_total', 'Contexts kept.', (one) => one.contexts)
  read('engram_work_units_total', 'Units kept.', (one) => one.units)
  read('engram_locks_active', 'Leases that live.', (one) => one.locks)
  read('engram_index_lag_events', 'Events the word index has not read yet.', (one) => one.indexLag)
  read('engram_search_index_size_bytes', 'Part of the database file; not told apart here.', () => 0)
}

type Makers = {
  readonly counter: <Label extends string = never>(
    name: string,
    help: string,
    labels?: readonly Label[],
  ) => Counter<Label>
  readonly gauge: (name: string, help: string) => Gauge
  readonly histogram: <Label extends string = never>(
    name: string,
    help: string,
    buckets: readonly number[],
    labels?: readonly Label[],
  ) => Histogram<Label>
  readonly routed: Counter<'event_type'>
}

/** Told of every call: its name, how it ended, how long it took. */
type OperationWatch = (operation: OperationName, outcome: Outcome, tookSeconds: number) => void
type Outcome = { readonly answer?: unknown; readonly error?: unknown }

const eventOf: Partial<Record<OperationName, string>> = {
  'work-unit.append': 'unit.created',
  'context.create': 'context.created',
  'context.update': 'context.updated',
  'context.archive': 'context.archived',
  'context.restore': 'context.restored',
  'lock.acquire': 'lock.acquired',
  'lock.release': 'lock.released',
}

function operationMetrics({ counter, histogram, routed }: Makers): OperationWatch {
  const done = counter('engram_storage_operations_total', 'Operations.', ['operation', 'success'])
  const took = histogram('engram_storage_operation_duration_seconds', 'Operations.', seconds.storage, ['operation'])
  const appends = histogram('engram_append_duration_seconds', 'Appends.', seconds.storage, ['durability'])
  const acquired = counter('engram_locks_acquired_total', 'Leases granted.')
  const released = counter('engram_locks_released_total', 'Leases given back.')
  const timedOut = counter('engram_locks_timeout_total', 'Requests that waited for a lease in vain.')
  const contended = counter('engram_lock_contention_total', 'Requests for a lease another agent holds.')
  const acquiring = histogram('engram_lock_acquisition_duration_seconds', 'Requests for a lease.', seconds.short)
  const waiting = histogram('engram_lock_wait_duration_seconds', 'Requests for a lease that was granted.', seconds.api)
  const expired = counter('engram_locks_expired_total', 'Leases asked about after they ran out.')
  const fenced = counter('engram_fenced_writes_total', 'Guarded writes that came too late.')
  const replays = counter('engram_idempotent_replays_total', 'Writes that were answered from before.')
  const searches = counter('engram_search_queries_total', 'Searches.')
  const searching = histogram('engram_search_duration_seconds', 'Searches.', doubling(0.001, 10))
  const results = counter('engram_search_results_total', 'Hits answered.')

  return (operation, { answer, error }, tookSeconds) => {
    const success = error === undefined
    done.inc({ operation, success: String(success) })
    took.observe({ operation }, tookSeconds)
    const event = eventOf[operation]
    if (success && event !== undefined) routed.inc({ event_type: event })
    const told = (typeof answer === 'object' && answer !== null ? answer : {}) as Readonly<Record<string, unknown>>
    if (told['replayed'] === true) replays.inc()
    const code = error instanceof EngramError ? error.code : null
    if (code === 'fenced') fenced.inc()
    if (code === 'lock_expired') expired.inc()
    if (code === 'lock_held') {
      contended.inc()
      if (error instanceof EngramError && error.details['position'] !== undefined) timedOut.inc()
    }
    if (operation === 'work-unit.append' && success) {
      appends.observe({ durability: String(told['durability']) }, tookSeconds)
    } else if (operation === 'lock.acquire') {
      acquiring.observe(tookSeconds)
      if (success) acquired.inc()
      if (success) waiting.observe(tookSeconds)
    } else if (operation === 'lock.release' && success) {
      released.inc()
    } else if (operation === 'work-unit.search') {
      searches.inc()
      searching.observe(tookSeconds)
      if (Array.isArray(told['hits'])) results.inc(told['hits'].length)
    }
  }
}

function countedCaller(caller: Caller, monotonicMs: () => number, watch: OperationWatch): Caller {
  return {
    call: async (operation, input, context) => {
      const started = monotonicMs()
      const tookSeconds = (): number => (monotonicMs() - started) / 1_000
      try {
        const answer = await caller.call(operation, input, context)
        watch(operation, { answer }, tookSeconds())
        return answer
      } catch (error) {
        watch(operation, { error }, tookSeconds())
        throw error
      }
    },
  }
}

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Delivery, LeaveReason, SubscribeRequest } from '../../model/live-feed.ts'
import { systemClock } from '../../platform/clock.ts'
import { systemRandom } from '../../platform/random.ts'
import { migrations } from '../../store/migrations/index.ts'
import { Store } from '../../store/store.ts'
import { Hub } from '../hub.ts'
import { SqliteLog } from '../sqlite-log.ts'

/** A real log in a folder of its own, with its hub. */
export type OpenHub = {
  readonly log: SqliteLog
  readonly hub: Hub
  /** Another process's view of the same file. */
  another(): { readonly log: SqliteLog; readonly hub: Hub }
  close(): Promise<void>
}

export function openHub(): OpenHub {
  const dataDir = mkdtempSync(join(tmpdir(), 'engram-hub-'))
  const opened: { readonly store: Store; readonly log: SqliteLog; readonly hub: Hub }[] = []
  const open = () => {
    const store = Store.open({ dataDir, migrations, clock: systemClock, random: systemRandom, durability: 'normal' })
    const log = new SqliteLog({ store, clock: systemClock, durability: 'normal' })
    const hub = new Hub({ log, clock: systemClock })
    log.tell((event) => hub.announce(event))
    const one = { store, log, hub }
    opened.push(one)
    return one
  }
  const { log, hub } = open()
  return {
    log,
    hub,
    another: open,
    close: async () => {
      for (const one of opened) {
        await one.hub.close()
        await one.log.close()
        await one.store.close()
      }
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** A subscriber whose socket takes what it is given, at once, late, or not at all. */
export type Subscriber = {
  readonly deliveries: Delivery[]
  readonly left: LeaveReason[]
  /** `seq` of the events, in order. */
  seqs(): number[]
  gseqs(): number[]
  numbers(): number[]
  stall(): void
  go(): void
  readonly waitingBytes: () => number
  readonly cursor: () => string
  readonly credit: (n: number) => void
  readonly setContexts: (contexts: readonly string[] | 'all') => void
  close(): void
}

export async function subscribe(hub: Hub, request: SubscribeRequest, isStalled = false): Promise<Subscriber> {
  const deliveries: Delivery[] = []
  const left: LeaveReason[] = []
  let isStopped = isStalled
  let owed: (() => void)[] = []
  const connection = hub.open<Delivery>(
    {
      write: (frames, taken) => {
        deliveries.push(...frames)
        if (isStopped) owed.push(taken)
        else setImmediate(taken)
      },
      leave: (reason) => left.push(reason),
    },
    (delivery) => (delivery.kind === 'event' ? delivery.event.body.length : 50),
  )
  const subscription = await connection.subscribe(request, (delivery) => delivery)
  subscription.start()
  const events = () => deliveries.flatMap((one) => (one.kind === 'event' ? [one] : []))
  return {
    deliveries,
    left,
    seqs: () => events().map(({ event }) => event.seq),
    gseqs: () => events().map(({ event }) => event.gseq),
    numbers: () => events().map(({ n }) => n),
    stall: () => {
      isStopped = true
    },
    go: () => {
      isStopped = false
      const due = owed
      owed = []
      for (const taken of due) taken()
    },
    waitingBytes: () => connection.waitingBytes,
    cursor: () => subscription.cursor,
    credit: (n) => subscription.credit(n),
    setContexts: (contexts) => subscription.setContexts(contexts),
    close: () => connection.close(),
  }
}

/** Waits until it holds, up to ten seconds. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const started = performance.now()
  while (!holds()) {
    if (performance.now() - started > 10_000) throw new Error(`Waited in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

import { EngramError } from '../model/errors.ts'
import type { Delivery, SubscribeRequest } from '../model/live-feed.ts'
import type { Connections } from './open-connection.ts'

/**
 * A subscription of this process as an async iterable: what is not pulled waits in an outbox like any socket's, and when
 * that is full nothing more is read. Ends with the signal; throws when the server drains or it stood still too long.
 */
export async function* follow(
  hub: Connections,
  request: SubscribeRequest,
  signal?: AbortSignal,
): AsyncGenerator<Delivery> {
  const pending: Delivery[] = []
  let taken: () => void = () => undefined
  let left: EngramError | null = null
  let wake: () => void = () => undefined
  const connection = hub.open<Delivery>(
    {
      write: (deliveries, done) => {
        pending.push(...deliveries)
        taken = done
        wake()
      },
      leave: (reason) => {
        left =
          reason === 'draining'
            ? new EngramError('draining', 'The engine stops.')
            : new EngramError('overloaded', 'This subscriber stood still for too long.')
        wake()
      },
    },
    (delivery) => (delivery.kind === 'event' ? delivery.event.body.length : 0),
  )
  const onAbort = (): void => wake()
  const isOver = (): boolean => signal?.aborted === true
  const isNews = (): boolean => isOver() || left !== null || pending.length > 0
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    const subscription = await connection.subscribe(request, (delivery) => delivery)
    subscription.start()
    while (!isOver()) {
      const delivery = pending.shift()
      if (delivery !== undefined) yield delivery
      else if (left !== null) throw left
      else {
        taken()
        await new Promise<void>((resolve) => {
          wake = resolve
          if (isNews()) resolve()
        })
      }
    }
  } finally {
    signal?.removeEventListener('abort', onAbort)
    connection.close()
  }
}

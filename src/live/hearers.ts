import type { FeedEvent } from '../model/live-feed.ts'
import type { Subscription } from './subscription.ts'

/** Which subscriptions hear of which context. */
export class Hearers {
  readonly #byContext = new Map<string, Set<Subscription>>()
  readonly #ofAll = new Set<Subscription>()

  add(subscription: Subscription): void {
    if (subscription.contexts === 'all') this.#ofAll.add(subscription)
    else for (const id of subscription.contexts) this.#setOf(id).add(subscription)
  }

  /** Also when its contexts are others by now. */
  remove(subscription: Subscription): void {
    this.#ofAll.delete(subscription)
    for (const [id, hearers] of this.#byContext) {
      if (hearers.delete(subscription) && hearers.size === 0) this.#byContext.delete(id)
    }
  }

  *of(event: FeedEvent): Iterable<Subscription> {
    yield* this.#ofAll
    yield* this.#byContext.get(event.contextId) ?? []
  }

  #setOf(contextId: string): Set<Subscription> {
    const known = this.#byContext.get(contextId)
    if (known !== undefined) return known
    const made = new Set<Subscription>()
    this.#byContext.set(contextId, made)
    return made
  }
}

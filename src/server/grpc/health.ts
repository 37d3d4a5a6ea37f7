import { engramService } from './contract.ts'

/** Numbers of `ServingStatus`. */
export const serving = { unknown: 0, serving: 1, notServing: 2, serviceUnknown: 3 } as const
export type ServingStatus = (typeof serving)[keyof typeof serving]

type Watcher = (status: ServingStatus) => void

/** What `grpc.health.v1.Health` answers (COL-305): one state for the server and for the service it offers. */
export class Health {
  readonly #watchers = new Set<Watcher>()
  #isServing = true

  /** @returns undefined where nobody offers such a service */
  of(service: string): ServingStatus | undefined {
    if (service !== '' && service !== engramService) return undefined
    return this.#isServing ? serving.serving : serving.notServing
  }

  /** Tells the state now and each change of it. @returns ends it */
  watch(service: string, tell: Watcher): () => void {
    tell(this.of(service) ?? serving.serviceUnknown)
    if (this.of(service) === undefined) return () => undefined
    this.#watchers.add(tell)
    return () => this.#watchers.delete(tell)
  }

  /** For good: a server that stops does not start again. */
  stop(): void {
    this.#isServing = false
    for (const tell of this.#watchers) tell(serving.notServing)
    this.#watchers.clear()
  }
}

import { bounds } from './bounds.ts'

/**
 * Which message ids a transcript holds, as far as it was looked at: every retained message at a position above
 * `coveredAfter` is known. Serves the window of TRN-610 and whole batches.
 */
export class MessageIds {
  #coveredAfter: number
  #retained = 0
  readonly #places = new Map<string, { readonly nth: number; readonly position: number }>()

  constructor(coveredAfter: number) {
    this.#coveredAfter = coveredAfter
  }

  get coveredAfter(): number {
    return this.#coveredAfter
  }

  /** Whether the last messages of the window are all known; `base` is the position before the first line. */
  coversWindow(base: number): boolean {
    return this.#coveredAfter <= base || this.#retained >= bounds.idWindow
  }

  /** The next retained message, in order of position. */
  note(id: string | null, position: number): void {
    this.#retained++
    if (id === null) return
    this.#places.delete(id)
    this.#places.set(id, { nth: this.#retained, position })
    if (this.#places.size > bounds.idsMax) this.#prune()
  }

  /** Its position when one of the last 512 retained messages carries the id. */
  recent(id: string): number | null {
    const place = this.#places.get(id)
    return place !== undefined && this.#retained - place.nth < bounds.idWindow ? place.position : null
  }

  /** Its position when any message after `after` carries the id. */
  anywhere(id: string, after: number): number | null {
    const place = this.#places.get(id)
    return place !== undefined && place.position > after ? place.position : null
  }

  #prune(): void {
    for (const [id, place] of this.#places) {
      if (this.#retained - place.nth < bounds.idWindow) return
      this.#places.delete(id)
      this.#coveredAfter = Math.max(this.#coveredAfter, place.position)
    }
  }
}

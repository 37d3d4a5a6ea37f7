/**
 * Looks at some of what is to come before its turn, in order. What fails about one fails in its turn, and nothing is held
 * for those behind them.
 */
export class Ahead<Item, Looked> {
  readonly #items: readonly Item[]
  readonly #depth: number
  readonly #look: (item: Item) => Promise<Looked>
  readonly #looked = new Map<number, Promise<Looked>>()

  /** @param depth how many behind the present one */
  constructor(items: readonly Item[], depth: number, look: (item: Item) => Promise<Looked>) {
    this.#items = items
    this.#depth = depth
    this.#look = look
  }

  /** Resolves when also those behind it were looked at: the caller may keep this thread busy for a while. */
  async take(index: number): Promise<Looked> {
    for (const [place, item] of this.#items.slice(index, index + 1 + this.#depth).entries()) {
      if (!this.#looked.has(index + place)) this.#looked.set(index + place, this.#look(item))
    }
    await Promise.allSettled(this.#looked.values())
    const looked = this.#looked.get(index)
    if (looked === undefined) throw new RangeError(`Expected a place below ${this.#items.length}, got ${index}.`)
    this.#looked.delete(index)
    return looked
  }
}

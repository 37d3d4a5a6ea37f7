import { stem } from '../search/porter.ts'
import { changeSeqNow } from '../store/change-clock.ts'
import { termFrequency } from '../store/full-text-search.ts'
import type { Store } from '../store/store.ts'
import type { ReadTx } from '../store/transaction.ts'

/** About how many rows of the index hold a word. */
export type RowsHolding = (tx: ReadTx, word: string) => number

/**
 * Which words are rare moves slowly, and asking the index costs more than the rest of a save together: a count is
 * remembered for so many changes. A word no row held is asked again each time.
 */
const freshForChanges = 2_000
/** Bounds the memory: a word is about 100 bytes. */
const wordsMax = 20_000

type Counted = { readonly rows: number; readonly seq: number }

/** What each open store's words were last counted as; it goes with the store. */
const counts = new WeakMap<Store, Map<string, Counted>>()

/** For ordering words by rarity only: the count may be some thousand changes old. */
export function rowsHoldingIn(store: Store): RowsHolding {
  const known = counts.get(store) ?? new Map<string, Counted>()
  counts.set(store, known)
  return (tx, word) => {
    const seq = changeSeqNow(tx)
    const counted = known.get(word)
    if (counted !== undefined && Math.abs(seq - counted.seq) < freshForChanges) return counted.rows
    const rows = termFrequency(tx, stem(word))
    if (known.size >= wordsMax) known.clear()
    if (rows > 0) known.set(word, { rows, seq })
    return rows
  }
}

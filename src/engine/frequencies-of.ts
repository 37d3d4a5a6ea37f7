import { FrequencyCache } from '../search/frequencies.ts'
import type { Store } from '../store/store.ts'

/** What each open store's words were last counted as; it goes with the store. */
const caches = new WeakMap<Store, FrequencyCache>()

export function frequenciesOf(store: Store): FrequencyCache {
  const known = caches.get(store)
  if (known !== undefined) return known
  const made = new FrequencyCache()
  caches.set(store, made)
  return made
}

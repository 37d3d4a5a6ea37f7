/** Invented memories of a software project, the same for the same seed: words by a skewed law, as real text has them. */
export type InventedMemory = { readonly title: string; readonly content: string; readonly type: string }

const nouns =
  'token cache queue index parser router schema migration session query lock retry timeout worker socket buffer cursor ledger invoice price report harvest import export backup deploy branch commit review test fixture snapshot secret header cookie payload request response endpoint client server socket thread process signal log metric trace alert dashboard chart table column row key value page limit offset batch stream event message context unit manifest chunk hash digest version conflict merge tombstone clock counter journal mirror region bucket object folder path file line word letter font theme button form field label dialog menu shortcut'.split(
    ' ',
  )
const verbs =
  'fails returns stores reads writes drops retries blocks leaks grows shrinks merges splits sorts filters expires renews validates rejects accepts parses encodes decodes streams flushes commits rolls opens closes watches polls signals waits starts stops'.split(
    ' ',
  )
const reasons =
  'because the old value was cached|since the order is not stable|so that readers never block|to avoid a second round trip|because two processes write at once|since the clock can go back|so that a crash loses nothing|because the limit is checked too late'.split(
    '|',
  )
const types = ['decision', 'bugfix', 'discovery', 'pattern', 'config', 'learning']

/** mulberry32: small, fast, and the same everywhere. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

const pick = <T>(random: () => number, list: readonly T[]): T => {
  const index = Math.floor(random() ** 2 * list.length)
  const one = list[Math.min(index, list.length - 1)]
  if (one === undefined) throw new Error('expected a list that is not empty')
  return one
}

/** Words in all: a project's own names make most of its vocabulary. */
const vocabulary = 8_000

/**
 * A thing by Zipf's law, as in real text: a few words are everywhere, most are rare. The first ranks are the nouns above;
 * the rest are made of two.
 */
function thing(random: () => number): string {
  const rank = Math.floor(vocabulary ** random()) - 1
  const noun = nouns[rank]
  if (noun !== undefined) return noun
  const [first, second] = [nouns[rank % nouns.length], nouns[Math.floor(rank / nouns.length) % nouns.length]]
  return `${first}${second}`
}

/** A rare word, so that queries have something to find. */
const rare = (random: () => number, serial: number): string =>
  `${pick(random, nouns)}${pick(random, verbs)}${serial % 997}`

export function inventMemory(random: () => number, serial: number): InventedMemory {
  const sentence = (): string =>
    `The ${thing(random)} of the ${thing(random)} ${pick(random, verbs)} the ${thing(random)} ${pick(random, reasons)}.`
  const sentences = Array.from({ length: 2 + Math.floor(random() * 5) }, sentence)
  return {
    title: `${thing(random)} ${pick(random, verbs)} ${thing(random)} ${serial}`,
    content: `${sentences.join(' ')} See ${rare(random, serial)}.`,
    type: pick(random, types),
  }
}

/** A question of about `words` words, as people ask them. */
export function inventQuestion(random: () => number, words: number): string {
  const parts = Array.from({ length: words - 2 }, (_, index) => (index % 3 === 1 ? pick(random, verbs) : thing(random)))
  return `why the ${parts.join(' ')}`
}

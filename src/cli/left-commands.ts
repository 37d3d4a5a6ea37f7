/** Commands of the references that are not built, and what does their work here (ING-OTH-1, MEM-1402). */
const left: Readonly<Record<string, string>> = {
  ask: 'use `engram search` and let your agent answer',
  graph: 'use `engram conflicts list` and `engram show`',
  diff: 'use `engram history`',
  hive: 'use `engram search --all`',
  learn: 'use `engram ingest`',
  mem: 'use `engram show` and `engram update`',
  analytics: 'use `engram status`',
  regen: 'use `engram ingest --force`',
  reflect: 'use `engram review`',
  heal: 'use `engram doctor`',
  consolidate: 'use `engram projects consolidate`',
  entities: 'use `engram search`',
  auth: 'nothing here needs a key; see `engram config show`',
  daemon: 'use `engram serve` and `engram service print`',
  'triage-duplicates': 'use `engram doctor --check duplicate_observations`',
}

/** The one line to print for such a word, or null when the word is none of them. */
export function leftCommand(word: string): string | null {
  const instead = Object.hasOwn(left, word) ? left[word] : undefined
  return instead === undefined ? null : `\`${word}\` is not part of this program: ${instead}.`
}

export const leftWords: readonly string[] = Object.keys(left)

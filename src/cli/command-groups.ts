/** Options every command takes. */
export const globalOptions: readonly (readonly [string, string])[] = [
  ['--json', 'print JSON and nothing else on standard output'],
  ['--data-dir <path>', 'the data dir (default: ENGRAM_DATA_DIR, else ~/.engram)'],
  ['--allow-network-fs', 'open a data dir on a network file system nevertheless'],
]

/** First words that are no command by themselves. */
export const groups: Readonly<Record<string, string>> = {
  backup: 'Copies of the database file itself',
  config: 'What is set, and where',
  contexts: 'Contexts that agents share',
  lock: 'Leases on what only one may touch',
  unit: 'Units in the log of a context',
  conflicts: 'Pairs to judge, and versions in conflict',
  session: 'Sessions of agents',
  transcript: 'Whole conversations, as they were',
  hooks: 'Hooks of Claude Code',
  service: 'Run `engram serve` from login on',
}

/** `-v, --verbose`, `--limit <n>` → `--verbose`, `--limit`. */
export const flagWords = (flags: string): readonly string[] =>
  flags.split(/[ ,|]+/).filter((word) => word.startsWith('--'))

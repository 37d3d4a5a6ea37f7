import { shellSegments } from './shell.ts'
import type { Segment } from './shell.ts'

/**
 * What makes two commands the same check, and what makes them kin (spec ingest 10.1). The key is the command without
 * `cd … &&`, variable prefixes, redirections that only hide output, trailing `| tail`, and without what merely prints.
 */
export type CommandKey = {
  /** The same check gives the same key. Empty when nothing but `cd` and printing is left. */
  readonly key: string
  /** As `key`, variable prefixes and `sudo` kept: two commands that differ only there are two commands. */
  readonly bare: string
  /** Program and first sub-word (`git push`, `npm run build`), for each part joined by ` && `. */
  readonly family: string
  /** Words of the last part that are no flags and not of the family: what it was done to. */
  readonly targets: readonly string[]
  /** Flags of the last part. */
  readonly flags: readonly string[]
  /** Every part only looks something up: its exit code says "nothing found", not "broken". */
  readonly isLookup: boolean
  /** A part runs tests. */
  readonly isTest: boolean
  /** A part runs tests, type checks or a linter: all of them pass or fail on the code as a whole or on a selection of it. */
  readonly isVerification: boolean
}

const keyCharsMax = 500
const commandCharsMax = 16_384

const filters: ReadonlySet<string> = new Set(
  'tail head grep egrep rg cat tee less more sort uniq wc sed awk cut tr nl jq column'.split(' '),
)

const printers: ReadonlySet<string> = new Set([
  'echo',
  'printf',
  'true',
  ':',
  'cd',
  'pushd',
  'popd',
  'export',
  'set',
  'unset',
  'source',
  '.',
  'sleep',
  'wait',
])

const lookups: ReadonlySet<string> = new Set(
  'ls cat head tail grep egrep fgrep rg find fd which where whereis type command test [ stat file wc du df ps pgrep lsof netstat ss awk jq tree pwd diff cmp less more env printenv kill pkill id whoami date uname hash sed'.split(
    ' ',
  ),
)

const gitLookups: ReadonlySet<string> = new Set(
  'log show status diff branch blame grep ls-files ls-tree ls-remote rev-parse rev-list cat-file check-ignore describe config remote reflog shortlog merge-base show-ref for-each-ref'.split(
    ' ',
  ),
)

/** Programs that only start another one. */
const launchers: ReadonlyMap<string, number> = new Map([
  ['sudo', 0],
  ['time', 0],
  ['nice', 0],
  ['nohup', 0],
  ['command', 0],
  ['env', 0],
  ['npx', 0],
  ['bunx', 0],
  ['uvx', 0],
  ['timeout', 1],
])

/** Programs whose first sub-word names a second one (`npm run build`). */
const relays: ReadonlySet<string> = new Set(['run', 'exec', 'compose', '-m', 'run-script', 'x'])

const testWords =
  /(?:^|[\s:_-])(?:tests?|specs?|pytest|jest|vitest|mocha|rspec|phpunit|ctest|tox|nox|ava|unittest|e2e|playwright|cypress)(?=$|[\s:_-])/

const lintWords = /(?:^|[\s:_-])(?:check|typecheck|tsc|lint|eslint|oxlint|clippy|credo|mypy|ruff|vet)(?=$|[\s:_-])/

/** Reads at most the first 16 KiB of a command. Linear. */
export function commandKey(command: string): CommandKey {
  const segments = meaningful(shellSegments(command.slice(0, commandCharsMax)).segments)
  const parts = segments.map(readPart)
  const last = parts.at(-1)
  const family = parts.map((part) => part.family).join(' && ')
  return {
    key: parts
      .map((part) => part.key)
      .join(' && ')
      .slice(0, keyCharsMax),
    bare: parts
      .map((part) => part.bare)
      .join(' && ')
      .slice(0, keyCharsMax),
    family,
    targets: last?.targets ?? [],
    flags: last?.flags ?? [],
    isLookup: parts.every((part) => part.isLookup),
    isTest: testWords.test(family),
    isVerification: testWords.test(family) || lintWords.test(family),
  }
}

/** Without what only moves, prints or filters the output of the command before it. */
function meaningful(segments: readonly Segment[]): readonly Segment[] {
  return segments.filter((segment) => {
    const program = segment.words.find((word) => !isAssignment(word))
    if (program === undefined || printers.has(program)) return false
    return !(segment.piped && filters.has(program))
  })
}

type Part = {
  readonly key: string
  readonly bare: string
  readonly family: string
  readonly targets: readonly string[]
  readonly flags: readonly string[]
  readonly isLookup: boolean
}

function readPart(segment: Segment): Part {
  const words = segment.words.filter((word) => !isHidingRedirection(word))
  const command = withoutLaunchers(words)
  const program = programName(command[0] ?? '')
  const { family, rest } = familyOf(program, command.slice(1))
  return {
    key: command.join(' '),
    bare: words.join(' '),
    family,
    targets: rest.filter((word) => !word.startsWith('-') && !/^[<>|&]/.test(word)),
    flags: rest.filter((word) => word.startsWith('-')),
    isLookup: lookups.has(program) || (program === 'git' && gitLookups.has(family.slice(4))),
  }
}

const isAssignment = (word: string): boolean => /^[A-Za-z_]\w{0,80}=/.test(word)

const isHidingRedirection = (word: string): boolean => /^(?:\d?>&\d|&?\d?>{1,2}\/dev\/null|<\/dev\/null|&)$/.test(word)

function withoutLaunchers(words: readonly string[]): readonly string[] {
  let from = 0
  while (from < words.length) {
    const word = words[from] ?? ''
    const operands = launchers.get(programName(word))
    if (isAssignment(word)) from++
    else if (operands !== undefined && from + 1 < words.length) from = afterFlags(words, from + 1) + operands
    else break
  }
  return from < words.length ? words.slice(from) : words
}

function afterFlags(words: readonly string[], from: number): number {
  let index = from
  while (index < words.length && (words[index] ?? '').startsWith('-')) index++
  return index
}

/** The program's own name: without its folder, and without the version that interpreters carry (`python3`, `pip3.12`). */
function programName(word: string): string {
  const name = word.slice(word.lastIndexOf('/') + 1)
  return name.replace(/^(python|pip|node|ruby|php)[\d.]+$/, '$1')
}

/** Flags that take a value before the sub-word: `git -C dir push`, `docker -H host ps`. */
const valuedFlags: ReadonlySet<string> = new Set([
  '-C',
  '-c',
  '-H',
  '--prefix',
  '--cwd',
  '--filter',
  '--workspace',
  '-w',
  '--manifest-path',
  '--git-dir',
  '--work-tree',
])

function familyOf(program: string, words: readonly string[]): { family: string; rest: readonly string[] } {
  const family = [program]
  let index = 0
  while (index < words.length && family.length < 3) {
    const word = words[index] ?? ''
    if (word === '-m' && family.length === 1) family.push(word)
    else if (word.startsWith('-') || word.startsWith('+')) index += valuedFlags.has(word) ? 1 : 0
    else if (isSubWord(word)) {
      family.push(word)
      if (!relays.has(word)) break
    } else break
    index++
    if (family.length === 3) break
  }
  const used = new Set(family.slice(1))
  return { family: family.join(' '), rest: words.filter((word) => !used.has(word)) }
}

const isSubWord = (word: string): boolean => /^[A-Za-z][\w:-]{0,40}$/.test(word)

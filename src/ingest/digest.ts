import type { CallAction, CallEntry, Entry, HumanEntry, Origin, ResultEntry } from './entries.ts'
import { commits } from './extract/commit.ts'
import { timelineOf } from './extract/spans.ts'

/**
 * What of a session's earlier part its summary needs (ING-SES-3), kept in the manifest so that a grown file is not read
 * from its start. `summarise(entriesOf(digestOf(a)) + b)` is `summarise(a + b)`.
 */
export type Digest = {
  /** The first prompt and the last, with their lines: one that waited may come later than what stands behind it. */
  readonly asked: readonly (readonly [text: string, line: number])[]
  readonly commits: readonly { readonly sha: string; readonly subject: string }[]
  /** Names, told from the session's directory where they lie there, and how often each was changed. */
  readonly files: readonly (readonly [name: string, times: number])[]
  /** The last test command, and the last other verification. */
  readonly checks: readonly { readonly command: string; readonly failed: boolean }[]
  readonly ended: string | null
}

export const noDigest: Digest = { asked: [], commits: [], files: [], checks: [], ended: null }

/** As much of a text as a summary looks at. */
const promptCharsKept = 640
const endCharsKept = 1_200
const commitsKept = 200
const filesKept = 400
const timesMax = 200

export function digestOf(entries: readonly Entry[]): Digest {
  const timeline = timelineOf(entries, new Set())
  const prompts = timeline.entries.flatMap((entry) =>
    entry.kind === 'human' && entry.text.trim() !== ''
      ? [[entry.text.slice(0, promptCharsKept), entry.origin.line] as const]
      : [],
  )
  const [first] = prompts
  const latest = prompts.at(-1)
  const last = timeline.entries.findLast((entry) => entry.kind === 'assistant' && entry.text.trim() !== '')
  const files = new Map<string, number>()
  for (const { action, entry } of timeline.changes) {
    for (const file of new Set(action.files)) {
      const name = below(file, entry.origin.cwd)
      files.set(name, (files.get(name) ?? 0) + 1)
    }
  }
  const checks = [
    timeline.checks.findLast((check) => !check.key.isTest && check.key.isVerification),
    timeline.checks.findLast((check) => check.key.isTest),
  ]
  return {
    asked: first === undefined || latest === undefined ? [] : prompts.length === 1 ? [first] : [first, latest],
    commits: commits(entries)
      .slice(-commitsKept)
      .map(({ sha, subject }) => ({ sha, subject })),
    files: keptFiles(files),
    checks: checks.flatMap((check) => (check === undefined ? [] : [{ command: check.key.key, failed: check.failed }])),
    ended: last?.kind === 'assistant' ? last.text.slice(0, endCharsKept) : null,
  }
}

/** The most changed ones, in the order they first were. */
function keptFiles(files: ReadonlyMap<string, number>): Digest['files'] {
  const all = [...files]
  const kept = new Set(all.toSorted((left, right) => right[1] - left[1]).slice(0, filesKept))
  return all.filter((each) => kept.has(each))
}

const below = (file: string, cwd: string | null): string =>
  cwd !== null && cwd.length > 1 && file.startsWith(`${cwd}/`) ? file.slice(cwd.length + 1) : file

/** Entries that tell the same, all but the prompts before the first line. */
export function entriesOf(digest: Digest): readonly Entry[] {
  const commands = digest.checks.map(({ command, failed }) => ({ command, outcome: failed ? 'failed' : 'ok' }) as const)
  return [
    ...digest.asked.map(asked),
    ...digest.commits.flatMap(({ sha, subject }, index) =>
      callOf(`commit ${index}`, { kind: 'command', command: 'git commit' }, { text: `[main ${sha}] ${subject}` }),
    ),
    ...changesOf(digest.files),
    ...commands.flatMap(({ command, outcome }, index) =>
      callOf(`check ${index}`, { kind: 'command', command }, { outcome }),
    ),
    ...(digest.ended === null ? [] : [saidOf(digest.ended)]),
  ]
}

/** The n-th change names every file that was changed at least n times. */
function changesOf(files: Digest['files']): readonly Entry[] {
  const most = files.reduce((max, [, times]) => Math.max(max, times), 0)
  return Array.from({ length: Math.min(most, timesMax) }, (_, index) => {
    const names = files.flatMap(([name, times]) => (times > index ? [name] : []))
    return callOf(`change ${index}`, { kind: 'change', files: names, diff: null }, {})
  }).flat()
}

const before: Origin = {
  uuid: '',
  parent: null,
  line: 0,
  offset: 0,
  at: null,
  cwd: null,
  branch: null,
  sidechain: false,
  agentId: null,
}

const asked = ([text, line]: Digest['asked'][number]): HumanEntry => ({
  kind: 'human',
  origin: { ...before, line },
  text,
  queued: false,
  command: false,
})

const saidOf = (text: string): Entry => ({ kind: 'assistant', origin: before, messageId: '', model: null, text })

function callOf(
  callId: string,
  action: CallAction,
  result: Partial<Pick<ResultEntry, 'text' | 'outcome'>>,
): readonly Entry[] {
  const call: CallEntry = { kind: 'call', origin: before, messageId: '', callId, name: '', input: {}, action }
  const end: ResultEntry = {
    kind: 'result',
    origin: before,
    callId,
    text: '',
    outcome: 'ok',
    exitCode: null,
    answers: null,
    ...result,
  }
  return [call, end]
}

/** A saved digest; anything else is an empty one. */
export function digestFrom(value: unknown): Digest {
  if (typeof value !== 'object' || value === null) return noDigest
  const list = (key: string): readonly unknown[] => {
    const found: unknown = Reflect.get(value, key)
    return Array.isArray(found) ? found : []
  }
  const ended: unknown = Reflect.get(value, 'ended')
  return {
    asked: list('asked').flatMap(textAndNumber),
    commits: list('commits').flatMap((each) => {
      const { sha, subject } = fieldsOf(each)
      return typeof sha === 'string' && typeof subject === 'string' ? [{ sha, subject }] : []
    }),
    files: list('files').flatMap(textAndNumber),
    checks: list('checks').flatMap((each) => {
      const { command, failed } = fieldsOf(each)
      return typeof command === 'string' && typeof failed === 'boolean' ? [{ command, failed }] : []
    }),
    ended: typeof ended === 'string' ? ended : null,
  }
}

const textAndNumber = (each: unknown): readonly (readonly [string, number])[] =>
  Array.isArray(each) && typeof each[0] === 'string' && typeof each[1] === 'number' ? [[each[0], each[1]]] : []

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? { ...value } : {}

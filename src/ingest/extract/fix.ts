import { isQuestion, isStep, refusal } from '../gate.ts'
import type { Draft } from './candidate.ts'
import { changedLines } from './changed-lines.ts'
import { comparable, markers } from './labels/patterns.ts'
import { plain, sentences } from './prose.ts'
import { windowRecordsMax } from './spans.ts'
import type { Change, Check, Timeline } from './spans.ts'
import { cutWords, titleCharsMax, titleFrom } from './title.ts'

const lastBase = 0.75
const earlierBase = 0.7
const unprovenBase = 0.4
const explanationCharsMax = 400
const filesShown = 12
const commandCharsShown = 300
const messagesMax = 20
const changesMax = 200

/**
 * X-FIX: a check fails, something is changed, and the same check then passes or fails for another reason.
 *
 *   fail A ─ change ─ fail A ─ change ─ fail B ─ change ─ pass
 *            └ no cure      └── cause A ──┘   └── cause B ─┘
 *
 * One candidate per cause. A cause that comes back before the pass was not cured the first time.
 */
export function fix(timeline: Timeline, replaced: ReadonlySet<Check>): Draft[] {
  const relevant = timeline.checks.filter((check) => !check.key.isLookup && !replaced.has(check))
  const chains = Map.groupBy(relevant, (check) => check.key.key)
  return [...chains.values()]
    .flatMap((checks) => chainsOf(checks))
    .flatMap((chain) => causesOf(chain).flatMap((found) => toDraft(timeline, found)))
    .toSorted((left, right) => left.anchor - right.anchor)
}

/** The failures of one check up to the pass that ends them. */
type Chain = { readonly failures: readonly Check[]; readonly pass: Check | null }

function chainsOf(checks: readonly Check[]): readonly Chain[] {
  const chains: Chain[] = []
  let failures: Check[] = []
  for (const check of checks) {
    if (check.failed) failures.push(check)
    else if (failures.length > 0) {
      chains.push({ failures, pass: check })
      failures = []
    }
  }
  if (failures.length > 0) chains.push({ failures, pass: null })
  return chains
}

/** A failure, and the next run of the same check, which no longer shows it. */
type Cause = { readonly failure: Check; readonly next: Check; readonly pass: Check | null }

function causesOf({ failures, pass }: Chain): readonly Cause[] {
  const lastOf = new Map(failures.map((failure, index) => [failure.comparable, index]))
  return failures.flatMap((failure, index) => {
    const next = failures[index + 1] ?? pass
    if (next === null || lastOf.get(failure.comparable) !== index) return []
    return [{ failure, next, pass }]
  })
}

function toDraft(timeline: Timeline, { failure, next, pass }: Cause): Draft[] {
  const changes = changesBetween(timeline.changes, failure.resultAt, next.at)
  const end = pass ?? next
  if (changes.length === 0 || timeline.brokenOff(failure.at, end.resultAt)) return []
  const told = prosesBetween(timeline, failure.resultAt, changes[0]?.at ?? next.at)
  if (told.some((text) => markers.expected.test(comparable(text)))) return []
  const explanation = explanationIn(told)
  const isProven = pass !== null && timeline.recordsBetween(failure.at, pass.resultAt) <= windowRecordsMax
  const files = [
    ...new Set(changes.flatMap((change) => change.action.files.map((file) => below(file, change.entry.origin.cwd)))),
  ]
  return [
    {
      rule: 'X-FIX',
      type: 'bugfix',
      title:
        explanation === null ? cutWords(`Fix: ${plain(failure.signature)}`, titleCharsMax) : titleFrom(explanation),
      content: contentOf(failure, explanation, files, changes),
      base: isProven ? (next === pass ? lastBase : earlierBase) : unprovenBase,
      judged: explanation ?? failure.signature,
      anchor: failure.resultAt,
      from: failure.at,
      to: end.resultAt,
      files,
      commands: [failure.key.key.slice(0, commandCharsShown)],
    },
  ]
}

/** Changes are in order, so the first one is searched by halves and the rest lie behind it. */
function changesBetween(changes: readonly Change[], from: number, to: number): readonly Change[] {
  let low = 0
  let high = changes.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((changes[middle]?.at ?? Infinity) <= from) low = middle + 1
    else high = middle
  }
  let end = low
  while (end < Math.min(changes.length, low + changesMax) && (changes[end]?.at ?? Infinity) < to) end++
  return changes.slice(low, end)
}

/** What was said between a failure and the first change after it: its last messages, in order. */
function prosesBetween(timeline: Timeline, from: number, to: number): readonly string[] {
  const told: string[] = []
  for (let index = to - 1; index > Math.max(from, to - windowRecordsMax) && told.length < messagesMax; index--) {
    if (timeline.entries[index]?.kind !== 'assistant') continue
    const blocks = timeline.blocksAt(index).filter((block) => block.kind !== 'heading')
    if (blocks.length > 0) told.unshift(blocks.map((block) => block.text).join('\n'))
  }
  return told
}

/**
 * The first two sentences of the last thing said before the change that explain anything. Announcements of the next step
 * and questions are passed over; when nothing else is left of a message, the one before it counts.
 */
function explanationIn(told: readonly string[]): string | null {
  for (const text of told.toReversed()) {
    const telling = text
      .split('\n')
      .flatMap((line) => sentences(line))
      .filter((sentence) => !isStep(sentence) && !isQuestion(sentence))
    const explanation = telling.slice(0, 2).join(' ').slice(0, explanationCharsMax).trim()
    if (explanation !== '' && refusal(explanation) === null) return explanation
  }
  return null
}

function contentOf(
  failure: Check,
  explanation: string | null,
  files: readonly string[],
  changes: readonly Change[],
): string {
  const diff = changedLines(changes.flatMap((change) => change.action.diff ?? []))
  const more = files.length > filesShown ? ` and ${files.length - filesShown} more` : ''
  return [
    `**Error** ${failure.signature}`,
    ...(explanation === null ? [] : [`**Cause** ${explanation}`]),
    `**Fix** ${files.slice(0, filesShown).join(', ')}${more}${diff === '' ? '' : `\n\`\`\`diff\n${diff}\n\`\`\``}`,
    `**Checked by** ${failure.key.key.slice(0, commandCharsShown)}`,
  ].join('\n')
}

/** A path below the session's directory is told from there: the same on every machine. */
function below(file: string, cwd: string | null): string {
  const folder = cwd === null ? '' : `${cwd.replace(/[\\/]+$/, '')}/`
  return folder.length > 1 && file.startsWith(folder) ? file.slice(folder.length) : file
}

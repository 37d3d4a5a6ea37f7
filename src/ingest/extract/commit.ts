import type { Entry } from '../entries.ts'
import type { Draft } from './candidate.ts'
import { comparable, markers } from './labels/patterns.ts'
import { shellSegments } from './shell.ts'
import { timelineOf } from './spans.ts'
import type { Call, Timeline } from './spans.ts'
import { plain } from './prose.ts'
import { cutWords, titleCharsMax } from './title.ts'

const base = 0.65
const fixBase = 0.7
const bodyCharsMin = 40
const commitsPerCallMax = 50

/** A commit the session made, as git reported it. */
export type Commit = { readonly sha: string; readonly subject: string; readonly body: string }

type Made = Commit & { readonly call: Call; readonly command: string }

/** `fix(parser)!: ` is a form, not a word of code. */
const conventionalPrefix = /^[a-z]{2,12}(?:\([^)]{0,60}\))?!?: /i

/** Subjects that say nothing of the project. */
const chore =
  /^(?:fix(?:up)?|revert|perf)?(?:\([^)]{0,60}\))?!?:?\s*(?:the |some |a |minor |small |address |more )*(?:typos?|lint(?:ing|er)?|format(?:ting)?|whitespace|review comments?|code review|pr feedback|feedback|wip|tests?|ci|build|merge conflicts?)[.!]?$/i

/** X-COMMIT: a commit whose body gives a reason, or that mends, reverts or speeds something up. */
export function commit(timeline: Timeline): Draft[] {
  return madeIn(timeline).flatMap((made) => {
    const kind = /^(fix|revert|perf)(?:[(:! ]|$)/i.exec(made.subject)?.[1]?.toLowerCase()
    const gives = made.body.length >= bodyCharsMin && markers.reason.test(comparable(made.body))
    if ((kind === undefined && !gives) || (!gives && chore.test(made.subject))) return []
    const isFix = kind === 'fix'
    const said = made.body === '' ? made.subject : `${made.subject}\n\n${made.body}`
    return [
      {
        rule: 'X-COMMIT',
        type: isFix ? 'bugfix' : 'decision',
        title: cutWords(plain(made.subject), titleCharsMax),
        content: said,
        base: isFix ? fixBase : base,
        judged: said.replace(conventionalPrefix, ''),
        anchor: made.call.resultAt,
        from: made.call.at,
        to: made.call.resultAt,
        commands: [made.command],
        commit: made.sha,
      },
    ]
  })
}

/**
 * The commits of a session in order, also where `git commit` stands behind `&&` or takes its message from a here-document
 * (ING-SES-4). A commit that was amended afterwards is left out.
 */
export function commits(entries: readonly Entry[]): readonly Commit[] {
  return madeIn(timelineOf(entries, new Set())).map(({ sha, subject, body }) => ({ sha, subject, body }))
}

function madeIn(timeline: Timeline): readonly Made[] {
  const found: Made[] = []
  for (const call of timeline.calls) {
    const { action } = call.entry
    if (action.kind !== 'command' || !isCommitting(action.command)) continue
    if (call.result === null || call.result.outcome === 'rejected') continue
    for (const made of reported(call, action.command)) {
      if (made.amends) found.pop()
      found.push(made)
    }
  }
  return found
}

/** Two searches instead of one pattern for both words, which would start anew at every `git`. */
const isCommitting = (command: string): boolean =>
  /\bgit\b/.test(command) && /\b(?:commit|cherry-pick|revert)\b/.test(command)

/** What git printed, one line for each commit: `[branch sha] subject`. The line is the proof, wherever it stands. */
function reported(call: Call, command: string): readonly (Made & { amends: boolean })[] {
  const lines = (call.result?.text ?? '')
    .split('\n')
    .filter((line) => line.startsWith('['))
    .slice(0, commitsPerCallMax)
  const shown = lines.flatMap((line) => {
    const match = /^\[(?:detached HEAD|[^\s\]]{1,300})(?: \(root-commit\))? ([0-9a-f]{4,64})\] (.{1,1000})$/.exec(
      line.trimEnd(),
    )
    return match === null ? [] : [{ sha: match[1] ?? '', subject: (match[2] ?? '').trim() }]
  })
  if (shown.length === 0) return []
  const asked = messages(command)
  return shown.map(({ sha, subject }, index) => {
    const message =
      asked.find((candidate) => firstLine(candidate.text) === subject) ??
      (asked.length === shown.length ? asked[index] : undefined)
    const hasSubject = message !== undefined && firstLine(message.text) === subject
    return {
      sha,
      subject,
      body: hasSubject ? bodyOf(message.text) : '',
      call,
      command: 'git commit',
      amends: message?.amends ?? false,
    }
  })
}

type Message = { readonly text: string; readonly amends: boolean }

/** What each `git commit` of a command was told to say. */
function messages(command: string): readonly Message[] {
  const { segments, documents } = shellSegments(command)
  return segments.flatMap(({ words }) => {
    const verb = words.indexOf('commit')
    if (verb < 1 || !words.slice(0, verb).some((word) => word === 'git' || word.endsWith('/git'))) return []
    const paragraphs = messageWords(words.slice(verb + 1)).map((word) => withDocument(word, documents))
    return [{ text: paragraphs.join('\n\n').trim(), amends: words.includes('--amend') }]
  })
}

function messageWords(words: readonly string[]): readonly string[] {
  return words.flatMap((word, index) => {
    if (/^-[a-zA-Z]{0,8}m$/.test(word) || word === '--message') return [words[index + 1] ?? '']
    if (word.startsWith('--message=')) return [word.slice(10)]
    if (/^<<#\d+$/.test(word)) return [word]
    return /^-m.{2}/.test(word) ? [word.slice(2)] : []
  })
}

/** `$(cat <<#0 …)` and `<<#0` stand for the here-document they read. */
function withDocument(word: string, documents: readonly string[]): string {
  const place = /^\s{0,20}(?:\$\(\s{0,20}cat\s{0,20})?<<#(\d{1,3})/.exec(word)?.[1]
  return place === undefined ? word : (documents[Number(place)] ?? '')
}

const firstLine = (text: string): string => (text.trim().split('\n', 1)[0] ?? '').trim()

const trailer =
  /^(?:[A-Z][A-Za-z-]{2,40}-(?:[Bb]y|[Ii]d|[Tt]o|[Uu]rl|[Ll]ink|[Ss]ession)|Fixes|Closes|Refs?|See|Issue|Bug|Link|Cc): \S|^🤖 |^Generated (?:with|by) /

/** The message without its subject and trailers, soft-wrapped lines kept as they stand. */
function bodyOf(message: string): string {
  const lines = message.trim().split('\n').slice(1)
  return lines
    .filter((line) => !trailer.test(line.trim()))
    .join('\n')
    .trim()
}

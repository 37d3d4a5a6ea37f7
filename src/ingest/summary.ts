import { cutWords } from './extract/title.ts'
import { commits } from './extract/commit.ts'
import { plain } from './extract/prose.ts'
import { timelineOf } from './extract/spans.ts'
import type { Timeline } from './extract/spans.ts'
import type { Entry } from './entries.ts'

const summaryCharsMax = 1_500
const promptChars = 160
const endChars = 300
const subjectChars = 72
const shaChars = 12
const checkChars = 160
const commitsShown = 6
const filesShown = 12
const fileChars = 90

/**
 * What a session did, told without a model (ING-SES-3): asked, done, files, checks, ended, one line each, at most 1,500
 * characters; lines without anything to say are left out, and an empty session gives an empty text.
 */
export function summarise(entries: readonly Entry[]): string {
  const timeline = timelineOf(entries, new Set())
  const fixed = [asked(timeline), done(entries), checks(timeline), ended(timeline)]
  const room = summaryCharsMax - fixed.reduce((sum, line) => sum + line.length + 1, 0)
  const [first = '', second = '', ...rest] = fixed
  return [first, second, files(timeline, room), ...rest].filter((line) => line !== '').join('\n')
}

function asked({ entries }: Timeline): string {
  const prompts = entries.flatMap((entry) =>
    entry.kind === 'human' && entry.text.trim() !== '' ? [short(entry.text, promptChars)] : [],
  )
  const [first, last] = [prompts[0], prompts.at(-1)]
  if (first === undefined || last === undefined) return ''
  return prompts.length === 1 || first === last ? `Asked: ${first}` : `Asked: ${first} … ${last}`
}

function done(entries: readonly Entry[]): string {
  const made = commits(entries)
  if (made.length === 0) return ''
  const shown = made
    .slice(-commitsShown)
    .map(({ sha, subject }) => `${sha.slice(0, shaChars)} ${short(subject, subjectChars)}`)
  const more = made.length > commitsShown ? `${made.length - commitsShown} more, then ` : ''
  return `Done: ${more}${shown.join('; ')}`
}

/** The most changed files first, as many as there is room for, then how many more there are. */
function files({ changes }: Timeline, room: number): string {
  const counts = new Map<string, number>()
  for (const { action, entry } of changes) {
    for (const file of new Set(action.files)) {
      const name = tail(file, entry.origin.cwd)
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
  }
  const names = [...counts].toSorted((left, right) => right[1] - left[1]).map(([name]) => name)
  if (names.length === 0) return ''
  for (let shown = Math.min(filesShown, names.length); shown > 0; shown--) {
    const more = names.length > shown ? ` and ${names.length - shown} more` : ''
    const line = `Files: ${names.slice(0, shown).join(', ')}${more}`
    if (line.length <= room) return line
  }
  return ''
}

/** A path below the session's directory is told from there; of a long one its end. */
function tail(file: string, cwd: string | null): string {
  const inside = cwd !== null && cwd.length > 1 && file.startsWith(`${cwd}/`) ? file.slice(cwd.length + 1) : file
  return inside.length <= fileChars ? inside : `…${inside.slice(1 - fileChars).toWellFormed()}`
}

function checks({ checks: all }: Timeline): string {
  const last = all.findLast((check) => check.key.isTest) ?? all.findLast((check) => check.key.isVerification)
  return last === undefined ? '' : `Checks: ${short(last.key.key, checkChars)} ${last.failed ? 'failed' : 'passed'}`
}

function ended({ entries }: Timeline): string {
  const last = entries.findLast((entry) => entry.kind === 'assistant' && entry.text.trim() !== '')
  return last?.kind === 'assistant' ? `Ended: ${short(last.text, endChars)}` : ''
}

const short = (text: string, chars: number): string => cutWords(plain(text.slice(0, chars * 4)).toWellFormed(), chars)

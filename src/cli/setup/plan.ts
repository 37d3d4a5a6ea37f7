import { readFileSync, realpathSync, statSync } from 'node:fs'
import { toEngramError } from '../../model/errors.ts'
import { errorCodeOf } from '../../platform/files.ts'
import type { Agent, Home } from './agents.ts'
import { withChange, type Change } from './edit.ts'

/** One file as it is and as it shall be; null where there is none. */
export type PlannedEdit = {
  readonly agent: string
  readonly path: string
  readonly changes: readonly Change[]
  readonly before: string | null
  readonly after: string
}

export type Plan = {
  readonly edits: readonly PlannedEdit[]
  /** Files that are left alone, and why. */
  readonly left: readonly { readonly agent: string; readonly path: string; readonly reason: string }[]
}

/**
 * What cannot be put back whole is not touched (MEM-1504). Far above what a person writes: agents keep what they like in
 * such files too, and some of them grow to many megabytes.
 */
const fileBytesMax = 64 * 1024 * 1024

/** What one file would become; null where nothing changes. Throws where it cannot be read or understood. */
export function planFile(wish: Pick<PlannedEdit, 'agent' | 'path' | 'changes'>): PlannedEdit | null {
  const before = textOf(wish.path)
  const after = wish.changes.reduce(withChange, before ?? '')
  return after === before ? null : { ...wish, path: fileBehind(wish.path), before, after }
}

/** What setting up these agents would change; reads only. */
export function planSetup(agents: readonly Agent[], home: Home): Plan {
  const edits: PlannedEdit[] = []
  const left: Plan['left'][number][] = []
  for (const agent of agents) {
    for (const { path, changes } of agent.wishes(home)) {
      try {
        const edit = planFile({ agent: agent.name, path, changes })
        if (edit !== null) edits.push(edit)
      } catch (error) {
        left.push({ agent: agent.name, path, reason: toEngramError(error).message })
      }
    }
  }
  return { edits, left }
}

/** The same change to the file as it is now: its agent may have written to it while somebody read what would change. */
export function upToDate(edit: PlannedEdit): PlannedEdit {
  const before = textOf(edit.path)
  return before === edit.before ? edit : { ...edit, before, after: edit.changes.reduce(withChange, before ?? '') }
}

/** The file itself where a link stands: people keep these files elsewhere and link them. */
export function fileBehind(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

function textOf(path: string): string | null {
  try {
    const facts = statSync(path)
    if (!facts.isFile()) throw new Error('it is no file')
    if (facts.size > fileBytesMax) throw new Error(`it is larger than ${fileBytesMax} bytes`)
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(path))
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return null
    if (error instanceof TypeError) throw new Error('it is not UTF-8 text', { cause: error })
    throw error
  }
}

/** The lines that go and come, as a person reads a change; what is the same is left out. */
export function diffOf({ path, before, after }: PlannedEdit): string {
  const [old, next] = [linesOf(before ?? ''), linesOf(after)]
  let head = 0
  while (head < Math.min(old.length, next.length) && old[head] === next[head]) head++
  let tail = 0
  while (tail < Math.min(old.length, next.length) - head && old.at(-1 - tail) === next.at(-1 - tail)) tail++
  const gone = old.slice(head, old.length - tail).map((line) => `- ${line}`)
  const come = next.slice(head, next.length - tail).map((line) => `+ ${line}`)
  return [`${before === null ? 'new ' : ''}${path}`, ...gone, ...come].join('\n')
}

const linesOf = (text: string): readonly string[] => (text === '' ? [] : text.replace(/\r?\n$/, '').split(/\r?\n/))

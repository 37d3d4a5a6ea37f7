import type { Draft } from './candidate.ts'
import type { Check, Timeline } from './spans.ts'
import { cutWords, titleCharsMax } from './title.ts'

const base = 0.65
const namedGain = 0.1
const callsMax = 5
const commandCharsShown = 300
const workedCharsShown = 52

/** A failed command and the one that worked in its place. */
export type Replacement = { readonly failed: Check; readonly worked: Check; readonly named: boolean }

/**
 * X-CMD: a failed command, then within five calls and without a change in between another one of the same family that
 * passes. What merely looks something up is left out, and so is the same test run narrowed to what passes: those show
 * nothing that should be done differently.
 */
export function replacements(timeline: Timeline): readonly Replacement[] {
  const { checks, changes } = timeline
  let nextChange = 0
  return checks.flatMap((failed, index) => {
    if (!failed.failed || failed.key.isLookup) return []
    while ((changes[nextChange]?.at ?? Infinity) < failed.resultAt) nextChange++
    const changeAt = changes[nextChange]?.at ?? Infinity
    const worked = firstWorking(checks, index, failed, changeAt)
    if (worked === null || timeline.brokenOff(failed.at, worked.resultAt)) return []
    return [{ failed, worked, named: isNamed(failed, worked) }]
  })
}

function firstWorking(checks: readonly Check[], index: number, failed: Check, changeAt: number): Check | null {
  for (const check of checks.slice(index + 1, index + 1 + callsMax)) {
    if (check.place - failed.place > callsMax || check.at > changeAt) return null
    if (check.failed || check.at < failed.resultAt) continue
    // The very same command passing shows a failure that came and went.
    if (check.key.bare === failed.key.bare) return null
    if (standsIn(failed, check)) return check
  }
  return null
}

function standsIn(failed: Check, check: Check): boolean {
  const named = isNamed(failed, check)
  const kin =
    check.key.family === failed.key.family || (named && lastPart(check.key.family) === lastPart(failed.key.family))
  if (!kin || mends(failed, check)) return false
  if (named) return true
  const { targets } = failed.key
  if (failed.key.isVerification && !(sameWords(targets, check.key.targets) && addsMoreThanSelection(failed, check)))
    return false
  return targets.length === 0 || targets.some((target) => check.key.targets.includes(target))
}

const addedFlags = (failed: Check, check: Check): readonly string[] =>
  check.key.flags.filter((flag) => !failed.key.flags.includes(flag))

const mending = /^(?:--fix|--fix-.{1,40}|--write|--autofix|--apply|--update-snapshots?|-u)(?:=|$)/

/** A check that mends what it complains of was not run differently: the code was changed. */
const mends = (failed: Check, check: Check): boolean =>
  failed.key.isVerification && addedFlags(failed, check).some((flag) => mending.test(flag))

const lastPart = (family: string): string => family.slice(family.lastIndexOf('&& ') + 1).trim()

const sameWords = (left: readonly string[], right: readonly string[]): boolean =>
  left.length === right.length && left.every((word) => right.includes(word))

const selection =
  /^(?:-k|-t|-g|-x|-run|--grep|--filter|--only|--include|--testNamePattern|--test-name-pattern|--lf|--ff|--bail|--fail-fast|--maxfail)(?:=|$)/

/** A test run with other flags than those that pick tests, or with other variables, was run differently. */
function addsMoreThanSelection(failed: Check, check: Check): boolean {
  if (check.key.key === failed.key.key) return true
  return addedFlags(failed, check).some((flag) => !selection.test(flag))
}

/** Whether the error's own text gave the command, or the flag that made the difference. */
function isNamed(failed: Check, check: Check): boolean {
  const output = failed.output.slice(0, 65_536).replace(/\s+/g, ' ')
  if (check.key.key.length >= 6 && output.includes(check.key.key)) return true
  const added = addedFlags(failed, check).filter((flag) => flag.length > 2)
  return added.length > 0 && added.every((flag) => output.includes(flag))
}

export function command(found: readonly Replacement[]): Draft[] {
  return found.map(({ failed, worked, named }) => ({
    rule: 'X-CMD',
    type: 'procedure',
    title: titleOf(failed.key.bare, worked.key.bare),
    content: `**Failed** ${shown(failed)}: ${failed.signature}\n**Worked** ${shown(worked)}`,
    base: named ? base + namedGain : base,
    judged: null,
    anchor: worked.resultAt,
    from: failed.at,
    to: worked.resultAt,
    commands: [shown(failed), shown(worked)],
  }))
}

const shown = (check: Check): string => check.key.bare.slice(0, commandCharsShown)

/** What failed gives way, so that what worked can be read in a list. */
function titleOf(failed: string, worked: string): string {
  const end = cutWords(oneLine(worked), workedCharsShown)
  return `${cutWords(oneLine(failed), titleCharsMax - Array.from(end).length - 3)} → ${end}`
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ')

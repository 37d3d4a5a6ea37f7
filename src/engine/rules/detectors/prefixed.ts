import { dot, isWordEnd, isWordStart, runEnd } from './characters.ts'
import type { Found, Scan } from './finding.ts'
import { hasVariety, isWords } from './likeness.ts'
import type { PrefixRule } from './prefix-table.ts'
import { prefixRules } from './prefix-table.ts'
import type { Run } from './long-runs.ts'

/** Fewer different characters are a placeholder such as `ghp_xxxx…`. */
const variety = 5
/** The first characters tell whether a body reads like words. */
const judgedMax = 96

const rulesByPrefix = new Map(prefixRules.map((rule) => [rule.prefix, rule]))
const escaped = (prefix: string): string => prefix.replaceAll('.', '\\.')
const longestFirst = prefixRules.map((rule) => rule.prefix).sort((a, b) => b.length - a.length)
const anyPrefix = new RegExp(longestFirst.map(escaped).join('|'), 'g')

/** Keys known by their first characters: github, model-key, aws ids, cloud, chat, pay, registry, age, service. */
export function findPrefixed({ text, runs }: Scan, found: Found): void {
  for (const run of runs) findInRun(text, run, found)
}

function findInRun(text: string, run: Run, found: Found): void {
  const ends = new Map<number, number>()
  const stretch = text.slice(run.start, run.end)
  anyPrefix.lastIndex = 0
  for (let hit = anyPrefix.exec(stretch); hit !== null; hit = anyPrefix.exec(stretch)) {
    const rule = rulesByPrefix.get(hit[0])
    const start = run.start + hit.index
    const end = rule === undefined ? start : secretEnd(text, run, start, rule, ends)
    if (rule !== undefined && end > start) found(rule.kind, start, end)
    // A refused prefix may overlap the next one (`sk-sk_live_…`), an accepted one owns what it covers.
    anyPrefix.lastIndex = end > start ? end - run.start : hit.index + 1
  }
}

/** Where the key ends that begins at `start`; `start` itself when there is none. */
function secretEnd(text: string, run: Run, start: number, rule: PrefixRule, ends: Map<number, number>): number {
  const bodyStart = start + rule.prefix.length
  const end = bodyEnd(text, run, bodyStart, rule, ends)
  if (end - bodyStart < rule.bodyMin) return start
  if (!hasVariety(text, bodyStart, end, variety)) return start
  const body = text.slice(bodyStart, Math.min(end, bodyStart + judgedMax))
  if (rule.doubtful && (!isWordStart(text, start) || !isLikelyKey(body, rule))) return start
  return end
}

function bodyEnd(text: string, run: Run, bodyStart: number, rule: PrefixRule, ends: Map<number, number>): number {
  if (rule.exact) {
    const end = Math.min(bodyStart + rule.bodyMin, run.end)
    return runEnd(text, bodyStart, rule.body, end) === end && isWordEnd(text, end) ? end : bodyStart
  }
  // One run is walked once per class: every anchor inside it ends at the same place.
  const known = ends.get(rule.body) ?? -1
  const end = known >= bodyStart ? known : runEnd(text, bodyStart, rule.body, run.end)
  ends.set(rule.body, end)
  let trimmed = end
  while ((rule.body & dot) !== 0 && trimmed > bodyStart && text.charCodeAt(trimmed - 1) === 46) trimmed--
  return trimmed
}

/** `task-` and `sk-learn-…` begin like keys; keys do not read like words. Two hex formats allow nothing but hex. */
function isLikelyKey(body: string, rule: PrefixRule): boolean {
  if (rule.prefix === 'SK' || rule.prefix === 'dapi')
    return /^[0-9a-f]{32}(?:-[0-9])?$/.test(body) && /[0-9]/.test(body)
  if (rule.exact) return true
  return !isWords(body)
}

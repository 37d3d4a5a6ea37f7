import { sha256Hex } from '../../platform/bytes.ts'
import { findAssignment } from './detectors/assignment.ts'
import { findAwsSecret } from './detectors/aws.ts'
import { findOnCommandLine } from './detectors/command-line.ts'
import { findEntropy } from './detectors/entropy.ts'
import type { ExtraPattern } from './detectors/extra.ts'
import { createExtraDetectors } from './detectors/extra.ts'
import type { Detector, Finding } from './detectors/finding.ts'
import { findHeader } from './detectors/header.ts'
import { findJwt } from './detectors/jwt.ts'
import { longRuns } from './detectors/long-runs.ts'
import { findEmail, findHomePath } from './detectors/personal.ts'
import { findPrefixed } from './detectors/prefixed.ts'
import { findPrivateKey } from './detectors/private-key.ts'
import { findShaped } from './detectors/shaped.ts'
import { findUrlSecret } from './detectors/url.ts'
import { keepJsonValid } from './json-strings.ts'
import { hidePrivate } from './private-tags.ts'

export type { Finding } from './detectors/finding.ts'

/** The masked text and the places that were masked, in order, none overlapping; offsets are in the text that was given. */
export type Redaction = { readonly text: string; readonly findings: readonly Finding[] }

/** What `clean` took out. `kinds` holds one entry per secret masked, sorted; private blocks are counted apart. */
export type Cleaned = { readonly text: string; readonly privateBlocks: number; readonly kinds: readonly string[] }

export type RedactOptions = {
  /** Patterns of the user's own. */
  readonly extra?: readonly ExtraPattern[]
  /** Values that are no secrets: the exact text, or its SHA-256 as 64 hex. */
  readonly allow?: readonly string[]
  /** Mask addresses of people too. Off unless asked for. */
  readonly emails?: boolean
  /** Mask home folders too. Off unless asked for. */
  readonly homePaths?: boolean
}

/**
 * Takes secrets out of text (ING-RED-1..7, MEM-1702).
 * - Every occurrence becomes `[REDACTED:<kind>]`; text without a finding comes back as it is.
 * - Redacting twice changes nothing more. JSON stays JSON.
 * - Pure and synchronous, time linear in the text, never throws.
 */
export type Redactor = {
  /** What another thread makes the same one of. */
  readonly options: RedactOptions
  readonly redact: (text: string) => Redaction
  /** MEM-301 step 2: private tags first, then secrets, then the ends are trimmed when a tag was removed. */
  readonly clean: (text: string) => Cleaned
}

/** In order of what they know: where places overlap, the first one's kind names the whole. */
const builtIn: readonly Detector[] = [
  findPrivateKey,
  findPrefixed,
  findShaped,
  findJwt,
  findAwsSecret,
  findHeader,
  findUrlSecret,
  findOnCommandLine,
  findAssignment,
  findEntropy,
]

/** A text shorter than every secret. */
const charactersMin = 8
/** Masking one place can lay bare another. More rounds than two occur only in texts made for it. */
const roundsMax = 8
const placeholder = /\[REDACTED(?::[a-z0-9-]{1,40})?\]/g

/** Throws `invalid_request` when a pattern of `extra` cannot be used (ING-RED-6). */
export function createRedactor(options: RedactOptions = {}): Redactor {
  const detectors = [
    ...createExtraDetectors(options.extra ?? []),
    ...builtIn,
    ...(options.emails === true ? [findEmail] : []),
    ...(options.homePaths === true ? [findHomePath] : []),
  ]
  const isAllowed = createAllowed(options.allow ?? [])
  const redact = (text: string): Redaction => redactRounds(text, (round) => detect(round, detectors, isAllowed))
  return {
    options,
    redact,
    clean: (text) => {
      const shown = hidePrivate(text)
      const { text: masked, findings } = redact(shown.text)
      const kinds = findings.map(({ kind }) => kind).sort()
      return { text: shown.blocks > 0 ? masked.trim() : masked, privateBlocks: shown.blocks, kinds }
    },
  }
}

/** Looks again at what came out until nothing is found, so that a second call can find nothing either. */
function redactRounds(text: string, look: (text: string) => readonly Finding[]): Redaction {
  let findings = look(text)
  if (findings.length === 0) return { text, findings }
  let masked = mask(text, findings)
  for (let round = 1; round < roundsMax; round++) {
    const more = look(masked)
    if (more.length === 0) break
    findings = [...findings, ...moveBack(more, findings)].sort((a, b) => a.start - b.start)
    masked = mask(text, findings)
  }
  return { text: masked, findings }
}

const placeholderOf = (kind: string): string => `[REDACTED:${kind}]`

function mask(text: string, findings: readonly Finding[]): string {
  const pieces: string[] = []
  let from = 0
  for (const { kind, start, end } of findings) {
    pieces.push(text.slice(from, start), placeholderOf(kind))
    from = end
  }
  return pieces.join('') + text.slice(from)
}

/** Places in the masked text, as places in the text before; none touches a placeholder. */
function moveBack(more: readonly Finding[], earlier: readonly Finding[]): Finding[] {
  let shift = 0
  let next = 0
  return more.map(({ kind, start, end }) => {
    for (let at = earlier[next]; at !== undefined && at.start + shift < start; at = earlier[++next]) {
      shift += placeholderOf(at.kind).length - (at.end - at.start)
    }
    return { kind, start: start - shift, end: end - shift }
  })
}

function detect(
  text: string,
  detectors: readonly Detector[],
  isAllowed: (value: string) => boolean,
): readonly Finding[] {
  if (text.length < charactersMin) return []
  const found: Finding[] = []
  const scan = { text, runs: longRuns(text) }
  const report = (kind: string, start: number, end: number): void => {
    found.push({ kind, start, end })
  }
  for (const detector of detectors) detector(scan, report)
  if (found.length === 0) return found
  const allowed = found.filter(({ start, end }) => isAllowed(text.slice(start, end)))
  return keepJsonValid(text, withoutPlaceholders(text, merge(withoutAllowed(found, allowed))))
}

/** One place for all that overlap. The kind is that of the detector that knows most, which reported first. */
function merge(found: readonly Finding[]): Finding[] {
  const order = new Map(found.map((finding, rank) => [finding, rank]))
  const rank = (finding: Finding): number => order.get(finding) ?? 0
  const merged: { kind: string; start: number; end: number; rank: number }[] = []
  for (const finding of [...found].sort((a, b) => a.start - b.start || rank(a) - rank(b))) {
    const last = merged.at(-1)
    if (last === undefined || finding.start >= last.end) {
      merged.push({ ...finding, rank: rank(finding) })
      continue
    }
    last.end = Math.max(last.end, finding.end)
    if (rank(finding) < last.rank) Object.assign(last, { kind: finding.kind, rank: rank(finding) })
  }
  return merged.map(({ kind, start, end }) => ({ kind, start, end }))
}

/** An allowed value is left alone whichever detector found it, so what lies within it goes too. */
function withoutAllowed(found: readonly Finding[], allowed: readonly Finding[]): readonly Finding[] {
  if (allowed.length === 0) return found
  const spans = merge(allowed)
  let next = 0
  return [...found]
    .sort((a, b) => a.start - b.start)
    .filter(({ start, end }) => {
      while (next < spans.length && (spans[next]?.end ?? 0) <= start) next++
      const span = spans[next]
      return span === undefined || start < span.start || end > span.end
    })
}

/** Placeholders are no secrets: a finding that reaches over one is cut around it. */
function withoutPlaceholders(text: string, findings: readonly Finding[]): readonly Finding[] {
  if (!text.includes('[REDACTED')) return findings
  const holders = [...text.matchAll(placeholder)].map((hit) => ({ start: hit.index, end: hit.index + hit[0].length }))
  let next = 0
  return findings.flatMap(({ kind, start, end }) => {
    const pieces: Finding[] = []
    let from = start
    while (next < holders.length && (holders[next]?.end ?? 0) <= start) next++
    for (let index = next; index < holders.length; index++) {
      const holder = holders[index]
      if (holder === undefined || holder.start >= end) break
      if (holder.start > from) pieces.push({ kind, start: from, end: holder.start })
      from = holder.end
    }
    if (end > from) pieces.push({ kind, start: from, end })
    return pieces
  })
}

function createAllowed(allow: readonly string[]): (value: string) => boolean {
  if (allow.length === 0) return () => false
  const exact = new Set(allow)
  const hashes = new Set(allow.filter((entry) => /^[0-9a-f]{64}$/i.test(entry)).map((entry) => entry.toLowerCase()))
  return (value) => exact.has(value) || (hashes.size > 0 && hashes.has(sha256Hex(value)))
}

import type { Run } from './long-runs.ts'

/**
 * One place that holds a secret.
 * - `start` and `end` are UTF-16 offsets in the text that was searched; `end` is exclusive.
 * - `kind` is lower-case letters, digits and dashes: it becomes the placeholder `[REDACTED:<kind>]`.
 */
export type Finding = { readonly kind: string; readonly start: number; readonly end: number }

/** What every detector is given: the text and its long runs, found once for all of them. */
export type Scan = { readonly text: string; readonly runs: readonly Run[] }

export type Found = (kind: string, start: number, end: number) => void

/**
 * A detector reports secrets in one pass.
 * - Takes time linear in the text, whatever the text is (ING-RED-5): after a try at an anchor it goes on behind what it
 *   has read, or what it reads per anchor is bounded by a constant.
 * - Never throws. May report overlapping places; who calls it merges them.
 */
export type Detector = (scan: Scan, found: Found) => void

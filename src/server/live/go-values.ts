import { limits } from '../../model/limits.ts'

/** Numbers as the Go program takes them: what cannot be is the default, never a refusal. */

/** @returns the default where a limit is none, not positive or too large (COL-506). */
export const pageSize = (value: number | undefined, otherwise: number): number =>
  value === undefined || value < 1 || value > limits.livePageMax ? otherwise : value

/** Seconds brought within the bounds; undefined, which is the default, for what is not positive (COL-1204). */
export const leaseMs = (seconds: number): number | undefined =>
  seconds > 0 ? Math.min(Math.max(Math.round(seconds * 1_000), limits.lockTtlMsMin), limits.lockTtlMsMax) : undefined

import { sha256Hex } from '../platform/bytes.ts'
import type { FileFacts } from '../platform/files.ts'

/** What the manifest knows of a file (ING-INC-1), as far as planning needs it. */
export type KnownFile = {
  readonly size: number
  readonly mtimeNs: bigint
  readonly inode: bigint
  /** Everything before it is dealt with. */
  readonly offset: number
  /** Lines before `offset`. */
  readonly line: number
  readonly headHash: string
  readonly tailHash: string
  readonly readerVersion: number
  /** Something read is decided only when the file has been quiet for a while (ING-CC-9). */
  readonly waiting: boolean
}

export type RestartReason =
  | 'new'
  | 'forced'
  | 'shrunk'
  | 'replaced'
  | 'head-changed'
  | 'tail-changed'
  | 'reader-version'

export type Plan =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'continue'; readonly offset: number; readonly line: number }
  | { readonly kind: 'restart'; readonly reason: RestartReason }

/** Bytes to read before a file may be continued. */
export type Range = { readonly from: number; readonly length: number }

export type FirstLook = Plan | { readonly kind: 'compare'; readonly head: Range; readonly tail: Range }

export type PlanOptions = {
  readonly force: boolean
  readonly readerVersion: number
  /** See {@link isQuiet}. */
  readonly isQuiet: boolean
}

const hashedBytes = 4096
const quietMs = 5 * 60_000

/** Unchanged for five minutes: its last line will hardly be finished any more (ING-LIN-2). */
export function isQuiet(facts: FileFacts, nowMs: number): boolean {
  return nowMs - Number(facts.mtimeNs / 1_000_000n) >= quietMs
}

/** What can be said without opening the file (ING-INC-2). */
export function lookAtFacts(known: KnownFile | null, facts: FileFacts, options: PlanOptions): FirstLook {
  if (known === null) return { kind: 'restart', reason: 'new' }
  if (options.force) return { kind: 'restart', reason: 'forced' }
  if (facts.inode !== known.inode) return { kind: 'restart', reason: 'replaced' }
  if (facts.size < known.size || facts.size < known.offset) return { kind: 'restart', reason: 'shrunk' }
  const isSame = facts.size === known.size && facts.mtimeNs === known.mtimeNs
  const isSettled = facts.size === known.offset && !known.waiting
  if (isSame && (isSettled || !options.isQuiet)) return { kind: 'unchanged' }
  if (options.readerVersion !== known.readerVersion) return { kind: 'restart', reason: 'reader-version' }
  return { kind: 'compare', head: headRange(known.offset), tail: tailRange(known.offset) }
}

/** Continue where the bytes already dealt with are still the same ones, else start again (ING-INC-2). */
export function comparePlan(known: KnownFile, head: Uint8Array, tail: Uint8Array): Plan {
  if (blockHash(head) !== known.headHash) return { kind: 'restart', reason: 'head-changed' }
  if (blockHash(tail) !== known.tailHash) return { kind: 'restart', reason: 'tail-changed' }
  return { kind: 'continue', offset: known.offset, line: known.line }
}

/** The first 4 KiB of what is dealt with. Bytes behind `offset` may still be rewritten and vouch for nothing. */
export const headRange = (offset: number): Range => ({ from: 0, length: Math.min(hashedBytes, offset) })

/** The 4 KiB before `offset`. */
export const tailRange = (offset: number): Range => {
  const length = Math.min(hashedBytes, offset)
  return { from: offset - length, length }
}

/** `head_hash` and `tail_hash`: length and SHA-256, so that a short block never equals a long one. */
export const blockHash = (bytes: Uint8Array): string => `${bytes.length}:${sha256Hex(bytes)}`

import type { OpenFile } from '../platform/files.ts'
import { blockHash, comparePlan, headRange, lookAtFacts, tailRange } from './plan.ts'
import type { KnownFile, Plan, PlanOptions, Range } from './plan.ts'

/** Plans one file, reading at most 8 KiB of it and nothing at all when its facts suffice (ING-INC-2). */
export async function planFile(file: OpenFile, known: KnownFile | null, options: PlanOptions): Promise<Plan> {
  const look = lookAtFacts(known, await file.facts(), options)
  if (look.kind !== 'compare' || known === null)
    return look.kind === 'compare' ? { kind: 'restart', reason: 'new' } : look
  return comparePlan(known, await readRange(file, look.head), await readRange(file, look.tail))
}

/** The hashes to store beside a committed `offset` (ING-INC-1). */
export async function fingerprint(
  file: OpenFile,
  offset: number,
): Promise<{ readonly headHash: string; readonly tailHash: string }> {
  const head = await readRange(file, headRange(offset))
  const tail = await readRange(file, tailRange(offset))
  return { headHash: blockHash(head), tailHash: blockHash(tail) }
}

async function readRange(file: OpenFile, range: Range): Promise<Uint8Array> {
  const bytes = new Uint8Array(range.length)
  let filled = 0
  while (filled < range.length) {
    const count = await file.read(bytes.subarray(filled), range.from + filled)
    if (count === 0) break
    filled += count
  }
  return bytes.subarray(0, filled)
}

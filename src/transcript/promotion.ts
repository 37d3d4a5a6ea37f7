import { sha256Hex } from '../platform/bytes.ts'
import { locate } from './line-index.ts'
import { takeBlock } from './operations.ts'
import type { Place } from './scan.ts'
import type { Held } from './session.ts'
import { timeText } from './store-context.ts'

/** Aliases of a whole agent, never of one conversation: they are passed over (TRN-1204). */
export const isMainAlias = (alias: string): boolean => /^agent:[^:]*:main$/.test(alias) || mainKeys.has(alias)

const mainKeys: ReadonlySet<string> = new Set(
  ['agent:main:main', 'agent:Main:main', 'agent:MAIN:main'].map((name) => `sk_v1_${sha256Hex(name)}`),
)

export type Promotion = { readonly scope: unknown; readonly aliases: readonly string[] }

/**
 * Makes the visible messages and the summary of one session those of another that has none (TRN-1204), under both locks.
 * One replacement, scope and aliases in the same step: old or new. False when there is nothing to do.
 */
export async function promote(into: Held, from: Held, { scope, aliases }: Promotion): Promise<boolean> {
  const isEmpty = into.meta.summary.trim() === '' && !(await hasMessages(into))
  if (!isEmpty || (from.meta.summary.trim() === '' && !(await hasMessages(from)))) return false
  const base = into.meta.base + into.file.index.rawLines
  const now = timeText(into.store.clock)
  let count = 0
  await into.replace(
    async (writer) => {
      for (let place = await firstVisible(from); place !== null;) {
        const taken = await takeBlock(from, place)
        for (const line of taken.kept) await writer.add(line)
        count += taken.kept.length
        place = taken.next
      }
    },
    () => ({
      ...into.meta,
      summary: from.meta.summary,
      skip: 0,
      count,
      base,
      scope,
      aliases,
      createdAt: into.meta.createdAt === '' ? now : into.meta.createdAt,
      updatedAt: now,
    }),
  )
  // Lists can tell the copy from the original.
  await from.save({ ...from.meta, extra: { ...from.meta.extra, promoted_to: into.meta.key } })
  return true
}

async function firstVisible({ file, meta }: Held): Promise<Place | null> {
  if (file.open === null) return null
  const place = await locate(file.index, file.open, file.size, Math.min(meta.skip, file.index.rawLines) + 1)
  return place.offset < file.size ? place : null
}

async function hasMessages(held: Held): Promise<boolean> {
  for (let place = await firstVisible(held); place !== null;) {
    const { kept, next } = await takeBlock(held, place)
    if (kept.length > 0) return true
    place = next
  }
  return false
}

import { EngramError } from '../model/errors.ts'
import { JsonlStore } from './jsonl-store.ts'
import type { JsonlStoreOptions } from './jsonl-store.ts'
import type { LayoutName } from './layout.ts'
import type { CopiedSession } from './raw-session.ts'

export type MigrateLayoutOptions = Pick<JsonlStoreOptions, 'files' | 'clock' | 'random' | 'locks' | 'log'> & {
  readonly onSession?: (session: CopiedSession) => void
  /** Only tells what would come of it. */
  readonly dryRun?: boolean
  readonly signal?: AbortSignal
}

/**
 * Copies every session of one directory into another of the given layout (TRN-1106): lines byte for byte, hidden and
 * bad ones too, and the meta file with what is unknown in it. Sessions whose keys collide there are told and left. The
 * source is never changed; doing it again changes nothing. Answers how many are there now.
 */
export async function migrateLayout(
  from: string,
  to: string,
  layout: LayoutName,
  options: MigrateLayoutOptions = {},
): Promise<number> {
  const { onSession, dryRun = false, signal, ...doors } = options
  const source = await JsonlStore.open(from, { ...doors, readOnly: true })
  const target = await JsonlStore.open(to, { ...doors, layout, readOnly: dryRun })
  let done = 0
  try {
    for (const name of await source.sessionNames()) {
      if (signal?.aborted === true) throw new EngramError('aborted', 'the migration was given up')
      const copied = await target.copyFrom(source, name, dryRun)
      if (copied === null) continue
      if (copied.outcome !== 'conflict') done++
      onSession?.(copied)
    }
    return done
  } finally {
    await source.close()
    await target.close()
  }
}

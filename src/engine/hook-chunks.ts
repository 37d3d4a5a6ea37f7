import { dirname, join } from 'node:path'
import { writeAtomic } from '../platform/files.ts'
import type { EngineDeps } from './handler.ts'
import { hooksDirectory } from './hook-folder.ts'
import { groupOf } from './hook-why.ts'

const gitMsMax = 500
/** What was asked for once is asked for again after this, in case it did not come to its end. */
const againMs = 3_600_000

/**
 * Whether the chunks beside a directory should be read now: there is a manifest, and it is another than at the last time,
 * or that was a while ago. Notes that it was asked.
 */
export async function chunksToImport(deps: EngineDeps, directory: string): Promise<boolean> {
  const manifest = await manifestOf(deps, directory)
  if (manifest === null) return false
  const mark = join(hooksDirectory(deps), `chunks-${groupOf(manifest.path)}`)
  const known = await deps.files.facts(mark)
  const before = known === null ? null : await deps.files.readBytes(mark)
  const isFresh = known !== null && Number(known.mtimeNs / 1_000_000n) > deps.clock.nowMs() - againMs
  if (isFresh && before !== null && new TextDecoder().decode(before) === manifest.state) return false
  await deps.files.makeDirectory(hooksDirectory(deps), 0o700)
  const options = { permissions: 0o600, unique: String(deps.clock.monotonicMs()), isSynced: false }
  await writeAtomic(deps.files, mark, new TextEncoder().encode(manifest.state), options)
  return true
}

/** The manifest of the folder that a sync here would read (CHK-1001). */
async function manifestOf(
  deps: EngineDeps,
  directory: string,
): Promise<{ readonly path: string; readonly state: string } | null> {
  if (directory === '') return null
  const root = (await deps.git.repositoryOf(directory, gitMsMax))?.root ?? directory
  for (let at = directory; ; at = dirname(at)) {
    const path = join(at, '.engram', 'manifest.json')
    const facts = await deps.files.facts(path)
    if (facts?.kind === 'file')
      return { path, state: `${facts.mtimeNs} ${facts.size} ${facts.inode} ${facts.device}\n` }
    if (at === root || at === dirname(at)) return null
  }
}

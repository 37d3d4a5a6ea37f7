import { isMissing } from '../platform/files.ts'
import type { FileFacts } from '../platform/files.ts'
import type { StoreContext } from './store-context.ts'

/**
 * Which sessions may have been written since a list last looked (TRN-1302). All names are dealt out to a few shares, each
 * with a file that grows by one byte whenever a writer has taken the lock of one of its sessions. A share whose file is
 * what it was holds nothing new; of the others every session is looked at.
 */
const shares = 256

/** Which share a session's name belongs to: FNV-1a. */
export function shareOf(name: string): number {
  let sum = 0x811c9dc5
  for (let at = 0; at < name.length; at++) sum = Math.imul(sum ^ name.charCodeAt(at), 0x01000193)
  return (sum ^ (sum >>> 16)) & (shares - 1)
}

type Place = Pick<StoreContext, 'directory'>

const pathOf = ({ directory }: Place, share: number): string =>
  `${directory}/.engram/index/touched-${share.toString(16).padStart(2, '0')}`

const mark = Buffer.from('.')

/** Says that a session is going to be written. Under its lock, and before anything changes. */
export const touch = (store: StoreContext, name: string): Promise<void> => grow(store, pathOf(store, shareOf(name)))

/** A file of `.engram/index/`, made when missing, grows by a byte: whatever the clock says it looks different. */
export async function grow(store: StoreContext, path: string): Promise<void> {
  const file = await openMark(store, path)
  try {
    await file.write(mark)
  } finally {
    await file.close()
  }
}

/** The index may be removed at any time (TRN-302). */
async function openMark(store: StoreContext, path: string): ReturnType<StoreContext['files']['open']> {
  try {
    return await store.files.open(path, 'append', store.layout.filePermissions)
  } catch (error) {
    if (!isMissing(error)) throw error
    await store.files.makeDirectory(`${store.directory}/.engram/index`, store.layout.directoryPermissions)
    return store.files.open(path, 'append', store.layout.filePermissions)
  }
}

/** How each share stands; equal texts mean that nobody touched it in between. */
export async function touchMarks(store: Pick<StoreContext, 'directory' | 'files'>): Promise<readonly string[]> {
  const paths = Array.from({ length: shares }, (_, share) => pathOf(store, share))
  return (await store.files.factsOfMany(paths)).map(factsMark)
}

/** The mark of a file that is missing. */
export const nothingThere = '-'

/** What would tell that a file is another one by now. */
export const factsMark = (facts: FileFacts | null): string =>
  facts === null ? nothingThere : `${facts.inode}:${facts.size}:${facts.mtimeNs}`

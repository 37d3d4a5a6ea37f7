import type { OpenFile } from '../platform/files.ts'
import { BlockWriter } from './block-writer.ts'
import { LineIndex, extendIndex, locate } from './line-index.ts'
import type { Meta } from './meta.ts'
import { MessageIds } from './message-ids.ts'
import { regularFacts } from './meta-file.ts'
import { forEachLine, forEachLineBack } from './scan.ts'
import { bounds } from './bounds.ts'
import { storageError } from './storage-error.ts'
import type { SessionPaths, StoreContext } from './store-context.ts'

/** Which content of a file: inode numbers come back. */
type Era = Pick<Meta, 'base' | 'cuts'>

export const indexIdentity = (inode: bigint, { base, cuts }: Era): string => `${inode}:${base}:${cuts}`

/**
 * The open transcript of one session, as the holder of its lock sees it. Only `refresh` may be called when it is not
 * known that nobody else wrote since.
 */
export class TranscriptFile {
  readonly #store: StoreContext
  readonly #paths: SessionPaths
  #file: OpenFile | null = null
  #inode = -1n
  #size = 0
  #base = 0
  #cuts = 0
  /** Bytes may stand in the file that are not on the disk: ours, or a dead writer's. */
  #isUnsynced = false
  #ids: MessageIds | null = null
  #idsThrough = 0
  index: LineIndex = new LineIndex('')

  constructor(store: StoreContext, paths: SessionPaths) {
    this.#store = store
    this.#paths = paths
  }

  get size(): number {
    return this.#size
  }

  get isUnsynced(): boolean {
    return this.#isUnsynced
  }

  /** Null when there is no transcript yet. */
  get open(): OpenFile | null {
    return this.#file
  }

  /** Compares descriptor and path, and takes in what others wrote (TRN-803). */
  async refresh({ base, cuts }: Era): Promise<void> {
    const facts = await regularFacts(this.#store.files, this.#paths.transcript)
    const isOther = facts === null || facts.inode !== this.#inode || base !== this.#base || cuts !== this.#cuts
    if (isOther || facts.size < this.#size) await this.close()
    this.#base = base
    this.#cuts = cuts
    if (facts === null) return this.#reset(-1n)
    if (this.#file === null) {
      this.#file = await this.#store.files.open(this.#paths.transcript, 'append', this.#store.layout.filePermissions)
      const { inode } = await this.#file.facts()
      const isSame = this.index.identity === indexIdentity(inode, { base, cuts }) && this.#store.layout.hasOwnFields
      if (!isSame) this.#reset(inode)
      this.#inode = inode
      this.#isUnsynced = facts.size > 0
      // Whoever made the file may have died before its directory entry was on the disk (TRN-605).
      await this.#store.files.syncDirectory(this.#store.directory)
    }
    const { size } = await this.#file.facts()
    if (size > this.#size) this.#isUnsynced = true
    if (size < this.index.scanned) this.#reset(this.#inode)
    this.#size = size
    await extendIndex(this.index, this.#file, size)
  }

  /**
   * Writes lines at the end, in blocks; a torn tail is closed first (TRN-602). When a write fails the file is cut back to
   * what it was (TRN-607). Nothing is synced.
   */
  async append(lines: readonly Buffer[]): Promise<void> {
    const file = this.#file ?? (await this.#create())
    const start = this.#size
    const total = lines.reduce((sum, line) => sum + line.length, this.index.hasFragment ? 1 : 0)
    const blocks: Buffer[] = []
    const writer = new BlockWriter(async (block) => {
      await file.write(block)
      blocks.push(block)
    })
    this.#isUnsynced = true
    try {
      if (this.index.hasFragment) await writer.add(newline)
      for (const line of lines) await writer.add(line)
      await writer.flush()
    } catch (error) {
      await this.#cutBack(file, start, start + total)
      throw storageError(error, 'append to the transcript')
    }
    this.#size = start + total
    let at = start
    for (const block of blocks) {
      this.index.feed(block, at)
      at += block.length
    }
    // A reader may have taken in a part of it meanwhile.
    await extendIndex(this.index, file, this.#size)
  }

  async #create(): Promise<OpenFile> {
    try {
      const file = await this.#store.files.open(this.#paths.transcript, 'append', this.#store.layout.filePermissions)
      this.#file = file
      const facts = await file.facts()
      this.#size = facts.size
      this.#reset(facts.inode)
      this.#inode = facts.inode
      // A line in a file without a directory entry would be lost in a power cut (TRN-605).
      await this.#store.files.syncDirectory(this.#store.directory)
      return file
    } catch (error) {
      await this.close()
      throw storageError(error, 'create the transcript')
    }
  }

  /**
   * Puts everything on the disk. A failed sync is not tried again (TRN-608): what came after `start` is taken back if it
   * can be, so that a retry writes it afresh and is not taken for a repetition of bytes the disk may have lost.
   */
  async sync(start: number): Promise<void> {
    const file = this.#file
    if (file === null || !this.#isUnsynced) return
    try {
      await this.#store.syncs.run(() => file.sync())
      this.#isUnsynced = false
    } catch (error) {
      await this.#cutBack(file, start, this.#size)
      await this.close()
      throw storageError(error, 'sync the transcript', 'unknown')
    }
  }

  /** Back to `start`, unless somebody else wrote behind it. What cannot be cut is repaired by the next append. */
  async #cutBack(file: OpenFile, start: number, endMax: number): Promise<void> {
    this.#reset(this.#inode)
    try {
      const { size } = await file.facts()
      if (size > start && size <= endMax) await file.truncate(start)
      await file.sync()
    } catch (error) {
      this.#store.log('cut_back_failed', { session: this.#paths.name, reason: storageError(error, 'cut back').message })
    }
  }

  /** Ids of the last messages; `base` is the position before the first line. */
  async recentIds(): Promise<MessageIds> {
    const ids = await this.#knownIds()
    if (ids?.coversWindow(this.#base) === true) return ids
    const found: { readonly id: string | null; readonly position: number }[] = []
    const total = this.index.rawLines
    if (this.#file !== null) {
      await forEachLineBack(this.#file, 0, this.#size, (line) => {
        const id = idOf(line.bytes, this.#store)
        if (id !== undefined) found.push({ id, position: this.#base + total - line.number + 1 })
        return found.length < bounds.idWindow
      })
    }
    const first = found.length < bounds.idWindow ? this.#base : (found.at(-1)?.position ?? 0) - 1
    return this.#keepIds(first, found.toReversed())
  }

  /** Ids of every message after a position. */
  async idsAfter(position: number): Promise<MessageIds> {
    const ids = await this.#knownIds()
    const after = Math.max(position, this.#base)
    if (ids !== null && ids.coveredAfter <= after) return ids
    return this.#keepIds(after, await this.#idsFrom(after))
  }

  forgetIds(): void {
    this.#ids = null
  }

  noteId(id: string | null, position: number): void {
    this.#ids?.note(id, position)
    this.#idsThrough = this.#size
  }

  /** What is known, with what others appended since. */
  async #knownIds(): Promise<MessageIds | null> {
    const ids = this.#ids
    if (ids === null || this.#idsThrough === this.#size) return ids
    this.#ids = null
    return null
  }

  #keepIds(
    coveredAfter: number,
    found: Iterable<{ readonly id: string | null; readonly position: number }>,
  ): MessageIds {
    const ids = new MessageIds(coveredAfter)
    for (const { id, position } of found) ids.note(id, position)
    this.#ids = ids
    this.#idsThrough = this.#size
    return ids
  }

  async #idsFrom(after: number): Promise<{ readonly id: string | null; readonly position: number }[]> {
    const found: { readonly id: string | null; readonly position: number }[] = []
    if (this.#file === null) return found
    const place = await locate(this.index, this.#file, this.#size, after - this.#base + 1)
    await forEachLine(this.#file, place, this.#size, (line) => {
      const id = idOf(line.bytes, this.#store)
      if (id !== undefined) found.push({ id, position: this.#base + line.number })
    })
    return found
  }

  /** Closes the descriptor; what is on the disk stays. */
  async close(): Promise<void> {
    const file = this.#file
    this.#file = null
    this.#inode = -1n
    this.#size = 0
    this.#isUnsynced = false
    this.#ids = null
    await file?.close().catch(() => undefined)
  }

  #reset(inode: bigint): void {
    this.index = new LineIndex(indexIdentity(inode, { base: this.#base, cuts: this.#cuts }))
    this.#ids = null
  }
}

const newline = Buffer.from('\n')

/** The id of a retained line, null when it has none, undefined when the line is not retained. */
function idOf(bytes: Buffer | null, { layout, keepsThoughts }: StoreContext): string | null | undefined {
  const decoded = layout.decode(bytes)
  if (decoded.kind === 'bad' || (decoded.isThought && !keepsThoughts)) return undefined
  return decoded.message.message_id ?? null
}

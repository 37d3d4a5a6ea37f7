import type { OpenFile } from '../platform/files.ts'
import { bounds } from './bounds.ts'
import { readFully } from './scan.ts'
import type { RawLine } from './scan.ts'
import type { Held } from './session.ts'
import { timeText } from './store-context.ts'

/** Where bad lines go before a replacement drops them (TRN-1003): nothing is lost in silence. */
export class Quarantine {
  readonly #held: Held
  #file: OpenFile | null = null

  constructor(held: Held) {
    this.#held = held
  }

  /** `line.bytes` is without newline or with; null for a line above the limit, which gets a file of its own. */
  async add(line: RawLine, reason: string): Promise<void> {
    const { store, paths } = this.#held
    this.#file ??= await store.files.open(`${paths.quarantine}.jsonl`, 'append', store.layout.filePermissions)
    const kept = line.bytes === null ? { file: await this.#keepLong(line) } : textOf(line.bytes)
    const record = { at: timeText(store.clock), line: line.number, reason, ...kept }
    await this.#file.write(Buffer.from(`${JSON.stringify(record)}\n`, 'utf8'))
  }

  /** Syncs what was added: the replacement must not be on the disk without it. */
  async close(): Promise<void> {
    const file = this.#file
    if (file === null) return
    this.#file = null
    try {
      await file.sync()
      await this.#held.store.files.syncDirectory(`${this.#held.store.directory}/.engram/quarantine`)
    } finally {
      await file.close()
    }
  }

  async #keepLong(line: RawLine): Promise<string> {
    const { store, paths, file } = this.#held
    const unique = store.random.hex(8)
    const copy = await store.files.open(`${paths.quarantine}.${unique}.line`, 'create', store.layout.filePermissions)
    try {
      for (let at = line.offset; at < line.end && file.open !== null;) {
        const block = await readFully(file.open, Buffer.allocUnsafe(Math.min(bounds.blockBytes, line.end - at)), at)
        if (block.length === 0) break
        await copy.write(block)
        at += block.length
      }
      await copy.sync()
    } finally {
      await copy.close()
    }
    return `${paths.own}.${unique}.line`
  }
}

/** As text when it is UTF-8, else in base 64. */
function textOf(bytes: Buffer): { readonly text: string } | { readonly base64: string } {
  const text = bytes.toString('utf8')
  return Buffer.from(text, 'utf8').equals(bytes) ? { text } : { base64: bytes.toString('base64') }
}

import { bounds } from './bounds.ts'

/** Collects lines into writes of at most a block; a longer line goes out alone. */
export class BlockWriter {
  readonly #write: (block: Buffer) => Promise<void>
  #pieces: Buffer[] = []
  #bytes = 0

  constructor(write: (block: Buffer) => Promise<void>) {
    this.#write = write
  }

  /** The piece is kept until it is written: it may not be changed meanwhile. */
  async add(piece: Buffer): Promise<void> {
    if (this.#bytes + piece.length > bounds.blockBytes) await this.flush()
    this.#pieces.push(piece)
    this.#bytes += piece.length
  }

  async flush(): Promise<void> {
    if (this.#bytes === 0) return
    const block = this.#pieces.length === 1 ? this.#pieces[0] : Buffer.concat(this.#pieces)
    this.#pieces = []
    this.#bytes = 0
    if (block !== undefined) await this.#write(block)
  }
}

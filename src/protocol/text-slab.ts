/**
 * Texts encoded one after another into few large pieces of memory, so that many rows can wait to be put in order without
 * each being an object of its own for that long.
 */
export class TextSlab {
  readonly #pieceBytes: number
  readonly #encoder = new TextEncoder()
  #piece = new Uint8Array(0)
  #at = 0

  constructor(pieceBytes: number) {
    this.#pieceBytes = pieceBytes
  }

  /** The text in UTF-8; the bytes belong to the slab and stay as they are. */
  add(text: string): Uint8Array {
    // A UTF-16 unit becomes three bytes at most.
    if (this.#piece.length - this.#at < text.length * 3) {
      this.#piece = new Uint8Array(Math.max(this.#pieceBytes, text.length * 3))
      this.#at = 0
    }
    const { written } = this.#encoder.encodeInto(text, this.#piece.subarray(this.#at))
    const bytes = this.#piece.subarray(this.#at, this.#at + written)
    this.#at += written
    return bytes
  }
}

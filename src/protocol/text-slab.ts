/**
 * Texts encoded one after another into few large pieces of memory, so that many rows can wait to be put in order without
 * each being an object of its own for that long. Its memory serves again after {@link TextSlab.clear}.
 */
export class TextSlab {
  readonly #pieceBytes: number
  readonly #encoder = new TextEncoder()
  readonly #pieces: Uint8Array<ArrayBuffer>[] = []
  #used = 0
  #piece = new Uint8Array(0)
  #at = 0

  constructor(pieceBytes: number) {
    this.#pieceBytes = pieceBytes
  }

  /** The text in UTF-8; the bytes belong to the slab and stay as they are until it is cleared. */
  add(text: string): Uint8Array {
    // A UTF-16 unit becomes three bytes at most.
    if (this.#piece.length - this.#at < text.length * 3) this.#begin(text.length * 3)
    const { written } = this.#encoder.encodeInto(text, this.#piece.subarray(this.#at))
    const bytes = this.#piece.subarray(this.#at, this.#at + written)
    this.#at += written
    return bytes
  }

  /** All texts are done with: whoever still holds one sees others come in its place. */
  clear(): void {
    this.#used = 0
    this.#piece = new Uint8Array(0)
    this.#at = 0
  }

  #begin(bytes: number): void {
    this.#at = 0
    if (bytes > this.#pieceBytes) {
      // One text larger than a piece: not kept, such texts are rare.
      this.#piece = new Uint8Array(bytes)
      return
    }
    const kept = this.#pieces[this.#used++]
    this.#piece = kept ?? new Uint8Array(this.#pieceBytes)
    if (kept === undefined) this.#pieces.push(this.#piece)
  }
}

/**
 * Writes SQLite's own form of JSON, by its published description: what it reads out of it, it need not parse before, and
 * texts stand in it as they are, NUL and all.
 *
 * Each value is a header and its payload. The header's low half is the kind; its high half says in how many bytes behind it
 * the size of the payload stands. The size may take more bytes than it needs.
 */
const kinds = { null: 0, whole: 3, real: 5, text: 10, list: 11 } as const
const sizeIn = { one: 12 << 4, two: 13 << 4, four: 14 << 4 } as const

export type JsonbValue = string | number | null

const bytesUsual = 1024 * 1024
/** A UTF-16 unit takes three bytes at most; a header five. */
const bytesOf = (text: string): number => text.length * 3 + 5

/** A list of lists of plain values, in memory that grows. */
export class JsonbRows {
  #bytes: Buffer<ArrayBuffer>
  /** Behind the header of the outer list. */
  #at = 5

  /** @param bytes as many as it will take, about: making room for more costs a copy */
  constructor(bytes = bytesUsual) {
    this.#bytes = Buffer.allocUnsafeSlow(bytes)
  }

  add(row: readonly JsonbValue[]): void {
    const start = this.#at
    this.#room(5)
    this.#at += 5
    for (const value of row) this.#addValue(value)
    this.#closeList(start)
  }

  /** The whole; nothing is added any more. */
  finish(): Uint8Array<ArrayBuffer> {
    this.#closeList(0)
    return this.#bytes.subarray(0, this.#at)
  }

  #closeList(start: number): void {
    this.#bytes[start] = sizeIn.four | kinds.list
    this.#bytes.writeUInt32BE(this.#at - start - 5, start + 1)
  }

  #addValue(value: JsonbValue): void {
    if (value === null) {
      this.#room(1)
      this.#bytes[this.#at++] = kinds.null
    } else if (typeof value === 'string') this.#addText(value, kinds.text)
    else this.#addText(String(value), Number.isSafeInteger(value) ? kinds.whole : kinds.real)
  }

  #addText(text: string, kind: number): void {
    const most = bytesOf(text)
    this.#room(most)
    const start = this.#at
    const behind = start + (most <= 0xff ? 2 : most <= 0xffff ? 3 : 5)
    const size = this.#bytes.write(text, behind)
    if (most <= 0xff) {
      this.#bytes[start] = sizeIn.one | kind
      this.#bytes[start + 1] = size
    } else if (most <= 0xffff) {
      this.#bytes[start] = sizeIn.two | kind
      this.#bytes.writeUInt16BE(size, start + 1)
    } else {
      this.#bytes[start] = sizeIn.four | kind
      this.#bytes.writeUInt32BE(size, start + 1)
    }
    this.#at = behind + size
  }

  #room(bytes: number): void {
    if (this.#bytes.length - this.#at >= bytes) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#at + bytes))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }
}

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

const shortChars = 64
/** A UTF-16 unit takes three bytes at most; a header five. */
const bytesOf = (text: string): number => text.length * 3 + 5

/** A list of lists of plain values, in memory that grows. */
export class JsonbRows {
  #bytes: Buffer<ArrayBuffer>
  /** Behind the header of the outer list. */
  #at = 5
  /** Where the row begins. */
  #row = 0

  /** @param bytes as many as it will take, about: making room for more costs a copy */
  constructor(bytes: number) {
    this.#bytes = Buffer.allocUnsafeSlow(bytes)
  }

  /** Begins a row: its values follow with {@link put}, then {@link end}. */
  begin(): void {
    this.#row = this.#at
    this.#room(5)
    this.#at += 5
  }

  end(): void {
    this.#closeList(this.#row)
  }

  /** All rows; nothing is added any more. */
  finish(): Uint8Array<ArrayBuffer> {
    this.#closeList(0)
    return this.#bytes.subarray(0, this.#at)
  }

  put(value: JsonbValue): void {
    if (value === null) {
      this.#room(1)
      this.#bytes[this.#at++] = kinds.null
    } else if (typeof value === 'string') this.#addText(value, kinds.text)
    else this.#addText(String(value), Number.isSafeInteger(value) ? kinds.whole : kinds.real)
  }

  #closeList(start: number): void {
    this.#bytes[start] = sizeIn.four | kinds.list
    this.#bytes.writeUInt32BE(this.#at - start - 5, start + 1)
  }

  #addText(text: string, kind: number): void {
    const most = bytesOf(text)
    this.#room(most)
    const start = this.#at
    if (text.length <= shortChars && this.#addShort(text, kind)) return
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

  /** A short text of ASCII alone, which most are: letter by letter is quicker than the way to the encoder. */
  #addShort(text: string, kind: number): boolean {
    const behind = this.#at + 2
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index)
      if (code > 0x7f) return false
      this.#bytes[behind + index] = code
    }
    this.#bytes[this.#at] = sizeIn.one | kind
    this.#bytes[this.#at + 1] = text.length
    this.#at = behind + text.length
    return true
  }

  #room(bytes: number): void {
    if (this.#bytes.length - this.#at >= bytes) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#at + bytes))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }
}

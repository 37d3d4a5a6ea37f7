/**
 * Go's `encoding/json` as text (CHK-201 to CHK-206): content addresses and fingerprints need its exact bytes.
 * - A plain object is a Go struct: keys in the order they were written, `undefined` left out.
 * - A `Map` is a Go map: keys sorted by their UTF-8 bytes. `sortKeys` treats every object so.
 * - Strings are made well-formed first (CHK-203); backspace and form feed are `\b` and `\f` (CHK-202).
 * - A number that is not finite is a broken assumption and throws.
 */
export type GoJson =
  | null
  | boolean
  | number
  | string
  | readonly GoJson[]
  | ReadonlyMap<string, GoJson>
  | { readonly [key: string]: GoJson | undefined }

export type GoJsonOptions = {
  /** Any object is a map: for documents whose declared order is not known. */
  readonly sortKeys?: boolean
  /** Spaces per level as `MarshalIndent` writes them; compact without. */
  readonly indent?: number
}

export function encodeGoJson(value: GoJson, options: GoJsonOptions = {}): string {
  const write: Writer = { sortKeys: options.sortKeys === true, indent: ' '.repeat(options.indent ?? 0) }
  return encodeValue(value, write, '\n')
}

type Writer = { readonly sortKeys: boolean; readonly indent: string }

/** `line` is a line feed and the spaces of the level the value stands in. */
function encodeValue(value: GoJson, write: Writer, line: string): string {
  if (value === null) return 'null'
  if (typeof value === 'string') return encodeGoString(value)
  if (typeof value === 'number') return encodeGoNumber(value)
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  if (isList(value)) return encodeList(value, write, line)
  if (!isMap(value) && !write.sortKeys && write.indent === '') return encodeStruct(value)
  return encodeEntries(entriesOf(value, write), write, line)
}

/** Rows are compact structs: they are most of what is ever encoded, and go the short way. */
function encodeStruct(value: { readonly [key: string]: GoJson | undefined }): string {
  let text = '{'
  for (const key of Object.keys(value)) {
    const item = value[key]
    if (item === undefined) continue
    text += `${text === '{' ? '' : ','}${encodedKey(key)}${encodeValue(item, compact, '\n')}`
  }
  return `${text}}`
}

const compact: Writer = { sortKeys: false, indent: '' }

/** Structs have few keys, and those of all rows are the same. */
function encodedKey(key: string): string {
  const known = encodedKeys.get(key)
  if (known !== undefined) return known
  const encoded = `${encodeGoString(key)}:`
  if (encodedKeys.size < encodedKeysMax) encodedKeys.set(key, encoded)
  return encoded
}

const encodedKeys = new Map<string, string>()
const encodedKeysMax = 500

const isList = (value: object): value is readonly GoJson[] => Array.isArray(value)

const isMap = (value: object): value is ReadonlyMap<string, GoJson> => value instanceof Map

function encodeList(values: readonly GoJson[], write: Writer, line: string): string {
  const inner = line + write.indent
  return enclose(
    '[',
    values.map((value) => encodeValue(value, write, inner)),
    ']',
    write,
    line,
  )
}

type Entry = readonly [key: string, value: GoJson]

function entriesOf(
  value: Exclude<GoJson, string | number | boolean | null | readonly GoJson[]>,
  write: Writer,
): readonly Entry[] {
  if (isMap(value)) return [...value].sort(byUtf8Key)
  const entries: Entry[] = []
  for (const [key, item] of Object.entries(value)) if (item !== undefined) entries.push([key, item])
  return write.sortKeys ? entries.sort(byUtf8Key) : entries
}

function encodeEntries(entries: readonly Entry[], write: Writer, line: string): string {
  const inner = line + write.indent
  const colon = write.indent === '' ? ':' : ': '
  const parts = entries.map(([key, value]) => encodeGoString(key) + colon + encodeValue(value, write, inner))
  return enclose('{', parts, '}', write, line)
}

function enclose(open: string, parts: readonly string[], close: string, write: Writer, line: string): string {
  if (write.indent === '' || parts.length === 0) return open + parts.join(',') + close
  const inner = line + write.indent
  return open + inner + parts.join(`,${inner}`) + line + close
}

function byUtf8Key([a]: Entry, [b]: Entry): number {
  return compareUtf8(a, b)
}

/** Order of the UTF-8 bytes: that of UTF-16 units, but for surrogates, which stand above every other unit. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index++) {
    const left = a.charCodeAt(index)
    const right = b.charCodeAt(index)
    if (left !== right) return weight(left) - weight(right)
  }
  return a.length - b.length
}

const weight = (unit: number): number => (unit >= 0xd800 && unit < 0xe000 ? unit + 0x1_0000 : unit)

// What JavaScript leaves as it is and Go does not; neither ever writes one of them within an escape.
const goEscaped = /[<>&\u2028\u2029]/
const goEscapedAll = /[<>&\u2028\u2029]/g

/** One JSON string with its quotes. */
export function encodeGoString(text: string): string {
  const encoded = JSON.stringify(text.toWellFormed())
  return goEscaped.test(encoded) ? encoded.replace(goEscapedAll, unicodeEscape) : encoded
}

const unicodeEscape = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Shortest form; an exponent below 1e-6 and from 1e21, which is where JavaScript has it too (CHK-204). */
function encodeGoNumber(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError(`JSON has no number ${value}`)
  return Object.is(value, -0) ? '-0' : String(value)
}

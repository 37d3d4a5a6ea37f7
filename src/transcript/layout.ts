import { EngramError } from '../model/errors.ts'
import type { Files } from '../platform/files.ts'
import { isRecord } from './fields.ts'
import { checkCompatName, compatName, isNativeName, nativeKey, nativeName } from './keys.ts'
import { decodeCompatLine, decodeLine } from './line.ts'
import type { Decoded } from './line.ts'

export type LayoutName = 'native' | 'compat'

/** What differs between ways to lay sessions out in a directory (TRN-303). */
export type Layout = {
  readonly name: LayoutName
  /** File name of a key, without extension. `invalid_key` where the layout cannot name it. */
  nameOf(key: string): string
  /** The key a name stands for, or null when the name alone does not tell. */
  keyOf(name: string): string | null
  isName(name: string): boolean
  /** How a session is called below `.engram/`: injective, short and without dots. */
  ownName(name: string): string
  /** The session such a name stands for, or null when it does not tell. */
  nameOfOwn(own: string): string | null
  /** Whether a session whose meta file bears `found` may be used under `key` (TRN-308). */
  isSameSession(found: string, key: string): boolean
  decode(bytes: Buffer | null): Decoded
  /** Lines end with their sum (TRN-210). */
  readonly hasSums: boolean
  /** Programs that take none of our locks may write too: the disk is looked at before every write (TRN-806). */
  readonly isOpenToOthers: boolean
  /** The meta file keeps what is ours: positions that survive replacement, notes, its revision (TRN-401). */
  readonly hasOwnFields: boolean
  readonly filePermissions: number
  readonly directoryPermissions: number
}

export const nativeLayout: Layout = {
  name: 'native',
  nameOf: nativeName,
  keyOf: nativeKey,
  isName: isNativeName,
  ownName: (name) => name,
  nameOfOwn: (own) => own,
  isSameSession: (found, key) => found === key,
  decode: decodeLine,
  hasSums: true,
  isOpenToOthers: false,
  hasOwnFields: true,
  filePermissions: 0o600,
  directoryPermissions: 0o700,
}

/** As picoclaw lays sessions out, readable and writable by it in turn (TRN-305). */
export const compatLayout: Layout = {
  name: 'compat',
  nameOf: (key) => {
    const name = compatName(key)
    checkCompatName(name)
    return name
  },
  // What the colon or slash was is only in the meta file; the name answers as a key of its own.
  keyOf: (name) => name,
  isName: () => true,
  ownName: nativeName,
  nameOfOwn: nativeKey,
  isSameSession: (found, key) => compatName(found) === compatName(key),
  decode: decodeCompatLine,
  hasSums: false,
  isOpenToOthers: true,
  hasOwnFields: false,
  filePermissions: 0o644,
  directoryPermissions: 0o755,
}

export const layouts: Readonly<Record<LayoutName, Layout>> = { native: nativeLayout, compat: compatLayout }

const formatVersion = 1

/** Content of `.engram/format.json`. */
export const formatText = (layout: Layout): string =>
  `${JSON.stringify({ format: 'engram-transcripts', version: formatVersion, layout: layout.name })}\n`

/** What a directory says of itself (TRN-304); `new`: nothing yet. A version above ours is to be read only. */
export type Found = { readonly layout: LayoutName | 'new'; readonly version: number; readonly isNewer: boolean }

const foundAs = (layout: Found['layout'], version = formatVersion): Found => ({
  layout,
  version,
  isNewer: version > formatVersion,
})

export async function detectLayout(files: Files, directory: string): Promise<Found> {
  const format = await files.readBytes(`${directory}/.engram/format.json`)
  if (format !== null) return fromFormat(Buffer.from(format).toString('utf8'))
  const entries = (await files.list(directory)) ?? []
  const sessions = entries.filter((entry) => /\.jsonl?$/.test(entry.name))
  if (sessions.length === 0) return foundAs('new')
  for (const { name } of sessions.filter((entry) => entry.kind === 'file' && entry.name.endsWith('.meta.json'))) {
    if (await isNativeMeta(files, `${directory}/${name}`)) return foundAs('native')
  }
  return foundAs('compat')
}

function fromFormat(text: string): Found {
  const value = parse(text)
  if (!isRecord(value) || value['format'] !== 'engram-transcripts' || !Number.isSafeInteger(value['version'])) {
    throw new EngramError('storage_failed', '.engram/format.json: expected the format of a transcript directory', {
      hint: 'Restore the file, or remove it: the layout is then read from the session files.',
    })
  }
  return foundAs(value['layout'] === 'compat' ? 'compat' : 'native', Number(value['version']))
}

async function isNativeMeta(files: Files, path: string): Promise<boolean> {
  const bytes = await files.readBytes(path)
  const value = bytes === null ? null : parse(Buffer.from(bytes).toString('utf8'))
  return isRecord(value) && value['format'] !== undefined
}

/** The layout to use: what was asked for, what is there, or native. `transcript_layout_mismatch` when they differ. */
export function chooseLayout(asked: LayoutName | 'auto', found: Found, directory: string): Layout {
  if (asked !== 'auto' && found.layout !== 'new' && found.layout !== asked) {
    throw new EngramError(
      'transcript_layout_mismatch',
      `${directory}: expected transcripts in the ${asked} layout, found the ${found.layout} one`,
    )
  }
  if (found.layout !== 'new') return layouts[found.layout]
  return layouts[asked === 'auto' ? 'native' : asked]
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

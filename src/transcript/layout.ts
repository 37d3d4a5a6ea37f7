import { EngramError } from '../model/errors.ts'
import type { Files } from '../platform/files.ts'
import { isRecord } from './fields.ts'
import { isNativeName, nativeKey, nativeName } from './keys.ts'

/** What differs between ways to lay sessions out in a directory (TRN-303). */
export type Layout = {
  readonly name: 'native'
  /** File name of a key, without extension. */
  nameOf(key: string): string
  /** The key a name stands for, or null when the name alone does not tell. */
  keyOf(name: string): string | null
  isName(name: string): boolean
  /** Lines end with their sum (TRN-210). */
  readonly hasSums: boolean
  readonly filePermissions: number
  readonly directoryPermissions: number
}

export const nativeLayout: Layout = {
  name: 'native',
  nameOf: nativeName,
  keyOf: nativeKey,
  isName: isNativeName,
  hasSums: true,
  filePermissions: 0o600,
  directoryPermissions: 0o700,
}

const formatVersion = 1

/** Content of `.engram/format.json`. */
export const formatText = (layout: Layout): string =>
  `${JSON.stringify({ format: 'engram-transcripts', version: formatVersion, layout: layout.name })}\n`

/** What a directory says of itself (TRN-304). `newer`: a version above ours, to be read only. */
export type Found = { readonly layout: 'native' | 'foreign' | 'new' | 'newer'; readonly version: number }

export async function detectLayout(files: Files, directory: string): Promise<Found> {
  const format = await files.readBytes(`${directory}/.engram/format.json`)
  if (format !== null) return fromFormat(Buffer.from(format).toString('utf8'))
  const entries = (await files.list(directory)) ?? []
  const sessions = entries.filter((entry) => /\.jsonl?$/.test(entry.name))
  if (sessions.length === 0) return { layout: 'new', version: formatVersion }
  for (const { name } of sessions.filter((entry) => entry.name.endsWith('.meta.json'))) {
    if (await isNativeMeta(files, `${directory}/${name}`)) return { layout: 'native', version: formatVersion }
  }
  return { layout: 'foreign', version: formatVersion }
}

function fromFormat(text: string): Found {
  const value = parse(text)
  if (!isRecord(value) || value['format'] !== 'engram-transcripts' || !Number.isSafeInteger(value['version'])) {
    throw new EngramError('storage_failed', '.engram/format.json: expected the format of a transcript directory', {
      hint: 'Restore the file, or remove it: the layout is then read from the session files.',
    })
  }
  const version = Number(value['version'])
  if (version > formatVersion) return { layout: 'newer', version }
  return { layout: value['layout'] === 'native' ? 'native' : 'foreign', version }
}

async function isNativeMeta(files: Files, path: string): Promise<boolean> {
  const bytes = await files.readBytes(path)
  const value = bytes === null ? null : parse(Buffer.from(bytes).toString('utf8'))
  return isRecord(value) && value['format'] !== undefined
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

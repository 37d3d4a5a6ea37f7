import { join } from 'node:path'
import { limits } from '../model/limits.ts'
import { sha256Hex } from '../platform/bytes.ts'
import type { EngineDeps } from './handler.ts'

/**
 * A conversation that a hook says has grown (ING-HOK-1): `spool/ingest/<hash of its path>.json`, one file for each, so that
 * a thousand steps of an agent leave as many notes as there are conversations.
 */
export type NotedTranscript = {
  readonly agent: string
  readonly path: string
  /** What happened: `stop`, `session-end` … */
  readonly event: string
  readonly at: string
}

/** A note as it lies there. */
export type Note = NotedTranscript & { readonly file: string; readonly bytes: Uint8Array }

type Doors = Pick<EngineDeps, 'dataDir' | 'files'>

const noteBytesMax = 16 * 1024
const nameShape = /^[0-9a-f]{32}\.json$/

export const notesDirectory = (dataDir: string): string => join(dataDir, 'spool', 'ingest')
export const noteName = (path: string): string => `${sha256Hex(path).slice(0, 32)}.json`

/** What waits, up to so many; one that is none is set aside as `.bad`. */
export async function notedTranscripts(doors: Doors, notesMax: number): Promise<readonly Note[]> {
  const directory = notesDirectory(doors.dataDir)
  const entries = (await doors.files.list(directory)) ?? []
  const names = entries.filter(({ kind, name }) => kind === 'file' && nameShape.test(name)).slice(0, notesMax)
  const notes: Note[] = []
  for (const { name } of names) {
    const file = join(directory, name)
    const bytes = await doors.files.readBytes(file)
    const noted = bytes === null ? null : noteIn(bytes)
    if (bytes !== null && noted !== null) notes.push({ ...noted, file, bytes })
    else if (bytes !== null) await doors.files.rename(file, `${file}.bad`)
  }
  return notes
}

/** Takes a note away whose conversation was read; one that was written anew meanwhile stays. */
export async function settleNote(doors: Doors, { file, bytes }: Note): Promise<void> {
  const now = await doors.files.readBytes(file)
  if (now !== null && Buffer.compare(now, bytes) === 0) await doors.files.remove(file)
}

function noteIn(bytes: Uint8Array): NotedTranscript | null {
  if (bytes.byteLength > noteBytesMax) return null
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return isNote(value) && value.path.length <= limits.directoryBytesMax ? value : null
  } catch {
    return null
  }
}

const isNote = (value: unknown): value is NotedTranscript =>
  typeof value === 'object' &&
  value !== null &&
  ['agent', 'path', 'event', 'at'].every((name) => typeof Reflect.get(value, name) === 'string')

import { join } from 'node:path'
import { limits } from '../model/limits.ts'
import { errorCodeOf, isMissing, writeAtomic, type FileFacts, type Files } from '../platform/files.ts'
import type { Random } from '../platform/random.ts'
import { decodeManifest, emptyManifest, encodeManifest, type ManifestReading } from '../protocol/manifest.ts'
import { isChunkId } from './chunk.ts'
import type { ChunkFile, ChunkRemote } from './remote.ts'

export type GitChunksOptions = {
  readonly files: Files
  readonly random: Random
  /** Real path of the sync dir. */
  readonly directory: string
  readonly dataDir: string
}

const suffix = '.jsonl.gz'
const filePermissions = 0o644
const directoryPermissions = 0o755

/** A folder of chunks that git carries (CHK-101 to CHK-105): `manifest.json` and `chunks/<id>.jsonl.gz`. */
export function gitChunks({ files, random, directory, dataDir }: GitChunksOptions): ChunkRemote {
  const chunks = join(directory, 'chunks')
  const manifest = join(directory, 'manifest.json')
  const pathOf = (id: string): string => join(chunks, `${id}${suffix}`)
  const markOf = async (id: string): Promise<string | null> =>
    isChunkId(id) ? markOfFacts(await files.facts(pathOf(id))) : null
  const unique = (): string => random.hex(8)
  const write = async (path: string, bytes: Uint8Array, temporary?: string): Promise<void> => {
    await writeAtomic(files, path, bytes, {
      permissions: filePermissions,
      unique: unique(),
      ...(temporary === undefined ? {} : { temporary }),
    })
  }
  return {
    name: directory,
    markOf,
    hasChunk: async (id) => (await markOf(id)) !== null,
    readManifest: () => readManifest(files, manifest),
    writeManifest: async (next) => {
      await files.makeDirectory(directory, directoryPermissions)
      await write(manifest, new TextEncoder().encode(encodeManifest(next)))
    },
    listChunks: async () => {
      const entries = (await files.list(chunks)) ?? []
      return entries
        .flatMap(({ name }) => (name.endsWith(suffix) ? [name.slice(0, -suffix.length)] : []))
        .filter(isChunkId)
    },
    readChunk: (id) => readChunk(files, id, pathOf(id)),
    writeChunk: async (id, packed) => {
      await files.makeDirectory(chunks, directoryPermissions)
      await ignoreDataDir(files, directory, dataDir, write)
      await write(pathOf(id), packed, join(chunks, `.tmp-${unique()}`))
    },
  }
}

/** Size, time and place of a file: when it differs, the file may have changed. */
const markOfFacts = (facts: FileFacts | null): string | null =>
  facts === null ? null : `${facts.size}:${facts.mtimeNs}:${facts.inode}`

async function readManifest(files: Files, path: string): Promise<ManifestReading> {
  const facts = await files.facts(path)
  if (facts === null) return { manifest: emptyManifest, isSound: true, isLost: false }
  // Nothing is read through a link, beyond every size, or of a file that a power cut left empty; the chunks tell what there is.
  const isReadable = facts.kind === 'file' && facts.size > 0 && facts.size <= limits.manifestBytesMax
  if (!isReadable) return { manifest: emptyManifest, isSound: false, isLost: true }
  const bytes = await readWhole(files, path, facts.size)
  return decodeManifest(new TextDecoder().decode(bytes))
}

/** Links are refused, and so is whatever is no file (CHK-105). */
async function readChunk(files: Files, id: string, path: string): Promise<ChunkFile> {
  if (!isChunkId(id)) return { kind: 'refused', reason: 'bad_chunk_id', mark: '' }
  const facts = await files.facts(path)
  const mark = markOfFacts(facts)
  if (facts === null || mark === null) return { kind: 'missing' }
  if (facts.kind !== 'file') return { kind: 'refused', reason: 'not_a_file', mark }
  if (facts.size > limits.chunkFileBytesMax) return { kind: 'refused', reason: 'too_large', mark }
  try {
    return { kind: 'file', packed: await readWhole(files, path, facts.size), mark }
  } catch (error) {
    if (isMissing(error)) return { kind: 'missing' }
    if (errorCodeOf(error) === 'ELOOP') return { kind: 'refused', reason: 'not_a_file', mark }
    throw error
  }
}

/** At most `size` bytes, which is what was seen before: a file that grows meanwhile is cut, and its hash then differs. */
async function readWhole(files: Files, path: string, size: number): Promise<Uint8Array> {
  const file = await files.open(path, 'read')
  try {
    const bytes = new Uint8Array(size)
    let at = 0
    while (at < size) {
      const got = await file.read(bytes.subarray(at), at)
      if (got === 0) break
      at += got
    }
    return bytes.subarray(0, at)
  } finally {
    await file.close()
  }
}

type Write = (path: string, bytes: Uint8Array) => Promise<void>

const ignored = ['engram.db*', 'spool/', 'backups/', 'transcripts/', 'queue/', 'instance_id']

/** Where the data dir lies in the folder that git carries, git must not carry the data dir (CHK-104). */
async function ignoreDataDir(files: Files, directory: string, dataDir: string, write: Write): Promise<void> {
  if (dataDir !== directory && !dataDir.startsWith(`${directory}/`)) return
  const path = join(directory, '.gitignore')
  const known = new TextDecoder().decode((await files.readBytes(path)) ?? new Uint8Array())
  const lines = known.split('\n').map((line) => line.trim())
  const missing = ignored.filter((line) => !lines.includes(line))
  if (missing.length === 0) return
  const begin = known === '' || known.endsWith('\n') ? known : `${known}\n`
  await write(path, new TextEncoder().encode(`${begin}${missing.join('\n')}\n`))
}

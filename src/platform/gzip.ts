import { promisify } from 'node:util'
import { createGunzip, gzip as gzipLater } from 'node:zlib'
import { errorCodeOf } from './files.ts'

/** Why a gzip stream gave no bytes; never more than `bytesMax` were held (CHK-703). */
export type GunzipFailure = 'unreadable_gzip' | 'truncated' | 'too_large'

export type Gunzipped =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly reason: GunzipFailure }

const partBytesMin = 64 * 1024
/** One part is made by the other thread without asking this one, which may be busy meanwhile. */
const partBytesMax = 4 * 1024 * 1024 + partBytesMin
/** More than this is first counted and only then kept, so that a bomb holds no memory while it is unmasked. */
const keptUnseenBytes = 16 * 1024 * 1024
/** Go writes 255: an unknown system (CHK-101). */
const systemByteAt = 9
const systemUnknown = 0xff

const pack = promisify<Uint8Array, { readonly level: number }, Buffer>(gzipLater)
const levelDefault = 6

/** One gzip member as Go writes it: no name, no time, no system. Another thread does the work. */
export async function gzip(bytes: Uint8Array, level = levelDefault): Promise<Uint8Array> {
  const packed = await pack(bytes, { level })
  packed[systemByteAt] = systemUnknown
  return packed
}

/** Unpacks one or more members, at most `bytesMax` bytes of them. Never throws over what the bytes are. */
export async function gunzip(packed: Uint8Array, bytesMax: number): Promise<Gunzipped> {
  const parts: Uint8Array[] = []
  let total = 0
  const first = await inflate(packed, (part) => {
    total += part.length
    if (total > bytesMax) return false
    if (total <= keptUnseenBytes) parts.push(part)
    else parts.length = 0
    return true
  })
  if (first !== null) return { ok: false, reason: first }
  if (total <= keptUnseenBytes) return { ok: true, bytes: joined(parts, total) }
  return { ok: true, bytes: await unpackCounted(packed, total) }
}

async function unpackCounted(packed: Uint8Array, total: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(total)
  let at = 0
  await inflate(packed, (part) => {
    bytes.set(part, at)
    at += part.length
    return true
  })
  return bytes
}

function joined(parts: readonly Uint8Array[], total: number): Uint8Array {
  const [only] = parts
  if (parts.length === 1 && only !== undefined) return only
  const bytes = new Uint8Array(total)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** The last four bytes of a stream say how long it was; they are believed for the size of the parts alone. */
function partBytesFor(packed: Uint8Array): number {
  const at = packed.length - 4
  const said = at < 0 ? 0 : new DataView(packed.buffer, packed.byteOffset, packed.length).getUint32(at, true)
  return Math.min(Math.max(said + 1, partBytesMin), partBytesMax)
}

/** Gives the parts one by one; `take` answers false to stop. Null when everything was given. */
function inflate(packed: Uint8Array, take: (part: Uint8Array) => boolean): Promise<GunzipFailure | null> {
  return new Promise((resolve) => {
    const stream = createGunzip({ chunkSize: partBytesFor(packed) })
    const end = (reason: GunzipFailure | null): void => {
      stream.destroy()
      resolve(reason)
    }
    stream.on('data', (part: Uint8Array) => {
      if (!take(part)) end('too_large')
    })
    stream.on('end', () => end(null))
    stream.on('error', (error) => end(errorCodeOf(error) === 'Z_BUF_ERROR' ? 'truncated' : 'unreadable_gzip'))
    stream.end(packed)
  })
}

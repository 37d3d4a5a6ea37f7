import { readSync, writeSync } from 'node:fs'
import { errorCodeOf } from './files.ts'

/**
 * Standard input and output of a process that lives for milliseconds, read and written at once: the streams of `process`
 * bring Node's whole network with them, which is a tenth of such a life.
 */

const pieceBytes = 64 * 1024
/** Who gave us the pipe may have made it one that never waits. */
const againMs = 1

/** Everything until the end of the input. Throws when it is longer. */
export function readStandardInput(bytesMax: number): Uint8Array {
  const parts: Uint8Array[] = []
  let bytes = 0
  for (let part = readPiece(); part.length > 0; part = readPiece()) {
    bytes += part.length
    if (bytes > bytesMax) throw new Error(`the input is larger than ${bytesMax} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts)
}

function readPiece(): Uint8Array {
  const into = new Uint8Array(pieceBytes)
  try {
    return into.subarray(
      0,
      whenReady(() => readSync(0, into)),
    )
  } catch (error) {
    // What Windows says at the end of a pipe.
    if (errorCodeOf(error) === 'EOF') return new Uint8Array(0)
    throw error
  }
}

/** Writes all of it; who does not listen any more is let be. */
export function writeStandardOutput(text: string): void {
  const bytes = new TextEncoder().encode(text)
  try {
    for (let at = 0; at < bytes.length;) at += whenReady(() => writeSync(1, bytes, at))
  } catch (error) {
    if (errorCodeOf(error) !== 'EPIPE') throw error
  }
}

function whenReady(work: () => number): number {
  for (;;) {
    try {
      return work()
    } catch (error) {
      if (errorCodeOf(error) !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, againMs)
    }
  }
}

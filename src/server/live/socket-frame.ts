/**
 * One whole text frame of a WebSocket as the server sends it: final, unmasked, not compressed (RFC 6455 §5.2). Made here so
 * that a frame for a thousand subscribers is made once; everything else of the protocol is the library's.
 * @param parts of the payload, in order
 */
export function textFrame(...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.byteLength, 0)
  const headBytes = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const frame = Buffer.allocUnsafe(headBytes + length)
  frame[0] = finalText
  if (headBytes === 2) frame[1] = length
  else if (headBytes === 4) {
    frame[1] = 126
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = 127
    frame.writeBigUInt64BE(BigInt(length), 2)
  }
  let at = headBytes
  for (const part of parts) {
    frame.set(part, at)
    at += part.byteLength
  }
  return frame
}

const finalText = 0x81

export const textFrameOf = (text: string): Buffer => textFrame(Buffer.from(text))

import { isObject, nameAt, objectAt, textAt } from './record.ts'
import type { JsonObject } from './record.ts'

/**
 * What stands for a picture or document: `[image image/png, 1234 bytes]` (ING-CC-22). The bytes themselves go no
 * further than the line they came in.
 */
export function mediaText(kind: string, block: JsonObject): string {
  const source = objectAt(block, 'source') ?? block
  const type = nameAt(source, 'media_type') ?? nameAt(source, 'mimeType') ?? nameAt(source, 'type') ?? 'unknown type'
  const data = textAt(source, 'data')
  return data === null ? `[${kind} ${short(type)}]` : `[${kind} ${short(type)}, ${base64Bytes(data)} bytes]`
}

/** The same for `data:<type>;base64,<data>`; other addresses are named as such. */
export function mediaUrlText(kind: string, url: string): string {
  const comma = url.indexOf(',')
  if (!url.startsWith('data:') || comma === -1) return `[${kind} url]`
  const type = url.slice(5, Math.min(comma, 105)).split(';')[0] ?? ''
  return `[${kind} ${short(type)}, ${base64Bytes(url, comma + 1)} bytes]`
}

const short = (type: string): string => type.slice(0, 100).replaceAll(/[^\w.+/ -]/g, '?')

function base64Bytes(data: string, from = 0): number {
  let end = data.length
  while (end > from && data[end - 1] === '=') end--
  return Math.floor(((end - from) * 3) / 4)
}

/** Blocks that hold bytes rather than text. */
export function isMedia(block: unknown): block is JsonObject & { readonly type: string } {
  return isObject(block) && (block.type === 'image' || block.type === 'document' || block.type === 'audio')
}

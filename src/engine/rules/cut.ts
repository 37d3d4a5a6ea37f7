import { limits } from '../../model/limits.ts'
import type { Truncation } from '../../model/records.ts'
import { cutUtf8, utf8Bytes } from '../../model/text.ts'

export const truncationMark = '... [truncated]'

export type Cut = { readonly text: string; readonly truncation?: Truncation }

/** Text over its limit is cut at a character boundary, marked, and reported; nothing is cut in silence (MEM-301). */
export function cutText(text: string, bytesMax: number): Cut {
  // Three bytes are the most a UTF-16 unit can take, so short texts need no counting.
  if (text.length * 3 <= bytesMax) return { text }
  const bytes = utf8Bytes(text)
  // What was cut and marked before is not cut and marked once more.
  const isCut = bytes <= bytesMax + truncationMark.length && text.endsWith(truncationMark)
  if (bytes <= bytesMax || isCut) return { text }
  return {
    text: cutUtf8(text, bytesMax) + truncationMark,
    truncation: { original_bytes: bytes, limit_bytes: bytesMax, truncated: true },
  }
}

const titleFromContentChars = 60

/** A title for a save that brought none: the first non-blank line, 60 characters (MEM-302). */
export function titleFromContent(content: string): string {
  const line = content.split('\n', 200).find((candidate) => candidate.trim() !== '') ?? ''
  return Array.from(line.trim()).slice(0, titleFromContentChars).join('')
}

export const cutTitle = (title: string): Cut => cutText(title, limits.titleBytesMax)

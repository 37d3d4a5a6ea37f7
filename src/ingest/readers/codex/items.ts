import { mediaUrlText } from '../media.ts'
import { isObject, nameAt, objectAt, textAt } from '../record.ts'
import type { JsonObject } from '../record.ts'

/** Text of `content[input_text, output_text, input_image]`, of whatever shape it came in (ING-CX-3). */
export function contentText(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content.flatMap(partText).join('\n')
}

function partText(part: unknown): readonly string[] {
  if (typeof part === 'string') return [part]
  if (!isObject(part)) return []
  const text = textAt(part, 'text')
  if (text !== null) return [text]
  if (part.type !== 'input_image' && part.type !== 'image')
    return [`[block ${(nameAt(part, 'type') ?? 'untyped').slice(0, 64)}]`]
  const url = part.image_url
  return [mediaUrlText('image', typeof url === 'string' ? url : isObject(url) ? (textAt(url, 'url') ?? '') : '')]
}

/** Texts of a reasoning item's summary. Its encrypted content is not looked at (ING-CX-4). */
export function reasoningText(payload: JsonObject): string {
  const summary = Array.isArray(payload.summary) ? payload.summary : []
  return summary
    .flatMap((each) => (isObject(each) ? (textAt(each, 'text') ?? []) : typeof each === 'string' ? each : []))
    .join('\n')
}

export type OutputSigns = {
  readonly text: string
  readonly exitCode: number | null
  /** What the item itself says of success, where it says it. */
  readonly success: boolean | null
}

const exitLine = /^(?:Exit code|Process exited with code):? (-?\d{1,10})\s*$/m
/** The exit line stands among the first few of the output. */
const exitLineChars = 400

/** Output of a call: a text, a JSON text or object with `output` and `metadata.exit_code`, or blocks (ING-CX-6). */
export function outputSigns(output: unknown): OutputSigns {
  if (typeof output === 'string') {
    const inner = jsonObject(output)
    if (inner !== null && (typeof inner.output === 'string' || objectAt(inner, 'metadata') !== null))
      return objectSigns(inner)
    return { text: output, exitCode: exitCodeIn(output), success: null }
  }
  if (isObject(output)) return objectSigns(output)
  const text = contentText(output)
  return { text, exitCode: exitCodeIn(text), success: null }
}

function objectSigns(output: JsonObject): OutputSigns {
  const body = output.output ?? output.content ?? output.body
  const text = typeof body === 'string' ? body : contentText(body)
  const stated = objectAt(output, 'metadata')?.exit_code
  const exitCode = typeof stated === 'number' && Number.isInteger(stated) ? stated : exitCodeIn(text)
  return { text, exitCode, success: typeof output.success === 'boolean' ? output.success : null }
}

function exitCodeIn(text: string): number | null {
  const head = text.slice(0, exitLineChars)
  const body = head.search(/^Output:/m)
  const code = exitLine.exec(body === -1 ? head : head.slice(0, body))?.[1]
  return code === undefined ? null : Number(code)
}

/** Null when the text is no JSON object. */
export function jsonObject(text: string): JsonObject | null {
  if (!text.trimStart().startsWith('{')) return null
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : null
  } catch {
    return null
  }
}

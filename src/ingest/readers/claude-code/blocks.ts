import { isMedia, mediaText } from '../media.ts'
import { isObject, nameAt, textAt } from '../record.ts'
import type { JsonObject } from '../record.ts'

/** One block of a message's content, of whatever shape it came in (ING-LIN-5). */
export type Block =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'media'; readonly text: string }
  | { readonly kind: 'thinking'; readonly text: string }
  | { readonly kind: 'call'; readonly callId: string; readonly name: string; readonly input: JsonObject }
  | { readonly kind: 'result'; readonly callId: string; readonly text: string; readonly isError: boolean }
  | { readonly kind: 'unknown'; readonly type: string }

/** The blocks of `message.content`; null when there is no content at all. */
export function blocksOf(content: unknown): readonly Block[] | null {
  if (typeof content === 'string') return [{ kind: 'text', text: content }]
  if (!Array.isArray(content)) return null
  return content.map(blockOf)
}

function blockOf(block: unknown): Block {
  if (typeof block === 'string') return { kind: 'text', text: block }
  if (!isObject(block)) return { kind: 'unknown', type: typeof block }
  const type = nameAt(block, 'type') ?? 'untyped'
  if (isMedia(block)) return { kind: 'media', text: mediaText(block.type, block) }
  if (type === 'text') return textBlock(block, type)
  if (type === 'thinking') return { kind: 'thinking', text: textAt(block, 'thinking') ?? '' }
  if (type.endsWith('tool_use')) return callBlock(block, type)
  return type.endsWith('tool_result') ? resultBlock(block, type) : { kind: 'unknown', type }
}

function textBlock(block: JsonObject, type: string): Block {
  const text = textAt(block, 'text')
  return text === null ? { kind: 'unknown', type } : { kind: 'text', text }
}

function callBlock(block: JsonObject, type: string): Block {
  const callId = nameAt(block, 'id')
  const name = nameAt(block, 'name')
  if (callId === null || name === null) return { kind: 'unknown', type }
  return { kind: 'call', callId, name, input: isObject(block.input) ? block.input : {} }
}

function resultBlock(block: JsonObject, type: string): Block {
  const callId = nameAt(block, 'tool_use_id')
  if (callId === null) return { kind: 'unknown', type }
  return { kind: 'result', callId, text: resultText(block.content), isError: block.is_error === true }
}

/** Text of a result, pictures named in its place. Of blocks that are neither, their title or type. */
function resultText(content: unknown): string {
  if (content === undefined || content === null) return ''
  const blocks = blocksOf(content)
  if (blocks === null) return isObject(content) ? partText(content) : ''
  return blocks.map((block, index) => blockText(block, Array.isArray(content) ? content[index] : null)).join('\n')
}

function blockText(block: Block, raw: unknown): string {
  if (block.kind === 'text' || block.kind === 'media' || block.kind === 'thinking') return block.text
  return isObject(raw) ? partText(raw) : ''
}

const partText = (part: JsonObject): string =>
  ['title', 'url', 'text', 'tool_name', 'error_code'].flatMap((key) => nameAt(part, key) ?? []).join(' ') ||
  `[block ${(nameAt(part, 'type') ?? 'untyped').slice(0, 64)}]`

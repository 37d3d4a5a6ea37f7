import { sha256Hex } from '../../platform/bytes.ts'
import { encodeGoJson } from '../../protocol/go-json.ts'

/**
 * Names rows that came without a `sync_id`, the same on every machine (CHK-604). One per document: of several equal rows
 * the second is `#2`, the third `#3`, in the order of the document.
 */
export type LegacyIds = {
  observation(row: {
    readonly session_id: string
    readonly created_at?: string | undefined
    readonly type?: string | undefined
    readonly title?: string | undefined
  }): string
  prompt(row: {
    readonly session_id: string
    readonly created_at?: string | undefined
    readonly content: string
  }): string
}

export function createLegacyIds(): LegacyIds {
  const seen = new Map<string, number>()
  const name = (prefix: string, parts: readonly string[]): string => {
    const json = encodeGoJson(parts)
    const count = (seen.get(json) ?? 0) + 1
    seen.set(json, count)
    const hashed = sha256Hex(`engram/legacy/1\n${json}${count === 1 ? '' : `#${count}`}`)
    return `${prefix}-${hashed.slice(0, 32)}`
  }
  return {
    observation: (row) =>
      name('obs', ['observation', row.session_id, row.created_at ?? '', row.type ?? '', row.title ?? '']),
    prompt: (row) => name('prompt', ['prompt', row.session_id, row.created_at ?? '', row.content]),
  }
}

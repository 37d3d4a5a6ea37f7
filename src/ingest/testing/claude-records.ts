/** Invented Claude Code records for tests: each builder gives one, with the fields that matter and room for others. */
type Fields = Readonly<Record<string, unknown>>

export type RecordChain = {
  user(content: unknown, extra?: Fields): string
  assistant(blocks: readonly unknown[], extra?: Fields): string
  result(callId: string, content: unknown, extra?: Fields): string
  system(subtype: string, extra?: Fields): string
  progress(extra?: Fields): string
  attachment(attachment: Fields, extra?: Fields): string
  /** A record without an id of its own. */
  bare(type: string, fields: Fields): string
  /** All lines so far, each ended by a line feed. */
  text(): string
  lines(): readonly string[]
}

export const text = (words: string): Fields => ({ type: 'text', text: words })

export const call = (id: string, name: string, input: Fields): Fields => ({ type: 'tool_use', id, name, input })

/**
 * Records of one session that follow one another; each builder gives the new record's uuid. A `parentUuid` among the
 * extra fields makes a fork.
 */
export function recordChain(sessionId = 'aaaaaaaa-0000-4000-8000-000000000001', prefix = 'r'): RecordChain {
  const lines: string[] = []
  let last: string | null = null
  const startMs = Date.parse('2030-01-01T10:00:00.000Z')
  const stamp = (): string => new Date(startMs + lines.length * 1000).toISOString()
  const add = (type: string, fields: Fields): string => {
    const uuid = typeof fields.uuid === 'string' ? fields.uuid : `${prefix}-${lines.length + 1}`
    const envelope = {
      parentUuid: last,
      isSidechain: false,
      userType: 'external',
      cwd: '/srv/place',
      sessionId,
      version: '9.9.9',
      gitBranch: 'main',
    }
    lines.push(JSON.stringify({ ...envelope, type, uuid, timestamp: stamp(), ...fields }))
    last = uuid
    return uuid
  }
  return {
    user: (content, extra = {}) => add('user', { message: { role: 'user', content }, ...extra }),
    assistant: (blocks, extra = {}) => {
      const { id, usage, model, ...others } = extra
      const message = {
        id: id ?? `msg-${lines.length + 1}`,
        role: 'assistant',
        model: model ?? 'model-a',
        content: blocks,
        usage,
      }
      return add('assistant', { message, ...others })
    },
    result: (callId, content, extra = {}) => {
      const { is_error: isError, ...others } = extra
      const block = { type: 'tool_result', tool_use_id: callId, content, is_error: isError }
      return add('user', { message: { role: 'user', content: [block] }, toolUseResult: {}, ...others })
    },
    system: (subtype, extra = {}) => add('system', { subtype, ...extra }),
    progress: (extra = {}) => add('progress', { data: { type: 'hook_progress' }, ...extra }),
    attachment: (attachment, extra = {}) => add('attachment', { attachment, ...extra }),
    bare: (type, fields) => {
      lines.push(JSON.stringify({ type, timestamp: stamp(), sessionId, ...fields }))
      return ''
    },
    text: () => lines.map((line) => `${line}\n`).join(''),
    lines: () => lines,
  }
}

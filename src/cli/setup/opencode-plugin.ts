/**
 * The plug-in of OpenCode, with the program as it is started: thin, everything is done by `engram hook`. It is written by
 * `engram setup`; `plugins/opencode/engram.ts` is the same with `engram` from the PATH.
 */
export const openCodePlugin = (
  program: readonly string[],
  dataDirOptions: readonly string[],
): string => `import { execFile } from 'node:child_process'

// Engram's hooks for OpenCode, written by \`engram setup\`. Every step goes on, whatever happens to Engram.
const program = ${listOf(program)}
const options = ${listOf(dataDirOptions)}
const timeoutMs = 10_000
// Writers of memory, with the field in which they take the session.
const writers = {
  engram_mem_save: 'session_id',
  engram_mem_session_summary: 'session_id',
  engram_mem_capture_passive: 'session_id',
  engram_mem_save_prompt: 'session_id',
  engram_mem_judge: 'session_id',
  engram_mem_session_start: 'id',
  engram_mem_session_end: 'id',
  engram_ctx_post: 'session_id',
  engram_lock_acquire: 'session_id',
  engram_lock_renew: 'session_id',
  engram_lock_release: 'session_id',
}
const editors = ['edit', 'write', 'multiedit', 'patch', 'apply_patch']

/** What \`engram hook\` answers, or null: nothing to say, or something went wrong. */
function hook(event, input) {
  return new Promise((resolve) => {
    const [command, ...first] = program
    const words = [...first, 'hook', 'opencode', event, ...options]
    const child = execFile(command, words, { timeout: timeoutMs, windowsHide: true }, (error, stdout) => {
      try {
        resolve(error || stdout === '' ? null : (JSON.parse(stdout).hookSpecificOutput ?? null))
      } catch {
        resolve(null)
      }
    })
    child.stdin.on('error', () => undefined)
    child.stdin.end(JSON.stringify(input))
  })
}

export const Engram = async ({ directory }) => {
  const contexts = new Map()
  const start = (sessionID, source) => {
    const told = hook('session-start', { session_id: sessionID, cwd: directory, source })
    contexts.set(
      sessionID,
      told.then((answer) => answer?.additionalContext ?? ''),
    )
  }
  return {
    event: async ({ event }) => {
      const properties = event.properties ?? {}
      if (event.type === 'session.created' && properties.info?.parentID === undefined)
        start(properties.info?.id, 'startup')
      if (event.type === 'session.compacted') start(properties.sessionID, 'compact')
      if (event.type === 'session.idle') await hook('stop', { session_id: properties.sessionID, cwd: directory })
      if (event.type === 'session.deleted') {
        contexts.delete(properties.info?.id)
        await hook('session-end', { session_id: properties.info?.id, cwd: directory })
      }
    },
    'chat.message': async ({ sessionID }, output) => {
      const prompt = output.parts
        .flatMap((part) => (part.type === 'text' && !part.synthetic ? [part.text] : []))
        .join('\\n')
      await hook('user-prompt-submit', { session_id: sessionID, cwd: directory, prompt })
    },
    'experimental.chat.system.transform': async ({ sessionID }, output) => {
      const context = sessionID === undefined ? '' : await contexts.get(sessionID)
      if (context) output.system.push(context)
    },
    'tool.execute.before': async ({ tool, sessionID }, output) => {
      if (Object.hasOwn(writers, tool)) output.args = { ...output.args, [writers[tool]]: sessionID }
      if (!editors.includes(tool)) return
      const input = { session_id: sessionID, cwd: directory, tool_name: tool, tool_input: output.args }
      const answer = await hook('pre-tool-use', input)
      if (answer?.permissionDecision === 'deny') throw new Error(answer.permissionDecisionReason)
    },
  }
}
`

/** A list of texts as source: JSON strings with single quotes. */
const listOf = (words: readonly string[]): string =>
  `[${words.map((word) => `'${JSON.stringify(word).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`).join(', ')}]`

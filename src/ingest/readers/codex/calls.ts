import type { CallAction } from '../../entries.ts'
import { cutEnd, cutInput, kept } from '../cut.ts'
import { isObject, nameAt, objectAt, textAt } from '../record.ts'
import type { JsonObject } from '../record.ts'
import { jsonObject } from './items.ts'

export type CodexCall = {
  /** Null when the item names none. */
  readonly callId: string | null
  readonly name: string
  readonly input: JsonObject
  readonly action: CallAction
}

const shells: ReadonlySet<string> = new Set(['shell', 'shell_command', 'exec_command', 'local_shell', 'container.exec'])
const shellNames = /(?:^|\/)(?:ba|z|da|k)?sh$/
const patchFile = /^\*\*\* (?:Add|Update|Delete) File: (.{1,4096})$/gm
const patchFilesMax = 200

/** A call item (ING-CX-5); null when it has no name. */
export function callOf(type: string, payload: JsonObject): CodexCall | null {
  const callId = nameAt(payload, 'call_id') ?? nameAt(payload, 'id')
  if (type === 'local_shell_call' || type === 'web_search_call') {
    const name = type === 'local_shell_call' ? 'local_shell' : 'web_search'
    return shaped(callId, name, objectAt(payload, 'action') ?? {})
  }
  const name = nameAt(payload, 'name')
  if (name === null) return null
  return shaped(callId, name, type === 'custom_tool_call' ? customInput(payload) : argumentsOf(payload))
}

/** `arguments` is JSON in a text; what is none is kept as it is. */
function argumentsOf(payload: JsonObject): JsonObject {
  const given = payload.arguments
  if (isObject(given)) return given
  if (typeof given !== 'string' || given.trim() === '') return {}
  return jsonObject(given) ?? { arguments: given }
}

const customInput = (payload: JsonObject): JsonObject =>
  isObject(payload.input) ? payload.input : { input: textAt(payload, 'input') ?? '' }

function shaped(callId: string | null, name: string, given: JsonObject): CodexCall {
  const input = cutInput(given)
  return { callId, name, input, action: actionOf(name, input) }
}

/** The action of a call, from its name and its (already bounded) input. */
export function actionOf(name: string, input: JsonObject): CallAction {
  if (name === 'apply_patch') return patchAction(textAt(input, 'input') ?? textAt(input, 'patch') ?? '')
  if (!shells.has(name)) return { kind: 'other' }
  const command = commandOf(input.cmd ?? input.command)
  return command.includes('*** Begin Patch') && /\bapply_patch\b/.test(command.slice(0, 400))
    ? patchAction(command)
    : { kind: 'command', command }
}

/** A text, or the words of a command; of `bash -lc X` the X. */
function commandOf(command: unknown): string {
  if (typeof command === 'string') return command
  if (!Array.isArray(command)) return ''
  const words = command.filter((word) => typeof word === 'string')
  const [program = '', flag = '', script] = words
  if (shellNames.test(program) && /^-[a-z]*c$/.test(flag) && script !== undefined) return script
  return words.map(quoted).join(' ')
}

const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`

function patchAction(patch: string): CallAction {
  const files = [...patch.matchAll(patchFile)].slice(0, patchFilesMax).map((match) => (match[1] ?? '').trim())
  const lines = patch.split('\n').filter((line) => /^[+-]/.test(line))
  return {
    kind: 'change',
    files: [...new Set(files)],
    diff: lines.length === 0 ? null : cutEnd(lines.join('\n'), kept.noteBytesMax),
  }
}

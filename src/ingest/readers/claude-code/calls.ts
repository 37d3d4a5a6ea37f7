import type { AskedQuestion, CallAction } from '../../entries.ts'
import { cutEnd, kept } from '../cut.ts'
import { isObject, listAt, nameAt, textAt } from '../record.ts'
import type { JsonObject } from '../record.ts'

type Act = (input: JsonObject) => CallAction

const other: CallAction = { kind: 'other' }

const change: Act = (input) => {
  const path = nameAt(input, 'file_path') ?? nameAt(input, 'notebook_path')
  return path === null ? other : { kind: 'change', files: [path], diff: diffOf(input) }
}

const read: Act = (input) => {
  const path = nameAt(input, 'file_path') ?? nameAt(input, 'notebook_path') ?? nameAt(input, 'path')
  return path === null ? other : { kind: 'read', path }
}

/** What Claude Code's tools are to the rules. A tool nobody here knows is `other`. */
const actions: ReadonlyMap<string, Act> = new Map<string, Act>([
  ['Bash', (input) => ({ kind: 'command', command: textAt(input, 'command') ?? '' })],
  ['Edit', change],
  ['MultiEdit', change],
  ['Write', change],
  ['NotebookEdit', change],
  ['Read', read],
  ['NotebookRead', read],
  ['AskUserQuestion', (input) => ({ kind: 'question', questions: questionsOf(input) })],
  ['ExitPlanMode', (input) => ({ kind: 'plan', plan: textAt(input, 'plan') ?? '' })],
])

/** The action of a call, from its name and its (already bounded) input. */
export function actionOf(name: string, input: JsonObject): CallAction {
  return actions.get(name)?.(input) ?? other
}

function questionsOf(input: JsonObject): readonly AskedQuestion[] {
  return listAt(input, 'questions')
    .filter(isObject)
    .map((each) => ({ question: textAt(each, 'question') ?? '', options: optionsOf(each) }))
    .filter((each) => each.question !== '')
}

function optionsOf(question: JsonObject): AskedQuestion['options'] {
  return listAt(question, 'options').flatMap((option) => {
    if (typeof option === 'string') return [{ label: option, description: '' }]
    if (!isObject(option)) return []
    return [{ label: textAt(option, 'label') ?? '', description: textAt(option, 'description') ?? '' }]
  })
}

/** The changed lines, `-` before `+`, of an edit or of each edit of several; what is equal at both ends goes. */
function diffOf(input: JsonObject): string | null {
  const edits = listAt(input, 'edits').filter(isObject)
  const parts = (edits.length > 0 ? edits : [input]).map(changedLines).filter((part) => part !== '')
  return parts.length === 0 ? null : cutEnd(parts.join('\n'), kept.noteBytesMax)
}

function changedLines(edit: JsonObject): string {
  const before = linesOf(textAt(edit, 'old_string') ?? '')
  const after = linesOf(textAt(edit, 'new_string') ?? textAt(edit, 'content') ?? textAt(edit, 'new_source') ?? '')
  let start = 0
  while (start < before.length && start < after.length && before[start] === after[start]) start++
  let equalAtEnd = 0
  const most = Math.min(before.length, after.length) - start
  while (equalAtEnd < most && before.at(-1 - equalAtEnd) === after.at(-1 - equalAtEnd)) equalAtEnd++
  const removed = before.slice(start, before.length - equalAtEnd).map((line) => `-${line}`)
  const added = after.slice(start, after.length - equalAtEnd).map((line) => `+${line}`)
  return [...removed, ...added].join('\n')
}

const linesOf = (text: string): readonly string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'))

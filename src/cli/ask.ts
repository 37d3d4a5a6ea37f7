import { EngramError } from '../model/errors.ts'
import type { CommandContext } from './command.ts'

/** Questions to the person; the package is read only when there is one to ask. */
const prompts = () => import('@clack/prompts')

/**
 * Whether to go on. `--yes` says so beforehand; where nobody can answer it is `confirmation_required` (DESIGN §3.3).
 * False: the person said no, or gave up.
 */
export async function confirmed(context: CommandContext, question: string): Promise<boolean> {
  if (context.flag('yes')) return true
  if (!context.terminal.isInteractive) {
    throw new EngramError('confirmation_required', question.replace(/\?$/, '.'), { hint: 'Pass --yes to do it.' })
  }
  const { confirm, isCancel } = await prompts()
  const answer = await confirm({ message: question, initialValue: false, signal: context.signal })
  const isSure = !isCancel(answer) && answer
  if (!isSure) context.note('Nothing was done.')
  return isSure
}

/** One of some answers by its key; null when the person gave up. */
export async function chosen<T extends string>(
  context: CommandContext,
  question: string,
  answers: readonly { readonly value: T; readonly label: string; readonly hint?: string }[],
): Promise<T | null> {
  const { select, isCancel } = await prompts()
  const answer = await select<string>({ message: question, options: [...answers], signal: context.signal })
  return isCancel(answer) ? null : (answers.find((one) => one.value === answer)?.value ?? null)
}

/** A text changed by the person; null when they gave up. */
export async function edited(context: CommandContext, label: string, before: string): Promise<string | null> {
  const { text, multiline, isCancel } = await prompts()
  const options = { message: label, initialValue: before, signal: context.signal }
  const answer = before.includes('\n') ? await multiline({ ...options, showSubmit: true }) : await text(options)
  return isCancel(answer) ? null : answer
}

import { cutCodePoints } from '../../model/text.ts'

/** What stands around a prompt, as far as a hook knows it. */
export type HookQueryParts = {
  readonly prompt: string
  /** Paths of files worked on lately, the last first. */
  readonly files: readonly string[]
  readonly branch: string
  readonly error: string
}

/** A longer prompt says in its beginning what it is about. */
const promptCodePointsMax = 2_000
const filesMax = 10
const partCodePointsMax = 200

/**
 * The query of a prompt (RET-309): what was asked, names of files, the branch, the first line of an error, in this order.
 * More words find better, and search itself leaves out what is too common or too much (RET-302, RET-303).
 */
export function hookQuery({ prompt, files, branch, error }: HookQueryParts): string {
  const names = files.slice(0, filesMax).map((path) => path.split(/[/\\]/).at(-1) ?? '')
  const firstLine = error.split(/\r?\n/).find((line) => line.trim() !== '') ?? ''
  const around = [...new Set(names), branch, firstLine].map((part) => cutCodePoints(part.trim(), partCodePointsMax, ''))
  return [cutCodePoints(prompt, promptCodePointsMax, ''), ...around].filter((part) => part !== '').join('\n')
}

import { EngramError } from '../model/errors.ts'
import type { Profile, Tool } from './tool.ts'

const profiles = ['core', 'agent', 'admin'] as const satisfies readonly Profile[]

/**
 * The tools a list of profiles and names selects, in the table's order (MEM-1201). Blank text is `core`; a word that is
 * neither profile nor tool is `usage`.
 */
export function selectTools(tools: readonly Tool[], selection: string | undefined): readonly Tool[] {
  const words = (selection ?? '').split(',').flatMap((word) => (word.trim() === '' ? [] : [word.trim()]))
  const wanted = words.length === 0 ? ['core'] : words
  const unknown = wanted.find((word) => !isKnown(tools, word))
  if (unknown !== undefined) {
    throw new EngramError('usage', `Expected profiles or names of tools, got ${JSON.stringify(unknown)}.`, {
      hint: `Profiles are ${profiles.join(', ')} and all; tools are ${tools.map((one) => one.name).join(', ')}.`,
    })
  }
  return tools.filter((one) => wanted.some((word) => word === 'all' || word === one.name || isIn(one, word)))
}

const isIn = (one: Tool, word: string): boolean => one.profiles.some((profile) => profile === word)

const isKnown = (tools: readonly Tool[], word: string): boolean =>
  word === 'all' || profiles.some((profile) => profile === word) || tools.some((one) => one.name === word)

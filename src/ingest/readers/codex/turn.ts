import { sha256Hex } from '../../../platform/bytes.ts'

/**
 * Texts of one turn that came in one of the two logs and await their mirror in the other (ING-CX-8). Each text counts
 * as often as it came.
 */
export type Mirrors = {
  add(text: string): void
  /** True, once per `add`, when the text was added. */
  take(text: string): boolean
  clear(): void
  save(): readonly (readonly [string, number])[]
}

const textsMax = 256

const keyOf = (text: string): string => sha256Hex(text.trim()).slice(0, 16)

export function createMirrors(saved: readonly (readonly [string, number])[]): Mirrors {
  const counts = new Map(saved)
  return {
    add: (text) => {
      const key = keyOf(text)
      if (counts.has(key) || counts.size < textsMax) counts.set(key, (counts.get(key) ?? 0) + 1)
    },
    take: (text) => {
      const key = keyOf(text)
      const count = counts.get(key) ?? 0
      if (count > 1) counts.set(key, count - 1)
      else counts.delete(key)
      return count > 0
    },
    clear: () => counts.clear(),
    save: () => [...counts],
  }
}

export function mirrorsFrom(value: unknown): readonly (readonly [string, number])[] | null {
  if (!Array.isArray(value)) return null
  const isPair = (each: unknown): each is readonly [string, number] =>
    Array.isArray(each) && typeof each[0] === 'string' && typeof each[1] === 'number'
  return value.every(isPair) ? value : null
}

const wrappers: readonly string[] = [
  'environment_context',
  'permissions instructions',
  'user_instructions',
  'turn_aborted',
  'INSTRUCTIONS',
]

/** A user item that is wholly the program's own words, where no `user_message` tells (ING-CX-8). */
export function isOwnText(text: string): boolean {
  const body = text.trim()
  if (body.startsWith('# AGENTS.md instructions')) return true
  return wrappers.some((name) => body.startsWith(`<${name}`) && body.endsWith(`</${name}>`))
}

/** The directory an `<environment_context>` names: the older form has it nowhere else (ING-CX-10). */
export function environmentCwd(text: string): string | null {
  if (!text.trim().startsWith('<environment_context>')) return null
  const tag =
    /<cwd>([^<]{1,4096})<\/cwd>/.exec(text)?.[1] ?? /^Current working directory: (.{1,4096})$/m.exec(text)?.[1]
  return tag === undefined ? null : tag.trim()
}

import { EngramError } from '../model/errors.ts'

/**
 * What an agent gave, read leniently (MEM-1205): numbers and truth values may come as text, null and blank text count as
 * not given, unknown names are nobody's concern.
 */
export type Arguments = {
  text(name: string, ...aliases: readonly string[]): string | undefined
  /** As {@link text}, or `invalid_request` that names the field. */
  needed(name: string, ...aliases: readonly string[]): string
  number(name: string): number | undefined
  flag(name: string): boolean | undefined
  ref(name: string, ...aliases: readonly string[]): number | string
  choice<T extends string>(name: string, choices: readonly T[]): T | undefined
}

export function argumentsOf(given: Readonly<Record<string, unknown>>): Arguments {
  const value = (names: readonly string[]): unknown => {
    const name = names.find((one) => Object.hasOwn(given, one) && given[one] !== null && given[one] !== '')
    return name === undefined ? undefined : given[name]
  }
  const text = (...names: readonly string[]): string | undefined => {
    const found = value(names)
    if (found === undefined || typeof found === 'string') return found
    if (typeof found === 'number' || typeof found === 'boolean') return String(found)
    throw wrong(names[0] ?? '', 'text', found)
  }
  const needed = (...names: readonly string[]): string => {
    const found = text(...names)
    if (found === undefined) throw wrong(names[0] ?? '', 'text', undefined)
    return found
  }
  return {
    text: (name, ...aliases) => text(name, ...aliases),
    needed: (name, ...aliases) => needed(name, ...aliases),
    number: (name) => {
      const found = text(name)
      if (found === undefined) return undefined
      const number = Number(found)
      if (!Number.isFinite(number)) throw wrong(name, 'a number', found)
      return number
    },
    flag: (name) => {
      const found = text(name)?.trim().toLowerCase()
      if (found === undefined) return undefined
      if (['true', '1', 'yes'].includes(found)) return true
      if (['false', '0', 'no'].includes(found)) return false
      throw wrong(name, 'true or false', found)
    },
    ref: (name, ...aliases) => {
      const found = needed(name, ...aliases).trim()
      return /^\d{1,15}$/.test(found) ? Number(found) : found
    },
    choice: (name, choices) => {
      const found = text(name)
      if (found === undefined) return undefined
      const chosen = choices.find((one) => one === found)
      if (chosen === undefined) throw wrong(name, `one of ${choices.join(', ')}`, found)
      return chosen
    },
  }
}

function wrong(field: string, expected: string, came: unknown): EngramError {
  const shown = came === undefined ? 'nothing' : (JSON.stringify(came) ?? 'nothing').slice(0, 80)
  return new EngramError('invalid_request', `${field}: expected ${expected}, got ${shown}.`, { details: { field } })
}

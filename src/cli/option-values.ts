import { categories, parseCategory, type Category } from '../model/categories.ts'
import { EngramError } from '../model/errors.ts'
import type { CommandContext } from './command.ts'

/** Typed options as values; what does not fit is `usage` and names the option. */

/** A whole number from `min` on. */
export function numberOption(context: CommandContext, name: string, min = 0): number | undefined {
  const given = context.option(name)
  if (given === undefined) return undefined
  const value = /^-?\d{1,15}$/.test(given.trim()) ? Number(given) : Number.NaN
  if (value >= min) return value
  throw misfit(name, `a whole number of at least ${min}`, given)
}

/** A number from 0 to 1. */
export function shareOption(context: CommandContext, name: string): number | undefined {
  const given = context.option(name)
  if (given === undefined) return undefined
  const value = given.trim() === '' ? Number.NaN : Number(given)
  if (value >= 0 && value <= 1) return value
  throw misfit(name, 'a number from 0 to 1', given)
}

/** A whole number and `m`, `h`, `d` or `w` (ING-CLI-1). */
export function durationOption(context: CommandContext, name: string): string | undefined {
  const given = context.option(name)
  if (given === undefined || /^0*[1-9]\d{0,8}[mhdw]$/.test(given)) return given
  throw misfit(name, 'a duration such as 30m, 12h, 7d or 2w', given)
}

export function categoryOption(context: CommandContext, name = 'category'): Category | undefined {
  const given = context.option(name)
  return given === undefined ? undefined : categoryOf(given)
}

/** Comma-separated categories. */
export function categoriesOption(context: CommandContext, name = 'category'): readonly Category[] | undefined {
  const given = context.options(name).flatMap((one) => one.split(','))
  return given.length === 0 ? undefined : given.map(categoryOf)
}

/** Unknown words are told the eight there are (ING-REV-5). */
export function categoryOf(word: string): Category {
  const category = parseCategory(word)
  if (category !== null) return category
  throw new EngramError('usage', `Expected a category, got ${JSON.stringify(word)}.`, {
    hint: `Categories: ${categories.join(', ')}.`,
  })
}

/** One of the words an operation knows; the parser has checked it already, this gives it its type. */
export function choiceOption<T extends string>(
  context: CommandContext,
  name: string,
  choices: readonly T[],
): T | undefined {
  const given = context.option(name)
  if (given === undefined) return undefined
  const choice = choices.find((one) => one === given)
  if (choice === undefined) throw misfit(name, `one of ${choices.join(', ')}`, given)
  return choice
}

/** The word a command cannot run without; the parser has already refused a line that lacks it. */
export const requiredArgument = (context: CommandContext, name: string): string => context.argument(name) ?? ''

/** An option a command cannot run without. */
export function requiredOption(context: CommandContext, name: string): string {
  const given = context.option(name)
  if (given !== undefined) return given
  throw new EngramError('usage', `Expected --${name}.`)
}

export const misfit = (name: string, expected: string, given: string): EngramError =>
  new EngramError('usage', `--${name}: expected ${expected}, got ${JSON.stringify(given)}.`)

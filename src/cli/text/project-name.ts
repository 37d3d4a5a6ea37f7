import { visible } from '../visible.ts'

/**
 * A project's name as it stands in lists: one word, whatever it is called. Blanks, `%` and characters a shell acts on
 * are percent-encoded, and every command decodes them (ING-CMD-4). Invisible characters are encoded too.
 */
export const encodedName = (name: string): string =>
  name
    .replace(unsafe, (character) => percent(character))
    .replace(/./gsu, (character) => (visible(character) === character ? character : percent(character)))

const unsafe = /[\s%*?[\]$"'`\\;&|<>()!#~]/gu

const percent = (character: string): string =>
  Array.from(
    new TextEncoder().encode(character),
    (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('')

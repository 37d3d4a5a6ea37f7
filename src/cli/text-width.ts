/** How much room text takes on a terminal, and breaking it into lines that fit. Text here is already visible. */

// East Asian wide and full-width characters of Unicode 15, and emoji, as hexadecimal ranges.
const wideRanges = [
  '1100-115f 231a-231b 2329-232a 23e9-23ec 23f0 23f3 25fd-25fe 2614-2615 2648-2653 267f 2693 26a1 26aa-26ab',
  '26bd-26be 26c4-26c5 26ce 26d4 26ea 26f2-26f3 26f5 26fa 26fd 2705 270a-270b 2728 274c 274e 2753-2755 2757',
  '2795-2797 27b0 27bf 2b1b-2b1c 2b50 2b55 2e80-303e 3041-3247 3250-4dbf 4e00-a4c6 a960-a97c ac00-d7a3',
  'f900-fad9 fe10-fe19 fe30-fe6b ff01-ff60 ffe0-ffe6 16fe0-1b2fb 1f004 1f0cf 1f18e 1f191-1f19a 1f200-1f320',
  '1f32d-1f335 1f337-1f37c 1f37e-1f393 1f3a0-1f3ca 1f3cf-1f3d3 1f3e0-1f3f0 1f3f4 1f3f8-1f43e 1f440',
  '1f442-1f4fc 1f4ff-1f53d 1f54b-1f54e 1f550-1f567 1f57a 1f595-1f596 1f5a4 1f5fb-1f64f 1f680-1f6c5 1f6cc',
  '1f6d0-1f6d2 1f6d5-1f6df 1f6eb-1f6ec 1f6f4-1f6fc 1f7e0-1f7f0 1f90c-1f93a 1f93c-1f945 1f947-1f9ff',
  '1fa70-1faf6 20000-3134a',
]
  .flatMap((line) => line.split(' '))
  .map((range) => range.split('-').map((hex) => Number.parseInt(hex, 16)))

// Joiners (Cf) and variation selectors (Mn) among them.
const zeroWidth = /^[\p{Mn}\p{Me}\p{Cf}]$/u

/** Columns of a terminal that a text takes; colours count nothing. */
export function textWidth(text: string): number {
  let width = 0
  // oxlint-disable-next-line no-control-regex -- colours begin with ESC
  for (const character of text.replace(/\u001b\[[\d;]*m/g, '')) width += characterWidth(character)
  return width
}

function characterWidth(character: string): number {
  const code = character.codePointAt(0) ?? 0
  if (code < 0x300) return 1
  if (zeroWidth.test(character)) return 0
  return wideRanges.some(([from = 0, to = from]) => code >= from && code <= to) ? 2 : 1
}

/** Lines of at most `columns`, broken at blanks, and inside a word only when it alone is longer. */
export function wrapText(text: string, columns: number): readonly string[] {
  const room = Math.max(1, columns)
  return text.split('\n').flatMap((line) => wrapLine(line, room))
}

function wrapLine(line: string, room: number): readonly string[] {
  if (textWidth(line) <= room) return [line]
  const lines: string[] = []
  let current = ''
  for (const word of line.split(' ').flatMap((one) => pieces(one, room))) {
    const joined = current === '' ? word : `${current} ${word}`
    if (current !== '' && textWidth(joined) > room) {
      lines.push(current)
      current = word
    } else current = joined
  }
  return [...lines, current]
}

function pieces(word: string, room: number): readonly string[] {
  if (textWidth(word) <= room) return [word]
  const parts: string[] = []
  let rest = word
  while (textWidth(rest) > room) {
    // One letter may be wider than all the room there is.
    const part = cutToWidth(rest, room) || firstLetter(rest)
    parts.push(part)
    rest = rest.slice(part.length)
  }
  return rest === '' ? parts : [...parts, rest]
}

const firstLetter = (text: string): string => String.fromCodePoint(text.codePointAt(0) ?? 0x20)

function cutToWidth(text: string, room: number): string {
  let width = 0
  let cut = ''
  for (const character of text) {
    width += characterWidth(character)
    if (width > room) break
    cut += character
  }
  return cut
}

/** A text in at most `columns`, with `…` where something was left out. */
export const fitText = (text: string, columns: number): string =>
  textWidth(text) <= columns ? text : columns <= 1 ? '…' : `${cutToWidth(text, columns - 1)}…`

/** How much room text takes on a terminal, and breaking it into lines that fit. Text here is already visible. */

// Written out: a package for this is larger than all of the command line.
const wide: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x231a, 0x231b],
  [0x23e9, 0x23ec],
  [0x25fd, 0x25fe],
  [0x2614, 0x2615],
  [0x2648, 0x2653],
  [0x26aa, 0x26ab],
  [0x26bd, 0x26be],
  [0x2705, 0x2705],
  [0x270a, 0x270b],
  [0x274c, 0x274c],
  [0x2753, 0x2755],
  [0x2795, 0x2797],
  [0x2b1b, 0x2b1c],
  [0x2b50, 0x2b50],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1faff],
  [0x20000, 0x3fffd],
]

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
  return wide.some(([from, to]) => code >= from && code <= to) ? 2 : 1
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
    const part = cutToWidth(rest, room)
    parts.push(part)
    rest = rest.slice(part.length)
  }
  return rest === '' ? parts : [...parts, rest]
}

function cutToWidth(text: string, room: number): string {
  let width = 0
  let cut = ''
  for (const character of text) {
    width += characterWidth(character)
    if (width > room && cut !== '') break
    cut += character
  }
  return cut
}

/** A text in at most `columns`, with `…` where something was left out. */
export const fitText = (text: string, columns: number): string =>
  textWidth(text) <= columns ? text : columns <= 1 ? '…' : `${cutToWidth(text, columns - 1)}…`

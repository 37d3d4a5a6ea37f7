/**
 * Text from memory made safe for a terminal: control, bidirectional and tag characters are shown, never obeyed
 * (RET-757). Line breaks stay where `keepLines` says so. Joiners stay: scripts and emoji need them.
 */
export function visible(text: string, options: { readonly keepLines?: boolean } = {}): string {
  return text.replace(hidden, (character) => {
    if (character === '\n') return options.keepLines === true ? '\n' : ' '
    if (character === '\t') return options.keepLines === true ? '    ' : ' '
    if (character === '\r') return ''
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
  })
}

/** As {@link visible}, in one line without runs of blanks. */
export const oneLine = (text: string): string => visible(text).replace(/ {2,}/g, ' ').trim()

/** JSON that a terminal cannot mistake for orders: the same value, with what it would obey written as `\uXXXX`. */
export function visibleJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(hiddenInJson, (character) =>
    Array.from({ length: character.length }, (_, at) => escaped(character.charCodeAt(at))).join(''),
  )
}

const escaped = (unit: number): string => `\\u${unit.toString(16).padStart(4, '0')}`

// Controls, invisible and bidirectional marks, line and paragraph separators, tag characters.
const hidden =
  // oxlint-disable-next-line no-control-regex -- controls are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu

// JSON.stringify has already written the controls below U+0020 as escapes; its own line breaks must stay.
const hiddenInJson =
  // oxlint-disable-next-line no-control-regex -- controls are what is looked for
  /[\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu

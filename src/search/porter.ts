/**
 * The stemmer of SQLite's `porter` tokeniser, letter for letter (RET-752): the index keeps no text, so snippets,
 * explanations and document frequencies need the same stems on this side. It works on UTF-8 bytes, where every byte of a
 * letter outside ASCII counts as a consonant; here such letters are written as that many placeholders.
 */
const stemBytesMin = 3
const stemBytesMax = 64

/** The index term of one folded word. */
export function stem(word: string): string {
  const bytes = byteLength(word)
  if (bytes < stemBytesMin || bytes > stemBytesMax) return word
  return bytes === word.length ? stemAscii(word) : stemWide(word)
}

function byteLength(word: string): number {
  let bytes = 0
  for (const letter of word) bytes += utf8Length(letter.codePointAt(0) ?? 0)
  return bytes
}

const utf8Length = (point: number): number => (point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4)

/** Bytes of one letter differ from each other, so none of them counts as doubled. */
const placeholders = '#$%&'

/** Suffixes are ASCII, so stemming the placeholder form tells how the last, ASCII part changes. */
function stemWide(word: string): string {
  const letters = Array.from(word)
  const lastWide = letters.findLastIndex((letter) => (letter.codePointAt(0) ?? 0) >= 0x80)
  const head = letters.slice(0, lastWide + 1)
  const masked = head
    .map((letter) => (letter < '\x80' ? letter : placeholders.slice(0, utf8Length(letter.codePointAt(0) ?? 0))))
    .join('')
  const stemmed = stemAscii(masked + letters.slice(lastWide + 1).join(''))
  return stemmed.startsWith(masked) ? head.join('') + stemmed.slice(masked.length) : word
}

function stemAscii(word: string): string {
  let text = firstY(stepOneB(stepOneA(word)))
  for (const step of [stepTwo, stepThree, stepFour]) text = step(text)
  return finalL(finalE(text))
}

const isVowel = (letter: string | undefined, afterConsonant: boolean): boolean =>
  letter === 'a' ||
  letter === 'e' ||
  letter === 'i' ||
  letter === 'o' ||
  letter === 'u' ||
  (afterConsonant && letter === 'y')

/** Where the first vowel-consonant step from `from` ends; 0 when there is none. */
function gobble(text: string, end: number, from: number, afterConsonant: boolean): number {
  let consonant = afterConsonant
  let at = from
  for (; at < end; at++) {
    consonant = !isVowel(text[at], consonant)
    if (!consonant) break
  }
  for (at++; at < end; at++) {
    consonant = !isVowel(text[at], consonant)
    if (consonant) return at + 1
  }
  return 0
}

const measureOver0 = (text: string, end: number): boolean => gobble(text, end, 0, false) > 0
function measureOver1(text: string, end: number): boolean {
  const first = gobble(text, end, 0, false)
  return first > 0 && gobble(text, end, first, true) > 0
}
function measureIs1(text: string, end: number): boolean {
  const first = gobble(text, end, 0, false)
  return first > 0 && gobble(text, end, first, true) === 0
}

function hasVowel(text: string, end: number): boolean {
  for (let at = 0; at < end; at++) if (isVowel(text[at], at > 0)) return true
  return false
}

/** Ends consonant-vowel-consonant, the last not `w`, `x` or `y`. */
function endsCvc(text: string, end: number): boolean {
  const last = text[end - 1]
  if (last === 'w' || last === 'x' || last === 'y') return false
  let mask = 0
  let consonant = false
  for (let at = 0; at < end; at++) {
    consonant = !isVowel(text[at], consonant)
    mask = ((mask << 1) | (consonant ? 1 : 0)) & 7
  }
  return mask === 5
}

function stepOneA(text: string): string {
  const length = text.length
  if (!text.endsWith('s')) return text
  if (text[length - 2] !== 'e') return text[length - 2] === 's' ? text : text.slice(0, -1)
  const dropsTwo = (length > 4 && text.slice(-4, -2) === 'ss') || (length > 3 && text[length - 3] === 'i')
  return text.slice(0, dropsTwo ? -2 : -1)
}

function stepOneB(text: string): string {
  const length = text.length
  if (length > 3 && text.endsWith('eed')) return measureOver0(text, length - 3) ? `${text.slice(0, -3)}ee` : text
  if (length > 2 && text.endsWith('ed') && hasVowel(text, length - 2)) return afterOneB(text.slice(0, -2))
  if (length > 3 && text.endsWith('ing') && hasVowel(text, length - 3)) return afterOneB(text.slice(0, -3))
  return text
}

function afterOneB(text: string): string {
  if (text.length > 2 && /(?:at|bl|iz)$/.test(text)) return `${text}e`
  const last = text.at(-1)
  if (last === text.at(-2) && !isVowel(last, false) && last !== 'l' && last !== 's' && last !== 'z')
    return text.slice(0, -1)
  return measureIs1(text, text.length) && endsCvc(text, text.length) ? `${text}e` : text
}

const firstY = (text: string): string =>
  text.endsWith('y') && hasVowel(text, text.length - 1) ? `${text.slice(0, -1)}i` : text

type Rule = readonly [suffix: string, replacement: string]
type Condition = (text: string, end: number) => boolean

/** The first rule whose suffix fits decides, also when its condition then fails. */
function step(rules: readonly Rule[], condition: (suffix: string) => Condition): (text: string) => string {
  return (text) => {
    for (const [suffix, replacement] of rules) {
      if (text.length <= suffix.length || !text.endsWith(suffix)) continue
      const end = text.length - suffix.length
      return condition(suffix)(text, end) ? text.slice(0, end) + replacement : text
    }
    return text
  }
}

const rulesOf = (list: string): readonly Rule[] =>
  list.split(' ').map((rule) => {
    const [suffix = '', replacement = ''] = rule.split('>')
    return [suffix, replacement]
  })

const stepTwo = step(
  rulesOf(
    'ational>ate tional>tion enci>ence anci>ance izer>ize logi>log bli>ble alli>al entli>ent eli>e ousli>ous ' +
      'ization>ize ation>ate ator>ate alism>al iveness>ive fulness>ful ousness>ous aliti>al iviti>ive biliti>ble',
  ),
  () => measureOver0,
)
const stepThree = step(rulesOf('ical>ic ness> icate>ic iciti>ic ful> ative> alize>al'), () => measureOver0)

const endsSOrT: Condition = (text, end) => /[st]/.test(text[end - 1] ?? '') && measureOver1(text, end)
const stepFour = step(
  rulesOf('al> ance> ence> er> ic> able> ible> ant> ement> ment> ent> ion> ou> ism> ate> iti> ous> ive> ize>'),
  (suffix) => (suffix === 'ion' ? endsSOrT : measureOver1),
)

function finalE(text: string): string {
  const end = text.length - 1
  if (!text.endsWith('e')) return text
  return measureOver1(text, end) || (measureIs1(text, end) && !endsCvc(text, end)) ? text.slice(0, -1) : text
}

const finalL = (text: string): string =>
  text.endsWith('ll') && measureOver1(text, text.length - 1) ? text.slice(0, -1) : text

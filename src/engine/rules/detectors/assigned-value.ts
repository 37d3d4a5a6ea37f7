import { isWordStart } from './characters.ts'

/** A name that says secret: `at` is where the telling word begins, `start` and `end` enclose the whole name. */
export type SecretName = {
  readonly text: string
  readonly start: number
  readonly at: number
  readonly suffix: string
  readonly end: number
}

export type Place = {
  readonly start: number
  /** Prose (`the password is …`), so the value must look like nothing else. */
  readonly isSpoken: boolean
  /** `NAME=value` that begins its line: a shell or env file, where the value goes on to the next space. */
  readonly isWholeLine: boolean
}

const quote = '(?:\\\\{0,15}["\'`])'
/** `password = `, `"api_key": `, `'token' => `, `Secret := `, `pw: string = `, `${PASSWORD:-`, `**Key:** `, `(name) value: `. */
const operator = new RegExp(
  [
    `${quote}?\\]?[?!]?(?:\\*\\*)?[ \\t]{0,8}(?:`,
    ":[ \\t]{0,8}&?(?:'static )?(?:string|str|String)[ \\t]{0,8}=(?!=)|",
    '=>|:=|:-|[!=]==?|\\?\\?=|\\|\\|=|[=:]|%3D)(?:\\*\\*)?[ \\t]{0,8}',
    `|${quote}?,?\\s{1,24}${quote}?value${quote}?[ ]{0,4}[:=][ ]{0,4}`,
  ].join(''),
  'iy',
)
const flagGap = /=|[ \t]{1,4}(?!-)|\\?["'],[ ]{0,2}(?=\\?["'])/y
const argument = /\((?=\\?["'`])/y
const dockerGap = /[ ]{1,4}(?=\S)/y
const sqlGap = /[ ]{1,4}(?=\\?')/y
const element = />(?=[^<\s]{6,200}<\/)/y
const spoken = /(?:[ ](?:for|of|to)[ ][\w.@-]{1,40})?[ ](?:is|was)[:]?[ ]{1,2}/iy
/** A random value right behind the word, on the same line or the next. */
const adjacent = /\s{1,2}(?=[\w+/=-]{20})/y

/** Where the value of a name begins, if one follows. Reads a bounded part of the text. */
export function assignedPlace(text: string, name: SecretName): Place | undefined {
  const start = after(operator, text, name.end)
  if (start !== undefined) {
    const isTight = start === name.end + 1 && text.charAt(name.end) === '='
    return { start, isSpoken: false, isWholeLine: isTight && isLineStart(text, name.start) }
  }
  const given = givenAt(text, name)
  if (given !== undefined) return { start: given, isSpoken: false, isWholeLine: false }
  if (!isPlainWord(text, name)) return undefined
  const said = after(spoken, text, name.end) ?? netrcValue(text, name) ?? after(adjacent, text, name.end)
  return said === undefined ? undefined : { start: said, isSpoken: true, isWholeLine: false }
}

/** `--password x`, `setPassword("x")`, `ENV API_KEY x` of a Dockerfile, `<password>x</password>`, `PASSWORD 'x'` of SQL. */
function givenAt(text: string, name: SecretName): number | undefined {
  if (text.startsWith('--', name.start) && isWordStart(text, name.start)) return after(flagGap, text, name.end)
  if (/set_?$/i.test(text.slice(name.start, name.at))) return after(argument, text, name.end)
  if (/(?:^|\n)(?:ENV|ARG) $/.test(text.slice(Math.max(0, name.start - 5), name.start))) {
    return after(dockerGap, text, name.end)
  }
  const inElement = after(element, text, name.end)
  return inElement ?? (/^(?:password|identified by)$/i.test(name.text) ? after(sqlGap, text, name.end) : undefined)
}

/** In prose the word stands by itself; within base64 three letters can spell anything. */
const isPlainWord = (text: string, { start, at, suffix }: SecretName): boolean =>
  start === at && suffix === '' && (at === 0 || /[\s"'`(*]/.test(text.charAt(at - 1)))

/** `login ann password …` of a .netrc line. */
function netrcValue(text: string, name: SecretName): number | undefined {
  if (name.text !== 'password' || text.charAt(name.end) !== ' ') return undefined
  return /\blogin \S{1,64} $/.test(text.slice(Math.max(0, name.start - 80), name.start)) ? name.end + 1 : undefined
}

const isLineStart = (text: string, start: number): boolean =>
  /(?:^|\n|\\n)[+>]?(?:[ ]{0,4}(?:export|set|ENV|ARG) )?$/.test(text.slice(Math.max(0, start - 16), start)) &&
  (start <= 16 || /\n|\\n/.test(text.slice(start - 16, start)))

/** Where the sticky pattern ends when it matches at `at`. */
function after(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : undefined
}

/** What the rules see of a source file: words, strings and punctuation. Comments are left out. */
export type Token = {
  readonly kind: 'word' | 'number' | 'string' | 'template' | 'regex' | 'punctuation'
  /** As written; of a string or a template without `${`, its content. */
  readonly text: string
  /** 1-based. */
  readonly line: number
}

const space = /\s/y
const lineComment = /\/\/[^\n]*|#![^\n]*/y
const blockComment = /\/\*[\s\S]*?(?:\*\/|$)/y
const word = /#?[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/uy
const number = /\.?\d[\w.]*/y
const quoted = /'(?:[^'\\\n]|\\[\s\S])*'?|"(?:[^"\\\n]|\\[\s\S])*"?/y
const regex = /\/(?![*/])(?:[^\\/[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y
/** A template, from its opening quote or from the `}` that ends a substitution, up to the next `${` or its end. */
const templatePart = /[`}](?:[^`\\$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{|$)/y

/** After these words a slash begins a regular expression; after any other word it divides. */
const beforeRegex = new Set('return typeof case in of delete void throw new else do instanceof yield await'.split(' '))

/** Splits TypeScript into tokens. Never throws: what it cannot read becomes single characters. */
export function tokensOf(source: string): readonly Token[] {
  const tokens: Token[] = []
  /** One entry per open template substitution: how many braces are open inside it. */
  const substitutions: number[] = []
  let at = 0
  let line = 1

  const match = (pattern: RegExp): string | null => {
    pattern.lastIndex = at
    return pattern.exec(source)?.[0] ?? null
  }
  const take = (text: string, kind?: Token['kind'], content = text): void => {
    if (kind !== undefined) tokens.push({ kind, text: content, line })
    line += text.split('\n').length - 1
    at += text.length
  }
  const takeTemplate = (text: string): void => {
    if (text.startsWith('}')) substitutions.pop()
    const whole = text.startsWith('`') && text.endsWith('`') && text.length > 1
    take(text, 'template', whole ? text.slice(1, -1) : text)
    if (text.endsWith('${')) substitutions.push(0)
  }
  const takePunctuation = (text: string): void => {
    const depth = substitutions.length - 1
    if (depth >= 0 && text === '{') substitutions[depth] = (substitutions[depth] ?? 0) + 1
    if (depth >= 0 && text === '}') substitutions[depth] = (substitutions[depth] ?? 0) - 1
    take(text, 'punctuation')
  }

  while (at < source.length) {
    const character = String.fromCodePoint(source.codePointAt(at) ?? 0)
    const skipped = match(space) ?? match(lineComment) ?? match(blockComment)
    if (skipped !== null) {
      take(skipped)
      continue
    }
    if (character === '`' || (character === '}' && substitutions.at(-1) === 0)) {
      takeTemplate(match(templatePart) ?? character)
      continue
    }
    const string = match(quoted)
    if (string !== null) {
      take(string, 'string', string.slice(1, -1))
      continue
    }
    const expression = beginsExpression(tokens.at(-1)) ? match(regex) : null
    if (expression !== null) {
      take(expression, 'regex')
      continue
    }
    const name = match(word)
    const digits = name === null ? match(number) : null
    if (name !== null) take(name, 'word')
    else if (digits !== null) take(digits, 'number')
    else takePunctuation(character)
  }
  return tokens
}

function beginsExpression(previous: Token | undefined): boolean {
  if (previous === undefined) return true
  if (previous.kind === 'word') return beforeRegex.has(previous.text)
  return previous.kind === 'punctuation' && !')]'.includes(previous.text)
}

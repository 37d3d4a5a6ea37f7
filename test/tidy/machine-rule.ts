import { rowOf } from './import-rules.ts'
import type { Token } from './tokens.ts'
import { type Finding, finding, type SourceFile } from './tree.ts'

const timers: readonly string[] = ['setTimeout', 'setInterval']

const calls: readonly string[] = [...timers, 'fetch']

/** Property reads that reach the clock, chance or the process. An empty list means any property. */
const reaches: Readonly<Record<string, readonly string[]>> = {
  Date: ['now'],
  Math: ['random'],
  performance: [],
  process: [],
  crypto: ['randomUUID', 'getRandomValues'],
}

/** Clock, chance, environment and process come in as arguments; only the doors and the faces reach for them. */
export function checkMachine(files: readonly SourceFile[]): readonly Finding[] {
  return files.flatMap((file) => {
    const allowed = rowOf(file)?.machine ?? 'none'
    if (file.test || allowed === 'all') return []
    return file.module.tokens.flatMap((token, at, tokens) => {
      const use = useAt(tokens, at)
      if (use === null || (allowed === 'timers' && timers.includes(use))) return []
      return [finding(file, token.line, `${use}: take it as an argument (platform/ has the door)`)]
    })
  })
}

function useAt(tokens: readonly Token[], at: number): string | null {
  const token = tokens[at]
  if (token?.kind !== 'word' || isName(tokens, at)) return null
  const next = tokens[at + 1]?.text
  if (calls.includes(token.text) && next === '(' && !isDeclared(tokens, at + 1)) return token.text
  if (token.text === 'Date' && isNow(tokens, at)) return 'new Date()'
  const properties = Object.hasOwn(reaches, token.text) ? reaches[token.text] : undefined
  const property = next === '.' ? (tokens[at + 2]?.text ?? '') : null
  if (properties === undefined || property === null) return null
  return properties.length === 0 || properties.includes(property) ? `${token.text}.${property}` : null
}

/** `x.process`, `{ process: … }`, `function fetch(`: the name of something else. */
function isName(tokens: readonly Token[], at: number): boolean {
  const before = tokens[at - 1]?.text
  if (before === '.') return tokens[at - 2]?.text !== 'globalThis'
  return before === 'function' || tokens[at + 1]?.text === ':'
}

/** `fetch(url: string): Promise<…>` and `fetch(url) { … }` in a type, a class or an object. */
function isDeclared(tokens: readonly Token[], open: number): boolean {
  let depth = 0
  for (let at = open; at < tokens.length; at += 1) {
    const { kind, text } = tokens[at] ?? { kind: 'punctuation', text: '' }
    if (kind !== 'punctuation') continue
    if (text === '(') depth += 1
    if (text === ')') depth -= 1
    if (depth === 0) return tokens[at + 1]?.text === ':' || tokens[at + 1]?.text === '{'
  }
  return false
}

/** `new Date`, `new Date()`, `Date()`; not `Date(x)`, nor the type `Date`. */
function isNow(tokens: readonly Token[], at: number): boolean {
  const [next, following] = [tokens[at + 1]?.text, tokens[at + 2]?.text]
  const made = tokens[at - 1]?.text === 'new'
  return next === '(' ? following === ')' : made
}

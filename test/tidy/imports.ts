import { type Token, tokensOf } from './tokens.ts'

export type Import = {
  readonly specifier: string
  /** `static` also for `export … from`; `dynamic` for `import('…')` and `require('…')`, in types too. */
  readonly kind: 'static' | 'dynamic'
  readonly typeOnly: boolean
  /** The statement only hands on what it imports. */
  readonly reexport: boolean
  readonly line: number
}

/** How one file is written, as far as the rules ask. */
export type Module = {
  readonly tokens: readonly Token[]
  readonly imports: readonly Import[]
  readonly defaultExportLine: number | null
  /** Imports, re-exports and nothing of its own. */
  readonly barrel: boolean
}

/** Reads a module. Strings, templates, comments and regular expressions that look like imports are not. */
export function moduleOf(source: string): Module {
  const tokens = tokensOf(source)
  const imports: Import[] = []
  let defaultExportLine: number | null = null
  let own = 0
  for (let at = 0; at < tokens.length;) {
    const read = readStatement(tokens, at)
    if (read.import !== null) imports.push(read.import)
    if (read.exportsDefault) defaultExportLine ??= tokens[at]?.line ?? null
    if (!read.handsOn) own += 1
    at = read.next
  }
  const handsOn = imports.some((one) => one.reexport) || (imports.length > 0 && tokens.some((one) => is(one, 'export')))
  return { tokens, imports, defaultExportLine, barrel: own === 0 && handsOn }
}

type Read = {
  readonly next: number
  readonly import: Import | null
  readonly exportsDefault: boolean
  /** Belongs to an import or a re-export: nothing of the file's own. */
  readonly handsOn: boolean
}

function readStatement(tokens: readonly Token[], at: number): Read {
  const token = tokens[at]
  const nothing: Read = { next: at + 1, import: null, exportsDefault: false, handsOn: is(token, ';') }
  if (token === undefined || is(tokens[at - 1], '.')) return nothing
  if (is(token, 'import') || is(token, 'require')) {
    const call = readCall(tokens, at)
    if (call !== null) return { ...nothing, import: call, next: at + 3 }
    return is(token, 'import') ? (readClause(tokens, at, false) ?? nothing) : nothing
  }
  if (!is(token, 'export')) return nothing
  if (is(tokens[at + 1], 'default')) return { ...nothing, exportsDefault: true }
  return readClause(tokens, at, true) ?? nothing
}

function readCall(tokens: readonly Token[], at: number): Import | null {
  const target = tokens[at + 2]
  if (!is(tokens[at + 1], '(') || target === undefined) return null
  if (target.kind !== 'string' && target.kind !== 'template') return null
  return { specifier: target.text, kind: 'dynamic', typeOnly: false, reexport: false, line: target.line }
}

/** `import x, { y } from '…'` · `import '…'` · `import type …` · `export * from '…'` · `export { x } from '…'` · `export { x }`. */
function readClause(tokens: readonly Token[], start: number, reexport: boolean): Read | null {
  const line = tokens[start]?.line ?? 0
  let at = start + 1
  const bare = tokens[at]
  const done = (next: number, specifier: string | null, typeOnly: boolean, exportsDefault = false): Read => ({
    next,
    import: specifier === null ? null : { specifier, kind: 'static', typeOnly, reexport, line },
    exportsDefault,
    handsOn: true,
  })
  if (!reexport && bare?.kind === 'string') return done(at + 1, bare.text, false)
  const typeOnly =
    is(bare, 'type') && !is(tokens[at + 1], ',') && !(is(tokens[at + 1], 'from') && tokens[at + 2]?.kind === 'string')
  if (typeOnly) at += 1
  const named = is(tokens[at], '*') || is(tokens[at], '{')
  if (!named && (reexport || tokens[at]?.kind !== 'word')) return null
  let exportsDefault = false
  for (; at < tokens.length; at += 1) {
    const token = tokens[at]
    const following = tokens[at + 1]
    if (reexport && is(token, 'default') && !is(following, 'as')) exportsDefault = true
    if (is(token, 'from') && following?.kind === 'string') return done(at + 2, following.text, typeOnly, exportsDefault)
    if (reexport && is(token, '}') && !is(following, 'from')) return done(at + 1, null, typeOnly, exportsDefault)
    if (is(token, ';') || is(token, '(') || is(token, '=')) return null
  }
  return null
}

function is(token: Token | undefined, text: string): boolean {
  return token !== undefined && token.text === text && (token.kind === 'word' || token.kind === 'punctuation')
}

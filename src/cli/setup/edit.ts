import { isDeepStrictEqual } from 'node:util'
import { findNodeAtLocation, getNodeValue, parseTree, type Node, type ParseError } from 'jsonc-parser'
import { parse as parseToml } from 'smol-toml'
import { EngramError } from '../../model/errors.ts'
import { cutOut, putItem, putValue, replaceAt } from './json-splice.ts'

/** One thing that shall stand in a file. Text before and after it stays as it is, byte for byte (MEM-1503). */
export type Change =
  /** With `isDefault` what stands there already stays, whatever it is. */
  | {
      readonly kind: 'json'
      readonly path: readonly string[]
      readonly value: unknown
      readonly isDefault?: boolean
    }
  /** An element of a list; ours is known by `mark` in its text. */
  | { readonly kind: 'json-item'; readonly path: readonly string[]; readonly value: unknown; readonly mark: string }
  | { readonly kind: 'block'; readonly comment: '#' | 'md'; readonly text: string }
  /** The file is ours alone. */
  | { readonly kind: 'file'; readonly text: string }

/** The text with the change in it. Throws `conflict` with a plain message where the file cannot be understood. */
export function withChange(text: string, change: Change): string {
  switch (change.kind) {
    case 'json':
      return withJson(text, change)
    case 'json-item':
      return withItem(text, change)
    case 'block':
      return withBlock(text, change)
    case 'file':
      return change.text
  }
}

/** The text without what the change put there, and nothing else gone; `before` is what stood there at first. */
export function withoutChange(text: string, change: Change, before: string): string {
  switch (change.kind) {
    case 'json':
      return change.isDefault === true && valueAt(before, change.path) !== undefined
        ? text
        : withoutJson(text, change.path, before)
    case 'json-item':
      return withoutItem(text, change, before)
    case 'block':
      return withoutBlock(text, change.comment)
    case 'file':
      return text
  }
}

const broken = (what: string): EngramError =>
  new EngramError('conflict', `it is not valid ${what}`, { hint: 'Repair the file, then run engram setup again.' })

function treeOf(text: string): Node | undefined {
  const errors: ParseError[] = []
  const tree = parseTree(text, errors, { allowTrailingComma: true })
  if (errors.length > 0 && text.trim() !== '') throw broken('JSON')
  if (tree !== undefined && tree.type !== 'object') throw broken('JSON with an object at its root')
  return tree
}

function valueAt(text: string, path: readonly string[]): unknown {
  const tree = treeOf(text)
  const node = tree === undefined ? undefined : findNodeAtLocation(tree, [...path])
  // The package's objects have no prototype, so that two equal ones would differ.
  return node === undefined ? undefined : (JSON.parse(JSON.stringify(getNodeValue(node))) as unknown)
}

function withJson(text: string, { path, value, isDefault }: Extract<Change, { kind: 'json' }>): string {
  const known = valueAt(text, path)
  if (isDeepStrictEqual(known, value) || (isDefault === true && known !== undefined)) return text
  checkParents(text, path)
  return putValue(text, path, value)
}

function withItem(text: string, change: Extract<Change, { kind: 'json-item' }>): string {
  const { path, value, mark } = change
  const items = valueAt(text, path)
  if (items !== undefined && !Array.isArray(items)) throw broken(`JSON with a list at ${path.join('.')}`)
  checkParents(text, path)
  const at = (items ?? []).findIndex((one: unknown) => isOurs(one, mark))
  if (at !== -1) {
    const isSame = isDeepStrictEqual((items ?? [])[at], value)
    return isSame ? text : replaceAt(text, [...path, at], value)
  }
  return items === undefined ? putValue(text, path, [value]) : putItem(text, path, value)
}

/** What is named on the way must be objects: a string called `hooks` is the user's business. */
function checkParents(text: string, path: readonly string[]): void {
  for (let depth = 1; depth < path.length; depth++) {
    const value = valueAt(text, path.slice(0, depth))
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    if (value !== undefined && !isObject) throw broken(`JSON with an object at ${path.slice(0, depth).join('.')}`)
  }
}

const isOurs = (item: unknown, mark: string): boolean =>
  ((JSON.stringify(item) as string | undefined) ?? '').includes(JSON.stringify(mark).slice(1, -1))

function withoutJson(text: string, path: readonly string[], before: string): string {
  if (valueAt(text, path) === undefined) return text
  return withoutEmptyParents(cutOut(text, path), path, before)
}

function withoutItem(text: string, change: Extract<Change, { kind: 'json-item' }>, before: string): string {
  const items = valueAt(text, change.path)
  const at = Array.isArray(items) ? items.findIndex((one: unknown) => isOurs(one, change.mark)) : -1
  if (at === -1) return text
  const next = cutOut(text, [...change.path, at])
  const left = valueAt(next, change.path)
  const isEmptied = Array.isArray(left) && left.length === 0 && valueAt(before, change.path) === undefined
  return isEmptied ? withoutEmptyParents(cutOut(next, change.path), change.path, before) : next
}

/** Objects that are empty now and were not there at first. */
function withoutEmptyParents(text: string, path: readonly string[], before: string): string {
  let next = text
  for (let depth = path.length - 1; depth > 0; depth--) {
    const parent = path.slice(0, depth)
    const value = valueAt(next, parent)
    const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0
    if (!isEmpty || valueAt(before, parent) !== undefined) break
    next = cutOut(next, parent)
  }
  return next
}

const marks = {
  '#': { begin: '# engram:begin', end: '# engram:end' },
  md: { begin: '<!-- engram:begin -->', end: '<!-- engram:end -->' },
} as const

function withBlock(text: string, change: Extract<Change, { kind: 'block' }>): string {
  const eol = text.includes('\r\n') ? '\r\n' : '\n'
  const { begin, end } = marks[change.comment]
  const block = [begin, ...change.text.split('\n'), end].join(eol)
  const place = placeOfBlock(text, change.comment)
  const gap = text === '' ? '' : text.endsWith('\n') ? eol : eol + eol
  const next =
    place === null ? `${text}${gap}${block}${eol}` : text.slice(0, place.start) + block + text.slice(place.end)
  if (change.comment === '#') checkToml(text, next)
  return next
}

function placeOfBlock(text: string, comment: '#' | 'md'): { readonly start: number; readonly end: number } | null {
  const { begin, end } = marks[comment]
  const start = text.indexOf(begin)
  const stop = start === -1 ? -1 : text.indexOf(end, start)
  return stop === -1 ? null : { start, end: stop + end.length }
}

/** Broken before, it is left alone; broken by our block, a table of the same name stands there already. */
function checkToml(before: string, after: string): void {
  try {
    parseToml(before)
  } catch {
    throw broken('TOML')
  }
  try {
    parseToml(after)
  } catch {
    throw new EngramError('conflict', 'it already has its own [mcp_servers.engram]', {
      hint: 'Remove that table, then run engram setup again.',
    })
  }
}

function withoutBlock(text: string, comment: '#' | 'md'): string {
  const place = placeOfBlock(text, comment)
  if (place === null) return text
  const before = text.slice(0, place.start)
  const after = text.slice(place.end).replace(/^\r?\n/, '')
  return before.replace(/(\r?\n)\r?\n$/, '$1') + after
}

import { findNodeAtLocation, parseTree, type Node } from 'jsonc-parser'

/** As the text itself is written: its line ends and one step of its indentation. */
type Manner = { readonly eol: string; readonly step: string }

const mannerOf = (text: string): Manner => ({
  eol: text.includes('\r\n') ? '\r\n' : '\n',
  step: /^([ \t]+)\S/m.exec(text)?.[1] ?? '  ',
})

/**
 * Puts a value into JSON with comments by one insertion: no byte of the text before is moved or written anew. What is new
 * stands first in its object or list, where no comma and no comment of somebody else can be in the way.
 */
export function putValue(text: string, path: readonly string[], value: unknown): string {
  const tree = parseTree(text, [], { allowTrailingComma: true })
  if (tree === undefined) return `${JSON.stringify(nested(path, value), null, 2)}\n`
  const known = findNodeAtLocation(tree, [...path])
  if (known !== undefined) return replaced(text, known, value)
  let depth = path.length - 1
  while (depth > 0 && findNodeAtLocation(tree, path.slice(0, depth)) === undefined) depth--
  const parent = depth === 0 ? tree : findNodeAtLocation(tree, path.slice(0, depth))
  const [key = '', ...rest] = path.slice(depth)
  return parent === undefined ? text : inserted(text, parent, `${JSON.stringify(key)}: `, nested(rest, value))
}

/** Puts an element at the head of a list that is there. */
export function putItem(text: string, path: readonly string[], value: unknown): string {
  const tree = parseTree(text, [], { allowTrailingComma: true })
  const list = tree === undefined ? undefined : findNodeAtLocation(tree, [...path])
  return list === undefined ? text : inserted(text, list, '', value)
}

/** Writes the value at a place anew. */
export function replaceAt(text: string, path: readonly (string | number)[], value: unknown): string {
  const tree = parseTree(text, [], { allowTrailingComma: true })
  const node = tree === undefined ? undefined : findNodeAtLocation(tree, [...path])
  return node === undefined ? text : replaced(text, node, value)
}

/** Takes a property or element out with one comma and the white space before it. */
export function cutOut(text: string, path: readonly (string | number)[]): string {
  const tree = parseTree(text, [], { allowTrailingComma: true })
  const value = tree === undefined ? undefined : findNodeAtLocation(tree, [...path])
  if (value === undefined) return text
  const node = value.parent?.type === 'property' ? value.parent : value
  const [head, tail] = [text.slice(0, node.offset), text.slice(node.offset + node.length)]
  const comma = /^\s*,/.exec(tail)
  if (comma !== null) return head.trimEnd() + tail.slice(comma[0].length)
  return head.replace(/\s*,?\s*$/, '') + tail
}

const nested = (path: readonly string[], value: unknown): unknown =>
  path.toReversed().reduce<unknown>((inner, key) => ({ [key]: inner }), value)

function replaced(text: string, node: Node, value: unknown): string {
  const manner = mannerOf(text)
  const shown = written(value, lineIndent(text, node.offset), manner)
  return text.slice(0, node.offset) + shown + text.slice(node.offset + node.length)
}

function inserted(text: string, parent: Node, key: string, value: unknown): string {
  const manner = mannerOf(text)
  const start = parent.offset + 1
  const [first] = parent.children ?? []
  const inner = text.slice(start, parent.offset + parent.length - 1)
  // What stands on one line stays on one line.
  if (first !== undefined && !inner.includes('\n')) {
    return `${text.slice(0, start)}${key.trimEnd()}${JSON.stringify(value)},${text.slice(start)}`
  }
  const outer = lineIndent(text, parent.offset)
  const indent = first === undefined ? outer + manner.step : lineIndent(text, first.offset)
  const shown = `${manner.eol}${indent}${key}${written(value, indent, manner)}`
  if (first !== undefined) return `${text.slice(0, start)}${shown},${text.slice(start)}`
  return `${text.slice(0, start)}${shown}${inner.includes('\n') ? '' : manner.eol + outer}${text.slice(start)}`
}

const written = (value: unknown, indent: string, { eol, step }: Manner): string =>
  JSON.stringify(value, null, step).split('\n').join(`${eol}${indent}`)

/** The white space at the head of the line of a place. */
function lineIndent(text: string, offset: number): string {
  const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset)
  return /^[ \t]*/.exec(line)?.[0] ?? ''
}

/**
 * The text of a large object in parts, indented by 2, equal to `JSON.stringify(value, null, 2)`: a backup may be longer
 * than the longest string there can be. Lists of the object, and of its objects, are written row by row.
 */
export function* jsonParts(value: unknown): Generator<string> {
  yield* valueParts(value, '', 0)
  yield '\n'
}

/** Lists stand at most this deep in a backup: `ext.versions`. */
const listDepthMax = 2

function* valueParts(value: unknown, indent: string, depth: number): Generator<string> {
  if (depth > listDepthMax || typeof value !== 'object' || value === null) yield nested(value, indent)
  else if (Array.isArray(value))
    yield* blockParts(
      '[',
      ']',
      value.map((one) => ['', one] as const),
      indent,
      depth,
    )
  else {
    const entries = Object.entries(value).filter(([, one]) => one !== undefined)
    yield* blockParts(
      '{',
      '}',
      entries.map(([key, one]) => [`${JSON.stringify(key)}: `, one] as const),
      indent,
      depth,
    )
  }
}

function* blockParts(
  open: string,
  close: string,
  entries: readonly (readonly [string, unknown])[],
  indent: string,
  depth: number,
): Generator<string> {
  if (entries.length === 0) return yield `${open}${close}`
  const inner = `${indent}  `
  for (const [index, [label, value]] of entries.entries()) {
    yield `${index === 0 ? open : ','}\n${inner}${label}`
    yield* valueParts(value, inner, depth + 1)
  }
  yield `\n${indent}${close}`
}

const nested = (value: unknown, indent: string): string =>
  (JSON.stringify(value, null, 2) ?? 'null').replaceAll('\n', `\n${indent}`)

import { bare, membersOf, type Schema } from '../../api/input-shape.ts'
import type { Input, OperationName } from '../../api/operations.ts'
import { EngramError } from '../../model/errors.ts'
import type { RouteRequest } from '../route.ts'

/** COL-404: a member nobody knows is refused with its path, so that no misspelt filter widens anything. */
export function refuseUnknown(value: unknown, schema: Schema, path: string): void {
  const { def } = bare(schema)
  if (def.type === 'array' && Array.isArray(value) && def.element !== undefined) {
    const { element } = def
    value.forEach((one, index) => refuseUnknown(one, element, `${path}[${index}]`))
  }
  if (def.type !== 'object' || typeof value !== 'object' || value === null) return
  for (const [key, member] of Object.entries(value)) {
    const known = Object.hasOwn(def.shape ?? {}, key) ? def.shape?.[key] : undefined
    const at = path === '' ? key : `${path}.${key}`
    if (known === undefined) throw unknownMember(at)
    refuseUnknown(member, known, at)
  }
}

const unknownMember = (path: string): EngramError =>
  new EngramError('invalid_request', `${path.slice(0, 200)}: there is no such member.`, {
    details: { field: path.slice(0, 200) },
  })

/** The body of a `/v1` request as an operation's input; members that the path or a header gives are not taken from it. */
export function bodyInput<N extends OperationName>(
  operation: N,
  request: Pick<RouteRequest, 'body'>,
  fixed: Partial<Input<N>>,
): Input<N> {
  const members = membersOf(operation)
  const body = request.body ?? {}
  const own = Object.keys(fixed)
  for (const [key, value] of Object.entries(body)) {
    const schema = Object.hasOwn(members, key) ? members[key] : undefined
    if (schema === undefined) throw unknownMember(key)
    if (!own.includes(key)) refuseUnknown(value, schema, key)
  }
  return { ...body, ...fixed } as Input<N>
}

/** Names of a query that are no member of any operation. */
const reserved = ['encoding']

/** The query of a `/v1` request as an operation's input: lists by repeating or by commas, `meta.key=value`. */
export function queryInput<N extends OperationName>(
  operation: N,
  request: RouteRequest,
  fixed: Partial<Input<N>>,
  renamed: Readonly<Record<string, string>> = {},
): Input<N> {
  const members = membersOf(operation)
  const meta = new Map<string, string>()
  const found = [...request.query].flatMap(([key, value]): readonly (readonly [string, unknown])[] => {
    if (reserved.includes(key)) return []
    if (key.startsWith('meta.') && Object.hasOwn(members, 'meta')) {
      meta.set(key.slice('meta.'.length), value)
      return []
    }
    const name = renamed[key] ?? key
    const schema = Object.hasOwn(members, name) ? members[name] : undefined
    if (schema === undefined || Object.hasOwn(fixed, name)) throw unknownMember(key)
    return [[name, queryValue(schema, value, request.queryAll(key))]]
  })
  return {
    ...Object.fromEntries(found),
    ...(meta.size === 0 ? {} : { meta: Object.fromEntries(meta) }),
    ...fixed,
  } as Input<N>
}

function queryValue(schema: Schema, value: string, all: readonly string[]): unknown {
  switch (bare(schema).def.type) {
    case 'array':
      return all.flatMap((one) => one.split(',')).filter((one) => one !== '')
    case 'boolean':
      return value === 'true' || value === '1'
    default:
      return value
  }
}

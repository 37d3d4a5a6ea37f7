import { EngramError } from '../../model/errors.ts'
import type { RouteRequest } from '../route.ts'

/** When the Go client's way with paths is understood; `auto`: when the caller says that it is one (COL-408). */
export type GoClient = 'auto' | 'always' | 'never'

const known = ['limit', 'cursor', 'reverse', 'agent_id', 'lock_id']

/**
 * A request whose last path parameter is decoded once. The Go client puts `path?query` into the path, so there a `?` begins
 * the query, if only known names follow and there is no other; a lock's path it encodes twice.
 * @param prefix of the path up to the parameter
 */
export function withGoPath(
  request: RouteRequest,
  prefix: string,
  name: string,
  options: { readonly goClient: GoClient; readonly isLock?: boolean },
): RouteRequest {
  const value = decoded(request.rawPath.slice(prefix.length))
  if (!isGo(request, options.goClient)) return { ...request, params: { ...request.params, [name]: value } }
  const split = request.query.size === 0 ? hiddenQuery(value) : null
  const path = split?.path ?? value
  const twice = options.isLock === true && /%[0-9a-f]{2}/i.test(path) ? decoded(path) : path
  return {
    ...request,
    params: { ...request.params, [name]: twice },
    ...(split === null ? {} : { query: split.query }),
  }
}

const isGo = (request: RouteRequest, setting: GoClient): boolean =>
  setting === 'always' || (setting === 'auto' && (request.header('user-agent') ?? '').startsWith('Go-http-client/'))

function hiddenQuery(value: string): { readonly path: string; readonly query: ReadonlyMap<string, string> } | null {
  const at = value.indexOf('?')
  if (at === -1) return null
  const query = new Map(new URLSearchParams(value.slice(at + 1)))
  const isQuery = query.size > 0 && [...query.keys()].every((key) => known.includes(key))
  return isQuery ? { path: value.slice(0, at), query } : null
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    throw new EngramError('invalid_request', 'Expected a well-formed path.', { cause: error })
  }
}

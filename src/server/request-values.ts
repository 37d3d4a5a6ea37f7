import { EngramError } from '../model/errors.ts'
import type { RouteRequest } from './route.ts'

/** Reads values of a request leniently, as the Go server does; what is required says so in its old words. */

export const queryText = (request: RouteRequest, name: string): string | undefined => {
  const value = request.query.get(name)
  return value === undefined || value === '' ? undefined : value
}

/** A whole number of the query, or undefined when it is absent or no number (bad values fall back, MEM-610). */
export function queryNumber(request: RouteRequest, name: string): number | undefined {
  const text = queryText(request, name)
  return text !== undefined && /^-?\d{1,9}$/.test(text) ? Number(text) : undefined
}

/** A limit of the query within its bounds; nonsense and zero fall back to the default. */
export function queryLimit(request: RouteRequest, name: string, max: number): number | undefined {
  const value = queryNumber(request, name)
  return value === undefined || value < 1 ? undefined : Math.min(value, max)
}

/** A number from 0 to 1; nonsense counts as not given. */
export function queryShare(request: RouteRequest, name: string): number | undefined {
  const text = queryText(request, name)
  const value = text === undefined || !/^[01](?:\.\d{1,9})?$/.test(text) ? Number.NaN : Number(text)
  return value <= 1 ? value : undefined
}

/** Where a page begins; nonsense counts as the start. */
export const queryOffset = (request: RouteRequest): number => Math.max(0, queryNumber(request, 'offset') ?? 0)

export const queryFlag = (request: RouteRequest, name: string): boolean =>
  ['1', 'true', 'yes'].includes((request.query.get(name) ?? '').toLowerCase())

/** One of some known words; anything else counts as absent. */
export const oneOf = <const T extends string>(words: readonly T[], text: string | undefined): T | undefined =>
  words.find((word) => word === text)

export function bodyText(request: RouteRequest, name: string): string | undefined {
  const value = bodyValue(request, name)
  if (value === undefined) return undefined
  if (typeof value === 'string') return value
  throw wrongType(name, 'a text', value)
}

export function bodyFlag(request: RouteRequest, name: string): boolean | undefined {
  const value = bodyValue(request, name)
  if (value === undefined) return undefined
  if (typeof value === 'boolean') return value
  throw wrongType(name, 'true or false', value)
}

export function bodyNumber(request: RouteRequest, name: string): number | undefined {
  const value = bodyValue(request, name)
  if (value === undefined) return undefined
  if (typeof value === 'number') return value
  throw wrongType(name, 'a number', value)
}

/** An optional text that counts as absent when it is blank. */
export function bodyName(request: RouteRequest, name: string): string | undefined {
  const value = bodyText(request, name)
  return value === undefined || value.trim() === '' ? undefined : value
}

/** The id of a record: a number, `#41` or a sync id (MEM-1205). */
export const bodyRef = (request: RouteRequest, name: string): number | string | undefined =>
  typeof bodyValue(request, name) === 'number' ? bodyNumber(request, name) : bodyName(request, name)

/** A list of texts and numbers; one element of another kind refuses the whole, so that none is dropped in silence. */
export function bodyList(request: RouteRequest, name: string): (string | number)[] {
  const value = bodyValue(request, name)
  if (value === undefined) return []
  if (!Array.isArray(value)) throw wrongType(name, 'a list', value)
  return value.map((one: unknown) => {
    if (typeof one === 'string' || typeof one === 'number') return one
    throw wrongType(name, 'texts or numbers', one)
  })
}

/** Null counts as absent, as it does in Go. Only what the body itself holds counts, never its prototype (W8). */
function bodyValue(request: RouteRequest, name: string): unknown {
  const { body } = request
  if (body === null || !Object.hasOwn(body, name)) return undefined
  return body[name] ?? undefined
}

/** The number in `/observations/{id}`; sync ids pass too, anything else is 400 (MEM-1303). */
export const idParameter = (request: RouteRequest): number | string => recordId(request.params['id'] ?? '', 'id')

/** A record's id as text: 400 when it is neither number nor sync id, 404 for numbers that no record can have. */
export function recordId(given: string, field: string): number | string {
  if (/^-?\d{1,19}$/.test(given)) return recordNumber(Number(given), field)
  if (/^(obs|prompt|rel)-[0-9A-Za-z_-]{1,120}$/.test(given)) return given
  throw new EngramError(
    'invalid_request',
    `Expected a number as ${field}, got ${JSON.stringify(given.slice(0, 60))}.`,
    {
      details: { field },
    },
  )
}

function recordNumber(id: number, field: string): number {
  if (Number.isSafeInteger(id) && id > 0) return id
  throw new EngramError('not_found', `There is no record with ${field} ${id}.`, { details: { [field]: id } })
}

export function required<T extends string | number>(value: T | undefined, message: string): T {
  if (value !== undefined && String(value).trim() !== '') return value
  throw new EngramError('invalid_request', message)
}

/** The project a read is about (MEM-1303): named, or the server's own, or all; both named and all is an error. */
export function readPlaceOf(request: RouteRequest): {
  project?: string
  project_override?: string
  all_projects?: boolean
} {
  const project = queryText(request, 'project')
  const all = queryFlag(request, 'all_projects')
  if (project !== undefined && all) {
    throw new EngramError('invalid_request', 'Give either project or all_projects, not both.')
  }
  if (all) return { all_projects: true }
  return { ...optional('project', project), ...optional('project_override', request.projectOverride) }
}

/** A key with its value, or nothing. */
export const optional = <K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } =>
  value === undefined ? {} : ({ [key]: value } as { [P in K]?: V })

/** What is ours alone stands last in every record (MEM-204). */
export function extLast<T extends { readonly ext?: unknown }>({ ext, ...record }: T) {
  return { ...record, ...optional('ext', ext) }
}

function wrongType(name: string, expected: string, value: unknown): EngramError {
  const given = value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value
  return new EngramError('invalid_request', `${name}: expected ${expected}, got ${given}.`, {
    details: { field: name },
  })
}

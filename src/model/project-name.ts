import { EngramError } from './errors.ts'
import { limits } from './limits.ts'
import { utf8Bytes } from './text.ts'

export type NamedProject = {
  readonly name: string
  /** What the caller wrote, when it differs. */
  readonly changedFrom?: string
  /** The name looked like a path and was reduced to its last segment (MEM-803). */
  readonly reducedFromPath: boolean
}

/** Lower case, trimmed, runs of `-` and runs of `_` collapsed; `-` never equals `_` (MEM-801). */
export function normaliseProject(name: string): string {
  return name.trim().toLowerCase().replace(/-{2,}/g, '-').replace(/_{2,}/g, '_')
}

/**
 * The name a project is filed under. Slashes and leading dots are reduced and reported; NUL, blank and over-long names
 * are refused with `invalid_project` (MEM-110, MEM-801, MEM-803).
 */
export function nameProject(given: string): NamedProject {
  if (given.includes('\0')) throw refused(given, 'it contains NUL')
  const formed = given.toWellFormed()
  const segment = lastSegment(formed)
  const name = normaliseProject(segment)
  if (name === '') throw refused(given, 'it is blank')
  const bytes = utf8Bytes(name)
  if (bytes > limits.projectBytesMax) throw refused(given, `it has ${bytes} bytes`)
  const reducedFromPath = segment !== formed
  return { name, reducedFromPath, ...(name === given ? {} : { changedFrom: given }) }
}

/** The last segment of a path-like name, without leading dots: `a/b/c` → `c`, `../x/` → `x`, `.config` → `config`. */
function lastSegment(given: string): string {
  if (!/[\\/]|^\s*\./.test(given)) return given
  const segments = given.split(/[\\/]+/).map((segment) => segment.trim().replace(/^\.+/, ''))
  return segments.findLast((segment) => segment !== '') ?? ''
}

/** Two names that mean one project but for case, `-` and `_` (MEM-805, MEM-807). */
export function projectVariantKey(name: string): string {
  return normaliseProject(name).replace(/[-_]+/g, '')
}

function refused(given: string, why: string): EngramError {
  const shown = JSON.stringify(given.slice(0, 60))
  return new EngramError(
    'invalid_project',
    `Expected a project name of 1 to ${limits.projectBytesMax} bytes without NUL, got ${shown}: ${why}.`,
    { details: { project: given.slice(0, 300) } },
  )
}

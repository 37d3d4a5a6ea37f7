import { EngramError } from '../model/errors.ts'
import type { Redactor } from './rules/redact.ts'

/**
 * Names are stored as they are given, in records, in files and in logs: one that holds a secret or a private block is
 * refused where somebody gives it, for a masked name would be another one (MEM-1701, MEM-1702). Records that arrive
 * from elsewhere are not lost for it: there it is masked. Folders that name a project are on the disk already.
 */
const nameFields = [
  'session_id',
  'project',
  'project_override',
  'target_project',
  'new_project',
  'to',
  'name',
  'operation_id',
  'source_inbox_id',
] as const

/** What looks random alone is no secret in a name: ids of sessions are random. */
const notInNames = 'entropy'

/** The kinds of what a name must not hold; none for a good name. */
export function secretsIn(redactor: Redactor, name: string): readonly string[] {
  const { kinds, privateBlocks } = redactor.clean(name)
  return [...kinds.filter((kind) => kind !== notInNames), ...(privateBlocks > 0 ? ['private'] : [])]
}

/** Throws `invalid_request` for the first name of an input that must not reach the disk. */
export function refuseSecretNames(redactor: Redactor, operation: string, input: unknown): void {
  if (typeof input !== 'object' || input === null) return
  const fields: Readonly<Record<string, unknown>> = { ...input }
  const wanted = operation === 'session.start' ? [...nameFields, 'id'] : nameFields
  for (const field of wanted) {
    const value = fields[field]
    if (typeof value === 'string') refuseSecretName(redactor, field, value)
  }
}

/** As {@link refuseSecretNames}, of one name. The message never repeats it. */
export function refuseSecretName(redactor: Redactor, field: string, value: string): void {
  const [kind] = secretsIn(redactor, value)
  if (kind === undefined) return
  throw new EngramError('invalid_request', `${field}: expected a name, got one that holds a secret (${kind}).`, {
    details: { field, kind },
    hint: 'Nothing was written. Choose a name without it.',
  })
}

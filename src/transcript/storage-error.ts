import { EngramError } from '../model/errors.ts'
import type { ErrorCode } from '../model/errors.ts'
import { errorCodeOf } from '../platform/files.ts'

const codes: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'storage_full',
  EDQUOT: 'storage_full',
  EROFS: 'read_only',
}

/**
 * A failure of the disk as one of ours (TRN-607, TRN-609). `outcome: 'unknown'` says that what was asked may or may not
 * have taken effect; without it nothing did. Messages name files and codes, never content.
 */
export function storageError(error: unknown, doing: string, outcome?: 'unknown'): EngramError {
  if (error instanceof EngramError) return error
  const systemCode = errorCodeOf(error)
  const why = systemCode === '' ? 'unexpected failure' : systemCode
  return new EngramError(codes[systemCode] ?? 'storage_failed', `${doing}: ${why}`, {
    details: { system_code: systemCode, ...(outcome === undefined ? {} : { outcome }) },
    cause: error,
  })
}

import type { CutRecord, ImportResult } from '../../api/backup.ts'
import { oneLine } from '../visible.ts'

/** What of a backup did not come in as it was, record by record (MEM-110, MEM-1003). */
export const setAsideLines = (result: Pick<ImportResult, 'cut' | 'skipped'>): readonly string[] => [
  ...result.cut.map(cutLine),
  ...result.skipped.map((one) => `set aside: ${oneLine(one.entity)} ${oneLine(one.key)}: ${oneLine(one.reason)}`),
]

const cutLine = (one: CutRecord): string =>
  `cut: ${oneLine(one.entity)} ${oneLine(one.key)}: ${one.original_bytes} bytes to ${one.limit_bytes}`

import { exportBackup } from './export-backup.ts'
import type { Handlers } from './handler.ts'
import { importBackup, readBackup } from './import-backup.ts'
import { placeOfRead } from './places.ts'

/** Backups as one document (MEM-1001 to MEM-1004); copies of the file itself are `backup-files.ts`. */
export const backupHandlers: Handlers<'backup.export' | 'backup.import'> = {
  'backup.export': async (deps, input) => {
    const place = await placeOfRead(deps, input)
    return deps.store.read((tx) => exportBackup(tx, deps, place.project))
  },
  'backup.import': (deps, input, context) => {
    const document = readBackup(input.backup)
    return deps.store.write((tx) => importBackup(tx, deps, document, input.strict === true), context)
  },
}

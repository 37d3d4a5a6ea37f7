import { join } from 'node:path'
import type { EngineDeps } from './handler.ts'

/** What hooks leave in the data dir; in a file of its own, since each hook reads only what its event needs. */
export const hooksDirectory = (deps: Pick<EngineDeps, 'dataDir'>): string => join(deps.dataDir, 'hooks')

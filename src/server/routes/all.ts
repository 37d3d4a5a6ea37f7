import type { Route } from '../route.ts'
import { observationRoutes } from './observations.ts'
import { promptRoutes } from './prompts.ts'
import { relationRoutes } from './relations.ts'
import { searchRoutes } from './search.ts'
import { sessionRoutes } from './sessions.ts'
import { migrateRoute, systemRoutes } from './system.ts'
import { transcriptRoutes } from './transcripts.ts'

/** Every route of the memory API in the order they are tried: fixed words stand before parameters (MEM-1303). */
export const memoryRoutes: readonly Route[] = [
  ...systemRoutes,
  migrateRoute,
  ...sessionRoutes,
  ...observationRoutes,
  ...searchRoutes,
  ...promptRoutes,
  ...relationRoutes,
  ...transcriptRoutes,
]

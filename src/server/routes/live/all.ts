import type { Route } from '../../route.ts'
import type { LiveDoors } from './doors.ts'
import { seedContextRoutes } from './seed-contexts.ts'
import { seedLockRoutes } from './seed-locks.ts'
import { seedUnitRoutes } from './seed-units.ts'
import { streamRoutes } from './streams.ts'
import { v1Routes } from './v1-routes.ts'

/** Contexts, units, locks and streams: the Go program's routes, and ours under `/v1`. */
export const liveRoutes = (doors: LiveDoors): readonly Route[] => [
  ...seedUnitRoutes(doors),
  ...seedContextRoutes,
  ...seedLockRoutes(doors),
  ...streamRoutes(doors),
  ...v1Routes(doors),
]

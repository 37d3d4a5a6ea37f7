import type { Route, RouteRequest } from '../../../src/server/route.ts'
import { memoryRoutes } from '../../../src/server/routes/all.ts'

/** A route with something for its parameter and, where its meaning hangs on the body, one of them. */
export type RouteSample = {
  readonly key: string
  readonly method: Route['method']
  readonly path: string
  readonly body: Readonly<Record<string, unknown>>
  /** What W3 expects of it on loopback; `open` routes are reached without a token. */
  readonly guard: 'open' | 'guarded' | 'token'
}

const nothingAsked: RouteRequest = {
  params: {},
  query: new Map(),
  queryAll: () => [],
  rawPath: '',
  header: () => undefined,
  signal: () => new AbortController().signal,
  body: null,
  projectOverride: undefined,
}

/** Every route of the table, so that a new one is tested without being named here. */
export const routeSamples: readonly RouteSample[] = memoryRoutes.flatMap((route) =>
  bodiesOf(route).map((body) => ({
    key: `${route.method} ${route.path}${Object.hasOwn(body, 'target_project') ? ' (rescue)' : ''}`,
    method: route.method,
    path: route.path.replace('{id}', '424242'),
    body,
    guard: typeof route.guard === 'string' ? route.guard : route.guard({ ...nothingAsked, body }),
  })),
)

function bodiesOf(route: Route): readonly Readonly<Record<string, unknown>>[] {
  return typeof route.guard === 'string' ? [{}] : [{}, { target_project: 'x' }]
}

export const takesBody = (sample: RouteSample): boolean => !['GET', 'DELETE'].includes(sample.method)

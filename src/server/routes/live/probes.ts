import type { Metrics } from '../../metrics.ts'
import type { Route, RouteAnswer } from '../../route.ts'

/** Where a server stands between its start and its end (COL-502). */
export type Readiness = { state: 'starting' | 'ready' | 'draining' }

const plain = (status: number, text: string, contentType = 'text/plain; charset=utf-8'): RouteAnswer => ({
  status,
  body: null,
  text,
  headers: { 'Content-Type': contentType, ...(status === 503 ? { 'Retry-After': '1' } : {}) },
})

const probe = (path: string, answer: () => Promise<RouteAnswer> | RouteAnswer): Route => ({
  method: 'GET',
  path,
  operation: null,
  guard: 'open',
  answer: async () => answer(),
})

/** Whether it lives, whether it answers, and what it measured (COL-501 … COL-503). */
export function probeRoutes(
  readiness: Readiness,
  metrics: Metrics | null,
  { metricsPath }: { readonly metricsPath: string | null },
): readonly Route[] {
  return [
    { ...probe('/healthz', () => plain(200, 'OK')), isProbe: true },
    {
      ...probe('/readyz', () => (readiness.state === 'ready' ? plain(200, 'OK') : plain(503, readiness.state))),
      isProbe: true,
    },
    ...(metrics === null || metricsPath === null
      ? []
      : [probe(metricsPath, async () => plain(200, await metrics.text(), metrics.contentType))]),
  ]
}

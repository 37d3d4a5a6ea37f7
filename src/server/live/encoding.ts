import type { Context, Lock, WorkUnit } from '../../model/live.ts'
import { goContext, goLock, goUnit } from '../../protocol/unit-json.ts'
import type { RouteRequest } from '../route.ts'

/** How units, contexts and locks are written: as the Go program did, or as `/v1` does (COL-401). */
export type Encoding = 'v3' | 'v1'

const mediaType = /application\/vnd\.engram\.(v3|v1)\+json/

/** What the request names, else what its route gives. */
export function encodingOf(request: RouteRequest, otherwise: Encoding): Encoding {
  const named = request.query.get('encoding') ?? mediaType.exec(request.header('accept') ?? '')?.[1]
  return named === 'v3' || named === 'v1' ? named : otherwise
}

export const base64Of = (text: string): string => Buffer.from(text, 'utf8').toString('base64')

export const unitIn = (unit: WorkUnit, encoding: Encoding): unknown =>
  encoding === 'v1' ? unit : goUnit(unit, base64Of)
export const contextIn = (context: Context, encoding: Encoding): unknown =>
  encoding === 'v1' ? context : goContext(context)
export const lockIn = (lock: Lock, encoding: Encoding): unknown => (encoding === 'v1' ? lock : goLock(lock))

/** A unit stored as `/v1` JSON. */
export const parsedUnit = (text: string): WorkUnit => JSON.parse(text) as WorkUnit

/** An answer of `/v1` whose members are written in the other encoding. */
export function answerIn(answer: Readonly<Record<string, unknown>>, encoding: Encoding): unknown {
  if (encoding === 'v1') return answer
  return Object.fromEntries(Object.entries(answer).map(([key, value]) => [key, memberIn(key, value)]))
}

function memberIn(key: string, value: unknown): unknown {
  switch (key) {
    case 'unit':
      return goUnit(value as WorkUnit, base64Of)
    case 'units':
      return (value as readonly WorkUnit[]).map((one) => goUnit(one, base64Of))
    case 'context':
      return goContext(value as Context)
    case 'contexts':
      return (value as readonly Context[]).map(goContext)
    case 'lock':
      return goLock(value as Lock)
    case 'locks':
      return (value as readonly Lock[]).map(goLock)
    default:
      return value
  }
}

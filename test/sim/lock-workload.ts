import { EngramError } from '../../src/model/errors.ts'
import type { SqliteLog } from '../../src/live/sqlite-log.ts'
import type { LockAsked } from './broken-locks.ts'
import type { LockAnswer, LockCall } from './lock-history.ts'

/** Whole numbers below a bound, from a seed. */
export type Below = (bound: number) => number

export function belowOf(seed: number): Below {
  let state = seed >>> 0
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * bound)
  }
}

/** A client that locks, guards its writes with the token it knows, renews, releases, and sometimes does so too late. */
export type Client = {
  next(): LockAsked
  /** What the answer teaches it. */
  learn(asked: LockAsked, answer: LockAnswer): void
}

let serial = 0

export function makeClient(name: string, below: Below, resources: number, ttlMs: number): Client {
  const held = new Map<string, { readonly lockId: string; readonly token: number }>()
  return {
    next: () => {
      const resource = `r${below(resources)}`
      const mine = held.get(resource)
      const kinds =
        mine === undefined ? (['acquire'] as const) : (['write', 'write', 'renew', 'release', 'acquire'] as const)
      return {
        client: name,
        resource,
        kind: kinds[below(kinds.length)] ?? 'acquire',
        agent: name,
        lockId: mine?.lockId ?? `${name}-${++serial}`,
        ttlMs,
        token: mine?.token ?? 0,
        isLiveOnly: below(2) === 0,
      }
    },
    learn: (asked, answer) => {
      if (answer.kind === 'ok' && asked.kind === 'acquire') held.set(asked.resource, answer)
      const isLost = answer.kind === 'fenced' || answer.kind === 'expired' || answer.kind === 'not_found'
      if (isLost || (answer.kind === 'ok' && asked.kind === 'release')) held.delete(asked.resource)
    },
  }
}

const answers: Readonly<Record<string, LockAnswer>> = {
  lock_held: { kind: 'held' },
  lock_expired: { kind: 'expired' },
  lock_not_owner: { kind: 'not_owner' },
  lock_not_found: { kind: 'not_found' },
  lock_id_mismatch: { kind: 'mismatch' },
  fenced: { kind: 'fenced' },
}

/** The same question put to the engine's log. An answer nobody foresaw is thrown. */
export async function askLog(log: SqliteLog, asked: LockAsked, waitTimeoutMs: number): Promise<LockAnswer> {
  try {
    return await asking(log, asked, waitTimeoutMs)
  } catch (error) {
    if (!(error instanceof EngramError)) throw error
    if (error.code === 'lock_held' && error.details['holder'] === undefined) return { kind: 'line' }
    const answer = answers[error.code]
    if (answer === undefined) throw error
    return answer
  }
}

async function asking(log: SqliteLog, asked: LockAsked, waitTimeoutMs: number): Promise<LockAnswer> {
  const { resource, agent: agentId, lockId, ttlMs, token } = asked
  if (asked.kind === 'write') {
    await log.append({
      contextId: `log of ${resource}`,
      context: 'upsert',
      agentId,
      steps: [
        {
          kind: 'unit',
          unit: {
            id: crypto.randomUUID(),
            isOwnId: false,
            type: 'MESSAGE',
            meta: {},
            payload: String(token),
            relationships: [],
          },
        },
      ],
      fence: { resource_path: resource, token, require_live: asked.isLiveOnly },
    })
    return { kind: 'ok', token, lockId }
  }
  const common = { resourcePath: resource, agentId, lockId, ttlMs }
  const { lock } = await log.lock(
    asked.kind === 'acquire'
      ? { ...common, kind: 'acquire', meta: {}, locksPerAgentMax: 100, waitTimeoutMs }
      : { ...common, kind: asked.kind },
  )
  return { kind: 'ok', token: lock?.fencing_token ?? 0, lockId: lock?.lock_id ?? '' }
}

/** One client's calls, as they are made and answered. */
export async function runClient(
  client: Client,
  calls: number,
  ask: (asked: LockAsked) => Promise<LockAnswer>,
  nowMs: () => number,
  pause: () => Promise<void>,
): Promise<readonly LockCall[]> {
  const history: LockCall[] = []
  for (let n = 0; n < calls; n++) {
    await pause()
    const asked = client.next()
    const calledMs = nowMs()
    const answer = await ask(asked)
    history.push({ ...asked, calledMs, answeredMs: nowMs(), answer })
    client.learn(asked, answer)
  }
  return history
}

import type { LockAnswer, LockCall, Written } from './lock-history.ts'

/** A lock service in memory, right or with one planted defect: what the checker of histories is tried on (L5). */
export type Defect =
  | 'none'
  | 'check outside the step'
  | 'token used twice'
  | 'token begins anew'
  | 'answered before it is written'
  | 'ends early'
  | 'fence checked before the step'
  | 'expired lease released'

export type LockAsked = Omit<LockCall, 'calledMs' | 'answeredMs' | 'answer'>

type Lease = { agent: string | null; lockId: string; token: number; endsMs: number }

export type LockService = {
  readonly ask: (asked: LockAsked) => Promise<LockAnswer>
  /** Grants and writes in the order in which they were stored. */
  readonly written: readonly Written[]
}

export function lockService(defect: Defect, nowMs: () => number, turn: () => Promise<void>): LockService {
  const written: Written[] = []
  const leases = new Map<string, Lease>()
  const leaseOf = (resource: string): Lease => {
    const known = leases.get(resource)
    if (known !== undefined) return known
    const made: Lease = { agent: null, lockId: '', token: 0, endsMs: 0 }
    leases.set(resource, made)
    return made
  }
  const isLive = (lease: Lease): boolean =>
    lease.agent !== null && nowMs() < lease.endsMs - (defect === 'ends early' ? 40 : 0)

  const acquire = async (asked: LockAsked): Promise<LockAnswer> => {
    const lease = leaseOf(asked.resource)
    const isHeld = isLive(lease)
    if (isHeld && lease.agent !== asked.agent) return { kind: 'held' }
    if (defect === 'check outside the step') await turn()
    if (isHeld && lease.agent === asked.agent) {
      lease.endsMs = nowMs() + asked.ttlMs
      return { kind: 'ok', token: lease.token, lockId: lease.lockId }
    }
    const wasReleased = lease.agent === null
    const token =
      defect === 'token used twice' && lease.token % 3 === 2
        ? lease.token
        : defect === 'token begins anew' && wasReleased && lease.token > 3
          ? 1
          : lease.token + 1
    const grant = { agent: asked.agent, lockId: asked.lockId, token, endsMs: nowMs() + asked.ttlMs }
    if (defect === 'answered before it is written') void turn().then(() => Object.assign(lease, grant))
    else Object.assign(lease, grant)
    written.push({ resource: asked.resource, kind: 'grant', token })
    return { kind: 'ok', token, lockId: asked.lockId }
  }

  const end = (asked: LockAsked): LockAnswer => {
    const lease = leaseOf(asked.resource)
    const [isMine, isSame] = [lease.agent === asked.agent, lease.lockId === asked.lockId]
    if (isLive(lease)) {
      if (!isMine) return { kind: 'not_owner' }
      if (!isSame) return { kind: 'mismatch' }
    } else if (!(defect === 'expired lease released' && isMine && isSame)) {
      return { kind: isMine && isSame ? 'expired' : 'not_found' }
    }
    if (asked.kind === 'renew') lease.endsMs = nowMs() + asked.ttlMs
    else lease.agent = null
    return { kind: 'ok', token: lease.token, lockId: lease.lockId }
  }

  const write = async (asked: LockAsked): Promise<LockAnswer> => {
    const lease = leaseOf(asked.resource)
    const isFenced = asked.token < lease.token || (asked.isLiveOnly && !isLive(lease))
    if (defect === 'fence checked before the step') await turn()
    if (!isFenced) written.push({ resource: asked.resource, kind: 'write', token: asked.token })
    return isFenced ? { kind: 'fenced' } : { kind: 'ok', token: asked.token, lockId: asked.lockId }
  }

  const ask = async (asked: LockAsked): Promise<LockAnswer> => {
    await turn()
    const answer =
      asked.kind === 'acquire' ? await acquire(asked) : asked.kind === 'write' ? await write(asked) : end(asked)
    await turn()
    return answer
  }
  return { ask, written }
}

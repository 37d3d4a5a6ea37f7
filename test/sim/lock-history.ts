/**
 * A checker of lock histories, written from the rules of locks alone: it shares nothing with the engine.
 *
 * An operation takes effect at one moment between its call and its answer (Wing and Gong). The search goes through the orders
 * that the times allow, and remembers where it has been (Lowe). A lease ends by itself at a moment that is known only within
 * bounds, because the moment of its grant is: what is impossible for every moment within them is an error.
 */

export type LockCall = {
  readonly client: string
  readonly resource: string
  readonly kind: 'acquire' | 'renew' | 'release' | 'write'
  /** Milliseconds of a clock that all clients share. */
  readonly calledMs: number
  /** Infinite for a call whose answer nobody saw: it took effect some time, or never. */
  readonly answeredMs: number
  readonly agent: string
  readonly lockId: string
  readonly ttlMs: number
  /** Of a guarded write. */
  readonly token: number
  readonly isLiveOnly: boolean
  readonly answer: LockAnswer | null
}

export type LockAnswer =
  | { readonly kind: 'ok'; readonly token: number; readonly lockId: string }
  | { readonly kind: 'held' }
  /** Somebody stands in line: says nothing about the lock. */
  | { readonly kind: 'line' }
  | { readonly kind: 'expired' | 'not_owner' | 'not_found' | 'mismatch' | 'fenced' }

type State = {
  readonly token: number
  /** Null when free since a release, or never held. */
  readonly agent: string | null
  readonly lockId: string
  /** The lease ends somewhere in here, unless it is renewed. */
  readonly endsMin: number
  readonly endsMax: number
  /** Nothing that follows took effect before. */
  readonly nowMs: number
}

const free: State = { token: 0, agent: null, lockId: '', endsMin: 0, endsMax: 0, nowMs: Number.NEGATIVE_INFINITY }

/** Clocks tick in whole milliseconds: a lease may seem to end that much earlier. */
const tickMs = 1

/** All states the lock may be in after the call takes effect now, as its answer says; none when that cannot be. */
function after(state: State, call: LockCall): readonly State[] {
  const from = Math.max(state.nowMs, call.calledMs)
  if (from > call.answeredMs) return []
  if (call.answer === null) return [...granted(state, call, from), ...changed(state, call, from)]
  switch (call.answer.kind) {
    case 'ok':
      return call.kind === 'acquire' ? granted(state, call, from) : changed(state, call, from)
    case 'held':
      return isPossiblyLive(state, from) && state.agent !== call.agent ? [{ ...state, nowMs: from }] : []
    case 'line':
      return [{ ...state, nowMs: from }]
    case 'expired':
      return state.agent === call.agent && state.lockId === call.lockId ? over(state, call, from) : []
    case 'not_owner':
      return isPossiblyLive(state, from) && state.agent !== call.agent ? [{ ...state, nowMs: from }] : []
    case 'mismatch':
      return isPossiblyLive(state, from) && state.agent === call.agent && state.lockId !== call.lockId
        ? [{ ...state, nowMs: from }]
        : []
    case 'not_found':
      if (state.agent === null) return [{ ...state, nowMs: from }]
      return state.lockId === call.lockId ? [] : over(state, call, from)
    case 'fenced':
      if (call.token < state.token) return [{ ...state, nowMs: from }]
      return call.isLiveOnly && call.token === state.token
        ? state.agent === null
          ? [{ ...state, nowMs: from }]
          : over(state, call, from)
        : []
  }
}

const isPossiblyLive = (state: State, from: number): boolean => state.agent !== null && from < state.endsMax

/** The state at the earliest moment at which the lease may have ended. */
function over(state: State, call: LockCall, from: number): readonly State[] {
  const nowMs = Math.max(from, state.endsMin)
  return nowMs > call.answeredMs ? [] : [{ ...state, nowMs }]
}

function granted(state: State, call: LockCall, from: number): readonly State[] {
  if (call.kind !== 'acquire') return []
  const told = call.answer?.kind === 'ok' ? call.answer : null
  const lease = (base: State, nowMs: number): State => ({
    ...base,
    agent: call.agent,
    endsMin: nowMs + call.ttlMs - tickMs,
    endsMax: call.answeredMs + call.ttlMs,
    nowMs,
  })
  const found: State[] = []
  if (isPossiblyLive(state, from) && state.agent === call.agent) {
    const isSame = told === null || (told.token === state.token && told.lockId === state.lockId)
    if (isSame) found.push(lease(state, from))
  }
  if (told !== null && (told.token !== state.token + 1 || told.lockId !== call.lockId)) return found
  const ended = state.agent === null ? [{ ...state, nowMs: from }] : over(state, call, from)
  return [...found, ...ended.map((one) => lease({ ...one, token: state.token + 1, lockId: call.lockId }, one.nowMs))]
}

function changed(state: State, call: LockCall, from: number): readonly State[] {
  const isLive = isPossiblyLive(state, from)
  const isMine = isLive && state.agent === call.agent && state.lockId === call.lockId
  switch (call.kind) {
    case 'acquire':
      return []
    case 'renew':
      return isMine
        ? [{ ...state, endsMin: from + call.ttlMs - tickMs, endsMax: call.answeredMs + call.ttlMs, nowMs: from }]
        : []
    case 'release':
      return isMine ? [{ ...state, agent: null, nowMs: from }] : []
    case 'write':
      return call.token === state.token && (!call.isLiveOnly || isLive) ? [{ ...state, nowMs: from }] : []
  }
}

/**
 * Whether some order of the calls of one resource explains every answer; the calls that none could explain, else null.
 * Answered calls must all take effect; the others may.
 */
export function unexplained(calls: readonly LockCall[]): readonly LockCall[] | null {
  const sorted = calls.toSorted((a, b) => a.calledMs - b.calledMs)
  const seen = new Set<string>()
  const taken = new Set<number>()
  let unanswered = sorted.filter(({ answer }) => answer !== null).length
  let deepest = { size: -1, open: 0 }

  const search = (from: number, state: State): boolean => {
    if (unanswered === 0) return true
    let first = from
    while (taken.has(first)) first++
    const key = `${first} ${[...beyond(taken, first)].join()} ${JSON.stringify(state)}`
    if (seen.has(key)) return false
    seen.add(key)
    if (taken.size > deepest.size) deepest = { size: taken.size, open: first }
    for (const at of candidates(sorted, taken, first)) {
      const call = sorted[at]
      if (call === undefined) continue
      const counts = call.answer === null ? 0 : 1
      taken.add(at)
      unanswered -= counts
      for (const next of after(state, call)) if (search(first, next)) return true
      taken.delete(at)
      unanswered += counts
    }
    return false
  }
  return search(0, free) ? null : sorted.slice(deepest.open, deepest.open + 12)
}

/** Taken calls behind the first open one: few, since few clients call at once. */
function* beyond(taken: ReadonlySet<number>, first: number): Iterable<number> {
  let left = taken.size - first
  for (let at = first + 1; left > 0; at++) {
    if (!taken.has(at)) continue
    left--
    yield at
  }
}

/** Calls that may come next: none that was made after another one had been answered. Answered ones first. */
function candidates(sorted: readonly LockCall[], taken: ReadonlySet<number>, first: number): readonly number[] {
  let until = Number.POSITIVE_INFINITY
  const found: number[] = []
  for (let at = first; at < sorted.length; at++) {
    const call = sorted[at]
    if (call === undefined || call.calledMs > until) break
    if (taken.has(at)) continue
    found.push(at)
    until = Math.min(until, call.answeredMs)
  }
  const answer = (at: number): number => sorted[at]?.answeredMs ?? 0
  return found.filter((at) => (sorted[at]?.calledMs ?? 0) <= until).sort((a, b) => answer(a) - answer(b))
}

/** Each resource is a lock of its own, so each history is explained for itself. */
export function unexplainedByResource(calls: readonly LockCall[]): readonly (readonly LockCall[])[] {
  return [...Map.groupBy(calls, ({ resource }) => resource).values()].flatMap((one) => {
    const found = unexplained(one)
    return found === null ? [] : [found]
  })
}

/** What needs no order to be wrong: a token granted twice, or one that is not greater than one granted before it was asked for. */
export function tokenErrors(calls: readonly LockCall[]): readonly string[] {
  const errors: string[] = []
  for (const [resource, all] of Map.groupBy(calls, (call) => call.resource)) {
    const grants = all.flatMap((call) =>
      call.kind === 'acquire' && call.answer?.kind === 'ok' ? [{ call, ...call.answer }] : [],
    )
    for (const [token, same] of Map.groupBy(grants, (grant) => grant.token)) {
      if (new Set(same.map(({ lockId }) => lockId)).size > 1) errors.push(`${resource}: token ${token} granted twice`)
    }
    for (const a of grants) {
      for (const b of grants) {
        if (a.call.answeredMs < b.call.calledMs && b.token < a.token)
          errors.push(`${resource}: ${a.token}, then ${b.token}`)
      }
    }
  }
  return errors
}

/** What stands in the log, in its order: grants, and writes under a token. */
export type Written = { readonly resource: string; readonly kind: 'grant' | 'write'; readonly token: number }

/** Writes that stand behind a later grant: what a fence is there to refuse. */
export function staleWrites(log: readonly Written[]): readonly Written[] {
  const granted = new Map<string, number>()
  return log.filter(({ resource, kind, token }) => {
    if (kind === 'grant') granted.set(resource, token)
    return kind === 'write' && granted.get(resource) !== token
  })
}

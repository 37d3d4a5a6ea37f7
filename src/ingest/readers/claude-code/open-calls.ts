import { isObject } from '../record.ts'

/** What a call's result needs to know of its call. */
export type OpenCall = {
  /** Its output is the contents of a file (ING-ARC-4). */
  readonly isRead: boolean
  /** It asks the person something (X-ASK). */
  readonly isQuestion: boolean
  /** Its status is that of the last program of a pipe (ING-CC-17). */
  readonly endsInPipe: boolean
}

const plainCall: OpenCall = { isRead: false, isQuestion: false, endsInPipe: false }

/** Results come soon after their calls; a result whose call was forgotten is read as that of a plain call. */
const openCallsMax = 512

export type OpenCalls = {
  open(callId: string, call: OpenCall): void
  /** The call a result belongs to. */
  close(callId: string): OpenCall
  save(): readonly (readonly [string, OpenCall])[]
}

export function createOpenCalls(saved: readonly (readonly [string, OpenCall])[]): OpenCalls {
  const calls = new Map(saved)
  return {
    open: (callId, call) => {
      calls.set(callId, call)
      for (const oldest of calls.keys()) {
        if (calls.size <= openCallsMax) break
        calls.delete(oldest)
      }
    },
    close: (callId) => {
      const call = calls.get(callId) ?? plainCall
      calls.delete(callId)
      return call
    },
    save: () => [...calls],
  }
}

/** Saved open calls, or null when they are none. */
export function openCallsFrom(value: unknown): readonly (readonly [string, OpenCall])[] | null {
  if (!Array.isArray(value)) return null
  const isCall = (each: unknown): each is readonly [string, OpenCall] =>
    Array.isArray(each) && typeof each[0] === 'string' && isObject(each[1]) && typeof each[1].endsInPipe === 'boolean'
  return value.every(isCall) ? value : null
}

import { toEngramError, type ErrorCode } from './model/errors.ts'
import { drainHeard } from './engine/hook-spool.ts'
import { notedTranscripts, settleNote, type Note } from './engine/noted-transcripts.ts'
import type { OpenedEngine } from './open-engine.ts'

export type ReadsOnOptions = {
  /** Nobody waits for an answer. */
  readonly isIdle: () => boolean
  /** Reads once what grew while nobody told, where conversations were read before: hooks may be missing or never fire. */
  readonly atStart: boolean
}

const everyMs = 2_000
/** After a failure: whatever stands in the way seldom goes within seconds. */
const againMs = 60_000
const notesAtOnceMax = 20
/** What hooks heard and had no time to write. */
const heardAtOnceMax = 100
const heardMsMax = 200
/** What no later try would change: such a file or agent is nobody's any more. */
const hopeless: readonly ErrorCode[] = ['not_found', 'invalid_request']

/** What hooks left to a process that stays: what they heard, and conversations that grew (MEM-1601, ING-HOK-1, ING-HOK-2). */
export function startReadingOn(opened: OpenedEngine, { isIdle, atStart }: ReadsOnOptions): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const { signal } = stopping
  let isFirst = atStart
  let lastFailure = ''
  let notBeforeMs = Number.NEGATIVE_INFINITY
  let running: Promise<void> | null = null

  const run = async (input: { readonly agents?: string[]; readonly paths?: string[] }): Promise<boolean> => {
    const report = await opened.caller.call('ingest.run', { ...input, no_wait: true }, { signal })
    return !report.busy
  }
  const readTails = async (): Promise<void> => {
    const known = await opened.caller.call('ingest.sources', {})
    const agents = [...new Set(known.map(({ agent }) => agent))]
    if (agents.length === 0 || (await run({ agents }))) isFirst = false
  }
  const readNoted = async (note: Note): Promise<boolean> => {
    try {
      if (!(await run({ agents: [note.agent], paths: [note.path] }))) return false
    } catch (error) {
      if (!hopeless.includes(toEngramError(error).code)) throw error
    }
    if (!signal.aborted) await settleNote(opened.deps, note)
    return true
  }
  const work = async (): Promise<void> => {
    try {
      await drainHeard(opened.deps, { filesMax: heardAtOnceMax, msMax: heardMsMax })
      if (isFirst) await readTails()
      for (const note of await notedTranscripts(opened.deps, notesAtOnceMax)) {
        if (signal.aborted || !isIdle() || !(await readNoted(note))) break
      }
      lastFailure = ''
    } catch (error) {
      const { message } = toEngramError(error)
      if (message !== lastFailure && !signal.aborted) {
        opened.deps.log.warn('what hooks left could not be taken up', { error: message })
      }
      notBeforeMs = opened.deps.clock.monotonicMs() + againMs
      lastFailure = message
    }
  }
  const timer = setInterval(() => {
    const { clock, store } = opened.deps
    if (running !== null || clock.monotonicMs() < notBeforeMs || !isIdle() || store.mode === 'read-only') return
    running = work().finally(() => {
      running = null
    })
  }, everyMs)
  timer.unref()
  return {
    stop: async () => {
      stopping.abort()
      clearInterval(timer)
      await running
    },
  }
}

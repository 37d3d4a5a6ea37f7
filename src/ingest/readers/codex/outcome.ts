import type { CallAction, CallOutcome } from '../../entries.ts'
import type { OutputSigns } from './items.ts'

const rejected =
  /^(?:exec command|patch|command|tool call|.{0,40})? ?(?:rejected|denied|not approved) by (?:the )?user\b/i
const aborted = /^(?:aborted|cancelled|canceled|interrupted)\b/i
const failure = /^(?:error\b|failed\b|apply_patch verification failed|unsupported call\b|tool call error\b)/i

/** How a call ended. A command without an exit code is unknown; other tools failed only when their output says so (ING-CX-6). */
export function codexOutcome(action: CallAction['kind'] | null, signs: OutputSigns): CallOutcome {
  const text = signs.text.trimStart().slice(0, 200)
  if (rejected.test(text)) return 'rejected'
  if (aborted.test(text)) return 'unknown'
  if (signs.exitCode !== null) return signs.exitCode === 0 ? 'ok' : 'failed'
  if (signs.success !== null) return signs.success ? 'ok' : 'failed'
  if (action === 'command' || action === null) return 'unknown'
  return failure.test(text) ? 'failed' : 'ok'
}

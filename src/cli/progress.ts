import type { Progress } from '../model/operation.ts'
import { fitText } from './text-width.ts'
import type { Terminal } from './terminal.ts'

/** One line on standard error that tells how far work is; drawn only when it takes longer than a second. */
export type ProgressLine = {
  readonly onProgress: (progress: Progress) => void
  /** Takes the line away. */
  stop(): void
}

const silentMs = 1_000
const drawEveryMs = 100
const clearLine = '\r\u001b[2K'

const silent: ProgressLine = { onProgress: () => undefined, stop: () => undefined }

/** `nowMs` is any clock that does not go back. */
export function progressLine(
  terminal: Pick<Terminal, 'isErrorTty' | 'columns' | 'writeError'>,
  nowMs: () => number,
): ProgressLine {
  if (!terminal.isErrorTty) return silent
  const startedMs = nowMs()
  let drawnMs = startedMs
  let isDrawn = false
  return {
    onProgress: (progress) => {
      const now = nowMs()
      if (now - startedMs < silentMs || now - drawnMs < drawEveryMs) return
      drawnMs = now
      isDrawn = true
      terminal.writeError(clearLine + fitText(progressText(progress), terminal.columns - 1))
    },
    stop: () => {
      if (isDrawn) terminal.writeError(clearLine)
      isDrawn = false
    },
  }
}

/** `reading transcripts 1,204 of 5,000 (24 %)`. */
export function progressText({ done, total, what }: Progress): string {
  const shown = done.toLocaleString('en-US')
  if (total === null || total <= 0) return `${what} ${shown}`
  const percent = Math.floor((Math.min(done, total) / total) * 100)
  return `${what} ${shown} of ${total.toLocaleString('en-US')} (${percent} %)`
}

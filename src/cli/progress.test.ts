import { describe, expect, it } from 'vitest'
import { progressLine, progressText } from './progress.ts'

function watched(isErrorTty: boolean) {
  const state = { now: 0, text: '' }
  const terminal = { isErrorTty, columns: 40, writeError: (text: string) => void (state.text += text) }
  const line = progressLine(terminal, () => state.now)
  const tell = (now: number, done: number): void => {
    state.now = now
    line.onProgress({ done, total: 200, what: 'reading transcripts of all the agents' })
  }
  return { state, line, tell }
}

describe('progress (DESIGN §3.3)', () => {
  it('is silent for a second, then drawn in one line that fits and is taken away', () => {
    const { state, line, tell } = watched(true)
    tell(500, 1)
    expect(state.text).toBe('')
    tell(1_200, 50)
    expect(state.text.startsWith('\r\u001b[2Kreading')).toBe(true)
    expect(state.text).toMatch(/^.{1,44}$/s)
    tell(1_250, 51)
    const drawn = state.text
    tell(1_290, 52)
    expect(state.text).toBe(drawn)
    line.stop()
    expect(state.text.endsWith('\r\u001b[2K')).toBe(true)
  })

  it('is never drawn where nobody looks', () => {
    const { state, line, tell } = watched(false)
    tell(60_000, 100)
    line.stop()
    expect(state.text).toBe('')
  })

  it.each([
    [{ done: 1_204, total: 5_000, what: 'records' }, 'records 1,204 of 5,000 (24 %)'],
    [{ done: 3, total: null, what: 'files' }, 'files 3'],
    [{ done: 9, total: 4, what: 'files' }, 'files 9 of 4 (100 %)'],
  ])('%o', (progress, text) => expect(progressText(progress)).toBe(text))
})

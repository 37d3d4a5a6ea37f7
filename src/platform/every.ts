/** Work that is done again and again in the background. It never keeps a process alive. */
export type Every = { readonly stop: () => void }

/** Runs `work` each `ms` until it is stopped; the first time after `ms`. */
export function every(ms: number, work: () => void): Every {
  const timer = setInterval(work, ms)
  timer.unref()
  return { stop: () => clearInterval(timer) }
}

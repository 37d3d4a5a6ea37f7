/**
 * Calls at a steady rate whether or not the ones before were answered. The time of each is counted from when it should have been
 * sent: a call that had to wait behind a slow one is as late as its caller would find it.
 * @returns milliseconds of each call
 */
export async function paced(perSecond: number, count: number, work: () => Promise<unknown>): Promise<number[]> {
  const started = performance.now()
  const running: Promise<number>[] = []
  for (let index = 0; index < count; index++) {
    const due = started + (index * 1_000) / perSecond
    await until(due)
    running.push(work().then(() => performance.now() - due))
  }
  return Promise.all(running)
}

/** A timer of Node is up to a millisecond late; the last two are spent looking. */
async function until(due: number): Promise<void> {
  for (;;) {
    const left = due - performance.now()
    if (left <= 0) return
    await new Promise<void>((resolve) => {
      if (left > 2) setTimeout(resolve, left - 2)
      else setImmediate(resolve)
    })
  }
}

/** The same for two, in turns of a second each, so that both see the same moods of the machine. */
export async function pacedBeside(
  perSecond: number,
  turns: number,
  ours: () => Promise<unknown>,
  bare: () => Promise<unknown>,
): Promise<{ readonly ours: number[]; readonly bare: number[] }> {
  const [mine, theirs]: [number[], number[]] = [[], []]
  for (let turn = 0; turn < turns; turn++) {
    mine.push(...(await paced(perSecond, perSecond, ours)))
    theirs.push(...(await paced(perSecond, perSecond, bare)))
  }
  return { ours: mine, bare: theirs }
}

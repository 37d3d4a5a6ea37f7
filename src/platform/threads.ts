/**
 * Work beside the event loop. It keeps a process alive until it has told what it was asked, and no longer: ended in the
 * midst of a call, an addon takes the process with it.
 */
export interface Thread<Asked, Told> {
  /** What it tells comes back through `onTold`, in order. */
  ask(message: Asked): void
  /** Resolves when it has ended, which is after it told what it was asked. It tells one message for each. */
  stop(): Promise<void>
  /** Never read: carries the type of what it tells. */
  readonly told?: Told
}

export type ThreadOptions<Told> = {
  readonly onTold: (message: Told) => void
  /** It ended by itself: nothing more will be told. */
  readonly onEnd: () => void
  /** Its heap, MiB. */
  readonly heapMaxMiB: number
  /** The part of it for what is new, MiB; 4 where it is left out. */
  readonly youngMaxMiB?: number
  /** What it finds as its `workerData`. */
  readonly given?: unknown
}

/**
 * Where a thread's file lies: beside the source that starts it, or in the root of the built package, one above the part
 * that holds that source.
 * @param starter `import.meta.url` of the file that starts the thread, in the same folder
 */
export const threadFile = (name: string, starter: string): URL =>
  starter.endsWith('.ts') ? new URL(`./${name}.ts`, starter) : new URL(`../${name}.js`, starter)

const youngMaxMiB = 4

/** Starts a file of ours as a thread. What fails in it ends it alone. */
export function startThread<Asked, Told>(file: URL, options: ThreadOptions<Told>): Thread<Asked, Told> {
  // Asked for here: loading the module is a good part of a cold start, and most processes never start a thread.
  const { Worker } = process.getBuiltinModule('node:worker_threads')
  const worker = new Worker(file, {
    execArgv: [],
    workerData: options.given,
    stdin: false,
    stderr: true,
    stdout: true,
    resourceLimits: {
      maxOldGenerationSizeMb: options.heapMaxMiB,
      maxYoungGenerationSizeMb: options.youngMaxMiB ?? youngMaxMiB,
    },
  })
  const ended = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      resolve()
      options.onEnd()
    })
  })
  // Without a listener an error in the thread would end the process; `exit` follows it.
  worker.on('error', () => undefined)
  // Nobody would ever hear what it told.
  worker.on('messageerror', () => void worker.terminate())
  const rest = Promise.withResolvers<void>()
  let [untold, isStopping] = [0, false]
  worker.on('message', (message: Told) => {
    untold--
    if (untold === 0 && isStopping) rest.resolve()
    else if (untold === 0) worker.unref()
    options.onTold(message)
  })
  // After the listener, which would hold the process again.
  worker.unref()
  return {
    ask: (message) => {
      untold++
      worker.ref()
      worker.postMessage(message)
    },
    stop: async () => {
      isStopping = true
      // Ended while its addon loads or works, it would take the whole process with it.
      if (untold > 0) await Promise.race([rest.promise, ended])
      void worker.terminate()
      await ended
    },
  }
}

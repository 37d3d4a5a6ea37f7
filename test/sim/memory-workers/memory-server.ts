import type { OpenedEngine } from '../../../src/open-engine.ts'
import { serve } from '../../../src/serve.ts'

export type MemoryServer = {
  readonly url: string
  /** Ends the server, which closes the engine. */
  close(): Promise<void>
}

/** The HTTP face over an open engine, on a free port. */
export async function serveMemory(opened: OpenedEngine): Promise<MemoryServer> {
  const stop = new AbortController()
  const listening = Promise.withResolvers<string>()
  const served = serve(
    opened,
    {
      host: '127.0.0.1',
      port: 0,
      socket: undefined,
      token: undefined,
      allowedHosts: [],
      projectOverride: undefined,
      onListening: listening.resolve,
    },
    stop.signal,
  )
  served.catch(listening.reject)
  const address = await listening.promise
  return {
    url: address.startsWith('http') ? address : `http://${address}`,
    close: async () => {
      stop.abort()
      await served
    },
  }
}

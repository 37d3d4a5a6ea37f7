import type { Readable, Writable } from 'node:stream'
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio'
import { Connection, type ConnectionOptions } from './connection.ts'
import { mcpServer } from './server.ts'
import type { Tool } from './tool.ts'

export type StdioOptions = {
  readonly connection: ConnectionOptions
  readonly version: string
  readonly tools: readonly Tool[]
  readonly input: Readable
  readonly output: Writable
}

/**
 * Serves one agent over a pipe until it closes its end or the signal aborts. Nothing but protocol is written; the session
 * made for this connection is ended before it resolves (MEM-703, MEM-1206).
 */
export async function serveMcpOverStdio(options: StdioOptions, signal: AbortSignal): Promise<void> {
  const connection = new Connection(options.connection)
  const transport = new StdioServerTransport(options.input, options.output)
  const running = serveStdio(() => mcpServer({ ...options, connectionOf: () => connection }), { transport })
  await new Promise<void>((resolve) => {
    options.input
      .once('end', resolve)
      .once('close', resolve)
      .once('error', () => resolve())
    options.output.once('error', () => resolve()).once('close', resolve)
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
  await running.close()
  await connection.close()
}

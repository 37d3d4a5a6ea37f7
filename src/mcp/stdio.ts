import { PassThrough, type Readable, type Writable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
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
  // The transport gives up what it was asked when its input ends: that end is kept from it until all is answered.
  const gate = options.input.pipe(new PassThrough(), { end: false })
  const transport = new StdioServerTransport(gate, options.output)
  const calls = new Set<Promise<unknown>>()
  const watch = (call: Promise<unknown>): void => {
    calls.add(call)
    void call.finally(() => calls.delete(call))
  }
  const running = serveStdio(() => mcpServer({ ...options, connectionOf: () => connection, watch }), { transport })
  await new Promise<void>((resolve) => {
    options.input
      .once('end', resolve)
      .once('close', resolve)
      .once('error', () => resolve())
    options.output.once('error', () => resolve()).once('close', resolve)
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
  await answered(calls)
  await running.close()
  await connection.close()
}

/** Who closes its end at once still gets what it asked for; whoever waits for something to happen does not. */
const answerMsMax = 1_000
const settleMs = 20

async function answered(calls: ReadonlySet<Promise<unknown>>): Promise<void> {
  const late = Date.now() + answerMsMax
  do {
    // What was read last may not have begun, and what is answered is still to be written.
    await setTimeout(settleMs)
  } while (calls.size > 0 && Date.now() < late)
}

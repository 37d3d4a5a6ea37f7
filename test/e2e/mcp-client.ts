import { resolve } from 'node:path'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { bin, environment, type Place } from './served-process.ts'

/** Both revisions a client may speak. */
export const revisions = ['2025', 'current'] as const
export type Revision = (typeof revisions)[number]

export type Called = {
  readonly isError: boolean
  readonly body: Record<string, unknown>
  readonly structured: Record<string, unknown> | undefined
}

export type McpAgent = {
  readonly client: Client
  call(name: string, given?: Record<string, unknown>): Promise<Called>
  close(): Promise<void>
}

const clientOf = (revision: Revision, name: string): Client =>
  new Client(
    { name, version: '1.0.0' },
    { versionNegotiation: { mode: revision === 'current' ? { pin: '2026-07-28' } : 'legacy' } },
  )

const agentOf = (client: Client): McpAgent => ({
  client,
  call: async (name, given = {}) => {
    const answer = await client.callTool({ name, arguments: given })
    const [block] = answer.content
    if (block?.type !== 'text') throw new Error(`no text came back from ${name}`)
    return {
      isError: answer.isError === true,
      body: JSON.parse(block.text) as Record<string, unknown>,
      structured: answer.structuredContent as Record<string, unknown> | undefined,
    }
  },
  close: () => client.close(),
})

/** The program's own MCP server as a process, and the package's own client at its pipes. */
export async function agentAtPipes(
  place: Place,
  options: {
    readonly revision: Revision
    readonly tools?: string
    readonly directory?: string
    readonly name?: string
  },
): Promise<McpAgent> {
  const client = clientOf(options.revision, options.name ?? 'scripted-agent')
  const words = options.tools === undefined ? [] : [`--tools=${options.tools}`]
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [bin, 'mcp', '--data-dir', place.dataDir, ...words],
      env: { ...environment(place.home) },
      cwd: resolve(options.directory ?? place.home),
      stderr: 'inherit',
    }),
  )
  return agentOf(client)
}

/** The same client at a server's port. */
export async function agentAtPort(
  port: number,
  options: { readonly revision: Revision; readonly query?: string; readonly token?: string; readonly name?: string },
): Promise<McpAgent> {
  const client = clientOf(options.revision, options.name ?? 'scripted-agent')
  const headers = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }
  const url = new URL(`http://127.0.0.1:${port}/mcp${options.query ?? ''}`)
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }))
  return agentOf(client)
}

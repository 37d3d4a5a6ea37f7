import {
  createMcpHandler,
  isLegacyRequest,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server'
import { limits } from '../model/limits.ts'
import { Connection, type ConnectionOptions } from './connection.ts'
import { selectTools } from './profiles.ts'
import { mcpServer } from './server.ts'
import type { Tool } from './tool.ts'

export type McpHttpOptions = {
  readonly connection: Pick<ConnectionOptions, 'caller' | 'newId' | 'projectOverride'>
  readonly version: string
  readonly tools: readonly Tool[]
}

export type McpHttp = {
  /** Answers one request; who may come in is decided before. */
  readonly fetch: (request: Request) => Promise<Response>
  /** Ends every stream and the sessions that were made here. */
  close(): Promise<void>
}

type LegacySession = { readonly transport: WebStandardStreamableHTTPServerTransport; readonly connection: Connection }

/** Agents at once; above it the one that was silent longest is let go, and greets anew. */
const connectionsMax = 256

/**
 * MCP over streamable HTTP, in both revisions.
 *
 *   2025: `initialize` ──▶ Mcp-Session-Id ──▶ one connection each, until DELETE or until it is let go
 *   current: every request stands alone ──▶ one connection per client's name and project
 *
 * `?tools=agent&project=api` chooses tools and project, as the flags of `engram mcp` do.
 */
export function mcpOverHttp(options: McpHttpOptions): McpHttp {
  const sessions = new Map<string, LegacySession>()
  const shared = new Map<string, Connection>()
  const current = createMcpHandler(
    (context) => serverFor(options, wishesOf(context.requestInfo?.url), (agent, wishes) => sharedBy(agent, wishes)),
    { legacy: 'reject', maxRequestBodySize: limits.httpBodyBytesMax },
  )

  const sharedBy = (agent: string | undefined, wishes: Wishes): Connection => {
    const key = JSON.stringify([agent ?? '', wishes.project ?? ''])
    const known = shared.get(key) ?? connectionFor(options, wishes, true)
    shared.delete(key)
    shared.set(key, known)
    const [oldest] = shared
    if (shared.size > connectionsMax && oldest !== undefined) {
      shared.delete(oldest[0])
      void oldest[1].close()
    }
    return known
  }

  const letGo = async (id: string): Promise<void> => {
    const session = sessions.get(id)
    sessions.delete(id)
    await session?.transport.close()
    await session?.connection.close()
  }

  const begin = async (request: Request): Promise<Response> => {
    const wishes = wishesOf(request.url)
    const connection = connectionFor(options, wishes)
    const transport: WebStandardStreamableHTTPServerTransport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => options.connection.newId(),
      maxRequestBodySize: limits.httpBodyBytesMax,
      onsessioninitialized: (id) => {
        sessions.set(id, { transport, connection })
        const [oldest] = sessions.keys()
        if (sessions.size > connectionsMax && oldest !== undefined) void letGo(oldest)
      },
      onsessionclosed: (id) => letGo(id),
    })
    await serverFor(options, wishes, () => connection).connect(transport)
    return transport.handleRequest(request)
  }

  return {
    fetch: async (request) => {
      if (!(await isLegacyRequest(request, undefined, { maxRequestBodySize: limits.httpBodyBytesMax }))) {
        return current.fetch(request)
      }
      const id = request.headers.get('mcp-session-id')
      if (id === null) return begin(request)
      const session = sessions.get(id)
      if (session === undefined) return unknownSession()
      sessions.delete(id)
      sessions.set(id, session)
      return session.transport.handleRequest(request)
    },
    close: async () => {
      await current.close()
      await Promise.all([...sessions.keys()].map(letGo))
      await Promise.all([...shared.values()].map((one) => one.close()))
    },
  }
}

type Wishes = { readonly tools: string | undefined; readonly project: string | undefined }

function wishesOf(url: string | undefined): Wishes {
  const query = url === undefined ? new URLSearchParams() : new URL(url).searchParams
  return { tools: query.get('tools') ?? undefined, project: query.get('project') ?? undefined }
}

const connectionFor = ({ connection }: McpHttpOptions, { project }: Wishes, isShared = false): Connection =>
  new Connection({
    ...connection,
    projectOverride: project ?? connection.projectOverride,
    // A server's own directory says nothing about its callers.
    directory: undefined,
    timezone: undefined,
    agentPid: undefined,
    isShared,
  })

const serverFor = (
  options: McpHttpOptions,
  wishes: Wishes,
  connectionOf: (agent: string | undefined, wishes: Wishes) => Connection,
) =>
  mcpServer({
    version: options.version,
    tools: selectTools(options.tools, wishes.tools),
    connectionOf: (agent) => connectionOf(agent, wishes),
  })

/** What the protocol wants for a session that ended: the client then greets anew. */
const unknownSession = (): Response =>
  Response.json({ jsonrpc: '2.0', error: { code: -32_001, message: 'Session not found' }, id: null }, { status: 404 })

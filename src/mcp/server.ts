import {
  CLIENT_INFO_META_KEY,
  ProtocolError,
  ProtocolErrorCode,
  Server,
  type CallToolResult,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { toEngramError, type EngramError } from '../model/errors.ts'
import { argumentsOf } from './arguments.ts'
import type { Connection } from './connection.ts'
import { instructionsFor } from './instructions.ts'
import { promptList, promptOf } from './prompts.ts'
import { readResource, resourceList, resourceTemplates } from './resources.ts'
import { inputSchema, outputSchema, type Tool, type ToolAnswer } from './tool.ts'

export type McpServerOptions = {
  readonly version: string
  readonly tools: readonly Tool[]
  /** The connection of a client, by the name it gave. */
  readonly connectionOf: (agent: string | undefined) => Connection
  /** Told of each call of a tool until it is answered. */
  readonly watch?: (call: Promise<unknown>) => void
}

/**
 * One server for one connection, in whatever revision its client speaks.
 *
 * - A tool that fails answers with `isError` and the code of the one table (MEM-1202); it never breaks the connection.
 * - Arguments are read leniently (MEM-1205), so they are not checked against the schema before the tool sees them.
 */
export function mcpServer(options: McpServerOptions): Server {
  const { tools } = options
  const server = new Server(
    { name: 'engram', version: options.version },
    { capabilities: { tools: {}, resources: {}, prompts: {} }, instructions: instructionsFor(tools) },
  )
  const connectionOf = (context: ServerContext): Connection => {
    const agent = agentNamed(nameIn(context.mcpReq.envelope) ?? server.getClientVersion()?.name)
    const connection = options.connectionOf(agent)
    connection.agent ??= agent
    return connection
  }
  server.setRequestHandler('tools/list', () => ({ tools: tools.map(listed) }))
  server.setRequestHandler('tools/call', async ({ params }, context) => {
    const found = tools.find((one) => one.name === params.name)
    if (found === undefined) {
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool ${JSON.stringify(params.name)}`)
    }
    const called = callTool(found, connectionOf(context), params.arguments ?? {})
    options.watch?.(called)
    return called
  })
  server.setRequestHandler('resources/list', () => ({ resources: resourceList }))
  server.setRequestHandler('resources/templates/list', () => ({ resourceTemplates }))
  server.setRequestHandler('resources/read', async ({ params }, context) => {
    const read = await told(() => readResource(connectionOf(context), params.uri))
    return { contents: [read] }
  })
  server.setRequestHandler('prompts/list', () => ({ prompts: promptList }))
  server.setRequestHandler('prompts/get', async ({ params }) => {
    const { description, text } = await told(() => promptOf(params.name))
    return { description, messages: [{ role: 'user' as const, content: { type: 'text' as const, text } }] }
  })
  return server
}

/** In the current revision each request says itself who asks; what it says is not checked by the package. */
function nameIn(envelope: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const client = envelope?.[CLIENT_INFO_META_KEY]
  const isNamed = typeof client === 'object' && client !== null && 'name' in client
  return isNamed && typeof client.name === 'string' ? client.name : undefined
}

const agentBytesMax = 100

const agentNamed = (name: string | undefined): string | undefined =>
  name === undefined || name.trim() === '' ? undefined : name.trim().slice(0, agentBytesMax)

/** A tool as clients see it. What is not core may be loaded when it is searched for. */
export function listed(one: Tool) {
  return {
    name: one.name,
    description: one.description,
    inputSchema: { ...inputSchema(one), type: 'object' as const },
    outputSchema: { ...outputSchema(one), type: 'object' as const },
    annotations: hintsOf(one),
    ...(one.profiles.includes('core') ? {} : { _meta: { 'anthropic/deferLoading': true } }),
  }
}

/** Memory is a closed world: no tool reaches anything beyond it. */
function hintsOf({ effect, idempotent }: Tool) {
  if (effect === 'read') return { readOnlyHint: true, openWorldHint: false }
  return { destructiveHint: effect === 'destroy', idempotentHint: idempotent === true, openWorldHint: false }
}

async function callTool(
  one: Tool,
  connection: Connection,
  given: Readonly<Record<string, unknown>>,
): Promise<CallToolResult> {
  try {
    const answer = plain(await one.run(connection, argumentsOf(given)))
    return { content: [{ type: 'text', text: JSON.stringify(answer) }], structuredContent: answer }
  } catch (error) {
    return { content: [{ type: 'text', text: JSON.stringify(failureOf(toEngramError(error))) }], isError: true }
  }
}

/** As it stands on the wire: what is undefined is not there. */
const plain = (answer: ToolAnswer): Record<string, unknown> =>
  JSON.parse(JSON.stringify(answer)) as Record<string, unknown>

function failureOf(error: EngramError): ToolAnswer {
  const { available_projects: available, ...details } = error.details
  return {
    error_code: error.code,
    message: error.message,
    hint: error.hint,
    retryable: error.row.retryable,
    ...(available === undefined ? {} : { available_projects: available }),
    ...(Object.keys(details).length === 0 ? {} : { details }),
  }
}

async function told<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const failure = toEngramError(error)
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, failure.message, { error_code: failure.code })
  }
}

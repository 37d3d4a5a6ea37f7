import type { FetchHandler } from '../route.ts'

/** Agents speak their own protocol at this path; nothing else answers there. */
export const mcpPath = '/mcp'

/** The handler of agents, where one is bound: the composition root brings it, since this folder knows no MCP. */
export function mcpHandlerFor(path: string, handler: FetchHandler | undefined): FetchHandler | null {
  return path === mcpPath && handler !== undefined ? handler : null
}

import { spawnSync } from 'node:child_process'
import type { StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterEach, expect, it } from 'vitest'
import { openEngine } from '../../src/open-engine.ts'
import { agentAtPipes, agentAtPort, type McpAgent } from './mcp-client.ts'
import { ask, bin, environment, newPlace, ServedProcess, type Place } from './served-process.ts'

const cleaning: (() => Promise<unknown> | void)[] = []
afterEach(async () => {
  for (const clean of cleaning.splice(0).toReversed()) await clean()
})

function newcomer(): Place {
  const made = newPlace()
  cleaning.push(() => made.remove())
  return made
}

const isLong = process.env['ENGRAM_LONG'] === '1'
const callsEach = isLong ? 1_000 : 100

/** Saves, searches and reads in turn; answers how many saves were made. */
async function work(agent: McpAgent, who: number): Promise<number> {
  let saves = 0
  for (let call = 0; call < callsEach; call++) {
    const answer =
      call % 4 === 3
        ? await agent.call('mem_search', { query: `agent ${who} finding` })
        : await agent.call('mem_save', {
            title: `Finding ${call} of agent ${who}`,
            content: `What agent ${who} found at step ${call}.`,
            type: 'discovery',
          })
    expect({ who, call, ...answer.body }).not.toHaveProperty('error_code')
    if (answer.body['outcome'] === undefined) continue
    expect(['created', 'queued']).toContain(answer.body['outcome'])
    saves++
  }
  return saves
}

it(
  `MEM-703 MEM-1201 five agents in five processes, ${callsEach} calls each: none refused, nothing lost, one session each`,
  async () => {
    const place = newcomer()
    const agents = await Promise.all(
      [0, 1, 2, 3, 4].map((who) => agentAtPipes(place, { revision: '2025', name: `agent-${who}` })),
    )
    const saves = await Promise.all(agents.map(work))
    await Promise.all(agents.map((agent) => agent.close()))
    const opened = await openEngine({ dataDir: place.dataDir, homeDir: place.home })
    cleaning.push(() => opened.close())
    await opened.tend()
    const stats = await opened.caller.call('memory.stats', { all_projects: true })
    expect(stats.total_observations).toBe(saves.reduce((sum, count) => sum + count, 0))
    const sessions = await opened.caller.call('session.list', { all_projects: true, limit: 100 })
    const ascending = (a: number, b: number): number => a - b
    expect(sessions.map((one) => one.observation_count).toSorted(ascending)).toEqual(saves.toSorted(ascending))
    for (const one of sessions)
      expect(one).toMatchObject({ id: expect.stringMatching(/^mcp-/), ended_at: expect.any(String) })
  },
  isLong ? 600_000 : 60_000,
)

it('MEM-1206 agents that end or are killed leave no process', async () => {
  const place = newcomer()
  const agents = await Promise.all(
    Array.from({ length: isLong ? 50 : 6 }, () => agentAtPipes(place, { revision: '2025' })),
  )
  const pids = agents.map((agent) => (agent.client.transport as { readonly pid?: number | null }).pid ?? 0)
  expect(pids.every((pid) => pid > 0)).toBe(true)
  for (const [index, agent] of agents.entries()) {
    if (index % 2 === 0) process.kill(pids[index] ?? 0, 'SIGKILL')
    await agent.close()
  }
  await expect.poll(() => pids.filter(isAlive), { timeout: 5_000 }).toEqual([])
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

it('MEM-1206 what was asked before the pipe was closed is answered, in one session', async () => {
  const place = newcomer()
  const message = (id: number, method: string, params: unknown): string =>
    `${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`
  const clientInfo = { name: 'a script', version: '1' }
  const input = [
    message(1, 'initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo }),
    message(2, 'tools/call', { name: 'mem_save', arguments: { title: 'Piped', content: 'Kept by a script.' } }),
    message(3, 'tools/call', { name: 'mem_context', arguments: {} }),
  ].join('')
  const words = [bin, 'mcp', '--data-dir', place.dataDir]
  const done = spawnSync(process.execPath, words, { input, encoding: 'utf8', env: environment(place.home) })
  const answers = done.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly id: number; readonly result: { readonly isError?: boolean } })
  const isFailed = new Map(answers.map(({ id, result }) => [id, result.isError === true]))
  expect([1, 2, 3].map((id) => isFailed.get(id))).toEqual([false, false, false])
  const opened = await openEngine({ dataDir: place.dataDir, homeDir: place.home })
  cleaning.push(() => opened.close())
  const sessions = await opened.caller.call('session.list', { all_projects: true })
  expect(sessions).toEqual([expect.objectContaining({ observation_count: 1, ended_at: expect.any(String) })])
})

it('MEM-703/port each client has a session of its own, ended when it says goodbye', async () => {
  const place = newcomer()
  const server = new ServedProcess(place)
  cleaning.push(() => server.end())
  const port = await server.port()
  const [one, two] = await Promise.all([
    agentAtPort(port, { revision: '2025', query: '?project=shop' }),
    agentAtPort(port, { revision: '2025', query: '?project=shop' }),
  ])
  const first = await one.call('mem_save', { title: 'One', content: 'By the first client.' })
  const second = await two.call('mem_save', { title: 'Two', content: 'By the second client, later.' })
  expect(first.body['session_id']).not.toBe(second.body['session_id'])
  await (two.client.transport as StreamableHTTPClientTransport).terminateSession()
  await expect(two.call('mem_context')).rejects.toThrow()
  server.child.kill('SIGTERM')
  expect(await server.exit).toMatchObject({ code: 0 })
  const opened = await openEngine({ dataDir: place.dataDir, homeDir: place.home })
  cleaning.push(() => opened.close())
  const sessions = await opened.caller.call('session.list', { all_projects: true, limit: 100 })
  expect(sessions).toHaveLength(2)
  for (const session of sessions) expect(session.ended_at).toEqual(expect.any(String))
})

it('MEM-1302/mcp the token, the Host and the Origin are asked for as everywhere', async () => {
  const server = new ServedProcess(newcomer(), ['--port', '0'], { ENGRAM_HTTP_TOKEN: 'a-token' })
  cleaning.push(() => server.end())
  const port = await server.port()
  await expect(agentAtPort(port, { revision: '2025' })).rejects.toThrow()
  const agent = await agentAtPort(port, { revision: 'current', token: 'a-token' })
  expect((await agent.call('mem_context')).isError).toBe(false)
  await agent.close()
  const headers = { authorization: 'Bearer a-token' }
  expect((await ask({ port }, 'GET', '/mcp', { headers: { ...headers, host: 'evil.example' } })).status).toBe(403)
  expect((await ask({ port }, 'GET', '/mcp', { headers: { ...headers, origin: 'https://evil.example' } })).status).toBe(
    403,
  )
  expect((await ask({ port }, 'GET', '/mcp')).status).toBe(401)
})

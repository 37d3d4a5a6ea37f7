import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { EngramError } from '../../model/errors.ts'
import { crypto } from '../../platform/crypto.ts'

const answerMsMax = 15_000

/** A project nobody has: what the proof leaves behind is removed by its name. */
export const newProofProject = (): string => `engram-setup-${crypto().randomBytes(4).toString('hex')}`

/**
 * Starts what an agent would start and keeps, finds and deletes one memory of this project through it (MEM-1501). Rejects
 * with `storage_failed` naming the step that failed.
 */
export async function proveRoundTrip(
  words: readonly string[],
  { project, environment }: { readonly project: string; readonly environment: NodeJS.ProcessEnv },
): Promise<void> {
  const [command = '', ...args] = words
  const told = args.flatMap((word) =>
    word === '--tools=core' ? ['--tools=core,mem_delete', `--project=${project}`] : [word],
  )
  const child = spawn(command, told, { stdio: ['pipe', 'pipe', 'ignore'], env: environment, windowsHide: true })
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const failed = new Promise<never>((_, reject) => child.once('error', reject))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const timer = setTimeout(() => child.kill(), answerMsMax)
  let id = 0
  const ask = async (method: string, params: unknown): Promise<Readonly<Record<string, unknown>>> => {
    child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: ++id, method, params })}\n`)
    const line = await Promise.race([answers.next(), failed])
    const answer = JSON.parse(line.done === true ? '{}' : line.value) as { result?: Record<string, unknown> }
    if (answer.result === undefined || answer.result['isError'] === true) throw failure(method)
    return answer.result
  }
  const callTool = async (name: string, given: unknown): Promise<Readonly<Record<string, unknown>>> => {
    const { structuredContent } = await ask('tools/call', { name, arguments: given })
    if (typeof structuredContent !== 'object' || structuredContent === null) throw failure(name)
    return structuredContent as Readonly<Record<string, unknown>>
  }
  // A pipe that breaks is told by the answer that does not come.
  child.stdin.on('error', () => undefined)
  try {
    const clientInfo = { name: 'engram-setup', version: '1' }
    await ask('initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo })
    child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })}\n`)
    const content = `Set up and tried at ${new Date().toISOString()}.`
    const saved = await callTool('mem_save', { title: 'Set-up check', content, project })
    const found = await callTool('mem_search', { query: 'set-up check tried', project })
    const isFound =
      Array.isArray(found['results']) && JSON.stringify(found['results']).includes(String(saved['sync_id']))
    if (!isFound) throw failure('mem_search')
    await callTool('mem_delete', { id: saved['id'], hard_delete: true })
  } finally {
    clearTimeout(timer)
    child.stdin.end()
    await Promise.race([ended, failed.catch(() => undefined)])
  }
}

const failure = (step: string): EngramError =>
  new EngramError('storage_failed', `The set-up was written, but trying it failed at ${step}.`, {
    hint: 'Run `engram doctor`; `engram uninstall` undoes the set-up.',
  })

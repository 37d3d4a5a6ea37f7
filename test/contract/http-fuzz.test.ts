import { Agent, request } from 'node:http'
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { errorTable } from '../../src/model/errors.ts'
import { fuzzRequest, type FuzzRequest } from './http/fuzz-requests.ts'
import { startLocalServer, type LocalServer } from './http/local-server.ts'
import { sendRaw } from './http/raw-connection.ts'

/** The gate runs some thousands; `ENGRAM_FUZZ_RUNS=20000` is the long run (W11). */
const runs = Number(process.env['ENGRAM_FUZZ_RUNS'] ?? 2_000)
const timeoutMs = 20_000 + runs * 20

const documented = new Set([200, 201, 400, 401, 403, 404, 405, 409, 410, 413, 415, 417, 431])
const onPurpose = new Set([501, 503, 504, 507])

const rejections: unknown[] = []
const onRejection = (reason: unknown): void => void rejections.push(reason)
const agent = new Agent({ keepAlive: true, maxSockets: 1 })
let server: LocalServer

beforeAll(async () => {
  process.on('unhandledRejection', onRejection)
  server = await startLocalServer({ token: 'fuzz' })
  await server.send('POST', '/sessions', { body: { id: 's1', project: 'harbour' } })
  await server.send('POST', '/observations', { body: { title: 'One', content: 'The first', project: 'harbour' } })
})
afterAll(async () => {
  process.off('unhandledRejection', onRejection)
  agent.destroy()
  await server.close()
})

type Answer = { readonly status: number; readonly text: string }

function ask(made: FuzzRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      host: 'localhost',
      ...(made.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...made.headers,
    }
    const asking = request(
      { host: '127.0.0.1', port: server.port, method: made.method, path: made.path, headers, agent },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (part: string) => (text += part))
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
      },
    )
    asking.on('error', reject)
    asking.end(made.body)
  })
}

/** Empty when the answer is one that the guide names. */
function complaint(made: FuzzRequest, { status, text }: Answer): string {
  if (!documented.has(status) && !onPurpose.has(status)) return `status ${status}: ${text} ${server.told.at(-2)}`
  if (made.method === 'HEAD') return text === '' ? '' : 'a body after HEAD'
  const body = JSON.parse(text) as { readonly error?: unknown; readonly code?: unknown }
  if (status < 400) return ''
  const isTold = typeof body.error === 'string' && typeof body.code === 'string' && Object.hasOwn(errorTable, body.code)
  return isTold ? '' : `an error without words or code: ${text}`
}

it(
  `W11 ${runs} made-up requests get an answer that is written down`,
  async () => {
    await fc.assert(
      fc.asyncProperty(fuzzRequest, async (made) => {
        expect(complaint(made, await ask(made))).toBe('')
      }),
      { numRuns: runs, interruptAfterTimeLimit: timeoutMs, markInterruptAsFailure: true },
    )
    expect((await server.send('GET', '/health')).status).toBe(200)
    expect(rejections).toEqual([])
  },
  timeoutMs * 2,
)

it('W11 bytes that are nearly HTTP never end the server', { timeout: timeoutMs }, async () => {
  const whole = Buffer.from(
    'POST /observations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 33\r\n' +
      'Connection: close\r\n\r\n{"title":"nearly","content":"x"}\n',
  )
  const change = fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }))
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { minLength: 1, maxLength: 6 }),
      fc.nat(whole.length),
      async (changes, length) => {
        const bytes = Buffer.from(whole)
        for (const [at, byte] of changes) bytes[at] = byte
        const answer = await sendRaw(server.port, bytes.subarray(0, length), { forMs: 20 })
        expect(answer.status === 0 || answer.status === 408 || documented.has(answer.status)).toBe(true)
      },
    ),
    { numRuns: Math.ceil(runs / 20) },
  )
  expect((await server.send('GET', '/health')).status).toBe(200)
  expect(rejections).toEqual([])
})

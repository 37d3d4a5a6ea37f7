import { request } from 'node:http'
import type { ListenAddress } from './listen.ts'

const askTimeoutMs = 1_000
const answerCharsMax = 10_000

/**
 * The `instance_id` of the data dir that is served at an address, or null when it is somebody else's program, or silent.
 * No token is sent: whoever has the address might be a stranger.
 */
export function instanceAt(address: ListenAddress): Promise<string | null> {
  return new Promise((resolve) => {
    const target = address.kind === 'unix' ? { socketPath: address.path } : { host: address.host, port: address.port }
    const signal = AbortSignal.timeout(askTimeoutMs)
    let text = ''
    const asking = request({ ...target, path: '/health', headers: { host: 'localhost' }, agent: false, signal })
    asking.on('response', (answer) => {
      answer.setEncoding('utf8')
      answer.on('error', () => undefined)
      answer.on('data', (part: string) => {
        text += part
        if (text.length > answerCharsMax) asking.destroy()
      })
    })
    asking.on('error', () => undefined)
    asking.on('close', () => resolve(instanceIn(text)))
    asking.end()
  })
}

function instanceIn(text: string): string | null {
  try {
    const parsed: unknown = JSON.parse(text)
    const id = typeof parsed === 'object' && parsed !== null && 'instance_id' in parsed ? parsed.instance_id : null
    return typeof id === 'string' ? id : null
  } catch {
    return null
  }
}

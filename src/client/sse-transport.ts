import { EngramError } from '../model/errors.ts'
import type { LiveEvent } from '../model/live.ts'
import { errorOf, type Connection } from './http.ts'
import { heartbeatMsDefault, silentBeatsMax, type Heard, type StartAt, type Transport } from './subscription.ts'

export type Wanted = { readonly contexts: readonly string[] | 'all'; readonly kinds: readonly string[] }

/** A stream of server-sent events, read with `fetch`: so it can carry the token, and reading slowly slows the server. */
export const sseTransport =
  (connection: Connection, wanted: Wanted): Transport =>
  async ({ from, signal, ready, hear }) => {
    const answer = await connection.fetch(`${connection.baseUrl}/v1/events/stream?${query(wanted, from)}`, {
      headers: {
        Accept: 'text/event-stream',
        'X-Agent-ID': connection.agentId,
        ...(connection.token === undefined ? {} : { Authorization: `Bearer ${connection.token}` }),
      },
      signal,
    })
    if (answer.status !== 200 || answer.body === null) {
      throw answer.status === 204
        ? new EngramError('context_archived', 'Nothing follows.')
        : errorOf(await answer.json())
    }
    let beatMs = heartbeatMsDefault
    for await (const block of blocksOf(answer.body, () => beatMs * silentBeatsMax)) {
      if (block.event === 'connected') {
        beatMs = beatIn(block) ?? beatMs
        ready(block.id)
      } else {
        const heard = heardIn(block)
        if (heard !== null) await hear(heard)
      }
    }
  }

function query({ contexts, kinds }: Wanted, from: StartAt): string {
  const parameters = new URLSearchParams()
  for (const id of contexts === 'all' ? ['*'] : contexts) parameters.append('contexts', id)
  for (const kind of kinds) parameters.append('kinds', kind)
  if (typeof from === 'string') parameters.set('cursor', from)
  else if ('last' in from) parameters.set('last', String(from.last))
  else parameters.set('since', from.since)
  return parameters.toString()
}

type Block = { readonly id: string; readonly event: string; readonly data: string }

function beatIn({ data }: Block): number | undefined {
  const { heartbeat_ms: told } = JSON.parse(data) as { readonly heartbeat_ms?: unknown }
  return typeof told === 'number' && told > 0 ? told : undefined
}

/** Whole blocks only: what a cut left half is left out, and comes again. Ends where nothing comes for so long. */
async function* blocksOf(body: ReadableStream<Uint8Array>, silentMs: () => number): AsyncGenerator<Block> {
  const decoder = new TextDecoder()
  const reader = body.getReader()
  let text = ''
  try {
    for (;;) {
      const { done, value } = await readWithin(reader, silentMs())
      if (done) return
      text += decoder.decode(value, { stream: true })
      const parts = text.split('\n\n')
      text = parts.pop() ?? ''
      for (const part of parts) yield blockOf(part)
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

type Reader = ReadableStreamDefaultReader<Uint8Array>

/** `done` also when nothing came in time: a connection may be dead although nobody said so. */
async function readWithin(reader: Reader, ms: number): ReturnType<Reader['read']> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<{ done: true; value: undefined }>((resolve) => {
    timer = setTimeout(() => resolve({ done: true, value: undefined }), ms)
  })
  try {
    return await Promise.race([reader.read(), late])
  } finally {
    clearTimeout(timer)
  }
}

function blockOf(text: string): Block {
  const lines = text.split('\n')
  const field = (name: string): string =>
    lines.flatMap((line) => (line.startsWith(`${name}: `) ? [line.slice(name.length + 2)] : [])).join('\n')
  return { id: field('id'), event: field('event'), data: field('data') }
}

function heardIn({ id, event, data }: Block): Heard | null {
  if (data === '') return id === '' ? null : { kind: 'progress', cursor: id }
  const parsed = JSON.parse(data) as Readonly<Record<string, unknown>>
  switch (event) {
    case 'heartbeat':
      return { kind: 'progress', cursor: id }
    case 'live':
      return { kind: 'live', cursor: id }
    case 'reset':
      return { kind: 'reset', reason: String(parsed['reason']), cursor: id }
    case 'lagged':
      return { kind: 'lagged', count: Number(parsed['count']), cursor: id }
    case 'goaway':
      return null
    default:
      return { kind: 'event', event: parsed as unknown as LiveEvent }
  }
}

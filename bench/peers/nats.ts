import { dial, type Peer, reading, startPeer } from './process.ts'

/** NATS with JetStream in files; as shipped it acknowledges before fsync. */
export const startNats = (directory: string): Promise<Peer> =>
  startPeer('nats-server', (port) => ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', directory])

export type NatsClient = {
  /** Publishes to a subject whose stream answers, and waits for that. */
  request(subject: string, payload: string): Promise<string>
  /** As many messages as one request brings, in order. */
  requestMany(subject: string, payload: string, count: number): Promise<number>
  /** Every message of a subject from now on; resolves when the server has taken it. */
  subscribe(subject: string, hear: () => void): Promise<void>
  close(): void
}

type Heard = (payload: string) => void

/** The protocol, as far as the bench speaks it. */
export async function natsClient(port: number): Promise<NatsClient> {
  const socket = await dial(port)
  const heard = new Map<string, Heard>()
  const inbox = `_INBOX.${process.pid}.${socket.localPort}`
  const pulls = `_PULL.${process.pid}.${socket.localPort}`
  const pongs: (() => void)[] = []
  const answers = new Map<string, Heard>()
  let serial = 0
  reading(socket, (bytes, from) => {
    const lineEnd = bytes.indexOf('\r\n', from)
    if (lineEnd === -1) return 0
    const words = bytes.toString('latin1', from, lineEnd).split(' ')
    if (words[0] === 'PING') socket.write('PONG\r\n')
    if (words[0] === 'PONG') pongs.shift()?.()
    if (words[0] === '-ERR') throw new Error(words.join(' '))
    if (words[0] !== 'MSG' && words[0] !== 'HMSG') return lineEnd + 2 - from
    const size = Number(words.at(-1))
    const end = lineEnd + 2 + size + 2
    if (end > bytes.byteLength) return 0
    const headers = words[0] === 'HMSG' ? Number(words.at(-2)) : 0
    const [, subject = '', sid = ''] = words
    const hear = subject.startsWith(inbox) ? answers.get(subject) : heard.get(sid)
    hear?.(bytes.toString('utf8', lineEnd + 2 + headers, end - 2))
    return end - from
  })
  const turn = (): Promise<void> => {
    socket.write('PING\r\n')
    return new Promise((resolve) => pongs.push(resolve))
  }
  socket.write('CONNECT {"verbose":false,"pedantic":false,"headers":true}\r\n')
  socket.write(`SUB ${inbox}.* answers\r\n`)
  await turn()
  return {
    request: (subject, payload) =>
      new Promise((resolve) => {
        const reply = `${inbox}.${++serial}`
        answers.set(reply, (text) => {
          answers.delete(reply)
          resolve(text)
        })
        socket.write(`PUB ${subject} ${reply} ${Buffer.byteLength(payload)}\r\n${payload}\r\n`)
      }),
    requestMany: (subject, payload, count) =>
      new Promise((resolve) => {
        // What a stream sends keeps its own subject, so it is told apart by the subscription.
        const sid = String(++serial)
        let [came, bytes] = [0, 0]
        heard.set(sid, (text) => {
          bytes += text.length
          if (++came < count) return
          heard.delete(sid)
          socket.write(`UNSUB ${sid}\r\n`)
          resolve(bytes)
        })
        socket.write(`SUB ${pulls}.${sid} ${sid}\r\n`)
        socket.write(`PUB ${subject} ${pulls}.${sid} ${Buffer.byteLength(payload)}\r\n${payload}\r\n`)
      }),
    subscribe: (subject, hear) => {
      const sid = String(++serial)
      heard.set(sid, hear)
      socket.write(`SUB ${subject} ${sid}\r\n`)
      return turn()
    },
    close: () => socket.destroy(),
  }
}

/** A stream in a file for a subject. Throws with what the server says. */
export async function natsStream(client: NatsClient, name: string, subject: string): Promise<void> {
  const config = { name, subjects: [subject], storage: 'file', retention: 'limits', num_replicas: 1 }
  const answer = await client.request(`$JS.API.STREAM.CREATE.${name}`, JSON.stringify(config))
  if ((JSON.parse(answer) as { error?: unknown }).error !== undefined) throw new Error(answer)
}

/** The last `count` messages of a stream, as a program reads them: a consumer that begins there, and one pull. */
export async function natsLast(client: NatsClient, stream: string, count: number): Promise<number> {
  const info = JSON.parse(await client.request(`$JS.API.STREAM.INFO.${stream}`, '')) as {
    readonly state: { readonly last_seq: number }
  }
  const config = {
    deliver_policy: 'by_start_sequence',
    opt_start_seq: Math.max(1, info.state.last_seq - count + 1),
    ack_policy: 'none',
    replay_policy: 'instant',
  }
  const made = JSON.parse(
    await client.request(`$JS.API.CONSUMER.CREATE.${stream}`, JSON.stringify({ stream_name: stream, config })),
  ) as { readonly name: string }
  const next = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${made.name}`
  return client.requestMany(next, JSON.stringify({ batch: count }), count)
}

import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { Connections } from './connections.ts'

const cleaning: (() => void)[] = []
afterEach(() => {
  for (const clean of cleaning.splice(0)) clean()
})

/** A server whose answers the test ends by hand, and a connection to it. */
async function open() {
  const connections = new Connections()
  const answers: ServerResponse[] = []
  const server = createServer((incoming, outgoing) => {
    connections.began(incoming.socket, outgoing)
    answers.push(outgoing)
  })
  server.on('connection', (socket: Socket) => connections.opened(socket))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  cleaning.push(
    () => server.closeAllConnections(),
    () => void server.close(),
  )
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  let text = ''
  client.on('data', (part: Buffer) => (text += part.toString()))
  await once(client, 'connect')
  const ask = async (): Promise<ServerResponse> => {
    client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const [, outgoing] = (await once(server, 'request')) as [unknown, ServerResponse]
    return outgoing
  }
  return { connections, server, client, ask, text: () => text }
}

const stillOpen = (client: Socket): Promise<boolean> =>
  Promise.race([once(client, 'close').then(() => false), new Promise<boolean>((tell) => setTimeout(tell, 300, true))])

describe('draining', () => {
  it('an idle connection goes at once', async () => {
    const { connections, client } = await open()
    connections.drain()
    await once(client, 'close')
  })

  it('one that waits for its answer gets it, told that the connection ends', async () => {
    const { connections, client, ask, text } = await open()
    const outgoing = await ask()
    connections.drain()
    expect(await stillOpen(client)).toBe(true)
    outgoing.end('done')
    await once(client, 'close')
    expect(text()).toMatch(/^HTTP\/1\.1 200 [^]*Connection: close\r\n[^]*done$/)
  })

  it('one whose answer has begun gets the rest of it, then it goes', async () => {
    const { connections, client, ask, text } = await open()
    const outgoing = await ask()
    outgoing.writeHead(200, { 'Content-Length': 8 }).write('half')
    await once(client, 'data')
    connections.drain()
    outgoing.end('half')
    expect(await stillOpen(client)).toBe(false)
    expect(text()).toMatch(/Connection: keep-alive[^]*halfhalf$/)
  })

  it('one that has answered is idle again', async () => {
    const { connections, client, ask } = await open()
    ;(await ask()).end('done')
    await once(client, 'data')
    expect(await stillOpen(client)).toBe(true)
    connections.drain()
    await once(client, 'close')
  })
})

describe('cutting', () => {
  it('ends a connection in the middle of its answer', async () => {
    const { connections, client, ask, text } = await open()
    await ask()
    client.on('error', () => undefined)
    connections.cut()
    await once(client, 'close')
    expect(text()).toBe('')
  })
})

describe('what is out', () => {
  it('is known per connection', async () => {
    const { connections, ask } = await open()
    const outgoing = await ask()
    const socket = outgoing.socket
    expect(socket !== null && connections.hasBegunAnswer(socket)).toBe(false)
    outgoing.flushHeaders()
    expect(socket !== null && connections.hasBegunAnswer(socket)).toBe(true)
  })
})

import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'

/** The floor: answers a POST with its own body, and sends it to every WebSocket when it came to `/publish`. */
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false })
const server = createServer((incoming, outgoing) => {
  const parts: Buffer[] = []
  incoming.on('data', (part: Buffer) => void parts.push(part))
  incoming.on('end', () => {
    const body = Buffer.concat(parts)
    outgoing.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.byteLength }).end(body)
    if (incoming.url === '/publish') for (const socket of sockets.clients) socket.send(body, { binary: false })
  })
})
server.on('upgrade', (incoming, socket, head) =>
  sockets.handleUpgrade(incoming, socket, head, (made) => void sockets.clients.add(made)),
)
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (typeof address === 'object' && address !== null) process.stdout.write(`listening on ${address.port}\n`)
})

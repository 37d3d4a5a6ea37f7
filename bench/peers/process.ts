import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { connect, createServer, type Socket } from 'node:net'

/** A server beside us in the same run, started and stopped by the bench, on loopback. */
export type Peer = { readonly port: number; stop(): Promise<void> }

/** `name --version`, or null where there is none on PATH. */
export function versionOf(name: string): string | null {
  try {
    return execFileSync(name, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return null
  }
}

/** Starts a program with the line its port gives and waits until it listens. */
export async function startPeer(name: string, lineOf: (port: number) => readonly string[]): Promise<Peer> {
  const port = await freePort()
  const child = spawn(name, [...lineOf(port)], { stdio: 'ignore' })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const isUp = await listens(child, port)
  if (!isUp) throw new Error(`${name} did not listen on ${port}; it ended with ${child.exitCode}`)
  return {
    port,
    stop: async () => {
      child.kill('SIGTERM')
      await ended
    },
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

async function listens(child: ChildProcess, port: number): Promise<boolean> {
  for (let tries = 0; tries < 200 && child.exitCode === null; tries++) {
    try {
      ;(await dial(port)).destroy()
      return true
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  }
  return false
}

export function dial(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      socket.on('error', () => socket.destroy())
      resolve(socket)
    })
  })
}

/** Feeds `take` with what has come and was not taken yet; it answers how many bytes it took, 0 for "more is needed". */
export function reading(socket: Socket, take: (bytes: Buffer, from: number) => number): void {
  let rest: Buffer = Buffer.alloc(0)
  socket.on('data', (part: Buffer) => {
    const bytes = rest.byteLength === 0 ? part : Buffer.concat([rest, part])
    let from = 0
    for (let taken = take(bytes, from); taken > 0; taken = from < bytes.byteLength ? take(bytes, from) : 0)
      from += taken
    rest = bytes.subarray(from)
  })
}
